"""What sections share: their signatures, columns of statistics, links, and limits of the PDF."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal

from reporter.derive.statistics import STATISTICS
from reporter.model.checkpoint import CheckpointRef
from reporter.model.comparison import Comparison
from reporter.model.figures import CheckpointFigures
from reporter.model.finding import Finding, Severity
from reporter.model.measured import Absent, Statistics, Value
from reporter.model.page import Block, Cell, Column, Level, Paragraph, Row, Section, Table
from reporter.model.report import Report
from reporter.model.summary import Summary
from reporter.numerals import integer, number, share, statistic

Medium = Literal["html", "pdf", "index"]
"""What a section is made for: a page that holds everything, or all of one series; the document; the first page of a
report over many series, each of which has a page of its own."""

ReportSection = Callable[[Report, Medium], Iterator[Section]]
CheckpointSection = Callable[[Report, int, int], Iterator[Section]]

PDF_ROWS = 30
"""Rows of one table in the PDF: about 1 ms a cell in WeasyPrint, and what a reviewer reads."""

PDF_SHEETS = 5
"""Sheets of small histograms in the PDF, one to a page: of 200 layers."""

HTML_ROWS = 2000
"""Rows of one table in HTML: beyond it a browser stops being pleasant."""

BY_NAME = {s.name: s for s in STATISTICS}

LEVELS: dict[Severity, Level] = {Severity.INFO: "info", Severity.WARN: "warn", Severity.FAIL: "fail"}


def page_href(report: Report, at: int, place: int, medium: Medium) -> str:
    """A link to a checkpoint's page, "" where it has none: in the PDF, and for most of very many checkpoints."""
    has_page = medium != "pdf" and place in report.details[at].pages
    return checkpoint_href(report.series[at].refs[place]) if has_page else ""


def series_href(series: Comparison, medium: Medium) -> str:
    """A link to where a series is told: on its own page, or further down on this one."""
    return f"series/{series.slug}.html" if medium == "index" else f"#trend-{series.slug}"


def runs_href(group: int) -> str:
    """Path of the page of a group of runs of one model, beside the report."""
    return f"runs/group-{group + 1}.html"


def severity_of(findings: Iterable[Finding]) -> Severity:
    """The worst one; INFO where there is none."""
    return max((f.severity for f in findings), default=Severity.INFO)


def verdict_cell(worst: Severity) -> Cell:
    """A series' verdict, which sorts by how bad it is."""
    level: Level = LEVELS[worst] if worst > Severity.INFO else "pass"
    return Cell(worst.name if worst > Severity.INFO else "PASS", level=level, sort=float(worst))


def findings_by_series(report: Report) -> dict[str, list[Finding]]:
    """Findings of each series that has any, worst first."""
    found: dict[str, list[Finding]] = {}
    for finding in report.judgement.findings:
        found.setdefault(finding.series, []).append(finding)
    return found


def worst_series(report: Report) -> list[int]:
    """Places of all series, those with the worst findings and then with most of them first."""
    found = findings_by_series(report)

    def rank(at: int) -> tuple[float, ...]:
        own = found.get(report.series[at].name, [])
        loud = [f for f in own if f.severity > Severity.INFO]
        return (-float(severity_of(own)), -max((f.weight for f in loud), default=0.0), -float(len(loud)))

    return sorted(range(len(report.series)), key=rank)


def checkpoint_href(ref: CheckpointRef) -> str:
    """Path of a checkpoint's page beside the report."""
    return f"checkpoints/{ref.slug}.html"


def sheets(figures: CheckpointFigures, layers: int, medium: Medium) -> Iterator[Block]:
    """Small histograms of a checkpoint's ``layers``, as many as the medium bears, and what is left out."""
    shown = figures.sheets[:PDF_SHEETS] if medium == "pdf" else figures.sheets
    yield from shown
    if len(shown) < len(figures.sheets):
        yield Paragraph(
            f"{len(figures.sheets) - len(shown)} more sheets, of the layers after these: index.html.", "note"
        )
    if figures.layers < layers:
        drawn = f"the first {integer(figures.layers)} of {integer(layers)} layers"
        yield Paragraph(f"Drawn: {drawn}. report.json has the counts of all.", "note")


def statistic_columns(names: Sequence[str]) -> tuple[Column, ...]:
    """Columns of registered statistics, with their definitions."""
    return tuple(Column(BY_NAME[n].title, definition=BY_NAME[n].definition) for n in names)


def statistic_cells(values: Statistics | None, names: Sequence[str]) -> tuple[Cell, ...]:
    """Cells of registered statistics; a bad count is marked."""
    return tuple(statistic_cell(name, None if values is None else values[name]) for name in names)


def statistic_cell(name: str, value: Value | None) -> Cell:
    """One statistic as a cell."""
    unit = BY_NAME[name].unit
    bad = name in ("nan_count", "posinf_count", "neginf_count") and isinstance(value, int) and value > 0
    return Cell(statistic(value, unit), sort=sortable(value), level="fail" if bad else "", title=unrounded(value))


NON_FINITE = Column("NaN/Inf", definition="Values that are NaN or infinite; all other statistics leave them out.")


def non_finite_cell(summary: Summary) -> Cell:
    """How many values are NaN or infinite, by kind on demand; any at all is marked."""
    kinds = (("NaN", summary.nan), ("+Inf", summary.posinf), ("−Inf", summary.neginf))
    title = ", ".join(f"{integer(n)} {kind}" for kind, n in kinds if n)
    n = summary.non_finite
    return Cell(integer(n), sort=float(n), level="fail" if n else "", title=title)


def number_cell(value: float | None, digits: int = 4) -> Cell:
    """A number as a cell."""
    return Cell(number(value, digits), sort=sortable(value), title=unrounded(value))


def share_cell(value: float | None) -> Cell:
    """A fraction of 1 as a cell."""
    return Cell(share(value), sort=sortable(value), title=unrounded(value))


def count_cell(value: int) -> Cell:
    """A whole number as a cell."""
    return Cell(integer(value), sort=float(value))


def sortable(value: Value | None) -> float | None:
    """A key to sort by; None for what is no number."""
    if value is None or isinstance(value, Absent) or value != value:
        return None
    return float(value)


def unrounded(value: Value | None) -> str:
    """All digits of a float, for a tool tip; "" where the cell already shows them."""
    if isinstance(value, float) and value == value and number(value) not in (repr(value), str(value)):
        return repr(value)
    return ""


def bounded(
    caption: str, columns: Sequence[Column], rows: Sequence[Row], medium: Medium, *, note: str = "", keep: str = "first"
) -> Table:
    """A table with as many rows as the medium bears; ``keep="ends"`` keeps the first and the last ones."""
    limit = PDF_ROWS if medium == "pdf" else HTML_ROWS
    where = {"pdf": "index.html", "html": "tensors.csv and report.json", "index": "report.json"}[medium]
    if len(rows) <= limit:
        return Table(caption, tuple(columns), tuple(rows), note)
    kept = list(rows[:limit])
    if keep == "ends":
        places = sorted({round(i * (len(rows) - 1) / (limit - 1)) for i in range(limit)})
        kept = [rows[i] for i in places]
        note = (note + " " if note else "") + f"{limit} of {integer(len(rows))} rows, evenly spaced."
    return Table(caption, tuple(columns), tuple(kept), note, len(rows) - len(kept), where)
