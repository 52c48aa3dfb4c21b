"""Write tensors.csv: one row per tensor and checkpoint, for pandas or a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from reporter.derive.statistics import STATISTICS
from reporter.model.columns import Columns
from reporter.model.measured import Measured
from reporter.model.report import Report
from reporter.model.tensor import TensorInfo
from reporter.model.value import Absent, Value
from reporter.printable import visible
from reporter.writers.records import all_plain

# The columns that say which tensor of which checkpoint a row describes.
_WHERE = ("series", "checkpoint", "step", "name", "layer", "role", "trainable", "collection", "shape", "dtype", "bytes")

_NAMES = [s.name for s in STATISTICS]

# What a spreadsheet takes for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\\t", "\\r", "\N{FULLWIDTH EQUALS SIGN}", "\N{FULLWIDTH PLUS SIGN}",
            "\N{FULLWIDTH HYPHEN-MINUS}", "\N{FULLWIDTH COMMERCIAL AT}")  # fmt: skip

_SPECIAL = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity", "None": ""} | dict.fromkeys(map(repr, Absent), "")
"""For values that are no ordinary numbers: their ``repr``, and what is written instead."""


def write_csv(report: Report) -> Iterator[bytes]:
    """The table in UTF-8, piece by piece, with a header row, and empty cells where there is no number."""
    probabilities = sorted({p for s in report.series for m in s.measured for p in _probabilities(m)})
    yield _encoded(_line([*_WHERE, *_NAMES, *(f"q{p:g}" for p in probabilities)]) + "\n")
    infos: Sequence[TensorInfo] = ()
    described: list[str] = []
    for series, detail in zip(report.series, report.details, strict=True):
        for ref, numbers in ((series.refs[i], series.measured[i]) for i in detail.rows):
            step = "" if ref.step.value is None else str(ref.step.value)
            where = _line([inert(series.name), inert(ref.name), step])
            if numbers.infos is not infos:  # consecutive checkpoints mostly share this object
                infos, described = numbers.infos, [_line(_described(info)) for info in numbers.infos]
            # No number has to be quoted: to join them takes a third of the time that a writer takes.
            cells = zip(described, *_numbers(numbers.of_tensors.columns, probabilities), strict=True)
            yield _encoded("".join([f"{where},{','.join(row)}\n" for row in cells]))


def _line(cells: Sequence[str]) -> str:
    """Cells, quoted where they have to be."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().removesuffix("\n")


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")


def _probabilities(numbers: Measured) -> Iterator[float]:
    """The probabilities of a checkpoint's quantiles: those of anything with a finite value, as all have the same."""
    known = numbers.whole.quantiles.values
    yield from known or next((q.values for t in numbers.tensors if (q := t.quantiles).values), {})


def _described(info: TensorInfo) -> list[str]:
    """The cells that describe a tensor, from its name to its size in bytes."""
    trainable = "" if info.trainable is None else str(info.trainable).lower()
    shape = "×".join(str(n) for n in info.shape) or "scalar"
    names = [inert(info.name), inert(info.layer)]
    return [*names, info.role, trainable, info.collection, shape, info.dtype, str(info.nbytes)]


def _numbers(columns: Columns, probabilities: Sequence[float]) -> Iterator[list[str]]:
    """Each statistic and quantile of all tensors, with all digits, as in report.json; "" where there is no number."""
    values: list[Sequence[Value | None]] = [columns.listed(name) for name in _NAMES]
    for column in (*values, *map(columns.quantile, probabilities)):
        texts = list(map(repr, column))
        yield texts if all_plain(column) else [_SPECIAL.get(text, text) for text in texts]


def inert(text: str) -> str:
    """A name in a form that no spreadsheet takes for a formula, and no terminal for a command.

    A name that begins like a formula gets an apostrophe in front. Control characters are written as escape sequences,
    line breaks included, since another cell could begin after these. Full-width signs also begin a formula, as Excel
    accepts them in Japanese and Chinese. Source: OWASP, *CSV Injection*.

    >>> inert("=HYPERLINK(1)"), inert("dense/kernel"), inert("a\\r=1")
    ("'=HYPERLINK(1)", 'dense/kernel', 'a\\\\r=1')
    """
    shown = visible(text)
    return "'" + shown if shown.lstrip().startswith(_FORMULA) else shown
