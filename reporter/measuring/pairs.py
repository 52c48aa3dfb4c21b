"""The same tensor in two checkpoints, read side by side."""

from __future__ import annotations

import numpy as np

from reporter.measuring import kernels
from reporter.measuring.accumulate import as_real, pieces
from reporter.model.change import Change
from reporter.model.tensor import Contents, TensorSource


def compare_tensors(before: TensorSource, after: TensorSource) -> Change | None:
    """Paired change between two tensors of equal shape and dtype, or None where they cannot be paired.

    Complex tensors are compared by magnitude.

    Raises:
        reporter.errors.CheckpointError: from reading either.
    """
    if before.info.shape != after.info.shape or before.info.dtype != after.info.dtype:
        return None
    sums = np.zeros(5)
    equal = np.zeros(1, np.int64)
    for a, b in zip(pieces(before.blocks()), pieces(after.blocks()), strict=True):
        if a.dtype == np.float32:
            kernels.compare(a, b, a.view(np.uint32), b.view(np.uint32), sums, equal)
        else:
            x, y = as_real(a), as_real(b)
            kernels.compare(x, y, x.view(np.uint64), y.view(np.uint64), sums, equal)
    difference, norm_a, norm_b, product, largest = (float(s) for s in sums)
    return Change(before.info.size, int(equal[0]), difference, norm_a, norm_b, product, largest)


def compare_contents(before: Contents, after: Contents) -> dict[str, Change]:
    """Paired changes of every tensor that both checkpoints hold with the same shape and dtype, by name.

    Raises:
        reporter.errors.CheckpointError: from reading either.
    """
    old = {source.info.name: source for source in before.tensors}
    changes = {}
    for source in after.tensors:
        earlier = old.get(source.info.name)
        change = compare_tensors(earlier, source) if earlier is not None else None
        if change is not None:
            changes[source.info.name] = change
    return changes
