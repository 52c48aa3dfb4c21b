"""The section on changes of structure: tensors that are new, gone, or of another shape or dtype."""

from __future__ import annotations

from collections.abc import Iterator

from reporter.model.difference import form_change
from reporter.model.page import Section
from reporter.model.report import Report
from reporter.model.table import Cell, Column, Row
from reporter.sections.base import Medium, bounded


def build(report: Report, medium: Medium) -> Iterator[Section]:
    """One section for all series; none if no structure changed."""
    rows = []
    for series in report.series:
        for pair in series.pairs:
            where = (Cell(series.name), Cell(f"{series.labels[pair.before]} → {series.labels[pair.after]}"))
            rows += [Row((*where, Cell("gone", level="warn"), Cell(n), Cell(""))) for n in pair.removed]
            rows += [Row((*where, Cell("new", level="info"), Cell(n), Cell(""))) for n in pair.added]
            rows += [
                Row((*where, Cell(form_change(before, after), level="warn"), Cell(n), Cell(f"{before} → {after}")))
                for n, before, after in pair.reshaped
            ]
    if not rows:
        return
    columns = tuple(
        Column(title, numeric=False) for title in ("Series", "Steps", "Change", "Tensor", "Shape and dtype")
    )
    table = bounded("Tensors that came, went or changed", columns, rows, medium)
    yield Section("structure", "Changes of structure", (table,))
