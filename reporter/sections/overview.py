"""The section with all series side by side, if there are several; the worst come first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

from reporter.model.comparison import Comparison
from reporter.model.finding import Finding, Severity
from reporter.model.page import Section
from reporter.model.report import Report
from reporter.model.table import Cell, Column, Row
from reporter.sections.base import (
    NON_FINITE,
    Medium,
    bounded,
    count_cell,
    findings_by_series,
    non_finite_cell,
    only,
    series_href,
    severity_of,
    statistic_cells,
    statistic_columns,
    verdict_cell,
    worst_series,
)
from reporter.sections.findings import about_deployment
from reporter.sections.health import State, health, thinned
from reporter.sections.narrative import last_usable
from reporter.sections.paired import update_cell
from reporter.sections.series_names import endings

_STATISTICS = ("l2_norm", "std", "zero_share")

ON_PAPER = frozenset({"Series", "Verdict", "Worst finding", "Steps", "Health", "Use", "Newest", "NaN/Inf"})
"""Titles of the columns for which there is room on paper; more would break names and dates over several lines."""

ROOM = 50
"""Most characters of the name of a series on paper, for which two lines have room."""

STRIP = 12
"""Most characters of the strip of a series: the ends, where a state changes, and others between."""

SIGNS = {State.NO_DATA: "·", State.FINE: "✓", State.REMARK: "✓", State.WARNING: "▲", State.FAILURE: "✕"}

_HEALTH = (
    "The worst that is known of each checkpoint, in order: ✓ fine, ▲ a warning, ✕ a failure. Of long series the ends, "
    "where it changes, and some between."
)
_NEWEST = "When the newest checkpoint was last written, and how long before this report that was."


def build(report: Report, medium: Medium) -> Iterator[Section]:
    """The section; none for a single series."""
    if len(report.series) < 2:
        return
    found = findings_by_series(report)
    rows = [_row(report, at, found.get(report.series[at].name, []), medium) for at in worst_series(report)]
    columns = (
        Column("Series", numeric=False),
        Column("Verdict", numeric=False),
        Column("Worst finding", numeric=False),
        Column("Findings", definition="Warnings and failures.", extra=True),
        Column("Format", numeric=False, extra=True),
        Column("Checkpoints", extra=True),
        Column("Steps"),
        Column("Health", numeric=False, course=True, definition=_HEALTH),
        Column("Use", numeric=False, definition="The last checkpoint without a failure."),
        Column("Newest", unit="saved", numeric=False, definition=_NEWEST),
        Column("Parameters"),
        *statistic_columns(_STATISTICS),
        NON_FINITE,
        Column("Relative update", definition="‖W − W′‖ / ‖W′‖ of the last checkpoint against the one before, W′."),
    )
    note = "The worst first. "
    if medium == "pdf":
        columns, rows = only(ON_PAPER, columns, rows)
        whole = [row.cells[0].text for row in rows]
        names = endings(whole, ROOM)
        rows = [
            replace(row, cells=(replace(row.cells[0], text=name), *row.cells[1:]))
            for name, row in zip(names, rows, strict=True)
        ]
        note += "Of long names only the end, which no other has. " if names != whole else ""
        note += "NaN/Inf: in the last checkpoint of each series."
    else:
        note += "Statistics are those of the trained weights in the last checkpoint of each series."
    if medium == "index":
        note += (
            " Every series has a page of its own, with its findings, what moved, its trend, changes, layers, "
            "deployment readiness, checks and files."
        )
    parts = tuple((row.cells[0].text, row.cells[0].href) for row in rows) if medium == "index" else ()
    yield Section("overview", "Series", (bounded("All series", columns, rows, medium, note=note),), parts=parts)


def _row(report: Report, at: int, found: list[Finding], medium: Medium) -> Row:
    series = report.series[at]
    loud = [f for f in found if f.severity > Severity.INFO]
    last = series.measured[-1]
    return Row(
        (
            Cell(series.name, href=series_href(series, medium)),
            verdict_cell(severity_of(loud)),
            Cell(loud[0].rule.title if loud else ""),
            count_cell(len(loud)),
            Cell(series.format),
            count_cell(len(series.refs)),
            Cell(f"{series.labels[0]} – {series.labels[-1]}" if len(series.refs) > 1 else series.labels[0]),
            Cell(_strip(series, found)),
            Cell(last_usable(series, found)),
            _newest(report, series, medium),
            count_cell(last.whole.parameters),
            *statistic_cells(last.trained.statistics, _STATISTICS),
            non_finite_cell(last.whole.summary),
            update_cell(series.pairs[-1].trained if series.pairs else None),
        ),
        anchor=f"series-{series.slug}" if medium == "index" else "",
    )


def _strip(series: Comparison, found: list[Finding]) -> str:
    """A sign for each checkpoint, or for those that tell most."""
    known = health(series, [f for f in found if not about_deployment(f)])
    places = thinned(len(series.refs), known.turns, STRIP)
    return "".join(SIGNS[State(int(known.whole[place]))] for place in places)


def _newest(report: Report, series: Comparison, medium: Medium) -> Cell:
    """When the last checkpoint was saved; on a page, which is made anew in each run, how old it is as well."""
    saved = datetime.fromtimestamp(series.refs[-1].mtime_ns / 1e9, UTC)
    text = f"{saved:%Y-%m-%d %H:%M}"
    age = (report.created - saved).total_seconds()
    return Cell(text if medium == "pdf" or age < 0 else f"{text} ({_span(age)} ago)")


def _span(seconds: float) -> str:
    """A time in its largest unit.

    >>> _span(30), _span(5400), _span(200_000)
    ('0 min', '1 h', '2 d')
    """
    for size, unit in ((86_400, "d"), (3_600, "h")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds // 60)} min"
