"""Findings are chosen by rule and place, and a layer's card by the layer's name in the address, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.select import Select

from reporter.render import render_html
from reporter.sections import report_page
from tests.browser.chromium import click, resize, wait_until
from tests.browser.test_links import lands
from tests.browser.test_report import shown, texts
from tests.make import built

RULE, PLACE = "#findings select[aria-label='Rule']", "#findings select[aria-label='Layer or series']"


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("story") / "index.html"
    path.write_text(render_html(report_page(built.story(), "html")), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def page(driver: Chrome, story: str) -> Iterator[Chrome]:
    resize(driver, 1280)
    driver.get("about:blank")
    driver.get(story)
    yield driver
    assert driver.get_log("browser") == []


def seen(page: Chrome) -> list[str]:
    """The rules of the findings that are not filtered out."""
    return texts(page, "#findings .finding:not([data-filtered]) .what b")


def test_by_rule_and_by_place(page: Chrome) -> None:
    everything = seen(page)
    rules, places = (Select(page.find_element(By.CSS_SELECTOR, selector)) for selector in (RULE, PLACE))
    rule = rules.options[1].text
    rules.select_by_index(1)
    assert set(seen(page)) == {rule} and len(seen(page)) < len(everything)
    wait_until(page, lambda: "rule=" in page.current_url)
    rules.select_by_index(0)
    assert seen(page) == everything
    places.select_by_index(1)
    place = places.options[1].text
    left = page.find_elements(By.CSS_SELECTOR, "#findings .finding:not([data-filtered])")
    assert 0 < len(left) < len(everything)
    own = "return [...arguments[0].querySelectorAll('.places a')].map((link) => link.textContent)"
    assert all(place in page.execute_script(own, finding) for finding in left)


def test_a_filter_of_the_address_is_there_when_the_page_opens(page: Chrome, story: str) -> None:
    rule = Select(page.find_element(By.CSS_SELECTOR, RULE)).options[1].text
    page.get(f"{story}?rule={rule.replace(' ', '+')}")
    assert set(seen(page)) == {rule}


def test_severity_and_rule_hold_together(page: Chrome) -> None:
    chips = page.find_elements(By.CSS_SELECTOR, "#findings button.chip")
    if len(chips) < 2:
        pytest.skip("the story has findings of one severity")
    click(chips[0])
    hidden = shown(page, "#findings .finding")
    Select(page.find_element(By.CSS_SELECTOR, RULE)).select_by_index(1)
    assert shown(page, "#findings .finding") <= hidden


def test_an_address_names_a_layer(page: Chrome, story: str) -> None:
    name = texts(page, ".card summary .title .name")[-1]
    page.get("about:blank")
    page.get(f"{story}#layer={name}")
    wait_until(page, lambda: page.execute_script("return location.hash").startswith("#layer-"))
    card = page.execute_script("return location.hash")[1:]
    assert page.find_element(By.ID, card).get_dom_attribute("open") is not None
    assert lands(page, card)
    page.execute_script("document.querySelector('.card[open] .beside a').click()")
    wait_until(page, lambda: page.execute_script("return location.hash") != f"#{card}")
    assert lands(page, page.execute_script("return location.hash")[1:])


def test_a_name_that_is_none_leads_nowhere(page: Chrome, story: str) -> None:
    page.get("about:blank")
    page.get(f"{story}#layer=100%")
    assert page.execute_script("return location.hash") == "#layer=100%"
