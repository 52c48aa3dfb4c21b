"""Two checkpoints compared on the page, layers by checkpoint, and the number under the pointer, in a real browser."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from selenium.webdriver import ActionChains, Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

from reporter.compare.shift import js, psi
from reporter.model.blocks import Figure
from reporter.model.comparison import Comparison
from reporter.model.reading import BinsArea
from reporter.model.report import Report
from reporter.numerals import number, share
from reporter.render import render_html
from reporter.render.assets import read_asset
from reporter.sections import report_page
from reporter.sections.card_anchors import card_anchors
from reporter.writers.report_json import report_record
from tests.browser.chromium import click, looked_at, resize, wait_until
from tests.make import built

COMPARE, COURSES = ".compare", ".courses"


@pytest.fixture(scope="module")
def made() -> Report:
    return built.story()


@pytest.fixture(scope="module")
def address(made: Report, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("story") / "index.html"
    path.write_text(render_html(report_page(made, "html")), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def page(driver: Chrome, address: str) -> Iterator[Chrome]:
    resize(driver, 1280)
    opened(driver, address)
    yield driver
    assert driver.get_log("browser") == []


@pytest.fixture
def chosen(driver: Chrome, address: str) -> Iterator[Chrome]:
    """The page with whatever two checkpoints the last test has chosen, for tests that choose their own."""
    resize(driver, 1280)
    if looked_at(driver, address, "chosen"):
        filled(driver)
    yield driver
    assert driver.get_log("browser") == []


def opened(driver: Chrome, address: str) -> None:
    """Open a page, and wait until its tables of any two checkpoints are there."""
    driver.get("about:blank")
    driver.get(address)
    filled(driver)


def filled(driver: Chrome) -> None:
    """Scroll to these tables, which scripts fill when they come near the window, and wait for them."""
    for part in (COURSES, COMPARE):
        driver.execute_script("document.querySelector(arguments[0]).scrollIntoView()", part)
        WebDriverWait(driver, 20).until(
            lambda _, p=part: driver.find_elements(By.CSS_SELECTOR, f"section:has({p}) select")
        )


def menus(page: Chrome, part: str) -> list[Select]:
    return [Select(menu) for menu in page.find_elements(By.CSS_SELECTOR, f"section:has({part}) select")]


def rows(page: Chrome, part: str) -> dict[str, list[str]]:
    """The texts of a table by the name of the layer, in order."""
    found: list[list[str]] = page.execute_script(
        "return [...document.querySelectorAll(arguments[0])].filter(r => !r.hidden)"
        ".map(r => [...r.cells].map(c => c.textContent))",
        f"{part} tbody tr",
    )
    return {name: cells for name, *cells in found}


def choose(page: Chrome, before: str, after: str) -> dict[str, list[str]]:
    a, b, _ = menus(page, COMPARE)
    a.select_by_visible_text(next(o.text for o in a.options if o.text.startswith(before)))
    b.select_by_visible_text(next(o.text for o in b.options if o.text.startswith(after)))
    return rows(page, COMPARE)


def series(made: Report) -> Comparison:
    (one,) = made.series
    return one


def test_any_two_checkpoints_can_be_chosen(chosen: Chrome, made: Report) -> None:
    one = series(made)
    shown = choose(chosen, "1", "3")
    (pair,) = (p for p in one.from_first if p.after == 2)
    updates = {name: pair.layers[name].relative_update for name in shown}
    assert list(shown) == sorted(updates, key=lambda n: -(updates[n] or 0)), "what moved most first"
    for name, (_, update, before, after, _, distance, _) in shown.items():
        assert update == number(updates[name])
        assert [before, after] == [number(one.measured[i].trained_layer(name).statistics["l2_norm"]) for i in (0, 2)]
        assert distance == number(distance_of(made, name, 0, 2), 3)
    said = chosen.find_element(By.CSS_SELECTOR, f"{COMPARE} > .note").text
    assert "compared value by value" in said


def distance_of(made: Report, layer: str, before: int, after: int, measure: Any = js) -> float:
    """The distance of two histograms, from the counts of report.json."""
    counts = []
    for place in (before, after):
        found = report_record(made)["series"][0]["checkpoints"][place]["histograms"]["layers"][layer]
        counts.append(np.array([found["below"], *found["counts"], found["above"]], np.float64))
    return float(measure(*counts))


def test_a_pair_that_was_not_compared_says_what_is_known(chosen: Chrome, made: Report) -> None:
    one = series(made)
    shown = choose(chosen, "3", "1")
    for name, cells in shown.items():
        old, new = (one.measured[i].trained_layer(name).statistics["l2_norm"] for i in (2, 0))
        assert isinstance(old, float)
        assert isinstance(new, float)
        assert cells[1] == f"≥ {number(abs(new - old) / old, 3)}"
        title = chosen.execute_script(
            "return [...document.querySelectorAll('.compare tbody tr')]"
            ".find(r => r.cells[0].textContent === arguments[0]).cells[6].title",
            name,
        )
        assert title.startswith(f"PSI {number(distance_of(made, name, 2, 0, psi), 3)},")
    assert "not compared value by value" in chosen.find_element(By.CSS_SELECTOR, f"{COMPARE} > .note").text


def test_what_is_not_finite_comes_first_and_has_no_distance(chosen: Chrome) -> None:
    shown = choose(chosen, "1", "4")
    assert next(iter(shown)) == "encoder"
    assert shown["encoder"][1] == "NaN/Inf"
    assert shown["encoder"][3] == "NaN/Inf"
    assert shown["encoder"][5:] == ["—", "—"]
    assert "no finite value in B" in shown["head"][0], "the layer is gone"


def test_the_distance_of_a_shift_is_within_its_error(chosen: Chrome, made: Report) -> None:
    one = series(made)
    kernels = [m.by_name["head.kernel"].summary for m in one.measured[:2]]
    text = choose(chosen, "1", "2")["head"][6]
    truth = abs(
        kernels[1].std / kernels[0].std - 1
    )  # all values are scaled: W1 is this times the mean of |x| / σ, below 1
    value, _, error = text.partition(" ± ")
    most = float(value) + float(error) if error else float(text.removeprefix("≤ "))
    assert 0 < 0.5 * truth <= most


def test_the_choice_is_in_the_address_and_survives_a_reload(page: Chrome) -> None:
    choose(page, "2", "3")
    menus(page, COMPARE)[2].select_by_visible_text("Std")
    before = rows(page, COMPARE)
    wait_until(page, lambda: page.current_url.endswith("std"))
    opened(page, page.current_url)
    assert [menu.first_selected_option.text.split()[0] for menu in menus(page, COMPARE)] == ["2", "3", "Std"]
    assert rows(page, COMPARE) == before


def test_names_lead_to_the_cards_of_the_layers(page: Chrome, made: Report) -> None:
    ids = card_anchors(series(made))
    for part in (COMPARE, COURSES):
        links = page.find_elements(By.CSS_SELECTOR, f"{part} tbody th a")
        found = {link.text: link.get_dom_attribute("href") for link in links}
        assert found == {name: f"#{ids[name]}" for name in found}
        assert set(found) == set(series(made).layers)
    page.execute_script("arguments[0].click()", links[0])
    card = page.find_element(By.ID, (links[0].get_dom_attribute("href") or "")[1:])
    wait_until(page, lambda: card.get_dom_attribute("open") is not None)


def test_a_table_that_is_cut_at_the_right_says_so(page: Chrome) -> None:
    box = page.find_element(By.CSS_SELECTOR, f"{COMPARE} .scroll")
    resize(page, 390)
    wait_until(page, lambda: box.get_dom_attribute("data-cut") is not None)


def test_presets(page: Chrome, made: Report) -> None:
    chips = page.find_elements(By.CSS_SELECTOR, ".presets .chip")
    assert [chip.text for chip in chips] == ["first ↔ last", "previous ↔ last", "last good ↔ first bad"]
    assert chips[0].get_dom_attribute("aria-pressed") == "true"
    click(chips[1])
    assert [menu.first_selected_option.text.split()[0] for menu in menus(page, COMPARE)[:2]] == ["3", "4"]
    worst = made.judgement.findings[0]
    click(chips[2])
    places = [menu.first_selected_option.text for menu in menus(page, COMPARE)[:2]]
    assert places[1].endswith(worst.first_bad)


def test_layers_by_checkpoint_in_any_statistic(page: Chrome, made: Report) -> None:
    one = series(made)
    (menu,) = menus(page, COURSES)
    norms = rows(page, COURSES)
    for option, statistic in (("Max", "max"), ("L2 norm", "l2_norm")):
        menu.select_by_visible_text(option)
        for name, cells in rows(page, COURSES).items():
            for place, text in enumerate(cells):
                held = name in one.measured[place].layer_by_name
                group = one.measured[place].trained_layer(name) if held else None
                bad = group is not None and group.summary.non_finite
                assert text == ("NaN/Inf" if bad else "—" if group is None else number(group.statistics[statistic]))
    assert rows(page, COURSES) == norms
    head = next(
        row for row in page.find_elements(By.CSS_SELECTOR, f"{COURSES} tbody tr") if row.text.startswith("head")
    )
    assert head.find_elements(By.TAG_NAME, "td")[1].get_dom_attribute("class") == "down4", "1.5 times less at step 2"


def ridge(page: Chrome, made: Report) -> tuple[WebElement, BinsArea, Figure]:
    figure = made.figures[0].moving
    assert figure is not None
    (area,) = figure.reading
    assert isinstance(area, BinsArea)
    image = picture(page, figure)
    return image, area, figure


def picture(page: Chrome, figure: Figure) -> WebElement:
    """The image of a figure, in the middle of the window."""
    image = page.find_element(By.CSS_SELECTOR, f"img[data-reading][alt^='{figure.alt[:40]}']")
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", image)
    return image


def tip(page: Chrome) -> str:
    found = [element for element in page.find_elements(By.CSS_SELECTOR, ".tip") if element.is_displayed()]
    return found[0].text if found else ""


@pytest.mark.parametrize("width", [1280, 390])
def test_pointing_at_a_bin_tells_the_count_of_report_json(page: Chrome, made: Report, width: int) -> None:
    resize(page, width)
    image, area, figure = ridge(page, made)
    for place in (0, 3):
        counts = report_record(made)["series"][0]["checkpoints"][place]["histograms"]["trained"]
        bin_ = int(np.argmax(counts["counts"]))
        left, top, right, bottom = area.box
        middle = (counts["edges"][bin_] + counts["edges"][bin_ + 1]) / 2
        x = left + (right - left) * (middle - area.low) / (area.high - area.low)
        y = top + (bottom - top) * (place + 0.5) / len(area.labels)
        scale = image.size["width"] / (figure.width + 2)
        offsets = round((x - figure.width / 2) * scale), round((y - figure.height / 2) * scale)
        ActionChains(page).move_to_element_with_offset(image, *offsets).perform()
        total = sum(counts["counts"]) + counts["below"] + counts["above"]
        WebDriverWait(page, 10).until(lambda _, label=area.labels[place]: tip(page).startswith(f"{label}\n"))
        assert f": {counts['counts'][bin_]} of {total} values" in tip(page)
    ActionChains(page).move_to_element(page.find_element(By.TAG_NAME, "h1")).perform()
    assert tip(page) == ""


def test_arrow_keys_walk_over_the_numbers(page: Chrome, made: Report) -> None:
    image, area, _ = ridge(page, made)
    figure = image.find_element(By.XPATH, "..")
    page.execute_script("arguments[0].focus()", figure)
    figure.send_keys(Keys.HOME)
    WebDriverWait(page, 10).until(lambda _: tip(page))
    figure.send_keys(Keys.HOME)
    figure.send_keys(Keys.ARROW_DOWN)
    figure.send_keys(Keys.ARROW_RIGHT)
    label, text = tip(page).split("\n")
    assert label == area.labels[1]
    shown = [
        i
        for i in range(len(area.edges) - 1)
        if area.edges[i] >= area.low - 1e-12 and area.edges[i + 1] <= area.high + 1e-12
    ]
    counts = area.counts[1]
    assert counts is not None
    assert f": {counts[shown[1]]} of " in text
    figure.send_keys(Keys.ESCAPE)
    assert tip(page) == ""


def test_a_heat_map_tells_its_cells(page: Chrome, made: Report) -> None:
    figure = made.figures[0].norms
    assert figure is not None
    image = picture(page, figure)
    holder = image.find_element(By.XPATH, "..")
    page.execute_script("arguments[0].focus()", holder)
    holder.send_keys(Keys.HOME)
    WebDriverWait(page, 10).until(lambda _: tip(page))
    for key in (Keys.HOME, Keys.ARROW_RIGHT):
        holder.send_keys(key)
    one = series(made)
    first, second = (one.measured[i].trained_layer(one.layers[0]).statistics["l2_norm"] for i in (0, 1))
    assert isinstance(first, float)
    assert isinstance(second, float)
    assert tip(page) == f"{one.layers[0]}, 2\n{number(second / first, 6)} × first"


def test_without_a_script_the_norm_is_complete_and_the_rest_is_linked(
    driver: Chrome, address: str, made: Report
) -> None:
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        driver.get("about:blank")
        driver.get(address)
        table = driver.find_element(By.CSS_SELECTOR, f"{COURSES} table")
        one = series(made)
        lines = [line.text for line in table.find_elements(By.CSS_SELECTOR, "tbody tr")]
        assert len(lines) == len(one.layers)
        for name, norms in zip(one.layers, one.layer_courses(("l2_norm",))[:, 0], strict=True):
            (line,) = (line for line in lines if line.split()[0] == name)
            assert [number(v) for v in norms if not math.isnan(v)] == [w for w in line.split()[1:] if w[0].isdigit()]
        link = driver.find_element(By.CSS_SELECTOR, f"{COMPARE} a")
        assert link.text == "What moved"
        assert driver.find_elements(By.ID, (link.get_dom_attribute("href") or "")[1:])
        assert not driver.find_elements(By.CSS_SELECTOR, f"{COMPARE} select, .tip")
    finally:
        driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_numbers_are_printed_as_everywhere_else(chosen: Chrome) -> None:
    """The script's numerals are those of the program, over every magnitude."""
    rng = np.random.default_rng(0)
    values = [
        *(10.0 ** rng.uniform(-12, 12, 300) * rng.choice([-1, 1], 300)),
        0.0,
        1.0,
        -1.0,
        0.99999952,
        1.0000001,
        -0.99999999,
        9999.7,
        12344.5,
        -999999.6,
        999999.4,
    ]
    script = read_asset("js/data.js")
    found = chosen.execute_script(
        f"{script}\nreturn arguments[0].map(v => [numeral(v), numeral(v, 3), percentage(v)])",
        json.loads(json.dumps(list(map(float, values)))),
    )
    for value, (four, three, percent) in zip(values, found, strict=True):
        assert four == number(float(value))
        assert three == number(float(value), 3)
        if 0 <= value <= 1:
            assert percent == share(float(value))
