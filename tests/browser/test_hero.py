"""The first screen in a real browser: one screen holds it, and its map is reached by keyboard and by pointer."""

from __future__ import annotations

from collections.abc import Callable

from selenium.webdriver import ActionChains, Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from tests.browser.chromium import click, wait_until
from tests.browser.test_links import lands
from tests.browser.test_report import sideways
from tests.render.pages import BROKEN, LAYERS, MAPPED, anchor


def cell(browser: Chrome, row: int, column: int) -> WebElement:
    rows = browser.find_elements(By.CSS_SELECTOR, ".health [role=row]:not(.heads)")
    return rows[row].find_elements(By.CSS_SELECTOR, ".cell a")[column]


def focused(browser: Chrome) -> str:
    label: str = browser.execute_script(
        "return document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent"
    )
    return label


def test_verdict_what_to_use_and_the_map_are_on_the_first_screen(resized: Callable[[int], Chrome]) -> None:
    browser = resized(1280)
    for selector in (".hero .word", ".hero .use", ".hero .matter", ".health"):
        bottom = browser.execute_script(
            "return document.querySelector(arguments[0]).getBoundingClientRect().bottom", selector
        )
        assert bottom < 800, selector
    left, right = (
        browser.execute_script("return document.querySelector(arguments[0]).getBoundingClientRect().left", selector)
        for selector in (".told", ".map")
    )
    assert left < right, "the map is beside the words"


def test_names_of_rows_are_shortened_once_and_not_cut_again(resized: Callable[[int], Chrome]) -> None:
    """A name without its middle, and then without its end, tells nothing."""
    cut = resized(1280).execute_script(
        "return [...document.querySelectorAll('.health .name a')].filter(name => name.scrollWidth > name.clientWidth)"
        ".map(name => name.textContent)"
    )
    assert cut == []


def test_the_map_is_one_stop_and_arrows_lead_through_it(browser: Chrome) -> None:
    stops = "return document.querySelectorAll(\".health a[tabindex='0']\").length"
    assert browser.execute_script(stops) == 1
    first = browser.find_element(By.CSS_SELECTOR, ".health a[tabindex='0']")
    browser.execute_script("arguments[0].focus()", first)
    assert focused(browser) == LAYERS[0]
    keys = ActionChains(browser)
    keys.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_DOWN, Keys.END).perform()
    assert focused(browser).startswith(f"{LAYERS[1]} at step 27000: fine") or "fine" in focused(browser)
    assert browser.find_element(By.CSS_SELECTOR, ".pointed").text == focused(browser)
    assert browser.execute_script(stops) == 1
    ActionChains(browser).send_keys(Keys.HOME, Keys.ARROW_UP, Keys.ARROW_UP).perform()
    assert focused(browser) == LAYERS[0], "there is nothing above"


def test_cells_land_at_their_layer(browser: Chrome) -> None:
    row = MAPPED.index(BROKEN)
    bad = next(c for c in range(10) if cell(browser, row, c).text == "✕")
    browser.execute_script("arguments[0].click()", cell(browser, row, bad))
    wait_until(browser, lambda: browser.execute_script("return location.hash") == f"#{anchor(BROKEN)}")
    assert lands(browser, anchor(BROKEN), 100), "a row lands below the head row, which stays in the window"


def test_findings_of_the_first_screen_lead_to_where_they_are_told(browser: Chrome) -> None:
    click(browser.find_element(By.CSS_SELECTOR, ".matter a"))
    assert lands(browser, "finding-1")
    why = browser.find_element(By.CSS_SELECTOR, "#finding-1 .why")
    assert not why.find_element(By.TAG_NAME, "dl").is_displayed()
    click(why.find_element(By.TAG_NAME, "summary"))
    assert why.find_element(By.TAG_NAME, "dl").is_displayed()


def test_on_a_narrow_screen_the_map_stands_below_and_nothing_is_cut(resized: Callable[[int], Chrome]) -> None:
    browser = resized(390)
    assert sideways(browser) == 0
    wide, room = browser.execute_script(
        "const map = document.querySelector('.health'); return [map.scrollWidth, map.clientWidth]"
    )
    assert wide <= room
