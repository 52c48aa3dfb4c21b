"""The search hides all that does not match, opens what is folded, and is kept in the address."""

from __future__ import annotations

from pathlib import Path

from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from reporter.model.page import Page, Section
from reporter.model.table import Cell, Column, Row, Table
from reporter.numerals import integer
from reporter.render import render_html
from tests.browser.chromium import wait_until
from tests.browser.test_report import shown, texts


def seek(browser: Chrome, words: str) -> None:
    browser.find_element(By.ID, "search").send_keys(Keys.CONTROL, "a")
    browser.find_element(By.ID, "search").send_keys(words)


def test_pictures_definitions_and_texts_are_hidden_and_found(browser: Chrome) -> None:
    figures, terms = len(texts(browser, "figure")), len(texts(browser, "dl.facts > dt"))
    seek(browser, texts(browser, "dl.facts > dt")[0])
    assert 1 <= shown(browser, "dl.facts > dt") == shown(browser, "dl.facts > dd") < terms
    assert shown(browser, "figure") < figures
    seek(browser, texts(browser, "#plots figcaption")[3])
    assert shown(browser, "#plots figcaption") >= 1, "though it was folded"
    assert shown(browser, "dl.facts > dt") == shown(browser, ".banner") == shown(browser, ".tiles") == 0
    browser.find_element(By.ID, "search").send_keys(Keys.ESCAPE)
    assert len(texts(browser, "[data-missed]")) == 0
    assert shown(browser, "#plots figcaption") == 0


def test_titles_above_count(browser: Chrome) -> None:
    (caption,) = texts(browser, "#layers caption")
    seek(browser, f"{caption} pooler")
    assert texts(browser, "#layers tbody tr:not([data-missed]) th")[0].endswith("pooler/dense")
    assert shown(browser, "main > section") == 1


def test_numbers_are_found_with_and_without_spaces(driver: Chrome, tmp_path: Path) -> None:
    row = Row((Cell("layer"), Cell(integer(2_359_296), 2_359_296.0), Cell("\N{MINUS SIGN}0.25", -0.25)))
    table = Table("T", (Column("Layer", numeric=False), Column("Weights"), Column("Mean")), (row,))
    path = tmp_path / "index.html"
    path.write_text(render_html(Page("t", "", (Section("s", "S", (table,)),))), encoding="utf-8")
    driver.get(path.as_uri())
    for words, count in (("2359296", 1), ("2 359 296", 1), (integer(2_359_296), 1), ("-0.25", 1), ("2359297", 0)):
        seek(driver, words)
        assert shown(driver, "tbody tr") == count


def test_an_address_keeps_the_search(browser: Chrome, report: str) -> None:
    seek(browser, "block_7 dense")
    wait_until(browser, lambda: "search=block_7+dense" in browser.current_url)
    browser.get(browser.current_url)
    assert browser.find_element(By.ID, "hits").text == "3 hits"
    browser.get(f"{report}?search=no+such+layer")
    assert browser.find_element(By.ID, "hits").text == "no hits"
    assert "no such layer" in browser.find_element(By.ID, "nothing").text
    assert shown(browser, "main > section") == 0
    browser.execute_script("document.querySelector('nav a').click()")
    wait_until(browser, lambda: shown(browser, "main > section") == 9)
