"""tensors.csv: one row per tensor and checkpoint, for pandas or a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from reporter.model.measured import Absent, Measured, TensorMeasure, Value
from reporter.model.report import Report
from reporter.statistics import STATISTICS

_WHERE = ("series", "checkpoint", "step", "name", "layer", "role", "trainable", "collection", "shape", "dtype", "bytes")

_NO_NUMBERS = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


def write_csv(report: Report) -> bytes:
    """UTF-8 with a header row; empty cells where there is no number."""
    probabilities = sorted({p for s in report.series for m in s.measured for p in _probabilities(m)})
    data = io.BytesIO()
    text = io.TextIOWrapper(data, "utf-8", "backslashreplace", newline="")
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow([*_WHERE, *(s.name for s in STATISTICS), *(f"q{p:g}" for p in probabilities)])
    for series, detail in zip(report.series, report.details, strict=True):
        for ref, numbers in ((series.refs[i], series.measured[i]) for i in detail.rows):
            where = [inert(series.name), inert(ref.name), "" if ref.step.value is None else str(ref.step.value)]
            rows.writerows(where + _row(tensor, probabilities) for tensor in numbers.tensors)
    text.flush()
    return data.getvalue()


def _probabilities(numbers: Measured) -> Iterator[float]:
    """Of the quantiles: those of any tensor with a finite value are those of all."""
    yield from next((q.values for t in numbers.tensors if (q := t.quantiles).values), {})


def _row(tensor: TensorMeasure, probabilities: list[float]) -> list[str]:
    info = tensor.info
    trainable = "" if info.trainable is None else str(info.trainable).lower()
    shape = "×".join(str(n) for n in info.shape) or "scalar"
    statistics, quantiles = tensor.statistics, tensor.quantiles.values
    return [
        inert(info.name),
        inert(info.layer),
        info.role,
        trainable,
        info.collection,
        shape,
        info.dtype,
        str(info.nbytes),
        *(_text(statistics[s.name]) for s in STATISTICS),
        *(_text(quantiles.get(p)) for p in probabilities),
    ]


def _text(value: Value | None) -> str:
    """A number in full, such as report.json has it; "" for none."""
    if value is None or isinstance(value, Absent):
        return ""
    text = repr(value)
    return _NO_NUMBERS.get(text, text)


def inert(text: str) -> str:
    """A name that no spreadsheet takes for a formula.

    Source: OWASP, *CSV Injection*.

    >>> inert("=HYPERLINK(1)"), inert("dense/kernel")
    ("'=HYPERLINK(1)", 'dense/kernel')
    """
    return "'" + text if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
