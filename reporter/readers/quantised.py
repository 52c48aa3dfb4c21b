"""Quantised layers: integers that mean something only with their scale are named as such, packed ones left out."""

from __future__ import annotations

import re
from dataclasses import replace

from reporter.model.role import WEIGHT_MATRICES
from reporter.model.tensor import Contents, SkippedTensor, TensorInfo, TensorSource

NAMED = 4
"""Tensors that a note lists by name; it counts the others."""


def labelled(contents: Contents) -> Contents:
    """The same contents, with a note on quantised tensors, and packed ones among the skipped.

    A quantised layer of Keras keeps 8-bit integers and, beside them, their scale (``kernel``, ``kernel_scale``). In
    fewer than 8 bits several values share a byte. A group of inputs with a scale of its own tells that (``kernel_zero``
    and ``g_idx``; Keras 3.15 never has them for int8), or a scale for more outputs than the bytes have; of embeddings,
    whose scale belongs to rows, the values tell: in 8 bits the largest of each row is 127, by definition of the scale.
    Where the file's own configuration tells, its reader has left packed values out already.

    Raises:
        CheckpointError: from reading the first rows of a quantised embedding.
    """
    sources = {one.info.name: one for one in contents.tensors}
    infos = {one.info.name: one.info for one in contents.tensors if one.info.collection == "model"}
    packed: dict[str, TensorInfo] = {}
    plain: dict[str, TensorInfo] = {}
    for name, info in infos.items():
        if info.dtype not in {"int8", "uint8"} or (scale := infos.get(_beside(name, "scale"))) is None:
            continue
        grouped = _beside(name, "zero") in infos or re.sub(r"[^/.]*$", "g_idx", name) in infos
        (packed if grouped or _misfits(info, scale) or _unscaled(sources[name]) else plain)[name] = scale
    if not packed and not plain:
        return contents
    skipped = tuple(
        SkippedTensor(name, infos[name].dtype, infos[name].shape, _why(scale)) for name, scale in packed.items()
    )
    notes = (_note(infos, plain),) if plain else ()
    return replace(
        contents,
        tensors=tuple(one for one in contents.tensors if one.info.name not in packed),
        skipped=contents.skipped + skipped,
        notes=contents.notes + notes,
    )


def _beside(name: str, what: str) -> str:
    """The name of a tensor's scale; GPTQ and AWQ call the tensor itself ``quantized_kernel``.

    >>> _beside("mid/kernel", "scale"), _beside("mid/quantized_kernel", "zero")
    ('mid/kernel_scale', 'mid/kernel_zero')
    """
    return re.sub(r"(^|[/.])quantized_([^/.]*)$", r"\1\2", name) + f"_{what}"


def _misfits(info: TensorInfo, scale: TensorInfo) -> bool:
    """Whether a kernel's scale is for other outputs than its last axes have."""
    outputs = tuple(n for n in scale.shape if n != 1)
    last = tuple(n for n in info.shape if n != 1)[-len(outputs) :] if outputs else ()
    return info.role in WEIGHT_MATRICES - {"embedding"} and outputs != last


def _unscaled(source: TensorSource) -> bool:
    """Whether the first rows of an embedding cannot be integers that were scaled so that each row reaches ±127."""
    if source.info.role != "embedding" or source.info.dtype != "int8" or len(source.info.shape) != 2:
        return False
    width = source.info.shape[1]
    first = next(iter(source.blocks()), None)
    if first is None or first.size < width or not width:
        return False
    rows = first[: first.size // width * width].reshape(-1, width).astype("int16")
    largest = abs(rows).max(axis=1)
    return bool(((largest != 127) & (largest != 0)).any())


def _why(scale: TensorInfo) -> str:
    return (
        "integers of fewer than 8 bits, packed several to a byte: their raw bytes mean nothing "
        f"(they are to be unpacked and combined with {scale.name})"
    )


def _note(infos: dict[str, TensorInfo], plain: dict[str, TensorInfo]) -> str:
    named = [f"{name} ({infos[name].dtype}, with {scale.name})" for name, scale in plain.items()]
    more = f" and {len(named) - NAMED} more" if len(named) > NAMED else ""
    return (
        f"quantised: {', '.join(named[:NAMED])}{more}; statistics and histograms speak of the stored integers, "
        "not of the weights that they and their scale stand for"
    )
