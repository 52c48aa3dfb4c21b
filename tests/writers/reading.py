"""How tests read the tables of a page, and what is held beside a row of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from reporter.derive.statistics import STATISTICS
from reporter.model.blocks import Paragraph
from reporter.model.page import Page, Section
from reporter.model.table import Cell, Table
from tests.make.rich import Arrays
from tests.writers import truth
from tests.writers.expected import near, of_trained, shared

MAIN = "main/m-*"
Row = dict[tuple[str, str], Cell]
"""Cells by title and unit of their column."""


def tables(page: Page, caption: str) -> Iterator[Table]:
    blocks = (block for section in page.sections for block in section.blocks)
    return (block for block in blocks if isinstance(block, Table) and block.caption == caption)


def rows(page: Page, caption: str, within: str = "") -> dict[str, Row]:
    """The rows of a table by their first cell."""
    places = [s for s in page.sections if within in s.anchor]
    (table,) = tables(Page("", "", tuple(places)), caption)
    return {row.cells[0].text: keyed(table, row.cells) for row in table.rows}


def keyed(table: Table, cells: Sequence[Cell]) -> Row:
    columns = [(column.title, column.unit) for column in table.columns]
    assert len(set(columns)) == len(columns)
    return dict(zip(columns, cells, strict=True))


def section(page: Page, anchor: str) -> Section:
    return next(s for s in page.sections if s.anchor.startswith(anchor))


def words(page: Page, anchor: str) -> str:
    return "\n".join(b.text for b in section(page, anchor).blocks if isinstance(b, Paragraph))


TITLES = {s.title: s.name for s in STATISTICS}


def assert_cells(row: Row, values: Any) -> None:
    """Every cell of a statistic, and every quantile."""
    expected = truth.statistics(values)
    known = 0
    for (title, unit), cell in row.items():
        if title in TITLES and not unit:
            assert near(cell.sort, expected[TITLES[title]], absolute=1e-11), title
            known += 1
        elif title == "NaN/Inf" and not unit:
            assert cell.sort == np.size(values) - truth.finite(values).size
            known += 1
        elif title[:1] == "q" and title[1:2].isdigit():
            exact = float(np.quantile(truth.finite(values), float(title[1:])))
            assert cell.sort == pytest.approx(exact, rel=2.0**-7, abs=1e-3)
    assert known > 3


def whole(arrays: Arrays) -> Any:
    return truth.together(list(of_trained(arrays).values()))


def paired(before: Arrays, after: Arrays, names: Sequence[str] | None = None) -> dict[str, Any]:
    both = [t for t in shared(before, after) if t in of_trained(after) and (names is None or t in names)]
    return truth.change([before[t] for t in both], [after[t] for t in both])
