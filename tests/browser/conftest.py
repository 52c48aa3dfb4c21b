"""A headless Chromium that must not reach the network, opening the sample report from a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from selenium import webdriver

from reporter.render import render_html
from tests.browser import chromium
from tests.browser.chromium import looked_at, resize
from tests.render.pages import review


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    if why := chromium.missing():
        pytest.skip(why)
    driver = chromium.start(tmp_path_factory.mktemp("chromium"))
    yield driver
    driver.quit()


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("report") / "index.html"
    path.write_text(render_html(review()), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def browser(driver: webdriver.Chrome, report: str) -> Iterator[webdriver.Chrome]:
    """The report freshly opened at 1280 × 900; the console must have stayed silent at the end."""
    resize(driver, 1280)
    driver.get("about:blank")
    driver.get(report)
    yield driver
    assert driver.get_log("browser") == []


@pytest.fixture
def looking(driver: webdriver.Chrome, report: str) -> Iterator[webdriver.Chrome]:
    """The report at 1280 × 900, which one test after another looks at and leaves as it is."""
    resize(driver, 1280)
    looked_at(driver, report)
    yield driver
    assert driver.get_log("browser") == []


@pytest.fixture
def resized(looking: webdriver.Chrome) -> Callable[[int], webdriver.Chrome]:
    """The report at other widths, likewise."""

    def at(width: int) -> webdriver.Chrome:
        resize(looking, width)
        return looking

    return at
