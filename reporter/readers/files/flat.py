"""Tensors of files that know names and nothing else: what the parts of a name tell about layer, role and collection."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from reporter.model.role import MANY_NAMES, NEVER_TRAINABLE, model_role, output_axis, slot_role
from reporter.model.tensor import (
    COLLECTIONS,
    Collection,
    Contents,
    Integrity,
    LayerInfo,
    SkippedTensor,
    Tensor,
    TensorInfo,
)

_OPTIMIZERS = frozenset({"optimizer", "optimizer_state", "optimizer_weights", "opt_state"})
"""First part of the names under which training loops keep the state of their optimizer."""

_PART = re.compile(r"[/.]")

_STEPS = frozenset({"global_step", "step", "iterations", "iter"})


class Stream(Protocol):
    """Values that can be streamed any number of times; ``tensor`` is named in errors."""

    def blocks(self, tensor: str) -> Iterator[npt.NDArray[np.generic]]:
        """The values in C order."""
        ...


def tensor(name: str, shape: tuple[int, ...], dtype: np.dtype[Any], stream: Stream) -> Tensor:
    """A tensor as its name describes it; ``dtype`` is that of the values, in native byte order."""
    return Tensor(_described(name, shape, dtype), partial(stream.blocks, name))


@lru_cache(MANY_NAMES)
def _described(name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> TensorInfo:
    owner, last = split(name)
    collection = Collection.MODEL
    if _PART.split(name, maxsplit=1)[0].lower() in _OPTIMIZERS:
        collection, owner, role = Collection.OPTIMIZER, "", slot_role(name)
    else:
        role = model_role(name, shape)
        if role == "step":
            collection, owner = Collection.OTHER, ""
    # PyTorch and MLX keep a ``weight`` as (output, input, …), Keras a ``kernel`` as (…, input, output).
    axis = 0 if last.startswith("weight") and len(shape) > 1 else output_axis(role)
    return TensorInfo(
        name=name,
        layer=owner,
        role=role,
        shape=shape,
        dtype=_name(dtype),
        trainable=False if role in NEVER_TRAINABLE or collection != "model" else None,
        collection=collection,
        key=name,
        itemsize=dtype.itemsize,
        output_axis=axis,
    )


@lru_cache
def _name(dtype: np.dtype[Any]) -> str:
    """Numpy makes the name anew each time, which took a tenth of opening a file of many tensors."""
    return dtype.name


def split(name: str) -> tuple[str, str]:
    """Layer and variable of a name, parted at its last slash or dot.

    >>> split("encoder/dense/kernel:0"), split("h.9.weight"), split("step")
    (('encoder/dense', 'kernel:0'), ('h.9', 'weight'), ('', 'step'))
    """
    at = max(name.rfind("/"), name.rfind("."))
    return name[: max(at, 0)], name[at + 1 :]


def contents(
    format: str,
    tensors: Sequence[Tensor],
    skipped: Sequence[SkippedTensor],
    *,
    integrity: Integrity,
    framework: str = "",
    notes: Sequence[str] = (),
) -> Contents:
    """Tensors in the order given, model first, with the training step where one of them is it.

    Raises:
        CheckpointError: the step cannot be read.
    """
    ordered = [one for which in COLLECTIONS for one in tensors if one.info.collection == which]
    layers = dict.fromkeys(one.info.layer for one in ordered if one.info.layer)
    step, source = _step(ordered)
    return Contents(
        format=format,
        layers=tuple(LayerInfo(name) for name in layers),
        tensors=tuple(ordered),
        skipped=tuple(skipped),
        layers_ordered=False,
        step=step,
        step_source=source,
        integrity=integrity,
        framework=framework,
        notes=tuple(notes),
    )


def _step(tensors: Sequence[Tensor]) -> tuple[int | None, str]:
    """The largest of the integers that are called a step."""
    found: list[tuple[int, str]] = []
    for one in tensors:
        last = split(one.info.name)[1].lower().partition(":")[0]
        if last in _STEPS and one.info.size == 1 and re.fullmatch(r"u?int(8|16|32|64)", one.info.dtype):
            found += [(int(block[0].item()), one.info.name) for block in one.blocks()]
    return max(found, default=(None, ""), key=lambda item: item[0] if item[0] is not None else -1)
