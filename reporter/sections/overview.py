"""All series side by side, when a folder holds several."""

from __future__ import annotations

from collections.abc import Iterator

from reporter.model.finding import Severity
from reporter.model.page import Cell, Column, Row, Section
from reporter.model.report import Report
from reporter.sections.base import (
    LEVELS,
    NON_FINITE,
    Medium,
    bounded,
    count_cell,
    non_finite_cell,
    statistic_cells,
    statistic_columns,
)
from reporter.sections.paired import update_cell

_STATISTICS = ("l2_norm", "std", "zero_share")


def build(report: Report, medium: Medium) -> Iterator[Section]:
    """The section, nothing for a single series."""
    if len(report.series) < 2:
        return
    rows = []
    for series in report.series:
        worst = max((f.severity for f in report.judgement.findings if f.series == series.name), default=Severity.INFO)
        verdict = worst.name if worst > Severity.INFO else "PASS"
        level = LEVELS[worst] if worst > Severity.INFO else "pass"
        last = series.measured[-1]
        rows.append(
            Row(
                (
                    Cell(series.name, href=f"#trend-{series.slug}"),
                    Cell(verdict, level=level, sort=float(worst)),
                    Cell(series.format),
                    count_cell(len(series.refs)),
                    Cell(f"{series.labels[0]} – {series.labels[-1]}" if len(series.refs) > 1 else series.labels[0]),
                    count_cell(last.whole.parameters),
                    *statistic_cells(last.whole.statistics, _STATISTICS),
                    non_finite_cell(last.whole.summary),
                    update_cell(series.pairs[-1].whole if series.pairs else None),
                )
            )
        )
    columns = (
        Column("Series", numeric=False),
        Column("Verdict", numeric=False),
        Column("Format", numeric=False),
        Column("Checkpoints"),
        Column("Steps"),
        Column("Parameters"),
        *statistic_columns(_STATISTICS),
        NON_FINITE,
        Column("Relative update", definition="‖W − W′‖ / ‖W′‖ of the last checkpoint against the one before, W′."),
    )
    note = "Statistics are those of the last checkpoint of each series."
    yield Section("overview", "Series", (bounded("All series", columns, rows, medium, note=note),))
