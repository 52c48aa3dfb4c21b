"""Cards, trends and rows of layers, against numpy over the arrays that were written."""

from __future__ import annotations

import math

import numpy as np

from reporter.model.cards import Card, Cards
from reporter.model.page import Page
from reporter.model.table import Spark, Table, Thumbnail
from reporter.numerals import integer
from reporter.sections import report_page
from tests.make.rich import STEPS, Arrays, Rich
from tests.writers import truth
from tests.writers.expected import by_layer, near
from tests.writers.reading import TITLES, assert_cells, keyed, paired, rows, section, tables


def test_layers_on_paper(rich: Rich, main: list[Arrays]) -> None:
    found = rows(report_page(rich.report, "pdf"), "Layers at checkpoint 1500", "layers-main")
    for layer, names in by_layer(main[-1]).items():
        row = found[layer]
        values = truth.together([main[-1][t] for t in names])
        assert_cells(row, values)
        assert row["Parameters", ""].sort == sum(main[-1][t].size for t in names)
        held = next(a for a in main if layer in by_layer(a))
        first = truth.statistics(truth.together([held[t] for t in by_layer(held)[layer]]))
        ratio = truth.statistics(values)["l2_norm"] / first["l2_norm"]  # type: ignore[operator]
        assert near(row["Norm, last / first", ""].sort, ratio)
        for name, title in (("l2_norm", "L2 norm"), ("std", "Std")):
            assert near(row[title, "first"].sort, first[name])
            assert near(row[title, "last"].sort, truth.statistics(values)[name])
    assert "old (last seen at checkpoint 400)" in found


def cards(page: Page, anchor: str) -> dict[str, Card]:
    """The cards of a series by layer."""
    (found,) = (block for block in section(page, anchor).blocks if isinstance(block, Cards))
    return {card.name: card for group in found.groups for card in group.items}


def test_cards(rich: Rich, main: list[Arrays]) -> None:
    found = cards(report_page(rich.report, "html"), "layers-main")
    assert len({card.anchor for card in found.values()}) == len(found)
    assert set(by_layer(main[-1])) | {"old"} == set(found)
    for layer, names in by_layer(main[-1]).items():
        card = found[layer]
        (_, thumb), (_, norm), (_, update) = card.marks
        kernels = [n for n in names if n.endswith((".kernel", ".embedding"))]
        lead = max(kernels or names, key=lambda n: main[-1][n].size)
        assert thumb.text == f"{integer(main[-1][lead].size)} values"
        course = [truth.statistics(a[lead])["l2_norm"] if lead in a else None for a in main]
        odd = [lead in a and not np.isfinite(a[lead]).all() for a in main]
        assert isinstance(norm.mark, Spark) and isinstance(update.mark, Spark)
        for got, expected, bad in zip(norm.mark.values, course, odd, strict=True):
            assert math.isnan(got) if bad and got is not None else near(got, expected)
        assert near(norm.sort, course[-1])
        if lead in main[-2] and main[-2][lead].shape == main[-1][lead].shape:
            assert near(update.sort, paired(main[-2], main[-1], [lead])["relative_update"], rel=1e-8)
        assert isinstance(thumb.mark, Thumbnail)
        assert sum(thumb.mark.last) <= 1 + 1e-9
        (table,) = (block for block in card.blocks if isinstance(block, Table) and block.caption == "Tensors")
        by_name = {row.cells[0].title: row for row in table.rows}
        assert sorted(by_name) == sorted(names) and len(table.rows) == len(names)
        for name in names:
            cells = keyed(table, by_name[name].cells)
            expected = truth.statistics(main[-1][name])
            for title, key in (("L2 norm", "l2_norm"), ("Mean", "mean"), ("Std", "std"), ("Min", "min")):
                assert near(cells[title, "last"].sort, expected[key], absolute=1e-11)
    assert {badge.text for badge in found["encoder"].badges} or any(card.badges for card in found.values())


def test_trends_of_layers(rich: Rich, main: list[Arrays]) -> None:
    page = report_page(rich.report, "html")
    told = [
        (layer, table, row)
        for layer, card in cards(page, "layers-main").items()
        for table in card.blocks
        if isinstance(table, Table) and table.caption == "Trends of the trained weights"
        for row in table.rows
    ]
    assert len(told) > 8
    for layer, table, held in told:
        row = keyed(table, held.cells)
        name = TITLES[row["Statistic", ""].text]
        course = [
            (float(step), truth.statistics(truth.together([a[t] for t in by_layer(a)[layer]]))[name])
            for step, a in zip(STEPS, main, strict=True)
            if layer in by_layer(a) and all(np.isfinite(a[t]).all() for t in by_layer(a)[layer])
        ]
        broken = any(not np.isfinite(main[-1][t]).all() for t in by_layer(main[-1]).get(layer, []))
        x, y = np.array(course, float).T
        assert near(row["First", ""].sort, y[0], absolute=1e-11)
        if broken:
            assert [row[of].text for of in (("Last", ""), ("Change", ""), ("Change", "% of first"))] == [
                "NaN/Inf",
                "—",
                "—",
            ]
        else:
            assert near(row["Last", ""].sort, y[-1], absolute=1e-11)
            assert near(row["Change", ""].sort, y[-1] - y[0], absolute=1e-11)
            relative = (y[-1] - y[0]) / abs(y[0]) if y[0] else None
            assert near(row["Change", "% of first"].sort, relative, absolute=1e-9)
        assert near(row["Slope", "per 1 000 steps"].sort, 1000 * np.polyfit(x, y, 1)[0], rel=1e-6, absolute=1e-9)
        assert len(row["Course", ""].text) == len(STEPS)
        mark = row["Course", ""].mark
        assert isinstance(mark, Spark) and len(mark.values) == len(STEPS)
        place = row["Sudden change", ""].text
        assert place == "—" or float(place) == x[truth.split(y.tolist())[0]]
    (sudden,) = tables(page, "Sudden changes")
    effects = [keyed(sudden, row.cells)["Distance", "σ"].sort for row in sudden.rows]
    assert effects == sorted(effects, key=lambda e: -(e or 0))
