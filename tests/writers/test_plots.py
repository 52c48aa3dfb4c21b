"""The folder of pictures: each picture of the pages once, with the same bytes, under a name of its own."""

from __future__ import annotations

from collections import Counter

from reporter.model.blocks import Figure, Figures
from reporter.model.page import Page, Section, figures_of
from reporter.sections import html_pages
from reporter.writers.plots import Plots, pictures_of, safe
from tests.make.rich import Rich


def figure(name: str, png: bytes) -> Figure:
    return Figure(name, png, 1, 1, "alt", "caption")


def test_every_picture_of_the_pages_is_a_file_once(rich: Rich) -> None:
    plots, shown = Plots(), set()
    for _, page in html_pages(rich.report):
        plots.add(pictures_of(page))
        shown |= {(safe(f.name), f.png) for f in figures_of(page.sections)}
    assert len(shown) > 50
    assert Counter(plots.files.values()) == Counter(png for _, png in shown)
    assert all(path.startswith("plots/") and path.endswith(".png") and "/" not in path[6:] for path in plots.files)
    names = [path.lower() for path in plots.files]
    assert len(set(names)) == len(names)
    assert any(path.endswith("-distribution-encoder.png") for path in plots.files), "named by series, kind and layer"


def page_of(*blocks: Figures | Figure) -> Page:
    return Page("", "", (Section("a", "A", blocks),))


class Drawing(Figure):
    """As an installed section may have, with a template of its own."""


def test_a_picture_of_another_class_is_found_wherever_it_is() -> None:
    drawing = Drawing("own", b"5", 1, 1, "alt", "caption")
    assert pictures_of(page_of(Figures((drawing,)), figure("x", b"6"))) == (("own", b"5"), ("x", b"6"))


def test_names_that_files_cannot_have_or_that_are_taken() -> None:
    plots = Plots()
    gallery = Figures(
        (figure("s-d-A/x", b"1"), figure("s-d-a:x", b"2"), figure("s-d-A/x", b"1"), figure("../..", b"3"))
    )
    plots.add(pictures_of(page_of(gallery, figure("x" * 500, b"4"))))
    long = next(path for path, png in plots.files.items() if png == b"4")
    assert len(long) < 140
    assert {path: png for path, png in plots.files.items() if path != long} == {
        "plots/s-d-A-x.png": b"1",
        "plots/s-d-a-x-2.png": b"2",
        "plots/picture.png": b"3",
    }
