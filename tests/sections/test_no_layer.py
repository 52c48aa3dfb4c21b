"""Variables that no layer owns have a name in tables of layers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from reporter.model.report import Report
from reporter.model.table import Table
from reporter.sections import series_layers, series_moved
from tests.rules.build import Arrays, series


def test_what_moved_most_has_no_nameless_row() -> None:
    def checkpoint(step: int) -> Arrays:
        return {
            "/kernel": np.arange(1, 201, dtype="f4").reshape(20, 10) * (1 + step),
            "d/kernel": np.ones((4, 4), "f4"),
        }

    compared = series([checkpoint(i) for i in range(3)])
    assert "" in compared.layers
    report = cast(Report, SimpleNamespace(series=(compared,)))
    tables: list[Any] = [b for b in series_moved.build(report, 0, "html").blocks if isinstance(b, Table)]
    assert "(no layer)" in {row.cells[0].text for row in tables[0].rows}
    assert all(row.cells[0].text for table in tables for row in table.rows)
    assert "(no layer)" in {row.cells[0].text for row in series_layers.table(compared, (), "report.json").rows}
