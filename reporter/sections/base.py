"""What sections have in common: their types, links, columns and cells, and how large tables may be."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Literal

from reporter.derive.statistics import STATISTICS
from reporter.model.blocks import Figure, Paragraph
from reporter.model.checkpoint import CheckpointRef
from reporter.model.common_folder import common_folder
from reporter.model.comparison import Comparison
from reporter.model.evenly import evenly
from reporter.model.figures import CheckpointFigures
from reporter.model.finding import Finding, Severity
from reporter.model.measured import GroupMeasure, TensorMeasure
from reporter.model.page import Block, Section
from reporter.model.report import Report
from reporter.model.summary import Summary
from reporter.model.table import Cell, Column, Level, Row, Table
from reporter.model.value import Absent, Statistics, Value
from reporter.numerals import integer, number, share, statistic

Medium = Literal["html", "pdf", "index"]
"""What a section is made for. ``html``: a page that holds everything, or everything of one series. ``pdf``: the PDF.
``index``: the first page of a report over many series, each of which has a page of its own."""

ReportSection = Callable[[Report, Medium], Iterator[Section]]
"""Yields the sections of a report for a medium, none if there is nothing to tell."""

CheckpointSection = Callable[[Report, int, int], Iterator[Section]]
"""Yields the sections of a checkpoint, given the report, the index of its series and its own index in that series."""

PDF_ROWS = 30
"""Most rows of a table in the PDF: WeasyPrint takes about 1 ms per cell, and a reviewer reads no more."""

PDF_SHEETS = 14
"""Most sheets of small histograms in the PDF, three of which take a page: those of 210 layers."""

HTML_ROWS = 2000
"""Most rows of a table in HTML: with more of them, a browser becomes slow."""

BY_NAME = {s.name: s for s in STATISTICS}
"""The registered statistics by name."""

LEVELS: dict[Severity, Level] = {Severity.INFO: "info", Severity.WARN: "warn", Severity.FAIL: "fail"}
"""How findings of each severity are marked on a page."""


def of_series(report: Report, at: int, key: str, title: str, blocks: Iterable[Block], short: str = "") -> Section:
    """A section of one series, whose title tells the series where there are several.

    Args:
        report: the report.
        at: index of the series.
        key: the beginning of the section's anchor, which ends with the series.
        title: where the report has one series.
        blocks: what is in it.
        short: the title before the name of the series; "" if it is the same.
    """
    series = report.series[at]
    words = title if len(report.series) == 1 else f"{short or title}: {series.name}"
    return Section(f"{key}-{series.slug}", words, tuple(blocks))


def page_href(report: Report, at: int, place: int, medium: Medium) -> str:
    """The link to the page of a checkpoint, "" if it has none.

    There are no such pages in a PDF, and in a report over very many checkpoints most have none.

    Args:
        report: the report.
        at: index of the series.
        place: index of the checkpoint in the series.
        medium: what the link is for.
    """
    has_page = medium != "pdf" and place in report.details[at].pages
    return checkpoint_href(report.series[at].refs[place]) if has_page else ""


def series_href(series: Comparison, medium: Medium) -> str:
    """The link to where a series is described: on its own page, or further down on the same page."""
    return f"series/{series.slug}.html" if medium == "index" else f"#trend-{series.slug}"


def runs_href(group: int) -> str:
    """The path, in the folder of the report, of the page of a group of runs of one model."""
    return f"runs/group-{group + 1}.html"


def severity_of(findings: Iterable[Finding]) -> Severity:
    """The worst severity of some findings; INFO if there is none."""
    return max((f.severity for f in findings), default=Severity.INFO)


def verdict_cell(worst: Severity) -> Cell:
    """A cell with the verdict of a series, given the worst severity of its findings; cells sort by that."""
    level: Level = LEVELS[worst] if worst > Severity.INFO else "pass"
    return Cell(worst.name if worst > Severity.INFO else "PASS", level=level, sort=float(worst))


def findings_by_series(report: Report) -> dict[str, list[Finding]]:
    """The findings of each series that has any, the worst first."""
    found: dict[str, list[Finding]] = {}
    for finding in report.judgement.findings:
        found.setdefault(finding.series, []).append(finding)
    return found


def worst_series(report: Report) -> list[int]:
    """The indices of all series: in the order in which the worst finding of each is told, then those without one."""
    loud = dict.fromkeys(f.series for f in report.judgement.findings if f.severity > Severity.INFO)
    place = {name: i for i, name in enumerate(loud)}
    return sorted(range(len(report.series)), key=lambda at: place.get(report.series[at].name, len(place)))


OF_CHECKPOINTS = "checkpoints/"
"""How the paths of the pages of checkpoints begin."""


def checkpoint_href(ref: CheckpointRef) -> str:
    """The path, in the folder of the report, of the page of a checkpoint."""
    return f"{OF_CHECKPOINTS}{ref.slug}.html"


def where_detailed(report: Report, at: int, place: int = -1) -> str:
    """Where all numbers of the layers and tensors of a checkpoint are, for sentences on what a page leaves out.

    Of very many series, report.json has them of some checkpoints only: see :mod:`reporter.sections.shown`.

    Args:
        report: the report.
        at: index of the series.
        place: index of the checkpoint in the series; the last one by default.
    """
    place %= len(report.series[at].refs)
    return "report.json" if place in report.details[at].records else "a report over this series alone"


def sheets(figures: CheckpointFigures, layers: int, medium: Medium, where: str) -> Iterator[Block]:
    """The sheets of small histograms of a checkpoint, and notes on what is left out.

    Args:
        figures: the pictures of the checkpoint.
        layers: how many layers it has.
        medium: what the sheets are for; a PDF gets only some.
        where: all numbers are, see :func:`where_detailed`.
    """
    shown = figures.sheets[:PDF_SHEETS] if medium == "pdf" else figures.sheets
    if len(shown) > 1:
        shown, common = said_once(shown)
        yield Paragraph(common)
    yield from shown
    if len(shown) < len(figures.sheets):
        yield Paragraph(
            f"{len(figures.sheets) - len(shown)} more sheets, of the layers after these, are not in this document; "
            f"{where} has their counts.",
            "note",
        )
    if figures.layers < layers:
        drawn = f"the first {integer(figures.layers)} of {integer(layers)} layers"
        yield Paragraph(f"Drawn: {drawn}. {where} has the counts of all.", "note")


def said_once(figures: tuple[Figure, ...]) -> tuple[tuple[Figure, ...], str]:
    """The figures without the sentences that all of their captions share, and these sentences."""
    sentences = [[s for s in figure.caption.replace(". ", ".\n").split("\n") if s] for figure in figures]
    shared = [sentence for sentence in sentences[0] if all(sentence in of for of in sentences)]
    rest = (" ".join(s for s in of if s not in shared) for of in sentences)
    return tuple(replace(f, caption=text) for f, text in zip(figures, rest, strict=True)), " ".join(shared)


_TELLING = ("std", "l2_norm", "zero_share")
"""Statistics that a wide table shows at first: how large the weights are, and whether something of them is gone."""


def statistic_columns(names: Sequence[str]) -> tuple[Column, ...]:
    """The columns of some statistics, with their definitions."""
    return tuple(Column(BY_NAME[n].title, definition=BY_NAME[n].definition, extra=n not in _TELLING) for n in names)


def statistic_cells(values: Statistics | None, names: Sequence[str]) -> tuple[Cell, ...]:
    """The cells of some statistics, in the order of ``names``; empty ones if there are no values."""
    return tuple(statistic_cell(name, None if values is None else values[name]) for name in names)


def statistic_cell(name: str, value: Value | None) -> Cell:
    """The cell of a statistic; a count of values that are not finite is marked unless it is 0."""
    unit = BY_NAME[name].unit
    bad = name in ("nan_count", "posinf_count", "neginf_count") and isinstance(value, int) and value > 0
    return Cell(statistic(value, unit), sort=sortable(value), level="fail" if bad else "", title=unrounded(value))


def norm_cell(group: GroupMeasure | TensorMeasure | None) -> Cell:
    """The L2 norm of some values; where not all of them are finite, with a word that it is of those that are."""
    if group is None:
        return statistic_cell("l2_norm", None)
    cell = statistic_cell("l2_norm", group.statistics["l2_norm"])
    return replace(cell, text=f"{cell.text} (finite)", level="fail") if group.summary.non_finite else cell


NON_FINITE = Column("NaN/Inf", definition="Values that are NaN or infinite; all other statistics leave them out.")


def non_finite_cell(summary: Summary) -> Cell:
    """The number of values that are NaN or infinite, marked unless it is 0; the tool tip tells them apart."""
    kinds = (("NaN", summary.nan), ("+Inf", summary.posinf), ("−Inf", summary.neginf))
    title = ", ".join(f"{integer(n)} {kind}" for kind, n in kinds if n)
    n = summary.non_finite
    return Cell(integer(n), sort=float(n), level="fail" if n else "", title=title)


def count_of_bad(count: int) -> Cell:
    """A count of what there should be none of, marked unless it is 0."""
    return Cell(integer(count), sort=float(count), level="fail" if count else "")


def number_cell(value: float | None, digits: int = 4) -> Cell:
    """The cell of a number, with all of its digits as a tool tip."""
    return Cell(number(value, digits), sort=sortable(value), title=unrounded(value))


def share_cell(value: float | None) -> Cell:
    """The cell of a fraction of 1, printed as a percentage."""
    return Cell(share(value), sort=sortable(value), title=unrounded(value))


def count_cell(value: int) -> Cell:
    """The cell of a whole number."""
    return Cell(integer(value), sort=float(value))


def sortable(value: Value | None) -> float | None:
    """The number that a cell is sorted by, None for NaN and where there is no number."""
    if value is None or isinstance(value, Absent) or value != value:
        return None
    return float(value)


def unrounded(value: Value | None) -> str:
    """All digits of a number, for a tool tip; "" if the cell shows them already."""
    if isinstance(value, float) and value == value:
        digits = str(value)
        return digits if len(digits) > _ROUNDED or number(value) != digits else ""
    return ""


_ROUNDED = len("−1.235e+308")
"""Most characters of a rounded number."""


BEFORE = ("previous", "since")
"""Units of columns that hold a checkpoint against the one just before."""


def bounded(
    caption: str,
    columns: Sequence[Column],
    rows: Sequence[Row],
    medium: Medium,
    *,
    note: str = "",
    keep: str = "first",
    where: str = "report.json",
) -> Table:
    """A table with as many rows as suit the medium, and a line on where the others are.

    Args:
        caption: of the table.
        columns: its columns.
        rows: all rows.
        medium: what the table is for.
        note: a sentence below the table.
        keep: which rows are kept if there are too many: the ``first`` ones, or evenly spread ones that include both
            ``ends``.
        where: the others are.
    """
    limit = PDF_ROWS if medium == "pdf" else HTML_ROWS
    if len(rows) <= limit:
        return Table(caption, tuple(columns), tuple(rows), note)
    kept = list(rows[:limit])
    if keep == "ends":
        kept = [rows[i] for i in evenly(len(rows), limit)]
        note = (note + " " if note else "") + f"{limit} of {integer(len(rows))} rows, evenly spaced."
        if any(column.unit in BEFORE for column in columns):
            note += " What is held against the checkpoint before is so against the one just before, shown or not."
    return Table(caption, tuple(columns), tuple(kept), note, len(rows) - len(kept), where)


def only(
    titles: Collection[str], columns: Sequence[Column], rows: Sequence[Row]
) -> tuple[tuple[Column, ...], list[Row]]:
    """The columns of a table that have one of some titles, and its rows without the cells of the others."""
    kept = [at for at, column in enumerate(columns) if column.title in titles]
    return tuple(columns[at] for at in kept), [replace(row, cells=tuple(row.cells[at] for at in kept)) for row in rows]


def without_folder(table: Table) -> Table:
    """A table of layers or tensors without what all their names begin with, which its note tells once; each cell's tool
    tip has the whole name."""
    folder = common_folder([row.cells[0].text for row in table.rows])
    if not folder:
        return table

    def stripped(row: Row) -> Row:
        name, *others = row.cells
        return replace(
            row, cells=(replace(name, text=name.text.removeprefix(folder), title=name.title or name.text), *others)
        )

    note = f"{table.note} All names begin with {folder} which is left out.".strip()
    return replace(table, rows=tuple(map(stripped, table.rows)), note=note)
