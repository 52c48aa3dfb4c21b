"""Keras model configurations as inert data: layers in model order, nested models inside. Nothing is deserialised."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field, replace
from functools import lru_cache
from typing import Any

from reporter.frozen import dataclass
from reporter.model.tensor import model_called
from reporter.readers.files import bounded

MAX_CONFIG = 32 << 20
"""Bytes of JSON that are parsed; the configurations of the largest published models take a few MiB."""

MAX_KEPT = 1 << 20
"""Characters of a configuration up to which what it says is kept for the next file: it takes some ten times as much."""

MAX_DEPTH = 64
MODELS = frozenset({"Functional", "Sequential", "Model", "Graph"})


class ConfigError(ValueError):
    """The text is not a Keras configuration."""


@dataclass(frozen=True, slots=True)
class LayerConfig:
    """One layer, or one model with its layers.

    Attributes:
        name: as given or generated, "" where the configuration does not tell.
        kind: class name without its registered package.
        builtin: whether it is Keras's own class, so that its variables are known by their class.
        trainable: its own flag, None where it has none.
        options: the arguments it was made with.
        layers: in model order, as ``model.layers`` lists them.
        is_model: whether it is known to be a model, so that its layers are layers of their own in the report.
        shared: whether it is marked as the same object as one before it, as Keras 2 marks it from 2.5 on.
    """

    name: str
    kind: str
    builtin: bool
    trainable: bool | None
    options: Mapping[str, Any] = field(repr=False)
    layers: tuple[LayerConfig, ...] = ()
    is_model: bool = False
    shared: bool = False

    def inner(self, attribute: str) -> tuple[LayerConfig, ...]:
        """The layers that this one keeps under an attribute: one, several in a list, or none that are told."""
        if self.kind == "Bidirectional" and attribute in {"forward_layer", "backward_layer"}:
            return self._direction(attribute.split("_", maxsplit=1)[0])
        value = self.options.get(attribute)
        if isinstance(value, dict) and not _is_layer(value):
            value = list(value.values())
        return _layers(value if isinstance(value, list) else [value])

    @property
    def dtype(self) -> str:
        """The name of its dtype or dtype policy (``float32``, ``mixed_bfloat16``, ``int8_from_float32``), or ""."""
        given = self.options.get("dtype")
        if isinstance(given, dict) and isinstance(given.get("config"), dict):
            mode, source = given["config"].get("mode"), given["config"].get("source_name")
            given = f"{mode}_from_{source}" if isinstance(mode, str) else given["config"].get("name")
        return given if isinstance(given, str) else ""

    def _direction(self, direction: str) -> tuple[LayerConfig, ...]:
        own = self.options.get("layer" if direction == "forward" else "backward_layer")
        wrapped = own if _is_layer(own) else self.options.get("layer")
        # Keras 3 stores the names as they are, Keras 2 that of the layer before it was wrapped.
        prefix = f"{direction}_"
        return tuple(
            one if one.name.startswith(prefix) else replace(one, name=prefix + one.name) for one in _layers([wrapped])
        )


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """A whole configuration: the outermost model, and the optimizer it was compiled with.

    Attributes:
        optimizer: class name without its registered package, or "" if it is not told.
        optimizer_options: its arguments; empty if it is not told.
        remarks: what loading it with Keras would run.
    """

    model: LayerConfig
    optimizer: str = ""
    optimizer_options: Mapping[str, Any] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    @property
    def called(self) -> str:
        """See :attr:`reporter.model.tensor.Contents.model`."""
        return model_called(self.model.name, self.model.kind)


def parse_model(text: str | bytes, training: str | bytes | None = None) -> ModelConfig:
    """Read the ``config.json`` of a ``.keras`` file, or the ``model_config`` of an HDF5 file.

    Args:
        training: the ``training_config`` of an HDF5 file.

    Raises:
        ConfigError: it is not JSON, too large, nested too deep, or describes no model.

    >>> text = '{"class_name": "Sequential", "config": [{"class_name": "Dense", "config": {"name": "d"}}]}'
    >>> [(layer.name, layer.kind) for layer in parse_model(text).model.layers]
    [('d', 'Dense')]
    """
    few = len(text) + len(training or "") <= MAX_KEPT
    return _kept(text, training) if few else _parsed(text, training)


def _parsed(text: str | bytes, training: str | bytes | None) -> ModelConfig:
    raw = parse_json(text)
    if not _is_layer(raw):
        raise ConfigError("it describes no model")
    compiled = raw.get("compile_config")
    if training is not None:
        given = parse_json(training)
        compiled = {"optimizer": given.get("optimizer_config")}
    optimizer = compiled.get("optimizer") if isinstance(compiled, dict) else None
    model, remarks = _layer(raw, 0, outermost=True), tuple(_remarks(raw))
    if isinstance(optimizer, str):
        optimizer = {"class_name": _OPTIMIZERS.get(optimizer.lower(), optimizer)}
    if not isinstance(optimizer, dict):
        return ModelConfig(model, remarks=remarks)
    options = optimizer.get("config")
    return ModelConfig(model, kind_of_object(optimizer), options if isinstance(options, dict) else {}, remarks)


_kept = lru_cache(maxsize=4)(_parsed)
"""The checkpoints of a run all hold the same configuration, and each is opened to be told and to be measured."""


_OPTIMIZERS = {"adam": "Adam", "adamw": "AdamW", "sgd": "SGD", "rmsprop": "RMSprop", "adagrad": "Adagrad",
               "adadelta": "Adadelta", "adamax": "Adamax", "nadam": "Nadam", "ftrl": "Ftrl", "lion": "Lion",
               "lamb": "Lamb"}  # fmt: skip


def parse_json(text: str | bytes) -> dict[str, Any]:
    """Parse a JSON object.

    Raises:
        ConfigError: it is not one, too large, or nested too deep.
    """
    try:
        value = bounded.parse_json(text.encode() if isinstance(text, str) else text, MAX_CONFIG)
    except bounded.TooLarge as exc:
        raise ConfigError(str(exc)) from exc
    except (ValueError, RecursionError) as exc:
        raise ConfigError(f"it is not JSON: {exc}") from exc
    if not isinstance(value, dict):
        raise ConfigError("it is not a JSON object")
    return value


def leaves(model: LayerConfig, prefix: str = "") -> Iterator[tuple[str, LayerConfig]]:
    """Every layer that is not a model, with the names of the models around it, the outermost left out.

    >>> text = '{"class_name": "Sequential", "config": {"layers": [{"class_name": "Model", "config": {"name": "enc", '
    >>> text += '"layers": [{"class_name": "Dense", "config": {"name": "d"}}]}}]}}'
    >>> [name for name, _ in leaves(parse_model(text).model)]
    ['enc/d']
    """
    for layer in model.layers:
        path = f"{prefix}/{layer.name}" if prefix else layer.name
        if layer.is_model:
            yield from leaves(layer, path)
        else:
            yield path, layer


def _remarks(raw: Mapping[str, Any]) -> Iterator[str]:
    """What Keras would run when it makes the model: functions stored as code, and classes that are not its own.

    Keras 3 stores a lambda as the object ``__lambda__``, Keras 2 in a Lambda layer of the function type ``lambda``.
    """
    stored: dict[str, None] = {}
    named: dict[str, None] = {}
    rest: list[tuple[Any, str]] = [(raw, "")]
    while rest:
        value, owner = rest.pop()
        if isinstance(value, list):
            rest += [(one, owner) for one in reversed(value)]
        if not isinstance(value, dict):
            continue
        kind, options = value.get("class_name"), value.get("config")
        if isinstance(kind, str) and isinstance(options, dict | list):
            name = options.get("name") if isinstance(options, dict) else None
            owner = name if isinstance(name, str) else owner
            if kind == "__lambda__":
                stored[owner] = None
            elif kind == "Lambda" and isinstance(options, dict) and isinstance(options.get("function"), str):
                named[options["function"]] = None
            elif not kind.startswith("__") and not _is_builtin(value):
                registered = value.get("registered_name")
                named[registered if isinstance(registered, str) else kind] = None
        if "lambda" in (value.get("function_type"), value.get("output_shape_type"), value.get("mask_type")):
            stored[owner] = None
        rest += [(one, owner) for one in reversed(list(value.values()))]
    if stored:
        yield f"loading this runs code stored in it ({_first(stored)}); this program does not"
    if named:
        yield f"loading this runs code that is not Keras's own ({_first(named)}); this program does not"


def _first(names: Iterable[str]) -> str:
    shown = [name for name in names if name]
    return ", ".join(shown[:3]) + (f" and {len(shown) - 3} more" if len(shown) > 3 else "") if shown else "a function"


def _layer(raw: Mapping[str, Any], depth: int, *, outermost: bool = False) -> LayerConfig:
    if depth > MAX_DEPTH:
        raise ConfigError(f"models are nested more than {MAX_DEPTH} deep")
    kind, given = kind_of_object(raw), raw.get("config")
    options: Mapping[str, Any] = given if isinstance(given, dict) else {}
    # A Sequential's configuration was a plain list until Keras 2.2.3.
    items = given if isinstance(given, list) else options.get("layers")
    inside = [item for item in items if _is_layer(item)] if isinstance(items, list) else []
    layers = tuple(_layer(item, depth + 1) for item in inside)
    is_model = outermost or kind in MODELS or any("inbound_nodes" in item for item in inside)
    if kind == "Sequential" and layers and layers[0].kind == "InputLayer":
        layers = layers[1:]  # as `Sequential.layers` does
    name = options.get("name", raw.get("name"))
    trainable = options.get("trainable")
    return LayerConfig(
        name=name if isinstance(name, str) else "",
        kind=kind,
        builtin=_is_builtin(raw),
        trainable=trainable if isinstance(trainable, bool) else None,
        options=options,
        layers=layers,
        is_model=is_model,
        shared="shared_object_id" in raw,
    )


def _layers(items: list[Any]) -> tuple[LayerConfig, ...]:
    try:
        return tuple(_layer(item, 0) for item in items if _is_layer(item))
    except ConfigError:
        return ()


def kind_of_object(raw: Mapping[str, Any]) -> str:
    """The class of a serialised object, without the package that a custom class is registered in (``Package>Name``)."""
    kind = raw.get("class_name")
    return kind.rsplit(">", 1)[-1] if isinstance(kind, str) else ""


def _is_builtin(raw: Mapping[str, Any]) -> bool:
    """Keras 3 names the module (null for custom classes); Keras 2 only marks custom classes with ``Package>``."""
    module, kind, registered = raw.get("module", "keras"), raw.get("class_name"), raw.get("registered_name")
    return (
        isinstance(module, str)
        and module.split(".", 1)[0] in {"keras", "tf_keras", "tensorflow"}
        and isinstance(kind, str)
        and ">" not in kind
        and not (isinstance(registered, str) and ">" in registered)
    )


def _is_layer(raw: Any) -> bool:
    return (
        isinstance(raw, dict) and isinstance(raw.get("class_name"), str) and isinstance(raw.get("config"), dict | list)
    )
