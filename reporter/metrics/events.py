"""TensorBoard's event files: their scalars, of TensorFlow 1 (``simple_value``) and 2 (tensors), without TensorFlow.

Messages: tensorflow/core/util/event.proto, tensorflow/core/framework/summary.proto and tensor.proto.
"""

from __future__ import annotations

import re
import struct
from pathlib import Path

from reporter.metrics.goals import HELD_OUT
from reporter.metrics.logged import Log, Unit
from reporter.metrics.source import Source
from reporter.metrics.tfrecord import records
from reporter.readers.files.wire import WireError, fields

_STEP, _SUMMARY = 2, 5  # of Event
_VALUE = 1  # of Summary
_TAG, _SIMPLE, _TENSOR = 1, 2, 8  # of Summary.Value
_DTYPE, _SHAPE, _CONTENT = 1, 2, 4  # of TensorProto

_FORMATS = {1: "<f", 2: "<d", 3: "<i", 4: "<B", 5: "<h", 6: "<b", 9: "<q", 19: "<e", 22: "<I", 23: "<Q"}
"""How a scalar of each dtype is stored in ``tensor_content`` (tensorflow/core/framework/types.proto)."""
_BFLOAT16 = 14
_FLOATS = {5: "<f", 6: "<d"}
_INTEGERS = frozenset({7, 10, 16, 17})
_HALVES = 13
"""Fields of TensorProto with values one by one: floats, doubles, integers, and bits of half precision."""

_EPOCH = re.compile(r"epoch_(.+)")
"""What Keras's callback writes once per epoch, with the epoch, counted from 0, for a step."""

_EVALUATION = re.compile(r"evaluation_(.+)_vs_iterations")
"""What it writes after each validation, with the iterations of the optimizer for a step."""


def read(path: Path, log: Log) -> None:
    """Add every scalar; an event that is no valid message is counted."""
    bad = 0
    for record in records(path, log):
        try:
            scalars, step = _event(record)
        except WireError:
            bad += 1
            continue
        for tag, value in scalars:
            name, unit = named(tag, path.parent.name)
            log.add(name, unit, step + (unit is Unit.EPOCH), value)
    if bad:
        log.damage.append(f"{path.name}: {bad:,} events are left out, as they are no valid messages")


def named(tag: str, folder: str) -> tuple[str, Unit]:
    """The name of a metric, as Keras's history has it, and what its steps count.

    >>> named("epoch_loss", "validation"), named("evaluation_loss_vs_iterations", "validation"), named("lr", "train")
    (('val_loss', <Unit.EPOCH: 'epoch'>), ('val_loss', <Unit.STEP: 'step'>), ('lr', <Unit.STEP: 'step'>))
    """
    found = _EPOCH.fullmatch(tag) or _EVALUATION.fullmatch(tag)
    unit = Unit.EPOCH if tag.startswith("epoch_") and found else Unit.STEP
    name = found[1] if found else tag
    held_out = folder.lower() in HELD_OUT or folder.startswith("eval_")  # eval_<name>: of TensorFlow 1's Estimator
    return (f"val_{name}" if held_out and not name.startswith("val_") else name), unit


def _event(data: bytes) -> tuple[list[tuple[str, float]], int]:
    """The scalars of an event by their tags, and its step."""
    step, scalars = 0, []
    for field in fields(data):
        if field.number == _STEP:
            step = field.signed
        elif field.number == _SUMMARY:
            for value in fields(field.data):
                if value.number == _VALUE and (found := _scalar(value.data)) is not None:
                    scalars.append(found)
    return scalars, step


def _scalar(data: bytes) -> tuple[str, float] | None:
    tag, number = "", None
    for field in fields(data):
        if field.number == _TAG:
            tag = field.text
        elif field.number == _SIMPLE:
            number = _unpacked("<f", field.integer.to_bytes(8, "little")[:4])
        elif field.number == _TENSOR:
            number = _tensor(field.data)
    return None if number is None else (tag, number)


def _tensor(data: bytes) -> float | None:
    """The only value of a tensor; None where it is of another kind: text, a picture, a histogram."""
    dtype, found, count = 0, None, 1
    for field in fields(data):
        if field.number == _DTYPE:
            dtype = field.integer
        elif field.number == _SHAPE:
            count = _count(field.data)
    if count != 1:
        return None
    for field in fields(data):
        if field.number == _CONTENT and isinstance(field.raw, bytes):
            if dtype == _BFLOAT16 and len(field.raw) == 2:
                found = _unpacked("<f", b"\0\0" + field.raw)
            elif dtype in _FORMATS and len(field.raw) == struct.calcsize(_FORMATS[dtype]):
                found = _unpacked(_FORMATS[dtype], field.raw)
        elif field.number in _FLOATS:
            wide = struct.calcsize(_FLOATS[field.number])
            raw = field.raw if isinstance(field.raw, bytes) else field.raw.to_bytes(8, "little")[:wide]
            found = _unpacked(_FLOATS[field.number], raw) if len(raw) == wide else None
        elif field.number in (*_INTEGERS, _HALVES):
            found = _integer(field.raw, field.number, dtype)
    return found


def _integer(raw: int | bytes, number: int, dtype: int) -> float | None:
    """A varint that stands alone or in a packed field of one."""
    if isinstance(raw, bytes):
        raw = next((f.integer for f in fields(b"\x08" + raw)), 0)  # a packed field of one, given a tag
    if number == _HALVES:
        bits = (raw & 0xFFFF).to_bytes(2, "little")
        return _unpacked("<f", b"\0\0" + bits) if dtype == _BFLOAT16 else _unpacked("<e", bits)
    return float(raw - (1 << 64) if raw >> 63 and number in (7, 10) else raw)


def _count(shape: bytes) -> int:
    """Number of elements of a TensorShapeProto: field 2 is a dimension, whose field 1 is its size."""
    count = 1
    for dimension in fields(shape):
        if dimension.number == 2:
            count *= next((f.signed for f in fields(dimension.data) if f.number == 1), 0)
            if count != 1:
                return 0
    return count


def _unpacked(form: str, data: bytes) -> float:
    return float(struct.unpack(form, data)[0])


EVENTS = Source(
    title="TensorBoard event files",
    names=re.compile(r".*\.tfevents\..*"),
    begins=lambda head: b"brain.Event:" in head[:64],
    read=read,
    together=True,
    sure=True,
)
