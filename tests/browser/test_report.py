"""The HTML file in a real browser: its policy holds, its controls work, and it reads without JavaScript."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from reporter.render import render_html
from tests.browser.chromium import click, looked_at, resize, wait_until
from tests.render.pages import BROKEN, HOSTILE, LAYERS, hostile

LAYER_TABLE = "#layers table"


def texts(browser: Chrome, selector: str) -> list[str]:
    """What the matching elements say, those hidden included."""
    found: list[str] = browser.execute_script(
        "return [...document.querySelectorAll(arguments[0])].map(e => e.textContent.trim())", selector
    )
    return found


def shown(browser: Chrome, selector: str) -> int:
    """How many of the matching elements can be seen."""
    count: int = browser.execute_script(
        "return [...document.querySelectorAll(arguments[0])].filter(e => e.checkVisibility()).length", selector
    )
    return count


def header(browser: Chrome, title: str) -> WebElement:
    heads = browser.find_elements(By.CSS_SELECTOR, f"{LAYER_TABLE} thead th")
    return next(head for head in heads if head.text.split("\n")[0] == title)


def names(browser: Chrome) -> list[str]:
    return [name.split(": ")[-1] for name in texts(browser, f"{LAYER_TABLE} tbody th")]


def numbers(browser: Chrome, column: int) -> list[float]:
    sorts: list[str] = browser.execute_script(
        "return [...document.querySelectorAll(arguments[0])].map(e => e.dataset.sort ?? e.title)",
        f"{LAYER_TABLE} tbody td:nth-child({column})",
    )
    return [float(text) for text in sorts]


def sideways(browser: Chrome) -> int:
    """By how many pixels the page is wider than its window."""
    pixels: int = browser.execute_script(
        "document.querySelectorAll('section').forEach(s => s.style.setProperty('content-visibility', 'visible'));"
        "const page = document.documentElement; return page.scrollWidth - page.clientWidth"
    )
    return pixels


def test_policy_holds(browser: Chrome) -> None:
    assert browser.execute_script("return getComputedStyle(document.body).display") == "grid", "style sheet refused"
    assert browser.find_element(By.ID, "search").is_displayed(), "script refused"
    at_once = "return [...document.images].every(i => (i.loading === 'lazy') !== Boolean(i.closest('.hero')))"
    assert browser.execute_script(at_once), "only the first screen's picture is loaded at once"
    assert browser.get_log("browser") == []
    refused = browser.execute_async_script(
        "const done = arguments[0], refused = [];"
        "document.addEventListener('securitypolicyviolation', ({effectiveDirective}) => {"
        "  if (refused.push(effectiveDirective) === 3) done(refused.sort());"
        "});"
        "const script = document.createElement('script'); script.text = 'document.title = \"owned\"';"
        "const image = document.createElement('img'); image.src = 'file:///x.png';"
        "const style = document.createElement('style'); style.textContent = 'body { display: none }';"
        "document.body.append(script, image, style);"
    )
    assert refused == ["img-src", "script-src-elem", "style-src-elem"]
    assert browser.title != "owned"
    assert len(browser.get_log("browser")) == 3


def test_sorting_numbers_cycles_back_to_model_order(browser: Chrome) -> None:
    head = header(browser, "Weights")
    button = head.find_element(By.TAG_NAME, "button")
    click(button)
    assert head.get_dom_attribute("aria-sort") == "descending"
    assert (values := numbers(browser, 3)) == sorted(values, reverse=True)
    assert values[0] == 38_597_376
    button.send_keys(Keys.ENTER)
    assert head.get_dom_attribute("aria-sort") == "ascending"
    assert (values := numbers(browser, 3)) == sorted(values)
    click(button)
    assert head.get_dom_attribute("aria-sort") is None
    assert names(browser) == LAYERS


def test_sorting_text_is_natural_and_sorts_one_column_only(browser: Chrome) -> None:
    click(header(browser, "Mean").find_element(By.TAG_NAME, "button"))
    click(header(browser, "Layer").find_element(By.TAG_NAME, "button"))
    assert names(browser)[:2] == ["decoder/dense", "embedding"]
    assert [head.get_dom_attribute("aria-sort") for head in browser.find_elements(By.CSS_SELECTOR, "[aria-sort]")] == [
        "ascending"
    ]


def test_unknown_numbers_are_last_in_both_directions(browser: Chrome, report: str) -> None:
    browser.get(f"{report}?over-time.0.columns=all")
    head = browser.find_elements(By.CSS_SELECTOR, "#over-time thead th")[-1]
    for _ in range(2):
        click(head.find_element(By.TAG_NAME, "button"))
        assert texts(browser, "#over-time tbody tr > :last-child")[-1] == "—"


def test_search_finds_rows_and_findings_and_opens_folds(browser: Chrome) -> None:
    browser.find_element(By.TAG_NAME, "body").send_keys("/")
    search = browser.switch_to.active_element
    assert search.get_dom_attribute("id") == "search"
    search.send_keys("BLOCK_7 dense")
    assert texts(browser, f"{LAYER_TABLE} tbody tr:not([data-missed]) th") == [f"✕fail: {BROKEN}"]
    assert shown(browser, ".finding") == 2
    assert shown(browser, "main > section") == 2
    assert browser.find_element(By.ID, "hits").text.startswith("3 hits")
    search.clear()
    search.send_keys("standard deviation")
    search.send_keys(Keys.ESCAPE)
    assert shown(browser, ".finding") == 8
    assert shown(browser, "main > section") == 9
    assert browser.find_element(By.ID, "hits").text == ""


def test_a_search_that_finds_nothing_says_so(browser: Chrome) -> None:
    search = browser.find_element(By.ID, "search")
    assert shown(browser, ".nothing") == 0
    search.send_keys("no such layer")
    assert "no such layer" in browser.find_element(By.CSS_SELECTOR, ".nothing").text
    search.send_keys(Keys.ESCAPE)
    assert shown(browser, ".nothing") == 0


def test_a_table_that_goes_on_shows_it(resized: Callable[[int], Chrome]) -> None:
    browser = resized(390)
    browser.get(browser.current_url.split("#")[0] + "#layers")
    cut = "return document.querySelector('#layers .scroll').hasAttribute('data-cut')"
    wait_until(browser, lambda: browser.execute_script(cut))
    browser.execute_script("document.querySelector('#layers .scroll').scrollLeft = 1e6")
    wait_until(browser, lambda: not browser.execute_script(cut))


def test_explained_headers_are_underlined_and_rules_of_rows_meet(looking: Chrome) -> None:
    line = "return getComputedStyle(document.querySelector('thead th[title] .words')).textDecorationStyle"
    assert looking.execute_script(line) == "dotted"
    heights = looking.execute_script(
        "return [...document.querySelectorAll('#layers tbody tr')].map(row => row.getBoundingClientRect().height % 1)"
    )
    assert set(heights) == {0}, "whole pixels, which a browser cannot round in two ways"


def test_severity_filter(browser: Chrome) -> None:
    chips = browser.find_elements(By.CSS_SELECTOR, ".chip")
    assert [chip.text for chip in chips] == ["✕Fail 3", "▲Warning 5", "●Note 4"]
    click(chips[1])
    assert chips[1].get_dom_attribute("aria-pressed") == "false"
    assert shown(browser, ".finding") == 3
    assert shown(browser, ".finding.warn") == 0
    click(chips[1])
    assert shown(browser, ".finding") == 8


def test_expand_and_collapse_all(browser: Chrome) -> None:
    button = browser.find_element(By.ID, "unfold")
    assert (button.text, shown(browser, "#plots img")) == ("Expand all", 0)
    click(button)
    assert shown(browser, "#plots img") == 8
    wait_until(browser, lambda: button.text == "Collapse all")
    click(button)
    assert shown(browser, "#plots img") == 0


def test_finding_leads_to_its_layer_even_when_filtered_away(browser: Chrome) -> None:
    browser.find_element(By.ID, "search").send_keys("pruned")
    click(browser.find_element(By.CSS_SELECTOR, ".finding:not([data-missed]) .where a"))
    place = browser.execute_script(
        "const box = document.querySelector(':target').closest('tr').getBoundingClientRect();"
        "return [box.top, box.bottom, innerHeight]"
    )
    assert 0 <= place[0] < place[1] <= place[2]


def test_contents_show_the_place(browser: Chrome) -> None:
    click(browser.find_element(By.CSS_SELECTOR, "nav a[href='#layers']"))
    script = "return document.querySelector('nav a[aria-current]')?.hash"
    wait_until(browser, lambda: browser.execute_script(script) == "#layers")


@pytest.mark.parametrize("width", [360, 390, 768, 1280, 1600])
def test_the_page_never_scrolls_sideways(driver: Chrome, report: str, width: int) -> None:
    resize(driver, width)
    if looked_at(driver, report, "unfolded"):
        click(driver.find_element(By.ID, "unfold"))
    assert sideways(driver) == 0
    box = driver.find_element(By.CSS_SELECTOR, "#layers .scroll")
    assert (box.get_property("scrollWidth") > box.get_property("clientWidth")) is (width < 800)
    assert driver.get_log("browser") == []


def test_rows_stay_on_one_line(looking: Chrome) -> None:
    heights: list[float] = looking.execute_script(
        "return [...document.querySelectorAll('#over-time tr, #layers tr')].map(row => row.offsetHeight)"
    )
    assert max(heights) < 60, "a header has two lines, title and unit"
    assert sorted(heights)[len(heights) - 3] < 34


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for pages that several tests look at."""
    return tmp_path_factory.mktemp("hostile")


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("word", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_strings_do_nothing(driver: Chrome, pages: Path, word: str, width: int) -> None:
    path = pages / f"{HOSTILE.index(word)}.html"
    if not path.exists():
        path.write_text(render_html(hostile(word)), encoding="utf-8")
    resize(driver, width)
    new = looked_at(driver, path.as_uri(), "unfolded")
    assert driver.title != "owned"
    assert len(driver.find_elements(By.TAG_NAME, "img")) == 14
    if new:
        click(driver.find_element(By.ID, "unfold"))
    assert sideways(driver) == 0
    assert driver.get_log("browser") == []


def test_reads_without_javascript(driver: Chrome, report: str) -> None:
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        driver.get("about:blank")
        driver.get(report)
        assert not driver.find_element(By.ID, "search").is_displayed()
        assert driver.find_element(By.CSS_SELECTOR, ".banner .word").text == "✕Fail"
        assert len([f for f in driver.find_elements(By.CSS_SELECTOR, ".finding") if f.is_displayed()]) == 8
        assert driver.find_element(By.CSS_SELECTOR, f"{LAYER_TABLE} thead th").text == "Layer"
        assert driver.find_elements(By.CSS_SELECTOR, "button.sort, .chip") == []
        # By keyboard: sections are laid out only as they come into view, which moves what a pointer aims at.
        driver.find_element(By.CSS_SELECTOR, "#plots summary").send_keys(Keys.ENTER)
        assert driver.find_element(By.CSS_SELECTOR, "#plots img").is_displayed()
    finally:
        driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
