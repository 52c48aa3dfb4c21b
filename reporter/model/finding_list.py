"""Findings as they are printed."""

from __future__ import annotations

from reporter.frozen import dataclass
from reporter.model.blocks import Figure
from reporter.model.hero import Link
from reporter.model.table import Level


@dataclass(frozen=True, slots=True)
class FindingItem:
    """One finding, ready to print.

    Attributes:
        level: how it is marked.
        severity: the word for that.
        title: the rule's.
        href: where it shows.
        where: the checkpoint and the place; ``href`` leads there.
        message: what happened.
        value, threshold: what was measured and what it is held against, both with unit and side.
        basis: how sure it is.
        meaning: what it usually means.
        next_step: what to do next.
        since: since when, and which checkpoint was the last good one.
        extent: how much of the model it concerns.
        formula, source: what the rule computes, and where it comes from.
        anchor: the element's id, or "".
        evidence: a picture of it, or None.
        places: where it shows: layers, or series that are copies of each other.
        others: findings of the same rule elsewhere, a line for each.
        change: what kind of change it was, where that is known.
    """

    level: Level
    severity: str
    title: str
    where: str
    message: str
    value: str
    threshold: str
    basis: str
    href: str = ""
    meaning: str = ""
    next_step: str = ""
    since: str = ""
    extent: str = ""
    formula: str = ""
    source: str = ""
    anchor: str = ""
    evidence: Figure | None = None
    places: tuple[Link, ...] = ()
    others: tuple[Link, ...] = ()
    change: str = ""


@dataclass(frozen=True, slots=True)
class FindingList:
    """Findings, worst first; ``more`` were left out.

    Attributes:
        items: the findings, worst first.
        more: how many were left out.
        more_where: where they are.
        remarks: those that are no part of the verdict, folded.
    """

    items: tuple[FindingItem, ...]
    more: int = 0
    more_where: str = ""
    remarks: tuple[FindingItem, ...] = ()
