"""The layout of ``.h5`` files of Keras 1 and 2: one group per layer, named weights, ``optimizer_weights``.

Full models keep the layers in ``model_weights`` and their configuration in attributes of the root; weights-only files
have the layers at the root. Before Keras 1.0 both were numbered (``nb_layers``, ``layer_0/param_0``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import ml_dtypes
import numpy as np

from reporter.errors import CorruptCheckpoint, PartialCheckpoint
from reporter.frozen import dataclass
from reporter.readers.keras.copies import same_layer
from reporter.readers.keras.inventory import Inventory, Slot, Weight
from reporter.readers.keras.old_optimizer import named_slots
from reporter.readers.keras.tree import Dataset, Group
from reporter.readers.keras_model.config import ConfigError, LayerConfig, ModelConfig, leaves, parse_model
from reporter.readers.keras_model.variables import VARIABLES, quantisation

TOP_LEVEL = "top_level_model_weights"
"""The group of the variables that the outermost model owns itself."""

MAX_LAYERS = 200_000


def read_legacy(root: Group, path: Path) -> tuple[Inventory, ModelConfig | None, str]:
    """Find the layers and the optimizer of a file.

    Returns:
        What was found, the configuration of a full model, and the version of Keras that wrote it, or "".

    Raises:
        PartialCheckpoint: layers or weights are listed, but not there: a save that was interrupted.
        CorruptCheckpoint: nothing lists the layers.
    """
    return _Legacy(root, path).read()


@dataclass(frozen=True, slots=True)
class _Owner:
    """The layer that a weight belongs to: its full name, its configuration, whether it is trained, what follows it."""

    layer: str
    config: LayerConfig | None
    trainable: bool | None
    rest: tuple[str, ...]


class _Legacy:
    def __init__(self, root: Group, path: Path) -> None:
        self._root = root
        self._group = root.groups.get("model_weights", root)
        self._path = path
        self._found = Inventory()
        self._config = self._read_config()
        self._version = root.text("keras_version") or self._group.text("keras_version") or ""
        self._known: dict[tuple[str, ...], list[Weight]] = {}

    def read(self) -> tuple[Inventory, ModelConfig | None, str]:
        names = self._group.texts("layer_names")
        if names is None:
            names = tuple(f"layer_{i}" for i in range(self._count(self._group, "nb_layers")))
        model = self._config.model if self._config else None
        configured = {layer.name: layer for layer in model.layers} if model else {}
        own = self._group.groups.get(TOP_LEVEL)
        if own is not None:
            for stored, dataset in self._weights(own, TOP_LEVEL):
                name = "/".join(stored.split("/")[1:] or [stored])
                self._found.weights.append(Weight(name, "", "", dataset, None, stored))
        for name in names:
            self._layer(name, configured.get(name), True if model is None else model.trainable is not False)
        self._optimizer()
        return self._found, self._config, f"Keras {self._version}" if self._version else ""

    def _read_config(self) -> ModelConfig | None:
        text = self._root.text("model_config")
        if text is None:
            return None
        try:
            return parse_model(text, self._root.text("training_config"))
        except ConfigError as exc:
            self._found.notes.append(f"the model's configuration cannot be read: {exc}")
            return None

    def _count(self, group: Group, attribute: str) -> int:
        value = group.attributes.get(attribute)
        number = value if isinstance(value, int) else -1
        if not 0 <= number <= MAX_LAYERS:
            raise CorruptCheckpoint(self._path, f"it lists neither its layers nor their number ({attribute})")
        return number

    def _weights(self, group: Group, layer: str) -> Iterator[tuple[str, Dataset]]:
        """The weights of a layer in stored order: name without ``:0``, and values."""
        names = group.texts("weight_names")
        if names is None and "nb_params" in group.attributes:
            names = tuple(f"param_{i}" for i in range(self._count(group, "nb_params")))
        if names is None:
            raise PartialCheckpoint(self._path, f"layer {layer!r} lacks the list of its weights: an interrupted save")
        for name in names:
            dataset = group.find(name)
            if dataset is None:
                raise PartialCheckpoint(self._path, f"weight {name!r} of {layer!r} is missing: an interrupted save")
            yield re.sub(r":\d+$", "", name), dataset

    def _layer(self, name: str, config: LayerConfig | None, trainable: bool) -> None:
        group = self._group.group(name)
        if group is None:
            raise PartialCheckpoint(self._path, f"layer {name!r} is listed, but missing: an interrupted save")
        flag = False if not trainable else config.trainable if config else None
        if config is not None and config.is_model:
            inner = dict(leaves(config, name))
        else:
            inner = {name: config} if config else {}
        self._found.layers |= {path: layer.kind for path, layer in inner.items()} or {name: ""}
        order = {path: i for i, path in enumerate(inner)}
        weights = []
        for stored, dataset in self._weights(group, name):
            owner = _owner(name, config, flag, tuple(stored.split("/")))
            weights.append(self._weight(owner, stored, dataset))
        for layer, own in groupby(
            sorted(filter(None, weights), key=lambda w: (order.get(w.layer, -1), w.layer)), key=lambda w: w.layer
        ):
            self._found.layers.setdefault(layer, (found := list(own))[0].kind)
            self._add(found, inner.get(layer))

    def _add(self, weights: list[Weight], config: LayerConfig | None) -> None:
        """The weights of one layer; those of a layer that several models share are stored in each of them."""
        paths = tuple(weight.path for weight in weights)
        first = self._known.setdefault(paths, weights)
        told = config is not None and config.shared
        # Keras 3 marks no layers here; but it cannot store two of one path, once an optimizer has trained them.
        if (
            first is weights
            or not (told or self._version.startswith("3."))
            or not same_layer(first, weights, told=told)
        ):
            self._found.weights += weights
            return
        for weight, same in zip(weights, first, strict=True):
            self._found.skipped.append((weight.name, weight.dataset, f"the same variable as {same.dataset.path}"))

    def _weight(self, owner: _Owner, stored: str, dataset: Dataset) -> Weight | None:
        config, variable = owner.config, owner.rest[-1]
        name = "/".join((owner.layer, *owner.rest))
        if config is None:
            return Weight(name, owner.layer, "", dataset, owner.trainable, stored)
        mode = quantisation(config.dtype)
        if mode == "int4" and dataset.dtype.kind in "iu" and variable in {"kernel", "embeddings"}:
            reason = "int4 values, packed two to a byte: their raw bytes mean nothing"
            self._found.skipped.append((name, dataset, reason))
            return None
        if config.dtype == "bfloat16":
            dataset = dataset.reinterpreted(np.dtype(ml_dtypes.bfloat16))
        trainable = owner.trainable
        frozen = {v.name for v in VARIABLES.get(config.kind, ()) if not v.trainable}
        if variable in frozen or (mode not in {"", "float8"} and variable != "bias"):
            trainable = False
        elif not config.builtin and trainable:
            trainable = None  # a class of the user's own may hold variables that are never trained
        elif config.options.get("lora_rank") and variable in {"kernel", "embeddings"}:
            trainable = False  # only its adapters are
        return Weight(name, owner.layer, config.kind if config.builtin else "", dataset, trainable, stored)

    def _optimizer(self) -> None:
        group = self._root.groups.get("optimizer_weights")
        if group is None or group.texts("weight_names") is None:
            return
        stored = list(self._weights(group, "optimizer_weights"))
        kind = self._config.optimizer if self._config else ""
        names, datasets = [name for name, _ in stored], [dataset for _, dataset in stored]
        slots = named_slots(names, datasets, self._found.weights, kind)
        self._found.add_slots([_typed(slot) for slot in slots])


def _typed(slot: Slot) -> Slot:
    """A slot is stored with the dtype of its weight."""
    if slot.target is not None and slot.target.dataset.dtype == ml_dtypes.bfloat16:
        slot.dataset = slot.dataset.reinterpreted(slot.target.dataset.dtype)
    return slot


def _owner(name: str, config: LayerConfig | None, trainable: bool | None, parts: tuple[str, ...]) -> _Owner:
    """The layer inside ``name`` that owns a weight with the path ``parts``, the names of models around it dropped.

    Keras numbers a layer again when its graph is loaded a second time (``conv2d_1_1/kernel`` in ``conv2d_1``), and
    does not repeat the names of models whose layers were made before them.
    """
    if config is not None and config.is_model and (found := _search(config, trainable, name, parts)):
        return found
    own = config.name if config is not None and config.name else name
    if config is not None and any(one.trainable is False for key in ("layer", "cell") for one in config.inner(key)):
        trainable = False
    return _Owner(name, config, trainable, _wrapped(config, _below(own, parts)))


def _wrapped(config: LayerConfig | None, rest: tuple[str, ...]) -> tuple[str, ...]:
    """A weight's path within a wrapper: Keras 2 puts neither a model nor a layer inside it into the weight's name."""
    for inner in config.inner("layer") if config is not None else ():
        if _place(inner.name, rest) == 0:
            return rest
        if inner.is_model and (found := _search(inner, None, inner.name, rest)):
            return (*found.layer.split("/"), *found.rest)
        if config is not None and config.builtin and config.kind == "TimeDistributed":  # it owns no weights itself
            return (inner.name, *rest)
    return rest


def _search(config: LayerConfig, trainable: bool | None, name: str, parts: tuple[str, ...]) -> _Owner | None:
    """The layer of a model, or of a model inside it, whose name occurs in a weight's path.

    Names may hold slashes: of ``conv1`` and ``conv1/bn``, the longer one owns ``conv1/bn/gamma``.
    """
    places = ((_place(layer.name, parts), layer) for layer in config.layers)
    known = [(at, -layer.name.count("/"), i, layer) for i, (at, layer) in enumerate(places) if at is not None]
    if known:
        at, *_, layer = min(known, key=lambda one: one[:3])
        return _owner(f"{name}/{layer.name}", layer, False if trainable is False else layer.trainable, parts[at:])
    for layer in config.layers:
        if layer.is_model:
            flag = False if trainable is False else layer.trainable
            if found := _search(layer, flag, f"{name}/{layer.name}", parts):
                return found
    return None


def _place(layer: str, parts: tuple[str, ...]) -> int | None:
    """Where a layer's name stands in a weight's path, before the variable's own.

    >>> _place("conv1/bn", ("densenet", "conv1", "bn", "gamma")), _place("gamma", ("bn", "gamma"))
    (1, None)
    """
    own = tuple(layer.split("/"))
    return next((at for at in range(len(parts) - len(own)) if parts[at : at + len(own)] == own), None)


def _below(layer: str, parts: tuple[str, ...]) -> tuple[str, ...]:
    """What follows the layer in a weight's path.

    >>> _below("conv2d_1", ("conv2d_1_1", "kernel")), _below("dense", ("sequential", "dense", "kernel"))
    (('kernel',), ('kernel',))
    >>> _below("convolution2d_1", ("convolution2d_1_W",)), _below("mine", ("Variable",))
    (('W',), ('Variable',))
    >>> _below("conv1/bn", ("conv1", "bn", "gamma")), _below("conv1/bn", ("conv1", "bn_1", "gamma"))
    (('gamma',), ('gamma',))
    """
    at = _place(layer, parts)
    length = layer.count("/") + 1
    if at is not None:
        return parts[at + length :]
    again = re.compile(re.escape(layer) + r"_\d+")
    for i in range(len(parts) - length):
        if again.fullmatch("/".join(parts[i : i + length])):
            return parts[i + length :]
    if len(parts) == 1 and parts[0].startswith(f"{layer}_"):
        return (parts[0][len(layer) + 1 :],)  # Keras 1
    return parts
