"""The page of a checkpoint, against numpy over the arrays that were written."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from reporter.model.blocks import Facts
from reporter.model.page import Page
from reporter.render.html import render_html
from reporter.sections import checkpoint_pages
from tests.make.rich import Rich
from tests.writers import truth
from tests.writers.expected import adjusted, by_layer, model
from tests.writers.reading import assert_cells, rows, section

Sections = Callable[[str], Page]


@pytest.fixture(scope="module")
def of_checkpoint(rich: Rich) -> Sections:
    pages = dict(checkpoint_pages(rich.report))
    slugs = {ref.name: ref.slug for s in rich.report.series for ref in s.refs}
    return lambda name: pages[f"checkpoints/{slugs[name]}.html"]


@pytest.mark.parametrize("name", ["main/m-1500.safetensors", "net/epoch-3.keras", "words/lookup.npz"])
def test_the_page_of_a_checkpoint(of_checkpoint: Sections, rich: Rich, name: str) -> None:
    page, arrays = of_checkpoint(name), rich.arrays[name]
    tiles = next(dict(b.items) for b in section(page, "summary").blocks if isinstance(b, Facts))
    own = model(arrays)
    assert tiles["Tensors"] == str(len(arrays))
    assert tiles["Parameters"].replace("\u202f", "") == str(sum(v.size for v in own.values()))
    for layer, row in rows(page, "Trained weights of each layer").items():
        names = adjusted(by_layer(arrays)[layer])
        assert_cells(row, truth.together([arrays[t] for t in names]))
        assert (row["Tensors", ""].sort, row["Parameters", ""].sort) == (
            len(names),
            sum(arrays[t].size for t in names),
        )
    for role, row in rows(page, "Variables by role").items():
        names = [t for t in own if t.replace(".", "/").endswith(f"/{role}") or role == "other"]
        assert row["Tensors", ""].sort == len(names) or role == "other"
    for title, held in (
        ("Model variables", own),
        ("Optimizer variables", {t: arrays[t] for t in arrays if t not in own}),
    ):
        if not held:
            continue
        found = rows(page, title)
        assert set(found) == set(held)
        for tensor, row in found.items():
            assert_cells(row, held[tensor])
            assert row["Values", ""].sort == held[tensor].size
            assert row["Dtype", ""].text == held[tensor].dtype.name
            assert row["Shape", ""].text == (" × ".join(map(str, held[tensor].shape)) or "scalar")


def test_the_page_of_a_checkpoint_defines_the_columns_of_its_tables(of_checkpoint: Sections) -> None:
    page = of_checkpoint("main/m-1500.safetensors")
    html = render_html(page)
    (glossary,) = (block for block in section(page, "glossary").blocks if isinstance(block, Facts))
    terms = [term for term, _ in glossary.items]
    assert {"L2 norm", "Zero share"} <= set(terms)
    assert "Relative update" not in terms, "it compares nothing"
    assert f'<a href="#term-{1 + terms.index("L2 norm")}">L2 norm</a>' in html
