"""What can be done with a table: choose columns, sort, copy; its header row stays in the window."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from selenium.webdriver import ActionChains, Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from reporter.model.blocks import Facts
from reporter.model.cards import Card, CardGroup, Cards
from reporter.model.page import Page, Section
from reporter.model.table import Cell, Column, Row, Table, Thumbnail
from reporter.render import render_html
from tests.browser.chromium import click, wait_until
from tests.browser.test_report import shown, texts
from tests.render.pages import LAYERS, layer_table

HEADS = "#layers thead th"
COPIED = """
const [kind, section, done] = arguments;
navigator.clipboard.writeText = async (text) => { delete navigator.clipboard.writeText; done(text); };
document.querySelector(section + " .bar > button:last-of-type").click();
[...document.querySelectorAll(".menu:popover-open button")].find((each) => each.textContent === kind).click();
"""


def titles(browser: Chrome) -> list[str]:
    """The titles of the columns that are shown."""
    found: list[str] = browser.execute_script(
        "return [...document.querySelectorAll(arguments[0])].filter(e => e.checkVisibility())"
        ".map(e => e.querySelector('.words').textContent)",
        HEADS,
    )
    return found


def chooser(browser: Chrome) -> WebElement:
    return browser.find_element(By.CSS_SELECTOR, "#layers .bar .columns")


def copied(browser: Chrome, kind: str, section: str = "#layers") -> str:
    text: str = browser.execute_async_script(COPIED, kind, section)
    return text


def test_six_columns_are_shown_and_a_menu_has_the_others(browser: Chrome) -> None:
    assert titles(browser) == ["Layer", "Class", "Weights", "Mean", "σ", "NaN"], "what is marked, before what is not"
    button = chooser(browser)
    assert button.text == "6 of 12 columns"
    click(button)
    labels = browser.find_elements(By.CSS_SELECTOR, "#layers .menu label")
    assert [label.text for label in labels[-3:]] == ["NaN, values", "Kurtosis, excess", "Moved, % of norm"]
    click(labels[-1])
    click(browser.find_element(By.XPATH, "//section[@id='layers']//label[text()='Class']"))
    assert titles(browser) == ["Layer", "Weights", "Mean", "σ", "NaN", "Moved"]
    wait_until(browser, lambda: "layers.0.columns=0.2.3.4.9.11" in browser.current_url)
    browser.refresh()
    assert titles(browser)[-1] == "Moved", "the address keeps it"
    click(chooser(browser))
    click(browser.find_element(By.XPATH, "//section[@id='layers']//button[text()='All']"))
    assert len(titles(browser)) == 12
    click(browser.find_element(By.XPATH, "//section[@id='layers']//button[text()='Default']"))
    assert titles(browser)[-1] == "NaN"
    wait_until(browser, lambda: "columns" not in browser.current_url)


def test_an_address_keeps_the_order(browser: Chrome, report: str) -> None:
    click(browser.find_element(By.CSS_SELECTOR, f"{HEADS}:nth-child(3) button"))
    wait_until(browser, lambda: "layers.0.sort=2-descending" in browser.current_url)
    order = texts(browser, "#layers tbody th")
    browser.get(browser.current_url)
    assert texts(browser, "#layers tbody th") == order
    browser.get(f"{report}?layers.0.sort=99-ascending&layers.0.columns=x&search=%00")
    assert [name.split(": ")[-1] for name in texts(browser, "#layers tbody th")] == LAYERS, "nonsense does no harm"


@pytest.mark.parametrize("columns", ["", "?layers.0.columns=all"], ids=["fits", "goes on"])
def test_the_header_row_stays(browser: Chrome, report: str, columns: str) -> None:
    browser.get(f"{report}{columns}")
    place = (
        f"document.querySelector('#layers tbody tr:nth-child({len(LAYERS) - 5})').scrollIntoView();"
        "return document.querySelector('#layers thead th').getBoundingClientRect().top"
    )
    wait_until(browser, lambda: browser.execute_script(place) == 0)
    box = browser.find_element(By.CSS_SELECTOR, "#layers .scroll")
    assert (box.get_dom_attribute("data-fits") is None) is bool(columns)
    assert (box.get_dom_attribute("tabindex") == "0") is bool(columns), "a stop of the keyboard only if it scrolls"


def test_on_a_narrow_screen_the_header_row_stays_below_the_menu(resized: Callable[[int], Chrome], report: str) -> None:
    browser = resized(390)
    browser.get(report)
    places = (
        "document.querySelector('#layers tbody tr:nth-child(20)').scrollIntoView();"
        "return [document.querySelector('.side').getBoundingClientRect().bottom,"
        " document.querySelector('#layers thead th').getBoundingClientRect().top]"
    )
    wait_until(browser, lambda: abs(sum(browser.execute_script(places)[i] * (-1) ** i for i in (0, 1))) < 1.5)


def test_every_column_that_sorts_says_so(browser: Chrome) -> None:
    mark = "return getComputedStyle(arguments[0].querySelector('.words'), '::after').content"
    head = browser.find_element(By.CSS_SELECTOR, HEADS)
    assert browser.execute_script(mark, head) == '"⇅"'
    click(head.find_element(By.TAG_NAME, "button"))
    assert browser.execute_script(mark, head) == '"▲"'


def test_copied_as_csv_are_exact_numbers_of_what_is_shown(browser: Chrome) -> None:
    table = layer_table()
    rows = list(csv.DictReader(io.StringIO(copied(browser, "CSV"))))
    assert list(rows[0]) == ["Layer", "Class", "Weights", "Mean", "σ", "NaN, values"]
    assert [row["Layer"] for row in rows] == LAYERS
    for row, cells in zip(rows, table.rows, strict=True):
        assert [float(row[t]) for t in ("Weights", "Mean", "σ")] == [cell.sort for cell in cells.cells[2:5]]
    click(browser.find_element(By.CSS_SELECTOR, f"{HEADS}:nth-child(3) button"))
    browser.find_element(By.ID, "search").send_keys("block_7")
    rows = list(csv.DictReader(io.StringIO(copied(browser, "CSV"))))
    assert len(rows) == 3
    assert (weights := [int(row["Weights"]) for row in rows]) == sorted(weights, reverse=True)
    assert "copied as CSV" in texts(browser, "#layers .said")


def test_copied_as_markdown_is_what_is_seen(browser: Chrome) -> None:
    lines = copied(browser, "Markdown").splitlines()
    assert lines[0] == "| Layer | Class | Weights | Mean | σ | NaN, values |"
    assert lines[1] == "| :--- | :--- | ---: | ---: | ---: | ---: |"
    assert len(lines) == 2 + len(LAYERS)
    seen = layer_table().rows[3].cells
    assert lines[5] == "| " + " | ".join(seen[i].text.replace("_", "\\_") for i in (0, 1, 2, 3, 4, 9)) + " |"


def test_where_the_clipboard_is_refused_the_selection_is_copied(browser: Chrome) -> None:
    browser.execute_script(
        "navigator.clipboard.writeText = () => Promise.reject(new Error('not secure'));"
        "document.addEventListener('copy', () => { window.copied = document.activeElement.value; });"
    )
    click(browser.find_element(By.CSS_SELECTOR, "#layers .bar > button:last-of-type"))
    click(browser.find_element(By.CSS_SELECTOR, ".menu:popover-open button"))
    wait_until(browser, lambda: bool(browser.execute_script("return window.copied")))
    assert browser.execute_script("return window.copied").startswith("Layer,Class,")


def test_without_scripts_all_columns_are_there(driver: Chrome, report: str) -> None:
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        driver.get(report)
        assert len([h for h in driver.find_elements(By.CSS_SELECTOR, HEADS) if h.is_displayed()]) == 12
    finally:
        driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_print_has_what_is_chosen_and_no_menus(browser: Chrome) -> None:
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        assert len(titles(browser)) == 6
        size = "return getComputedStyle(document.querySelector('#layers table')).fontSize"
        assert browser.execute_script(size) == "10px", "7.5 pt: six columns need no small type"
        assert shown(browser, "#layers .bar .columns") == 1, "which says that there are more"
        assert shown(browser, "#layers .bar > :not(.columns)") == shown(browser, ".tools, .side, .chips") == 0
        content = "return getComputedStyle(document.querySelector('#layers .words'), '::after').content"
        assert browser.execute_script(content) == "none"
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_long_names_are_sorted_by_all_of_their_parts(driver: Chrome, tmp_path: Path) -> None:
    names = [f"encoder_with_relative_positions/block_{i}/attention_query_projection" for i in (10, 2, 33, 1)]
    table = Table("T", (Column("Layer", numeric=False),), tuple(Row((Cell(name),)) for name in names))
    path = tmp_path / "page.html"
    path.write_text(render_html(Page("t", "", (Section("layers", "A", (table,)),))), encoding="utf-8")
    driver.get(path.as_uri())
    click(driver.find_element(By.CSS_SELECTOR, f"{HEADS} button"))
    cells = "return [...document.querySelectorAll('tbody th')].map(cell => cell.textContent)"
    assert driver.execute_script(cells) == [names[i] for i in (3, 1, 0, 2)]


def test_columns_of_cards_are_explained_by_the_glossary(driver: Chrome, tmp_path: Path) -> None:
    columns = Column("Tensor", numeric=False), Column("L2 norm", definition="√Σx²."), Column("Rise", definition="Up.")
    kernel = Thumbnail((), (0.25, 0.75))
    rows = Row((Cell("kernel"), Cell("1"), Cell("2"))), Row((Cell("both"), Cell("", mark=kernel), Cell("3")))
    card = Card(
        "layer-a", "a", "Dense", (), (), (("kernel", Cell("2 values", mark=kernel)),), (Table("T", columns, rows),)
    )
    terms = Facts((("Mean", "Σx / n."), ("L2 norm", "√Σx².")), "terms")
    sections = (
        Section("layers", "Layers", (Cards((CardGroup("", (card,)),), ()),)),
        Section("glossary", "Definitions", (terms,), folded=True),
    )
    path = tmp_path / "page.html"
    path.write_text(render_html(Page("t", "", sections)), encoding="utf-8")
    driver.get(path.as_uri())
    driver.execute_script("document.querySelector('.card').open = true")
    _, norm, rise = driver.find_elements(By.CSS_SELECTOR, HEADS)
    assert (norm.get_attribute("title"), rise.get_attribute("title")) == ("", "Up.")
    line = "return getComputedStyle(arguments[0].querySelector('.words')).textDecorationStyle"
    assert [driver.execute_script(line, head) for head in (norm, rise)] == ["dotted", "dotted"]
    ActionChains(driver).move_to_element(norm).perform()
    assert norm.get_attribute("title") == "√Σx²."
    size = "const box = arguments[0].getBoundingClientRect(); return [box.width, box.height].map(Math.round)"
    drawn, again = driver.find_elements(By.CSS_SELECTOR, ".card .thumb path, .card .thumb use")
    assert driver.execute_script(size, drawn) == driver.execute_script(size, again) == [96, 22]
    shades = [len(Image.open(io.BytesIO(each.screenshot_as_png)).getcolors() or ()) for each in (drawn, again)]
    assert min(shades) > 1, "one of them is blank"
