"""A headless Chromium that must not reach the network, opening the sample report from a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from reporter.render import render_html
from tests.render.pages import review

BROWSER, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --force-prefers-reduced-motion"
)


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    for program in (BROWSER, DRIVER):
        if not program.exists():
            pytest.skip(f"{program} is not on this machine")
    options = webdriver.ChromeOptions()
    options.binary_location = str(BROWSER)
    for flag in [*FLAGS.split(), f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(str(DRIVER)))
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


def resize(driver: webdriver.Chrome, width: int) -> None:
    """Set the viewport; a headless window cannot be narrower than 500 px."""
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


@pytest.fixture
def resized(browser: webdriver.Chrome) -> Callable[[int], webdriver.Chrome]:
    def at(width: int) -> webdriver.Chrome:
        resize(browser, width)
        return browser

    return at
