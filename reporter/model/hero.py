"""The first screen of a report, with the map of health."""

from __future__ import annotations

from reporter.frozen import dataclass
from reporter.model.blocks import Figure
from reporter.model.table import Level

SIGNS: dict[Level, str] = {"pass": "·", "info": "●", "warn": "▲", "fail": "✕", "": "–"}
"""What is seen of a state in the map of health where there are no colours."""

NAME_OF_SERIES = 26
"""Most characters of the name of a row that stands for a series, beside which it is told what is wrong with it."""

WORDS: dict[Level, str] = {"pass": "fine", "info": "remark", "warn": "warning", "fail": "failure", "": "no data"}
"""What each state is called."""


@dataclass(frozen=True, slots=True)
class Link:
    """A text that leads somewhere, as :class:`Cell` does, or just a text.

    Attributes:
        text: what is printed.
        href: the address, or "".
        level: a mark.
    """

    text: str
    href: str = ""
    level: Level = ""


@dataclass(frozen=True, slots=True)
class HealthCell:
    """The worst that is known of a place at a moment.

    Attributes:
        level: "pass" for fine; "" where there is no data.
        words: the same in words, with place and moment: what is heard, and the tool tip.
        href: as in :class:`Cell`.
    """

    level: Level
    words: str
    href: str = ""


@dataclass(frozen=True, slots=True)
class HealthRow:
    """One layer, group of layers or series over the checkpoints; ``title`` is the longer name.

    Attributes:
        name: of the layer or series, with a link to it.
        cells: one per column of the map.
        title: the whole name.
        told: of a series, its worst finding in a line, with a link to where it is told; without text where there is
            none.
    """

    name: Link
    cells: tuple[HealthCell, ...]
    title: str = ""
    told: Link = Link("")


@dataclass(frozen=True, slots=True)
class HealthMap:
    """Places × checkpoints, each with its worst state.

    Attributes:
        rows: layers, or series.
        caption: what the rows and columns are, and by which rule some were left out.
        columns: labels of the checkpoints, as many as each row has cells; () where the rows are different series, each
            with cells of its own.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[HealthRow, ...]


@dataclass(frozen=True, slots=True)
class Hero:
    """The first screen: what happened, where, since when.

    Attributes:
        level, word: the verdict.
        counts: how many findings of which severity in how many checks.
        sentence: the verdict for someone who knows nothing of weights.
        use: which checkpoint to use.
        news: what is new since the last report.
        findings: those that matter, each in a line that leads to where it is told; of several series, the rows of the
            map tell of them on the page.
        health: places × checkpoints; None where nothing was measured.
        curves: what the whole did over the steps; None for a single checkpoint.
        facts: what was looked at.
    """

    level: Level
    word: str
    counts: str
    sentence: str
    use: str
    findings: tuple[Link, ...] = ()
    health: HealthMap | None = None
    curves: Figure | None = None
    facts: tuple[tuple[str, str], ...] = ()
    news: str = ""
