"""A live ``tf.keras.Model`` (Keras 2 or 3) or ``tf.Module`` as checkpoint contents, without importing either."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from reporter.errors import SettingError
from reporter.frozen import dataclass
from reporter.model.role import NEVER_TRAINABLE, Role, model_role, output_axis, slot_role
from reporter.model.tensor import (
    COLLECTIONS,
    Collection,
    Contents,
    Integrity,
    LayerInfo,
    SkippedTensor,
    TensorInfo,
    TensorSource,
    model_called,
)
from reporter.model.unique_names import UniqueNames
from reporter.readers.live_objects import (
    attributes,
    below,
    inner_layers,
    is_checkpoint,
    is_layer,
    is_lookup,
    is_model,
    is_module,
    is_optimizer,
    is_sharded,
    is_variable,
    path_of,
    public,
    unreadable,
)

Array = npt.NDArray[np.generic]


@dataclass(frozen=True, slots=True)
class LiveTensor:
    """A variable of a live model; its value is copied to host memory when it is streamed."""

    info: TensorInfo
    variable: Any

    def blocks(self) -> Iterator[Array]:
        """The value, in one block; of a variable in parts, which are parts of its first axis, in one block each."""
        for part in self.variable.variables if is_sharded(self.variable) else [self.variable]:
            yield np.ascontiguousarray(to_array(part)).reshape(-1)


def to_array(variable: Any) -> Array:
    """The value of a Keras or TensorFlow variable."""
    value: Array = np.asarray(variable.numpy())
    return value


def live_contents(model: Any) -> Contents:
    """The variables of a live model: per layer in model order, then its optimizer's.

    Args:
        model: a Keras 2 or Keras 3 model or layer, built, a ``tf.Module``, or a ``tf.train.Checkpoint`` of such.

    Raises:
        SettingError: it is none of these, or it has not been built, so that it has no variables yet.
    """
    walk = _Walk()
    if is_model(model):
        kind = "Keras model"
        walk.trained(model)
        walk.model(model, "")
        walk.rest(model.weights)
        walk.optimizer(getattr(model, "optimizer", None))
    elif is_layer(model):
        kind = "Keras layer"
        walk.trained(model)
        walk.layer(model, str(model.name))
    elif is_module(model):
        kind = "tf.Module"
        walk.trained(model)
        walk.module(model, "", set())
        walk.rest(model.variables)
    elif is_checkpoint(model):
        kind = "tf.train.Checkpoint"
        walk.checkpoint(model)
    else:
        raise SettingError(
            f"measure: {type(model).__name__} is neither a path, a tf.keras.Model nor a tf.Module; pass one of these, "
            "or a layer, a variable, an array, or a mapping of names to arrays"
        )
    if not walk.tensors and not walk.skipped:
        raise SettingError(f"measure: the {kind} has no variables yet; build it, or call it once on data, first")
    return Contents(
        format="live",
        layers=tuple(LayerInfo(name, kind_) for name, kind_ in walk.layers.items()),
        tensors=tuple(sorted(walk.tensors, key=lambda t: COLLECTIONS.index(t.info.collection))),
        skipped=tuple(walk.skipped),
        framework=kind,
        model=model_called(str(getattr(model, "name", "") or ""), type(model).__name__),
        integrity=Integrity.IN_MEMORY,
    )


class _Walk:
    """Collects variables once each, in model order."""

    def __init__(self) -> None:
        self._trainable: set[int] = set()
        self._seen: set[int] = set()
        self._names = UniqueNames()
        self._targets: dict[str, list[TensorInfo]] = {}
        self._slots: Counter[str] = Counter()
        self._owner: dict[str, Any] = {}
        self.layers: dict[str, str] = {}
        self.tensors: list[TensorSource] = []
        self.skipped: list[SkippedTensor] = []

    def trained(self, model: Any) -> None:
        """Note which variables are trainable."""
        self._trainable |= {id(v) for v in model.trainable_variables}

    def model(self, model: Any, prefix: str) -> None:
        for name, layer in inner_layers(model):
            path = f"{prefix}{name}"
            if is_model(layer):
                self.model(layer, path + "/")
                self._bare(layer, path)
            else:
                self.layer(layer, path)

    def _bare(self, model: Any, path: str) -> None:
        """What a model inside another owns beside its layers."""
        for variable in model.variables:
            if id(variable) not in self._seen:
                self._claim(path, model)
                self._add(variable, path, f"{path}/{below(variable, model)}", type(model).__name__)

    def layer(self, layer: Any, path: str) -> None:
        self._claim(path, layer)
        own: dict[int, str] = {}
        self._inside(layer, path, own, set())
        for variable in layer.variables:
            if id(variable) not in self._seen:
                name = own.get(id(variable)) or f"{path}/{below(variable, layer)}"
                self._add(variable, path, name, type(layer).__name__)

    def _inside(self, layer: Any, path: str, own: dict[int, str], visited: set[int]) -> None:
        """The names of what the layers inside a layer own, each by the names of all of them around it."""
        visited.add(id(layer))
        if is_lookup(layer):
            self._lookup(layer, path)
        for name, inner in inner_layers(layer):
            if id(inner) in visited:
                continue
            # A layer of text and the look-up inside it are one thing; files know the outer one's name only.
            at = path if is_lookup(inner) else f"{path}/{name}"
            self._inside(inner, at, own, visited)
            for variable in inner.variables:
                own.setdefault(id(variable), f"{at}/{below(variable, inner)}")

    def _lookup(self, layer: Any, path: str) -> None:
        """What was learned from data, which nothing trains, and the table, which holds no numbers."""
        for name, value in public(layer):
            if is_variable(value) and id(value) not in self._seen:
                self._add(value, "", f"{path}/{name}", "", Collection.OTHER, Role.OTHER)
        for handle in layer.variables:
            if not is_variable(handle):
                self._seen.add(id(handle))
        self._skip(f"{path}/lookup_table", (), ("string", "a look-up table, not numbers"))

    def _claim(self, path: str, owner: Any) -> None:
        self._owner.setdefault(path, owner)
        self.layers.setdefault(path, type(owner).__name__ if is_layer(owner) else "")

    def checkpoint(self, checkpoint: Any) -> None:
        """A checkpoint of one model has that model's names, as the file has; of several, they are told apart."""
        held = {id(value): (name, value) for name, value in public(checkpoint)}
        models = [value for _, value in held.values() if is_layer(value) or is_module(value)]
        for name, value in held.values():
            prefix = "" if len(models) == 1 else name
            if is_layer(value) or is_module(value):
                self.trained(value)
            if is_model(value):
                self.model(value, prefix and prefix + "/")
                self._bare(value, prefix) if prefix else self.rest(value.weights)
            elif is_module(value) and not is_layer(value):
                self.module(value, prefix, set())
            elif is_variable(value) and name == "save_counter":
                self._add(value, "", name, "", Collection.OTHER, Role.STEP)
            elif not is_optimizer(value):
                self._attribute(value, "", name, set())
        for _, value in held.values():
            if is_optimizer(value):
                self.optimizer(value)

    def module(self, module: Any, path: str, visited: set[int]) -> None:
        """Attributes in the order they were set; a Keras layer inside owns its variables as one layer."""
        if id(module) in visited:
            return
        visited.add(id(module))
        for attribute, value in attributes(module):
            self._attribute(value, path, attribute, visited)

    def _attribute(self, value: Any, path: str, attribute: str, visited: set[int]) -> None:
        inner = f"{path}/{attribute}" if path else attribute
        if is_variable(value):
            if id(value) not in self._seen:
                self.layers.setdefault(path, "")
                self._add(value, path, inner, "")
        elif is_optimizer(value):
            return
        elif is_model(value):
            self.model(value, inner + "/")
            self._bare(value, inner)
        elif is_layer(value):
            self.layer(value, inner)
        elif is_module(value):
            self.module(value, inner, visited)

    def rest(self, variables: Iterable[Any]) -> None:
        """Variables that no layer owns."""
        for variable in variables:
            if id(variable) not in self._seen:
                self._add(variable, "", path_of(variable).split("/")[-1], "")

    def optimizer(self, optimizer: Any) -> None:
        if optimizer is None:
            return
        inner = getattr(optimizer, "inner_optimizer", optimizer)
        variables = getattr(inner, "variables", ())
        for variable in variables() if callable(variables) else variables:
            path = path_of(variable)
            first, _, following = path.partition("/")
            if first.lower() == str(getattr(inner, "name", "")).lower():
                path = following or path
            owner, slot = self._target(path, tuple(variable.shape))
            slot = {"iteration": "iterations"}.get(slot, slot)
            name = f"optimizer/{owner.name}/{slot}" if owner else f"optimizer/{slot}"
            self._add(variable, owner.layer if owner else "", name, "", Collection.OPTIMIZER, slot_role(slot))

    def _target(self, path: str, shape: tuple[int, ...]) -> tuple[TensorInfo | None, str]:
        """The variable that a slot belongs to, and the slot: Keras 3 ``dense_kernel_momentum``, 2 ``m/dense/kernel``.

        Variables of one name are told apart by shape and order, as optimizers make their slots in that order.
        """
        slot, _, rest = path.partition("/")
        name = rest.replace("/", "_")
        if name not in self._targets:
            name = max((p for p in self._targets if path.startswith(p + "_")), key=len, default="")
            slot = path[len(name) + 1 :] if name else path
        alike = [info for info in self._targets.get(name, ()) if info.trainable and info.shape == shape]
        alike = alike or [info for info in self._targets.get(name, ()) if len(self._targets[name]) == 1]
        place = self._slots[f"{path} {shape}"]
        self._slots[f"{path} {shape}"] += 1
        return (alike[place], slot) if place < len(alike) else (None, path)

    def _skip(self, name: str, shape: tuple[int, ...], why: tuple[str, str]) -> None:
        self.skipped.append(SkippedTensor(self._names.take(name), why[0], shape, why[1]))

    def _add(
        self,
        variable: Any,
        layer: str,
        name: str,
        kind: str,
        collection: Collection = Collection.MODEL,
        role: Role | None = None,
    ) -> None:
        self._seen.add(id(variable))
        if is_sharded(variable):
            self._seen |= {id(part) for part in variable.variables}
        why = unreadable(variable)
        if why is not None:
            self._skip(name, tuple(getattr(variable, "shape", None) or ()), why)
            return
        shape = tuple(variable.shape)
        if None in shape:
            shape = to_array(variable).shape
        dtype = np.dtype(getattr(variable.dtype, "as_numpy_dtype", variable.dtype))
        role = role or model_role(name, shape)
        if "seed_generator_state" in name:
            collection, role = Collection.OTHER, Role.OTHER
        parts = [variable, *(variable.variables if is_sharded(variable) else ())]
        trainable = any(id(part) in self._trainable for part in parts)
        info = TensorInfo(
            name=self._names.take(name),
            layer=layer,
            role=role,
            shape=tuple(int(n) for n in shape),
            dtype=dtype.name,
            trainable=collection == "model" and trainable and role not in NEVER_TRAINABLE,
            collection=collection,
            key=path_of(variable),
            itemsize=dtype.itemsize,
            output_axis=output_axis(role, kind),
        )
        if collection == "model":
            self._targets.setdefault(path_of(variable).replace("/", "_"), []).append(info)
        self.tensors.append(LiveTensor(info, variable))
