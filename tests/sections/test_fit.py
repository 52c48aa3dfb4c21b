"""Pages are made to fit, and say what they left out."""

from __future__ import annotations

from reporter.model.page import Cell, Column, Figure, Figures, Page, Paragraph, Row, Section, Table
from reporter.sections.fit import fitted, nbytes


def page(rows: int, pictures: int, png: int = 10_000) -> Page:
    table = Table("T", (Column("A"),), tuple(Row((Cell(f"{i:0100}"),)) for i in range(rows)))
    figures = Figures(tuple(Figure(f"f{i}", bytes(png), 10, 10, "alt", "caption") for i in range(pictures)))
    return Page("title", "", (Section("s", "S", (table, figures, Paragraph("text"))),), ())


def test_a_small_page_stays_as_it_is() -> None:
    small = page(2000, 10)
    assert fitted(small) is small


def test_tables_become_shorter_and_say_so() -> None:
    found = fitted(page(2000, 10), 600_000)
    assert nbytes(found) <= 600_000
    table, figures, text = found.sections[0].blocks
    assert isinstance(table, Table)
    assert isinstance(figures, Figures)
    assert (len(table.rows), table.more, len(figures.items)) == (1000, 1000, 10)
    assert table.more_where
    assert text == Paragraph("text")


def test_pictures_go_last_and_their_number_is_said() -> None:
    found = fitted(page(2000, 200), 1_500_000)
    assert nbytes(found) <= 1_500_000
    table, figures, note, _ = found.sections[0].blocks
    assert isinstance(table, Table)
    assert isinstance(figures, Figures)
    assert isinstance(note, Paragraph)
    assert (len(table.rows), table.more, len(figures.items)) == (50, 1950, 50)
    assert "150 more pictures" in note.text
