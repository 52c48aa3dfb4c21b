"""How what was found in a Keras file becomes :class:`Contents`: every tensor once, under a name of its own."""

from __future__ import annotations

from functools import partial

from reporter.model.role import Role, output_axis, slot_role
from reporter.model.tensor import (
    Collection,
    Contents,
    Integrity,
    LayerInfo,
    SkippedTensor,
    Tensor,
    TensorInfo,
    TensorSource,
)
from reporter.model.unique_names import UniqueNames
from reporter.readers.keras.inventory import Inventory
from reporter.readers.keras.missing import missing_weights
from reporter.readers.keras.tree import Dataset
from reporter.readers.keras_model.config import ModelConfig, leaves
from reporter.readers.keras_model.missing import empty_layers, missing_layers
from reporter.readers.keras_model.variables import quantisation


def contents(
    inventory: Inventory, config: ModelConfig | None, *, format: str, integrity: Integrity, framework: str
) -> Contents:
    """Name every tensor uniquely, and say what the file lacks or holds twice."""
    names = UniqueNames()
    places: dict[int, str] = {}
    tensors: list[TensorSource] = []
    left_out: list[SkippedTensor] = []

    def add(name: str, dataset: Dataset, collection: Collection, role: Role, layer: str = "",
            trainable: bool | None = False, axis: int = -1) -> None:  # fmt: skip
        name = names.take(name)
        if dataset.problem:
            left_out.append(SkippedTensor(name, dataset.dtype.name, dataset.shape, dataset.problem))
            return
        if places.setdefault(dataset.address, dataset.path) != dataset.path:
            reason = f"the same dataset as {places[dataset.address]}, by a second link"
            left_out.append(SkippedTensor(name, dataset.dtype.name, dataset.shape, reason))
            return
        info = TensorInfo(
            name=name,
            layer=layer,
            role=role,
            shape=dataset.shape,
            dtype=dataset.dtype.name,
            trainable=trainable,
            collection=collection,
            key=dataset.path,
            itemsize=dataset.dtype.itemsize,
            output_axis=axis,
        )
        tensors.append(Tensor(info, partial(dataset.blocks, name)))

    for weight in inventory.weights:
        axis = output_axis(weight.role, weight.kind)
        add(weight.name, weight.dataset, Collection.MODEL, weight.role, weight.layer, weight.trainable, axis)
    for slot in inventory.slots:
        layer = slot.target.layer if slot.target else ""
        add(slot.full_name, slot.dataset, Collection.OPTIMIZER, slot_role(slot.slot), layer)
    for name, dataset in inventory.others:
        add(name, dataset, Collection.OTHER, Role.OTHER)
    for name, dataset, reason in inventory.skipped:
        left_out.append(SkippedTensor(names.take(name), dataset.dtype.name, dataset.shape, reason))
    held = [weight.dataset.shape for weight in (*inventory.weights, *inventory.adapters)]
    lost = 0 if _is_quantised(inventory, config) else missing_weights(inventory.slots, held)
    found = {weight.layer for weight in inventory.weights}
    lacking = missing_layers(config, found | inventory.undecided) if config else ()
    if lost:
        lacking += empty_layers(config, inventory.layers, {*found, *lacking})
    if not inventory.weights:
        inventory.notes.append("it holds no weights of a model")
    return Contents(
        format=format,
        layers=tuple(LayerInfo(name, kind) for name, kind in inventory.layers.items()),
        tensors=tuple(tensors),
        skipped=tuple(left_out),
        layers_ordered=inventory.ordered,
        step=inventory.step,
        step_source=inventory.step_source,
        integrity=integrity,
        framework=framework,
        notes=(*inventory.notes, *(config.remarks if config else ())),
        missing_layers=lacking,
        missing_weights=lost,
        model=config.called if config else "",
    )


def _is_quantised(inventory: Inventory, config: ModelConfig | None) -> bool:
    """Whether weights have been packed since the optimizer made its state, which keeps their former shapes."""
    if any(weight.role == "quantisation" for weight in inventory.weights):
        return True
    return config is not None and any(quantisation(layer.dtype) for _, layer in leaves(config.model))
