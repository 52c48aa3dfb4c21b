"""Every link of a long report lands on its target, at the first click and when the page is opened with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome

from reporter.model.page import Page, Section
from reporter.model.table import Cell, Column, Row, Table
from reporter.render import render_html
from tests.browser.chromium import resize, wait_until

NEAR = 40
"""Most pixels between a target and the upper end of the window."""

MOTION = {"features": [{"name": "prefers-reduced-motion", "value": "no-preference"}]}
"""What most visitors have: with it, a style sheet may scroll smoothly."""


def long_page() -> Page:
    """Sections of very different heights, far from what a browser may guess of those that it has not laid out."""
    columns = (Column("Layer", numeric=False), Column("Norm"))
    sections = []
    for at in range(12):
        rows = tuple(Row((Cell(f"block_{at}/dense_{i}"), Cell(f"{i}.5", float(i)))) for i in range(20))
        tables = tuple(Table(f"Table {i}", columns, rows) for i in range(1 + 5 * (at % 3)))
        sections.append(Section(f"part-{at}", f"Part {at}", tables, folded=at % 4 == 3))
    return Page("A long report", "", tuple(sections))


@pytest.fixture
def page(driver: Chrome, tmp_path: Path) -> Iterator[str]:
    path = tmp_path / "index.html"
    path.write_text(render_html(long_page()), encoding="utf-8")
    resize(driver, 1280)
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", MOTION)
    yield path.as_uri()
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


SETTLED = """
const [anchor, done] = arguments;
let last, same = 0;
const look = () => {
  const now = document.getElementById(anchor).getBoundingClientRect().top + scrollY + "/" + scrollY;
  same = now === last ? same + 1 : 0;
  last = now;
  if (same === 10) {
    const left = document.documentElement.scrollHeight - innerHeight - scrollY;  // 0: there is no further to scroll
    done([document.getElementById(anchor).getBoundingClientRect().top, left]);
  } else requestAnimationFrame(look);
};
look();
"""


def lands(driver: Chrome, anchor: str, near: int = NEAR) -> bool:
    """Whether the target is at the upper end of the window, once nothing moves any more."""
    top, left = driver.execute_async_script(SETTLED, anchor)
    return bool(-1 <= top <= near or (left < 2 and 0 <= top < 900))


@pytest.mark.parametrize("at", [1, 3, 5, 8, 10, 11])
def test_every_link_lands(driver: Chrome, page: str, at: int) -> None:
    anchor = f"part-{at}"
    driver.get("about:blank")
    driver.get(page)
    driver.execute_script("document.querySelector(`nav a[href='#${arguments[0]}']`).click()", anchor)
    wait_until(driver, lambda: driver.execute_script("return location.hash") == f"#{anchor}")
    assert lands(driver, anchor), "at the first click"
    driver.get("about:blank")
    driver.get(f"{page}#{anchor}")
    assert lands(driver, anchor), "when the page is opened"
    assert driver.get_log("browser") == []
