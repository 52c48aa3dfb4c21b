"""Every kind of page passes axe-core: in light and dark, on a narrow screen, with everything unfolded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from reporter import sections
from reporter.cli import main
from reporter.pipeline import run
from reporter.render import render_html
from reporter.sections import html_pages
from reporter.settings.model import Settings
from reporter.terminal.progress import Progress
from tests.browser import axe, chromium
from tests.make import story
from tests.make.blank import unpainted
from tests.make.drawing import completed
from tests.make.safetensors import safetensors

FILLED = ".compare[data-series], .courses[data-series]"
"""What scripts fill when it comes near the window."""

UNFOLD = """
document.querySelectorAll("section").forEach((section) => section.style.setProperty("content-visibility", "visible"));
document.querySelectorAll("details").forEach((fold) => { fold.open = true; });
"""

ALIKE = """
const look = (e) => [e.tagName, e.getAttribute("class"), e.style.color, e.style.background].join(" ");
const likeness = (row) => [row, ...row.querySelectorAll("*")].map(look).join("\\n");
for (const table of document.querySelectorAll("tbody")) {
  const seen = new Map();
  for (const row of [...table.rows]) {
    const count = (seen.get(likeness(row)) ?? 0) + 1;
    seen.set(likeness(row), count);
    if (count > 2) row.remove();
  }
}
"""
"""Of the rows of a table that are made and styled alike two stay: to tell the contrast of a cell takes milliseconds."""

KINDS = ("index", "overview", "series", "checkpoint", "diff", "runs")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A page of each kind: the report of a few series and of many, of a series, of a checkpoint, a diff, all runs."""
    script = axe.script()  # before anything is built in vain
    assert script
    folder = tmp_path_factory.mktemp("axe")
    with pytest.MonkeyPatch.context() as patch:
        unpainted(patch)
        story.build(folder)
        rng = np.random.default_rng(3)
        for step in (10, 20):
            kernel = rng.standard_normal((12, 8)).astype("f4")
            safetensors(folder / "ckpts" / "other" / f"m-{step}.safetensors", {"encoder.kernel": kernel})
        settings = Settings(roots=(folder / "ckpts",), out=folder / "both", pdf=False, settle=0.0)
        report = completed(run(settings, Progress(quiet=True)).report)
        few = dict(html_pages(report))
        patch.setattr(sections, "FEW_SERIES", 1)
        many = dict(html_pages(report))
        first, last = (str(folder / "ckpts" / f"model-{step}.safetensors") for step in (1, 4))
        main(["diff", first, last, "--html", str(folder / "diff.html")])
    found = {"diff": folder / "diff.html", "runs": folder / "both" / "index.html"}
    series = next(page for path, page in many.items() if path.startswith("series/"))
    checkpoint = [page for path, page in few.items() if path.startswith("checkpoints/")][-1]
    rendered = {"index": few["index.html"], "overview": many["index.html"], "series": series, "checkpoint": checkpoint}
    for kind, page in rendered.items():
        found[kind] = folder / f"{kind}.html"
        found[kind].write_text(render_html(page), encoding="utf-8")
    return found


@pytest.fixture
def window(driver: Chrome) -> Iterator[Chrome]:
    yield driver
    chromium.prefer(driver, "light")
    chromium.resize(driver, 1280)


@pytest.mark.parametrize(("width", "colours"), [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")])
@pytest.mark.parametrize("kind", KINDS)
def test_no_rule_is_violated(window: Chrome, pages: dict[str, Path], kind: str, width: int, colours: str) -> None:
    chromium.resize(window, width)
    chromium.prefer(window, colours)
    if chromium.looked_at(window, pages[kind].as_uri(), f"unfolded at {width}"):
        window.execute_script(UNFOLD)
        for box in window.find_elements(By.CSS_SELECTOR, FILLED):
            window.execute_script("arguments[0].scrollIntoView()", box)
            WebDriverWait(window, 20).until(lambda _, b=box: b.find_elements(By.XPATH, "ancestor::section//select"))
        window.execute_script("window.scrollTo(0, 0)")  # elsewhere a head row that sticks may cover a part of a link
        window.execute_script(ALIKE)
    assert axe.violations(window, axe.script(), everything=colours == "light") == []
