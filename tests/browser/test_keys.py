"""Keys, the theme and the address, which keeps what a reader chose."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select

from reporter.render import render_html
from tests.browser.chromium import click, wait_until
from tests.browser.test_report import shown, texts
from tests.render.pages import review

DARK, LIGHT = "rgb(16, 21, 27)", "rgb(255, 255, 255)"
FINDING = "const at = document.activeElement; return [...document.querySelectorAll('.finding')].indexOf(at)"


def press(browser: Chrome, *keys: str) -> None:
    ActionChains(browser).send_keys(*keys).perform()


def ground(browser: Chrome) -> str:
    colour: str = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    return colour


@pytest.fixture
def dark_system(browser: Chrome) -> Iterator[Chrome]:
    features = [{"name": "prefers-color-scheme", "value": "dark"}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    yield browser
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_a_window_lists_the_keys_that_do_something_here(browser: Chrome) -> None:
    press(browser, "?")
    assert texts(browser, "dialog[open] kbd") == ["/", "j", "k", "?", "Esc"]
    press(browser, "j")
    assert shown(browser, "dialog[open]") == 1
    assert browser.execute_script(FINDING) == -1, "the window takes all keys"
    press(browser, Keys.ESCAPE)
    assert shown(browser, "dialog") == 0


def test_j_and_k_walk_the_findings_that_are_shown(browser: Chrome) -> None:
    for key, at in (("j", 0), ("j", 1), ("k", 0), ("k", 0)):
        press(browser, key)
        assert browser.execute_script(FINDING) == at
    click(browser.find_element(By.CSS_SELECTOR, ".chip"))
    press(browser, "j")
    assert browser.execute_script(FINDING) == 3, "after the failures, which are filtered away"
    wait_until(
        browser, lambda: 0 <= browser.execute_script("return document.activeElement.getBoundingClientRect().top") < 60
    )


def test_single_keys_can_be_switched_off(browser: Chrome) -> None:
    click(browser.find_element(By.ID, "keys"))
    click(browser.find_element(By.CSS_SELECTOR, "dialog input"))
    press(browser, Keys.ESCAPE, "/", "j")
    assert browser.switch_to.active_element.get_dom_attribute("id") == "keys"
    wait_until(browser, lambda: "keys=off" in browser.current_url)


def test_typing_is_no_command(browser: Chrome) -> None:
    search = browser.find_element(By.ID, "search")
    search.send_keys("j?/k")
    assert search.get_property("value") == "j?/k"
    assert shown(browser, "dialog") == 0


def test_keys_lead_to_the_pages_around(driver: Chrome, tmp_path: Path) -> None:
    for name in ("index", "one", "two"):
        page = replace(review(), title=name, up=None if name == "index" else ("index.html", "Report"))
        text = render_html(page).replace(
            "<h1>", '<a rel="prev" href="one.html">1</a><a rel="next" href="two.html">2</a><h1>'
        )
        (tmp_path / f"{name}.html").write_text(text, encoding="utf-8")
    driver.get((tmp_path / "one.html").as_uri() + "?theme=dark")
    for key, title in (("n", "two"), ("p", "one"), ("]", "two"), ("[", "one"), ("u", "index")):
        press(driver, key)
        wait_until(driver, lambda title=title: driver.title == title)  # type: ignore[misc]
        assert ground(driver) == DARK, "the theme goes with the reader"


def test_a_theme_is_chosen_and_kept_in_the_address(browser: Chrome) -> None:
    choice = Select(browser.find_element(By.ID, "theme"))
    assert (ground(browser), choice.first_selected_option.text) == (LIGHT, "Auto")
    choice.select_by_visible_text("Dark")
    assert ground(browser) == DARK
    assert browser.execute_script("return getComputedStyle(document.documentElement).colorScheme") == "dark"
    assert "invert" in browser.execute_script("return getComputedStyle(document.querySelector('img')).filter")
    wait_until(browser, lambda: "theme=dark" in browser.current_url)
    browser.refresh()
    assert ground(browser) == DARK
    Select(browser.find_element(By.ID, "theme")).select_by_visible_text("Auto")
    assert ground(browser) == LIGHT
    wait_until(browser, lambda: "theme" not in browser.current_url)


def test_a_dark_system_can_be_told_to_be_light(dark_system: Chrome) -> None:
    assert ground(dark_system) == DARK
    Select(dark_system.find_element(By.ID, "theme")).select_by_visible_text("Light")
    assert ground(dark_system) == LIGHT
    assert dark_system.execute_script("return getComputedStyle(document.querySelector('img')).filter") == "none"


def test_a_chosen_dark_page_is_printed_light(browser: Chrome) -> None:
    Select(browser.find_element(By.ID, "theme")).select_by_visible_text("Dark")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert ground(browser) in (LIGHT, "rgba(0, 0, 0, 0)")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_nothing_is_stored_and_nothing_is_loaded(browser: Chrome) -> None:
    Select(browser.find_element(By.ID, "theme")).select_by_visible_text("Dark")
    browser.find_element(By.ID, "search").send_keys("dense")
    click(browser.find_element(By.CSS_SELECTOR, "#layers .bar .columns"))
    left = "return [localStorage.length, sessionStorage.length, document.cookie.length]"
    assert browser.execute_script(left) == [0, 0, 0]
    assert browser.execute_script("return performance.getEntriesByType('resource').length") == 0
