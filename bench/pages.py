"""Pages of reports in a browser: their size, and how long it takes until they are seen, searched and compared."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from selenium.webdriver import Chrome

from bench import files
from bench.row import Context, Measurement, command, run
from tests.browser import chromium

MEGABYTES = 1e-6

PAINT = "return performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"

SEARCH = """
const [words, done] = arguments;
const field = document.querySelector("#search");
const start = performance.now();
field.value = words;
field.dispatchEvent(new Event("input"));
document.body.offsetHeight;
done(performance.now() - start);
"""

WHOLE = """
const button = [...document.querySelectorAll(".compare > button")].find((each) => !each.hidden);
button?.click();
"""

SWITCH = """
const [at, done] = arguments;
const menu = document.querySelector(".compare select");
menu.selectedIndex = at % menu.options.length;
const start = performance.now();
menu.dispatchEvent(new Event("change"));
document.body.offsetHeight;
done(performance.now() - start);
"""


def rows(context: Context) -> Iterator[Measurement]:
    """Reports on many layers, checkpoints and series; without times where no browser is installed."""
    few, many = (300, 300) if context.full else (100, 60)
    folder = Path(context.folder)
    for layers, checkpoints, most in ((500, 3, 5), (8, few, 5), (1000, 2, 8)):
        ckpts = folder / f"{layers}-{checkpoints}"
        ckpts.mkdir()
        for i in range(checkpoints):
            files.safetensors(ckpts / f"model-{i}.safetensors", [(32, 24)] * layers, seed=i)
        yield from _measured(f"{layers} layers, {checkpoints} checkpoints", ckpts, most)
    for i in range(many // 3):
        for step in (1, 2):
            (folder / "series" / f"run-{i}").mkdir(parents=True, exist_ok=True)
            path = folder / "series" / f"run-{i}" / f"model-{step}.safetensors"
            files.safetensors(path, [(16, 16), (16,)] * 4, seed=i)
    yield from _measured(f"{many // 3} series", folder / "series", 8)


def _measured(what: str, ckpts: Path, most: float) -> Iterator[Measurement]:
    out = ckpts.with_name(ckpts.name + "-out")
    run(command("report", str(ckpts), "-o", str(out), "--no-pdf", "--settle", "0"))
    page = out / "latest" / "index.html"
    size = page.stat().st_size * MEGABYTES
    yield Measurement(f"index.html of {what}", size, goal=f"≤ {most} MB", met=size <= most, unit="MB")
    if chromium.missing():
        return
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as profile:
        driver = chromium.start(Path(profile))
        try:
            yield from _in_browser(what, driver, page)
        finally:
            driver.quit()


def _in_browser(what: str, driver: Chrome, page: Path) -> Iterator[Measurement]:
    chromium.resize(driver, 1280)
    yield _times(f"first paint of {what}", [_paint(driver, page) for _ in range(5)], 0.5)
    _call(driver, SEARCH, "k")  # the first one reads the page
    words = ("ke", "ker", "kernel", "nothing at all", "1", "12", "")
    yield _times(f"search in {what}", [_call(driver, SEARCH, word) for word in words], 0.05)
    driver.execute_script("document.querySelector('.compare')?.scrollIntoView()")
    time.sleep(1)
    if driver.execute_script("return document.querySelector('.compare select') !== null"):
        driver.execute_script(WHOLE)
        time.sleep(1)
        yield _times(f"A ↔ B of {what}, all rows", [_call(driver, SWITCH, at) for at in range(6)], 0.1)


def _paint(driver: Chrome, page: Path) -> float:
    driver.get("about:blank")
    driver.get(page.as_uri())
    for _ in range(50):
        if (milliseconds := driver.execute_script(PAINT)) is not None:
            return float(milliseconds)
        time.sleep(0.1)
    return float("nan")


def _call(driver: Chrome, script: str, argument: Any) -> float:
    """Milliseconds from an event to the layout that follows it."""
    return float(driver.execute_async_script(script, argument))


def _times(what: str, milliseconds: list[float], most: float) -> Measurement:
    seconds = statistics.median(milliseconds) / 1000
    return Measurement(what, seconds, goal=f"≤ {1000 * most:.0f} ms", met=seconds <= most)
