"""The sections on a checkpoint's page about each of its tensors, and about what was skipped."""

from __future__ import annotations

from collections.abc import Iterator

from reporter.derive.statistics import INSTALLED
from reporter.model.measured import TensorMeasure
from reporter.model.page import Section
from reporter.model.report import Report
from reporter.model.table import Cell, Column, Row
from reporter.sections.base import bounded, count_cell, number_cell, statistic_cells, statistic_columns, without_folder

_OWN = (
    "mean", "std", "min", "max", "l2_norm", "rms", "skewness", "kurtosis",
    "zero_count", "zero_share", "nan_count", "posinf_count", "neginf_count",
)  # fmt: skip

_STATISTICS = (*_OWN, *(statistic.name for statistic in INSTALLED))

_TITLES = {"model": "Model variables", "optimizer": "Optimizer variables", "other": "Other variables"}


def build(report: Report, at: int, place: int) -> Iterator[Section]:
    """A section for each collection (model, optimizer, other), and one for what was skipped.

    Args:
        report: the report.
        at: index of the series.
        place: index of the checkpoint in the series.
    """
    numbers = report.series[at].measured[place]
    for collection, title in _TITLES.items():
        tensors = [t for t in numbers.tensors if t.info.collection == collection]
        if not tensors:
            continue
        probabilities = list(dict.fromkeys(p for t in tensors for p in t.quantiles.values))
        columns = (
            Column("Tensor", numeric=False),
            Column("Role", numeric=False),
            Column("Trainable", numeric=False, extra=True),
            Column("Shape", numeric=False),
            Column("Dtype", numeric=False, extra=True),
            Column("Values", extra=True),
            *statistic_columns(_STATISTICS),
            *(Column(f"q{p:g}", definition=f"{100 * p:g} % quantile, exact.", extra=True) for p in probabilities),
        )
        rows = [_row(t, probabilities) for t in tensors]
        table = without_folder(bounded(title, columns, rows, "html", where="tensors.csv and report.json"))
        yield Section(f"tensors-{collection}", title, (table,), folded=collection != "model")
    if numbers.skipped:
        columns = tuple(Column(t, numeric=False) for t in ("Entry", "Dtype", "Shape", "Why it was skipped"))
        rows = [Row((Cell(s.name), Cell(s.dtype), Cell(_shape(s.shape)), Cell(s.reason))) for s in numbers.skipped]
        yield Section(
            "skipped", "Skipped entries", (bounded("Listed, not measured", columns, rows, "html"),), folded=True
        )


def _row(tensor: TensorMeasure, probabilities: list[float]) -> Row:
    info, quantiles = tensor.info, tensor.quantiles.values
    trainable = {True: "yes", False: "no", None: "unknown"}[info.trainable]
    return Row(
        (
            Cell(info.name, title=info.key),
            Cell(info.role),
            Cell(trainable),
            Cell(_shape(info.shape)),
            Cell(info.dtype),
            count_cell(info.size),
            *statistic_cells(tensor.statistics, _STATISTICS),
            *(number_cell(quantiles.get(p)) for p in probabilities),
        )
    )


def _shape(shape: tuple[int, ...]) -> str:
    return " × ".join(str(n) for n in shape) or "scalar"
