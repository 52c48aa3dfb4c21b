"""Roles that a tensor's own name does not tell: from its rank, and from what else its layer holds.

A file that numbers variables (``var_0``), or a program that named none (``Variable_3``), leaves shapes and their order;
a name like ``w_h`` means one thing in an LSTM and another in a plain network. Whatever the format, all tensors of a
layer are known once its contents are: the roles are completed there, in one place.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from reporter.model.role import NEVER_TRAINABLE, Role, last_part, output_axis
from reporter.model.tensor import Contents, Tensor, TensorInfo, TensorSource

_NAMELESS = re.compile(r"(var|variable|arr|param|parameter|tensor|array)?s?_?\d*")
_MATRIX = re.compile(r"matrix|proj|linear|dense|conv|(^|_)fc")
_TABLE = re.compile(r"embed|(^|_)emb($|_)")
_NORM = re.compile(r"norm|(^|[_/.])(bn|ln)($|[_/.\d])", re.IGNORECASE)
_CELL = re.compile(r"lstm|gru|rnn|cell|recurrent", re.IGNORECASE)
_STATISTIC = re.compile(r"hidden|mean|var(iance)?$|state|sum|mask|running|moving|ema|count|freq|cache|history")

_NORMALISATION = (Role.GAMMA, Role.BETA, Role.MOVING_MEAN, Role.MOVING_VARIANCE)
"""In the order of Keras, which puts what is not trained last."""

_GATES = (3, 4)
"""Blocks of a recurrent kernel's columns: of a GRU, an LSTM."""


def with_roles(contents: Contents) -> Contents:
    """The same contents, with every role that the tensors of a layer tell together."""
    kinds = {layer.name: layer.kind for layer in contents.layers}
    layers: dict[str, list[TensorInfo]] = {}
    for one in contents.tensors:
        if one.info.collection == "model":
            layers.setdefault(one.info.layer, []).append(one.info)
    changed: dict[str, TensorInfo] = {}
    for layer, infos in layers.items():
        kind = kinds.get(layer, "")
        for info, role in zip(infos, roles(infos, kind), strict=True):
            if role != info.role:
                trainable = False if role in NEVER_TRAINABLE else info.trainable
                axis = output_axis(role, kind)
                changed[info.name] = replace(info, role=role, trainable=trainable, output_axis=axis)
    if not changed:
        return contents
    return replace(contents, tensors=tuple(_under(one, changed.get(one.info.name)) for one in contents.tensors))


def _under(source: TensorSource, info: TensorInfo | None) -> TensorSource:
    return source if info is None or source.info.collection != "model" else Tensor(info, source.blocks)


def roles(layer: Sequence[TensorInfo], kind: str = "") -> list[Role]:
    """Roles of the tensors of one layer, in its order.

    Args:
        layer: with the roles that their names alone tell.
        kind: the layer's class, "" where it is not known.

    >>> shapes = {"cell/var_0": (5, 12), "cell/var_1": (3, 12), "cell/var_2": (12,)}
    >>> from reporter.model.tensor import Collection
    >>> infos = [
    ...     TensorInfo(name, "cell", Role.OTHER, shape, "float32", True, Collection.MODEL)
    ...     for name, shape in shapes.items()
    ... ]
    >>> [str(role) for role in roles(infos)]
    ['kernel', 'recurrent_kernel', 'bias']
    """
    found = [_alone(info, kind) for info in layer]
    nameless = [i for i, info in enumerate(layer) if _is_nameless(info, found[i])]
    for i, role in zip(nameless, _numbered([layer[i] for i in nameless], kind), strict=True):
        found[i] = role
    for i, info in enumerate(layer):
        if last_part(info.name) == "w_h" and not _is_recurrent(info, layer):
            found[i] = Role.KERNEL
        if last_part(info.name) in ("a", "b") and _is_factor(info, layer):
            found[i] = Role.KERNEL
    return found


def _alone(info: TensorInfo, kind: str) -> Role:
    """What rank, the words in its name and the class of its layer tell of a tensor whose name is not a known one."""
    if info.role == Role.KERNEL and (kind.startswith("Depthwise") or _is_depthwise(info)):
        return Role.DEPTHWISE_KERNEL  # which Keras 3 calls just `kernel`
    if info.role != Role.OTHER or not _may_be_weight(info):
        return info.role
    last = last_part(info.name)
    if len(info.shape) < 2:
        normalises = _NORM.search(last) and last.endswith(("scale", "weight", "weights"))
        return Role.GAMMA if normalises and len(info.shape) == 1 else Role.OTHER
    if _STATISTIC.search(last):
        return Role.OTHER
    if _TABLE.search(last):
        return Role.EMBEDDING
    return Role.KERNEL if _MATRIX.search(last) else Role.OTHER


def _is_depthwise(info: TensorInfo) -> bool:
    """Whether the name of a layer of Keras, without its class, says so; ``depthwise_conv2d`` is usual."""
    layer = info.layer.rpartition("/")[2].lower()
    return "depthwise" in layer and last_part(info.name) == "kernel" and len(info.shape) > 2


def _may_be_weight(info: TensorInfo) -> bool:
    return "float" in info.dtype and info.trainable is not False and info.size > 1


def _is_nameless(info: TensorInfo, role: str) -> bool:
    # What is not trained may well be the moving statistics of a layer whose class tells that it has them.
    return role == Role.OTHER and "float" in info.dtype and bool(_NAMELESS.fullmatch(last_part(info.name)))


def _numbered(layer: Sequence[TensorInfo], kind: str) -> list[Role]:
    """Roles of tensors without a name, from their shapes and their order."""
    vectors = {info.shape for info in layer}
    if layer and (_NORM.search(kind) or _NORM.search(layer[0].layer)) and len(vectors) == 1 and len(layer) in (2, 4):
        return list(_NORMALISATION[: len(layer)])
    found: list[Role] = []
    for i, info in enumerate(layer):
        before = layer[i - 1] if i else None
        if not _may_be_weight(info):
            found.append(Role.OTHER)
        elif len(info.shape) > 1:
            table = _TABLE.search(info.layer.lower()) or "Embedding" in kind
            follows = before is not None and found[-1] == Role.KERNEL and _recurs(before.shape, info.shape)
            gated = before is not None and found[-1] == Role.RECURRENT_KERNEL and info.shape == (2, before.shape[-1])
            kernel = Role.EMBEDDING if table and len(info.shape) == 2 else Role.KERNEL
            found.append(Role.BIAS if gated else Role.RECURRENT_KERNEL if follows else kernel)
        else:
            added = before is not None and found[-1].endswith("kernel") and info.shape[0] == before.shape[-1]
            found.append(Role.BIAS if added else Role.OTHER)
    return found


def _recurs(kernel: tuple[int, ...], recurrent: tuple[int, ...]) -> bool:
    """Whether the second is what a cell multiplies its state with: (units, gates · units) after (inputs, the same)."""
    if len(kernel) != 2 or len(recurrent) != 2 or not recurrent[0] or kernel[1] != recurrent[1]:
        return False
    return recurrent[1] in {gates * recurrent[0] for gates in _GATES}


def _is_recurrent(info: TensorInfo, layer: Sequence[TensorInfo]) -> bool:
    """Whether a kernel for the inputs is beside it with the same gates, and gates or the name tell of a cell."""
    beside = [one for one in layer if last_part(one.name) in ("w_i", "w_x", "w")]
    if len(info.shape) != 2 or all(one.shape[1:] != info.shape[1:] for one in beside):
        return False
    gated = info.shape[1] in {gates * info.shape[0] for gates in _GATES}
    return gated or _CELL.search(info.layer) is not None


def _is_factor(info: TensorInfo, layer: Sequence[TensorInfo]) -> bool:
    """Whether it is one of two matrices ``a`` and ``b`` whose product is meant, as of a low-rank adapter."""
    parent = info.name[: -len(last_part(info.name))]
    pair = [one for one in layer if last_part(one.name) in ("a", "b") and one.name.startswith(parent)]
    if len(pair) != 2 or any(len(one.shape) != 2 for one in pair):
        return False
    a, b = pair[0].shape, pair[1].shape
    return a[1] == b[0] or a[0] == b[1]
