"""What paper shows of long series, which terms a page defines, and how cards of many layers are grouped."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from reporter.model.blocks import Facts, Figure, Paragraph
from reporter.model.cards import Card, Cards
from reporter.model.finding import Severity
from reporter.model.page import Page, Section
from reporter.model.table import Cell, Column, Row, Table
from reporter.render.links import links_of
from reporter.sections.card_anchors import card_anchors
from reporter.sections.card_groups import LARGEST, MOST, grouped
from reporter.sections.fit import fitted, nbytes
from reporter.sections.review import CHECKPOINTS, shown_places
from reporter.sections.terms import only_used


def card(name: str, *blocks: Any, level: Any = "") -> Card:
    return Card(f"layer-{name}", name, "Dense", (), (), (), blocks, level)


@pytest.mark.parametrize("n", [1, 12, 13, 300])
def test_the_ends_the_best_and_the_bad_checkpoints_are_always_shown(n: int) -> None:
    refs = [SimpleNamespace(name=f"c{i}") for i in range(n)]
    series: Any = SimpleNamespace(name="s", refs=refs, metrics=SimpleNamespace(chosen=SimpleNamespace(best=n // 3)))
    bad = SimpleNamespace(series="s", severity=Severity.FAIL, first_bad=f"c{n // 2}")
    report: Any = SimpleNamespace(judgement=SimpleNamespace(findings=(bad,)))
    places = shown_places(report, series)
    assert len(places) == min(n, CHECKPOINTS)
    assert sorted(set(places)) == list(places)
    assert {0, n - 1, n // 3, n // 2, max(n // 2 - 1, 0)} <= set(places)


def test_only_terms_that_are_used_are_defined() -> None:
    table = Table("T", (Column("Std"), Column("X")), (Row((Cell("1"), Cell("2"))),))
    words = (("Std", "a"), ("Count", "b"), ("Kernel, bias", "c"), ("Gradient, slot", "d"), ("Coarse channels", "e"))
    page = Page("", "", (
        Section("a", "A", (table, Paragraph("It counts two Biases of kernels."))),
        Section("glossary", "Definitions", (Facts(words),)),
    ))  # fmt: skip
    (facts,) = only_used(page).sections[1].blocks
    assert isinstance(facts, Facts)
    assert [term for term, _ in facts.items] == ["Std", "Kernel, bias"]


def test_few_cards_are_one_list() -> None:
    few = [card(f"d{i}") for i in range(MOST)]
    (group,) = grouped(few)
    assert (group.name, group.items) == ("", tuple(few))


def test_many_cards_are_grouped_by_their_names_in_order() -> None:
    cards = [card(f"encoder/block_{b}/dense_{i}") for b in range(9) for i in range(8)] + [card("head", level="warn")]
    groups = grouped(cards)
    assert [group.name for group in groups] == [*(f"encoder/block_{b}" for b in range(9)), "head"]
    assert [c for group in groups for c in group.items] == cards
    assert [group.level for group in groups] == [""] * 9 + ["warn"]


def test_many_cards_without_a_common_beginning() -> None:
    cards = [card(f"layer{i}") for i in range(100)]
    groups = grouped(cards)
    assert [c for group in groups for c in group.items] == cards
    assert max(len(group.items) for group in groups) == LARGEST
    assert groups[0].name == "layer0 … layer39"


def test_every_card_has_an_id_of_its_own_that_can_be_linked_to() -> None:
    names = ("a/b", "a b", "A-b", "", "x" * 300, "x" * 301, "层")
    ids = card_anchors(cast(Any, SimpleNamespace(layers=names, slug="net-1")))
    assert len({i.lower() for i in ids.values()}) == len(names)
    cards = Cards(grouped([Card(ids[n], n, "", (), (), (), ()) for n in names]))
    links = links_of(Page("", "", (Section("s", "S", (cards,)),)), files=True)
    assert all(f"#{i}" in links for i in ids.values())


def test_cards_lose_their_pictures_by_rank_and_say_so() -> None:
    drawn = [card(f"d{i}", Figure(f"f{i}", bytes(10_000), 1, 1, "", "")) for i in range(50)]
    cards = Cards(grouped(drawn), tuple(c.anchor for c in reversed(drawn)))
    page = Page("", "", (Section("s", "S", (cards,)),))
    found = fitted(page, nbytes(page) - 100_000)
    left, note = found.sections[0].blocks
    assert isinstance(left, Cards) and isinstance(note, Paragraph)
    kept = [c.name for group in left.groups for c in group.items if c.blocks]
    assert kept == [f"d{i}" for i in range(30, 50)]
    assert "30 layers" in note.text
