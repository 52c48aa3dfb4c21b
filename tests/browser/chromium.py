"""Start a headless Chromium that does not reach for the network by itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from selenium import webdriver
from selenium.common.exceptions import ElementClickInterceptedException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

BROWSER, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --force-prefers-reduced-motion"
)


def missing() -> str:
    """Why no browser can be started; "" where one can."""
    return next((f"{program} is not on this machine" for program in (BROWSER, DRIVER) if not program.exists()), "")


def start(profile: Path, *further: str) -> webdriver.Chrome:
    """A browser, whose messages on the console are kept.

    Args:
        profile: an empty folder for what the browser stores.
        further: flags beside those that it always has.
    """
    options = webdriver.ChromeOptions()
    options.binary_location = str(BROWSER)
    for flag in [*FLAGS.split(), *further, f"--user-data-dir={profile}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options=options, service=Service(str(DRIVER)))


def resize(driver: webdriver.Chrome, width: int, height: int = 900) -> None:
    """Set the viewport; a headless window cannot be narrower than 500 px."""
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def prefer(driver: webdriver.Chrome, colours: str) -> None:
    """Set the colours that a reader prefers, ``light`` or ``dark``."""
    features = [{"name": "prefers-color-scheme", "value": colours}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": features})


def looked_at(driver: webdriver.Chrome, address: str, state: str = "as opened") -> bool:
    """Have a page open for a test that leaves it in the state in which it needs it, and leave it to the next such test.

    Opening a page takes longer than looking at it. The window keeps the name of the state, which is gone once anything
    else, or the page anew, has been opened.

    Returns:
        Whether it was opened now, so that whoever needs another state brings it about.
    """
    there = driver.current_url.partition("?")[0] == address
    if there and driver.execute_script("return window.state === arguments[0]", state):
        return False
    driver.get("about:blank")
    driver.get(address)
    driver.execute_script("window.state = arguments[0]", state)
    return True


def wait_until(driver: WebDriver, condition: Callable[[], bool]) -> None:
    """Some events (``toggle``, intersections) are told a frame later."""
    WebDriverWait(driver, 5, poll_frequency=0.02).until(lambda _: condition())


def click(element: WebElement) -> None:
    """Click once it stands still: parts of a page get their real heights when they first are in the window."""

    def clicked() -> bool:
        try:
            element.click()
        except ElementClickInterceptedException:
            return False
        return True

    wait_until(element.parent, clicked)
