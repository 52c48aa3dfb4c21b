"""Tables of names that all begin alike tell that once."""

from __future__ import annotations

from reporter.model.table import Cell, Column, Row, Table
from reporter.sections.base import without_folder

COLUMNS = Column("Layer", numeric=False), Column("Mean")


def table(*names: str) -> Table:
    return Table("T", COLUMNS, tuple(Row((Cell(name, href="#a"), Cell("1"))) for name in names), "By name.")


def test_what_all_names_begin_with_is_told_once_and_in_full_when_pointed_at() -> None:
    found = without_folder(table("a_model_of_words/encoder/dense", "a_model_of_words/decoder"))
    assert [row.cells[0] for row in found.rows] == [
        Cell("encoder/dense", href="#a", title="a_model_of_words/encoder/dense"),
        Cell("decoder", href="#a", title="a_model_of_words/decoder"),
    ]
    assert found.note == "By name. All names begin with a_model_of_words/ which is left out."
    assert [row.cells[1] for row in found.rows] == [Cell("1")] * 2


def test_short_beginnings_and_single_names_stay() -> None:
    for short in (table("e/a", "e/b"), table("a_model_of_words/dense"), table()):
        assert without_folder(short) == short
