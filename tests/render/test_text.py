"""Long texts are shortened so that two that differ never look alike, and numbers keep to their units."""

from __future__ import annotations

import sys

from reporter.model.page import Page, Section
from reporter.model.table import Cell, Column, Row, Table
from reporter.render import render_html
from reporter.render.text import _DECEPTIVE, apart, visible


def test_texts_that_differ_in_the_middle_stay_different() -> None:
    names = [f"{'experiments/2026/' * 6}run-{i:03d}{'/checkpoints/weights' * 6}" for i in range(102)]
    shown = apart(names, 120)
    assert len(set(shown.values())) == 102
    assert all(len(text) <= 120 for text in shown.values())
    rows = tuple(Row((Cell(name),)) for name in names)
    page = render_html(Page("", "", (Section("a", "A", (Table("", (Column("Series", numeric=False),), rows),)),)))
    assert all(f">{text}</th>" in page.replace("<wbr>", "") for text in shown.values())


def test_names_that_nothing_tells_apart_when_shortened_are_shown_in_full() -> None:
    a, b, c = (f"{'x' * 60}{first}{'y' * 60}{second}{'z' * 60}" for first, second in ("11", "12", "22"))
    assert len(set(apart([a, b, c], 40).values())) == 3


def test_a_number_keeps_to_its_unit() -> None:
    assert visible("25.00 % of 3 MB, 30 dB; 3 Bags") == "25.00\u202f% of 3\u202fMB, 30\u202fdB; 3 Bags"


def test_nothing_that_deceives_is_printable() -> None:
    """A text that Python takes for printable is not looked through."""
    every = map(chr, range(sys.maxunicode + 1))
    assert [one for one in every if one.isprintable() and _DECEPTIVE.match(one)] == []
