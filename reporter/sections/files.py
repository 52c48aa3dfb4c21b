"""The section of files: every file that was met, and what became of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from reporter.model.blocks import Facts
from reporter.model.checkpoint import ASIDE, FileEntry, State
from reporter.model.page import Block, Section
from reporter.model.report import Report
from reporter.model.table import Cell, Column, Level, Row
from reporter.numerals import integer, size
from reporter.sections.base import Medium, bounded, only

_CHECKS = (
    "What can be known of damage: crc32c and zip crc32 are checksums over every value; lengths: the sizes fit, and the "
    "format has no checksum; none: not even that."
)

ON_PAPER = frozenset({"Path", "State", "Format", "Reason"})
"""Titles of the columns on paper, where only files without numbers are listed: few of these have more to tell."""

_LEVELS: dict[State, Level] = {
    State.MEASURED: "pass",
    State.RECORDED: "pass",
    State.NO_CHECKPOINT: "",
    State.LEFT_OUT: "",
    State.IN_PROGRESS: "info",
    State.ROTATED_AWAY: "info",
}


def build(report: Report, medium: Medium) -> Iterator[Section]:
    """The number of files in each state, then a table: files that could not be read first, other files last."""
    states = Counter(entry.state for entry in report.files)
    tiles = tuple((s, integer(n)) for s, n in sorted(states.items(), key=_rank))
    measured = [m for series in report.series for m in series.measured]
    read = (("Tensors measured", integer(report.tensors)), ("Weights read", size(sum(m.nbytes for m in measured))))
    blocks: list[Block] = [Facts((*tiles, *read), "tiles")]
    entries = sorted(report.files, key=lambda e: (_rank((e.state, 0)), e.urgency))
    if medium == "pdf":  # those that were measured are in the tables of their series
        entries = [e for e in entries if e.state not in ASIDE and e.state is not State.MEASURED]
    if entries:
        columns: tuple[Column, ...] = (
            Column("Path", numeric=False),
            Column("State", numeric=False),
            Column("Format", numeric=False),
            Column("Step"),
            Column("Series", numeric=False, extra=True),
            Column("Integrity check", numeric=False, definition=_CHECKS),
            Column("Reason", numeric=False),
        )
        note = "The files of each series are on its page as well." if medium == "index" else ""
        rows = [_row(e) for e in entries]
        if medium == "pdf":
            columns, rows = only(ON_PAPER, columns, rows)
        blocks.append(bounded("Files", columns, rows, medium, note=note))
    yield Section("files", "Files", tuple(blocks), folded=not any(_rank((s, 0)) == 0 for s in states))


def _rank(state: tuple[State, int]) -> int:
    """The place of a state in the order of rows: 0 for all states but those that need no attention."""
    ranks = {State.MEASURED: 1, State.RECORDED: 1, State.LEFT_OUT: 2, State.NO_CHECKPOINT: 3}
    return ranks.get(state[0], 0)


def _row(entry: FileEntry) -> Row:
    level = _LEVELS.get(entry.state, "warn")
    return Row(
        (
            Cell(entry.path),
            Cell(entry.state, level=level),
            Cell(entry.format or "—"),
            Cell("—" if entry.step is None else str(entry.step), sort=entry.step),
            Cell(entry.series or "—"),
            Cell(entry.integrity or "—"),
            Cell(entry.reason or "—"),
        )
    )
