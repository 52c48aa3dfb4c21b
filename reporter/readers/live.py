"""A live ``tf.keras.Model`` (Keras 2 or 3) or ``tf.Module`` as checkpoint contents, without importing either."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from reporter.errors import SettingError
from reporter.model.role import NEVER_TRAINABLE, model_role, output_axis, slot_role
from reporter.model.tensor import Collection, Contents, LayerInfo, TensorInfo, TensorSource

Array = npt.NDArray[np.generic]


@dataclass(frozen=True, slots=True)
class LiveTensor:
    """A variable of a live model; its value is copied to host memory when it is streamed."""

    info: TensorInfo
    variable: Any

    def blocks(self) -> Iterator[Array]:
        """The value, in one block."""
        yield np.ascontiguousarray(to_array(self.variable)).reshape(-1)


def to_array(variable: Any) -> Array:
    """The value of a Keras or TensorFlow variable."""
    value: Array = np.asarray(variable.numpy())
    return value


def live_contents(model: Any) -> Contents:
    """The variables of a live model: per layer in model order, then its optimizer's.

    Args:
        model: a Keras 2 or Keras 3 model, built, or a ``tf.Module``.

    Raises:
        SettingError: it is neither, or it has not been built, so that it has no variables yet.
    """
    if _is_keras_model(model):
        walk = _Walk({id(v) for v in model.trainable_variables})
        walk.model(model, "")
        walk.rest(model.weights)
        walk.optimizer(getattr(model, "optimizer", None))
        kind = "Keras model"
    elif hasattr(model, "variables") and hasattr(model, "submodules"):
        walk = _Walk({id(v) for v in model.trainable_variables})
        walk.module(model, "", set())
        walk.rest(model.variables)
        kind = "tf.Module"
    else:
        raise SettingError(
            f"measure: {type(model).__name__} is neither a path, a tf.keras.Model nor a tf.Module; pass one of these"
        )
    if not walk.tensors:
        raise SettingError("measure: the model has no variables yet; build it, or call it once on data, first")
    return Contents(
        format="live",
        layers=tuple(LayerInfo(name, kind_) for name, kind_ in walk.layers.items()),
        tensors=tuple(sorted(walk.tensors, key=lambda t: ("model", "optimizer", "other").index(t.info.collection))),
        framework=kind,
        integrity="in memory",
    )


class _Walk:
    """Collects variables once each, in model order."""

    def __init__(self, trainable: set[int]) -> None:
        self._trainable = trainable
        self._seen: set[int] = set()
        self._names: set[str] = set()
        self._paths: dict[str, TensorInfo] = {}
        self.layers: dict[str, str] = {}
        self.tensors: list[TensorSource] = []

    def model(self, model: Any, prefix: str) -> None:
        for layer in model.layers:
            path = f"{prefix}{layer.name}"
            if _is_keras_model(layer):
                self.model(layer, path + "/")
                self._own(layer, path, type(layer).__name__)
            else:
                self._own(layer, path, type(layer).__name__)

    def _own(self, layer: Any, path: str, kind: str) -> None:
        fresh = [v for v in layer.variables if id(v) not in self._seen]
        if fresh or not _is_keras_model(layer):
            self.layers.setdefault(path, kind)
        for variable in fresh:
            self._add(variable, path, f"{path}/{_within(variable, layer.name)}", kind)

    def module(self, module: Any, path: str, visited: set[int]) -> None:
        """Attributes in the order they were set; a Keras layer inside owns its variables as one layer."""
        if id(module) in visited:
            return
        visited.add(id(module))
        for attribute, value in list(vars(module).items()):
            if not attribute.startswith(("_self_", "_tf_", "_setattr")):
                self._attribute(value, path, attribute, visited)

    def _attribute(self, value: Any, path: str, attribute: str, visited: set[int]) -> None:
        inner = f"{path}/{attribute}" if path else attribute
        if _is_variable(value):
            if id(value) not in self._seen:
                self.layers.setdefault(path, "")
                self._add(value, path, inner, "")
        elif _is_keras_model(value):
            self.model(value, inner + "/")
        elif hasattr(value, "submodules") and hasattr(value, "variables"):
            if hasattr(value, "weights") and hasattr(value, "get_config"):
                self._own(value, inner, type(value).__name__)
            else:
                self.module(value, inner, visited)
        elif isinstance(value, list | tuple):
            for i, item in enumerate(value):
                self._attribute(item, path, f"{attribute}/{i}", visited)
        elif isinstance(value, dict):
            for key, item in value.items():
                self._attribute(item, path, f"{attribute}/{key}", visited)

    def rest(self, variables: Iterable[Any]) -> None:
        """Variables that no layer owns."""
        for variable in variables:
            if id(variable) not in self._seen:
                self._add(variable, "", _path(variable).split("/")[-1], "")

    def optimizer(self, optimizer: Any) -> None:
        if optimizer is None:
            return
        inner = getattr(optimizer, "inner_optimizer", optimizer)
        variables = getattr(inner, "variables", ())
        for variable in variables() if callable(variables) else variables:
            path = _path(variable)
            first, _, below = path.partition("/")
            if first.lower() == str(getattr(inner, "name", "")).lower():
                path = below or path
            # Keras 3: dense_kernel_momentum; Keras 2: m/dense/kernel.
            slot, _, rest = path.partition("/")
            owner = self._paths.get(rest.replace("/", "_"))
            if owner is None:
                target = max((p for p in self._paths if path.startswith(p + "_")), key=len, default="")
                owner = self._paths.get(target)
                slot = path[len(target) + 1 :] if owner else path
            slot = {"iteration": "iterations"}.get(slot, slot)
            name = f"optimizer/{owner.name}/{slot}" if owner else f"optimizer/{slot}"
            self._add(variable, owner.layer if owner else "", name, "", "optimizer", slot_role(slot))

    def _add(
        self, variable: Any, layer: str, name: str, kind: str, collection: Collection = "model", role: str = ""
    ) -> None:
        self._seen.add(id(variable))
        shape = tuple(int(n) for n in variable.shape)
        dtype = np.dtype(getattr(variable.dtype, "as_numpy_dtype", variable.dtype))
        role = role or model_role(name, shape)
        if "seed_generator_state" in name:
            collection, role = "other", "other"
        trainable = collection == "model" and id(variable) in self._trainable and role not in NEVER_TRAINABLE
        unique, n = name, 0
        while unique in self._names:
            n += 1
            unique = f"{name}_{n}"
        self._names.add(unique)
        info = TensorInfo(
            name=unique,
            layer=layer,
            role=role,
            shape=shape,
            dtype=dtype.name,
            trainable=trainable,
            collection=collection,
            key=_path(variable),
            itemsize=dtype.itemsize,
            output_axis=output_axis(role, kind),
        )
        if collection == "model":
            self._paths[_path(variable).replace("/", "_")] = info
        self.tensors.append(LiveTensor(info, variable))


def _is_keras_model(value: Any) -> bool:
    return any(
        c.__name__ == "Model" and c.__module__.split(".")[0] in {"keras", "tf_keras", "tensorflow"}
        for c in type(value).__mro__
    )


def _is_variable(value: Any) -> bool:
    return hasattr(value, "numpy") and hasattr(value, "trainable") and hasattr(value, "assign")


def _path(variable: Any) -> str:
    """Keras 3 ``path``, else the TensorFlow name, without ``:0``."""
    return str(getattr(variable, "path", None) or variable.name).removesuffix(":0")


def _within(variable: Any, layer: str) -> str:
    """The part of a variable's path that lies below its layer."""
    parts = _path(variable).split("/")
    return "/".join(parts[parts.index(layer) + 1 :]) if layer in parts[:-1] else parts[-1]
