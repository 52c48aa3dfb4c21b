"""tensors.csv: one row per tensor and checkpoint, for pandas or a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from reporter.model.measured import Measured, TensorMeasure
from reporter.model.report import Report
from reporter.statistics import STATISTICS
from reporter.writers.records import plain

_WHERE = ("series", "checkpoint", "step", "name", "layer", "role", "trainable", "collection", "shape", "dtype", "bytes")


def write_csv(report: Report) -> bytes:
    """UTF-8 with a header row; empty cells where there is no number."""
    probabilities = sorted({p for s in report.series for m in s.measured for p in _probabilities(m)})
    text = io.StringIO(newline="")
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow([*_WHERE, *(s.name for s in STATISTICS), *(f"q{p:g}" for p in probabilities)])
    for series, detail in zip(report.series, report.details, strict=True):
        for ref, numbers in ((series.refs[i], series.measured[i]) for i in detail.rows):
            for tensor in numbers.tensors:
                step = "" if ref.step.value is None else str(ref.step.value)
                rows.writerow([inert(c) for c in (series.name, ref.name)] + [step] + _row(tensor, probabilities))
    return text.getvalue().encode("utf-8", "backslashreplace")


def _probabilities(numbers: Measured) -> Iterator[float]:
    """Of the quantiles: those of any tensor with a finite value are those of all."""
    yield from next((q.values for t in numbers.tensors if (q := t.quantiles).values), {})


def _row(tensor: TensorMeasure, probabilities: list[float]) -> list[str]:
    info = tensor.info
    trainable = "" if info.trainable is None else str(info.trainable).lower()
    shape = "×".join(str(n) for n in info.shape) or "scalar"
    statistics, quantiles = tensor.statistics, tensor.quantiles.values
    values = [plain(statistics[s.name]) for s in STATISTICS]
    values += [plain(quantiles.get(p)) for p in probabilities]
    texts = ["" if v is None else repr(v) if isinstance(v, float) else str(v) for v in values]
    return [
        inert(info.name),
        inert(info.layer),
        info.role,
        trainable,
        info.collection,
        shape,
        info.dtype,
        str(info.nbytes),
        *texts,
    ]


def inert(text: str) -> str:
    """A name that no spreadsheet takes for a formula.

    Source: OWASP, *CSV Injection*.

    >>> inert("=HYPERLINK(1)"), inert("dense/kernel")
    ("'=HYPERLINK(1)", 'dense/kernel')
    """
    return "'" + text if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
