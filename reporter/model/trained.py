"""Which tensors training adjusts: those that norms, updates and distributions of a model speak of.

Moving statistics follow the data and may be a thousand times as large as the weights beside them: 736 moving variances
of 58,423 values were seen to make 99 % of the norm of a network. They are measured like everything else, and told
apart.
"""

from __future__ import annotations

from collections.abc import Sequence

from reporter.model.role import NEVER_TRAINABLE, WEIGHT_MATRICES, Role
from reporter.model.tensor import TensorInfo

APART: frozenset[Role] = NEVER_TRAINABLE | {Role.EMA, Role.QUANTISATION}
"""Roles of what stands beside the weights in a layer: it follows them or the data, and no gradient changes it."""


def trained(infos: Sequence[TensorInfo]) -> tuple[TensorInfo, ...]:
    """Those of some tensors that are trained, in their order.

    Where a format does not say what is trained, roles decide. Where nothing is trained, as in a frozen layer, these are
    the weights; and where there are no weights either, as in a layer that only normalises its input, all of them.

    >>> kernel = TensorInfo("bn/gamma", "bn", Role.GAMMA, (3,), "float32", None, "model")
    >>> variance = TensorInfo("bn/moving_variance", "bn", Role.MOVING_VARIANCE, (3,), "float32", None, "model")
    >>> [info.name for info in trained([kernel, variance])], [info.name for info in trained([variance])]
    (['bn/gamma'], ['bn/moving_variance'])
    """
    model = [info for info in infos if info.collection == "model"]
    weights = [info for info in model if info.role not in APART]
    adjusted = [info for info in weights if info.trainable is not False]
    return tuple(adjusted or weights or model or infos)


def leading(infos: Sequence[TensorInfo]) -> TensorInfo:
    """The tensor that speaks for a layer in thumbnails and distributions: its kernel or embedding.

    A mixture of a kernel with a bias, or of gamma with beta, says nothing: each has a scale of its own.
    Of several kernels it is the largest, and of a layer without any the largest trained tensor; of equals the first.

    Args:
        infos: the tensors of a layer, one at least.

    >>> kernel = TensorInfo("d/kernel", "d", Role.KERNEL, (2, 2), "float32", None, "model")
    >>> bias = TensorInfo("d/bias", "d", Role.BIAS, (9,), "float32", None, "model")
    >>> leading([bias, kernel]).name, leading([bias]).name
    ('d/kernel', 'd/bias')
    """
    adjusted = trained(infos)
    return max(adjusted, key=lambda info: (info.role in WEIGHT_MATRICES, info.size))
