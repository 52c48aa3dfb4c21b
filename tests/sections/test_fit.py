"""Pages are made to fit, and say what they left out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from reporter.model.blocks import Figure, Figures, Paragraph
from reporter.model.cards import Card, CardGroup, Cards
from reporter.model.numbers import Course, SeriesNumbers
from reporter.model.page import Page, Section
from reporter.model.side_by_side import CompareView, LayerCourses
from reporter.model.table import Cell, Column, Row, Spark, Table, Thumbnail
from reporter.render.html import render_html
from reporter.sections import html_pages
from reporter.sections.fit import MOST_BYTES, USUAL_BYTES, fitted, nbytes
from tests.make import built


def page(rows: int, pictures: int, png: int = 10_000) -> Page:
    table = Table("T", (Column("A"),), tuple(Row((Cell(f"{i:0100}"),)) for i in range(rows)))
    figures = Figures(tuple(Figure(f"f{i}", bytes(png), 10, 10, "alt", "caption") for i in range(pictures)))
    return Page("title", "", (Section("s", "S", (table, figures, Paragraph("text"))),), ())


def test_a_small_page_stays_as_it_is() -> None:
    small = page(2000, 10)
    assert fitted(small) is small


def test_pictures_go_first_by_rank_and_their_number_is_said() -> None:
    whole = page(2000, 200)
    table, figures, text = whole.sections[0].blocks
    assert isinstance(figures, Figures)
    backwards = replace(figures, order=tuple(reversed(range(200))))
    ranked = replace(whole, sections=(replace(whole.sections[0], blocks=(table, backwards, text)),))
    found = fitted(ranked, nbytes(page(2000, 60)))
    cut, left, note, _ = found.sections[0].blocks
    assert cut == table
    assert isinstance(left, Figures)
    assert isinstance(note, Paragraph)
    assert left.items == figures.items[-50:], "what matters most, in its own order"
    assert "150 more pictures" in note.text


def test_tables_become_shorter_last_and_say_so() -> None:
    most = nbytes(page(1500, 3))
    found = fitted(page(2000, 10), most)
    assert nbytes(found) <= most
    table, figures, _, text = found.sections[0].blocks
    assert isinstance(table, Table)
    assert isinstance(figures, Figures)
    assert (len(table.rows), table.more, len(figures.items)) == (1000, 1000, 3)
    assert table.more_where
    assert text == Paragraph("text")


def test_a_large_gallery_makes_room_before_a_page_is_too_large() -> None:
    large = page(10, 300, png=20_000)
    assert USUAL_BYTES < nbytes(large) < MOST_BYTES + 1_000_000
    found = fitted(large)
    figures = found.sections[0].blocks[1]
    assert isinstance(figures, Figures)
    assert len(figures.items) == 180
    assert nbytes(found) <= USUAL_BYTES
    few = fitted(page(2000, 80, png=20_000), USUAL_BYTES + 1)
    assert len(few.sections[0].blocks[1].items) == 80, "a small gallery stays whole"  # type: ignore[union-attr]


def test_embedded_numbers_count_and_the_table_of_layers_becomes_shorter() -> None:
    table = page(2000, 0).sections[0].blocks[0]
    assert isinstance(table, Table)
    course = Course("l2_norm", "L2 norm", "", "first", np.zeros((2000, 10)))
    numbers = SeriesNumbers("s", ("1", "2"), ("a", "b"), ("x",) * 2000, ("layer-x",) * 2000, (course,), (), (), ())
    blocks = (LayerCourses(table, (0, 1), numbers), CompareView(numbers, "", "", ""))
    whole = Page("title", "", (Section("s", "S", blocks),), ())
    assert nbytes(whole) > nbytes(page(2000, 0)) + 8 * course.values.size
    courses = fitted(whole, nbytes(whole) - 100_000).sections[0].blocks[0]
    assert isinstance(courses, LayerCourses)
    assert (len(courses.table.rows), courses.table.more) == (1000, 1000)


def test_cards_of_many_layers_keep_their_first_columns_and_what_is_marked() -> None:
    columns = (Column("A"), *(Column(f"E{i}", definition="d" * 200, extra=True) for i in range(20)))
    plain = Row((Cell("a"), *(Cell("1") for _ in range(20))))
    odd = Row((*plain.cells[:-1], Cell("NaN", level="fail")))
    items = tuple(
        Card(f"c{i}", "x", "", (), (), (), (Table("T", columns, (odd if i == 7 else plain,)),)) for i in range(1600)
    )
    whole = Page("title", "", (Section("s", "S", (Cards((CardGroup("", items),), ()),)),), ())
    assert nbytes(whole) > USUAL_BYTES
    cards, note = fitted(whole).sections[0].blocks
    assert isinstance(cards, Cards)
    assert isinstance(note, Paragraph)
    assert "report.json has all" in note.text
    kept = [[column.title for column in table.columns] for card in cards.groups[0].items for table in card.blocks]  # type: ignore[union-attr]
    assert kept == [["A", "E19"] if i == 7 else ["A"] for i in range(1600)]


def test_the_estimate_is_close_to_what_real_pages_have() -> None:
    """A page is cut by it: where it is too high, readers miss pictures and columns for which there was room."""
    pages = dict(html_pages(built.story()))
    assert len(pages) > 1
    for path, one in pages.items():
        real = len(render_html(one).encode())
        assert abs(nbytes(one) / real - 1) < 0.15, (path, nbytes(one), real)


def test_the_estimate_counts_long_tables_and_many_cards_about_right() -> None:
    columns = (Column("Name", numeric=False), *(Column(f"C{i}", "unit", "what it means") for i in range(12)))
    row = Row((Cell("block/dense/kernel", title="x"), *(Cell("0.1234", sort=0.12341234567890123) for _ in range(12))))
    marks = (
        ("kernel", Cell("3 values", mark=Thumbnail((), tuple(np.arange(32) / 496)))),
        ("norm", Cell("1.5", mark=Spark(tuple(np.sin(np.arange(60)).tolist())))),
    )
    items = tuple(Card(f"card-{i}", f"layer {i}", "Dense", ("3 × 3",), (), marks, ()) for i in range(300))
    blocks = Table("T", columns, (row,) * 1000), Cards((CardGroup("", items),), ())
    for block in blocks:
        whole = Page("title", "", (Section("s", "S", (block,)),), ())
        assert abs(nbytes(whole) / len(render_html(whole).encode()) - 1) < 0.15, type(block)
