"""What kind of change it was between two checkpoints as a whole, from the kinds of change of their tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reporter.model.change import Change
from reporter.model.kind import Extent, KindOfChange, KindsOfPair
from reporter.model.measured import Measured
from reporter.model.tensor import TensorInfo


def of_pair(
    before: Measured, after: Measured, changes: Mapping[str, Change], kinds: Mapping[str, KindOfChange]
) -> KindsOfPair:
    """What kind of change it was as a whole.

    Args:
        before, after, changes: as of :func:`reporter.derive.kinds.kinds_of`.
        kinds: what that found, perhaps with more evidence.
    """
    shared = [info for info in after.infos if info.name in before.by_name]
    model = [info for info in shared if info.collection == "model"]
    slots = [info.name for info in shared if info.collection == "optimizer"]
    subjects = model or shared
    equal = {name for name, change in changes.items() if change.unchanged}
    of_subjects = {info.name: kinds[info.name] for info in subjects if info.name in kinds}
    steady = sum(info.name in equal for info in subjects)
    slots_changed = sum(name not in equal for name in slots)
    extent, layer = _extent(subjects, of_subjects, after, slots_changed) if model else (None, "")
    return KindsOfPair(
        subject="model" if model else "all",
        shared=len(subjects),
        equal=steady,
        unknown=len(subjects) - steady - len(of_subjects),
        kinds=of_subjects,
        extent=extent if steady else None,
        layer=layer if steady else "",
        beside=(slots_changed, len(slots)) if model else (0, 0),
    )


def _extent(
    infos: Sequence[TensorInfo], kinds: Mapping[str, KindOfChange], after: Measured, slots_changed: int
) -> tuple[Extent | None, str]:
    """Where the tensors that changed are, and the layer if it is one."""
    changed = [info for info in infos if info.name in kinds]
    if not changed:
        return (Extent.OPTIMIZER, "") if slots_changed else (None, "")
    layers = {info.layer for info in changed}
    all_layers = list(dict.fromkeys(info.layer for info in infos if info.layer))
    if len(layers) == 1 and len(all_layers) > 1 and (layer := changed[0].layer):
        last = after.layers_ordered and layer == all_layers[-1]
        return (Extent.HEAD if last else Extent.LAYER), layer
    axes = [len(info.shape) > 1 for info in changed]
    if not any(axes) and any(len(info.shape) > 1 for info in infos):
        return Extent.VECTORS, ""
    if all(axes) and any(len(info.shape) == 1 for info in infos):
        return Extent.MATRICES, ""
    return None, ""
