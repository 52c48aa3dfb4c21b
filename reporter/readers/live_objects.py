"""What the objects of a live model are and what they hold, told without importing TensorFlow or Keras."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

_TEXT = "text or serialised objects, not numbers"
_KERAS = frozenset({"keras", "tf_keras", "tensorflow"})


def _is_a(value: Any, name: str, *packages: str) -> bool:
    return any(c.__name__ == name and c.__module__.split(".")[0] in packages for c in type(value).__mro__)


def is_model(value: Any) -> bool:
    """Whether it is a model of Keras 2 or 3."""
    return _is_a(value, "Model", *_KERAS)


def is_layer(value: Any) -> bool:
    """Whether it is a layer or a model of Keras 2 or 3."""
    return _is_a(value, "Layer", *_KERAS)


def is_optimizer(value: Any) -> bool:
    """Whether it is an optimizer of Keras 2 or 3, of either generation."""
    return any(_is_a(value, name, *_KERAS) for name in ("Optimizer", "_BaseOptimizer", "OptimizerV2", "BaseOptimizer"))


def step_of(model: Any) -> int | None:
    """The steps that a live model's optimizer has made; None where it has none, or they cannot be told."""
    optimizer = getattr(model, "optimizer", None)
    iterations = getattr(getattr(optimizer, "inner_optimizer", optimizer), "iterations", None)
    try:
        return None if iterations is None else int(np.asarray(iterations.numpy()))
    except (AttributeError, TypeError, ValueError):
        return None


def is_module(value: Any) -> bool:
    """Whether it is a ``tf.Module``."""
    return hasattr(value, "submodules") and hasattr(value, "variables")


def is_checkpoint(value: Any) -> bool:
    """Whether it is a ``tf.train.Checkpoint`` or another container whose attributes TensorFlow would save."""
    return _is_a(value, "Trackable", "tensorflow") and not is_variable(value)


def is_sharded(value: Any) -> bool:
    """Whether it is a variable of several parts, as parameter servers keep it."""
    return _is_a(value, "ShardedVariableMixin", "tensorflow")


def is_variable(value: Any) -> bool:
    """Whether it is a variable of TensorFlow or Keras."""
    return is_sharded(value) or all(hasattr(value, name) for name in ("numpy", "trainable", "assign"))


def is_lookup(layer: Any) -> bool:
    """Whether it is a layer around a table that turns text or integers into indices."""
    return hasattr(layer, "lookup_table")


def unreadable(variable: Any) -> tuple[str, str] | None:
    """Name of a data type that is not measured, and why; None for numbers."""
    dtype = getattr(variable, "dtype", None)
    if dtype is None or not is_variable(variable):
        return "object", "a handle to a live object, without values"
    name = str(getattr(dtype, "name", dtype))
    if name in ("string", "object", "str"):
        return "string", _TEXT
    if name in ("resource", "variant"):
        return name, "a handle to a live object, without values"
    try:
        kind = np.dtype(getattr(dtype, "as_numpy_dtype", dtype))
    except TypeError:
        return name, "a data type that this version does not know"
    if kind.kind == "O":
        return "string", _TEXT
    if kind.names is not None:
        return name, "a data type that this version does not know"
    return None


def path_of(variable: Any) -> str:
    """Keras 3 ``path``, else the TensorFlow name, without ``:0``."""
    return str(getattr(variable, "path", None) or getattr(variable, "name", "")).removesuffix(":0")


def attributes(holder: Any) -> Iterator[tuple[str, Any]]:
    """What is kept under attributes, lists and dictionaries unfolded (``blocks/0``), without private book-keeping."""
    for name, value in list(vars(holder).items()):
        if not name.startswith(("_self_", "_tf_", "_setattr", "_keras", "_obj_reference")):
            yield from _unfolded(name, value, 0)


def public(holder: Any) -> Iterator[tuple[str, Any]]:
    """The attributes that are not private."""
    return ((name, value) for name, value in attributes(holder) if not name.startswith("_"))


def _unfolded(name: str, value: Any, depth: int) -> Iterator[tuple[str, Any]]:
    if isinstance(value, list | tuple | dict) and depth < 8:
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in list(items):
            yield from _unfolded(f"{name}/{key}", item, depth + 1)
    else:
        yield name, value


def inner_layers(holder: Any) -> Iterator[tuple[str, Any]]:
    """The layers directly inside a layer or model, each under its name, or, where two share one, its attribute."""
    if is_model(holder):
        found = list(holder.layers)
    elif hasattr(holder, "_flatten_layers"):  # Keras 2
        found = list(holder._flatten_layers(recursive=False, include_self=False))
    else:
        found = list(getattr(holder, "_layers", ()))
    layers = [one for one in {id(one): one for one in found}.values() if is_layer(one)]
    names = Counter(one.name for one in layers)
    if max(names.values(), default=0) < 2:
        yield from ((one.name, one) for one in layers)
        return
    under: dict[int, str] = {}
    for attribute, value in public(holder):
        under.setdefault(id(value), attribute)
    for one in layers:
        yield (under.get(id(one), one.name) if names[one.name] > 1 else one.name), one


def below(variable: Any, layer: Any) -> str:
    """A variable's name within the layer that made it: what follows the layer's own name in its path.

    One that was given no name is called by its attribute.
    """
    path = path_of(variable)
    _, inside, rest = f"/{path}".rpartition(f"/{layer.name}/")
    last = rest if inside else path.rpartition("/")[2]
    if last.partition("_")[0] != "Variable":
        return last
    return next((name for name, value in public(layer) if value is variable), last)
