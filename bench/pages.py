"""Pages of reports: their size, how long it takes in a browser until they are seen, searched and compared, and how many
sheets the document has."""

from __future__ import annotations

import re
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file
from selenium.webdriver import Chrome

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

LOOP = """
const start = performance.now();
let sum = 0;
for (let i = 0; i < 3e7; i += 1) sum = (sum + i * i) % 65521;
return [performance.now() - start, sum];
"""
"""What the browser does in any machine's time: the times of a page can be held against it."""

WORDS = ("la", "laye", "layer_7", "kernel", "nothing at all", "1", "12", "")


def rows(context: Context) -> Iterator[Measurement]:
    """Reports on many layers, checkpoints and series; without times where no browser is installed."""
    folder, checkpoints, runs = Path(context.folder), 300 if context.full else 60, 102 if context.full else 34
    for layers, count, most in ((500, 3, 5), (8, checkpoints, 5), (1000, 2, 8)):
        ckpts = folder / f"{layers}-{count}"
        _train(ckpts, {f"layer_{i}/kernel": (32, 24) for i in range(layers)}, count)
        yield from _measured(f"{layers} layers, {count} checkpoints", ckpts, most)
    for i in range(runs):
        _train(
            folder / "series" / f"run-{i}", {f"layer_{k}/kernel": (16, 16) for k in range(4)}, 3, i, broken=i % 9 == 4
        )
    yield from _measured(f"{runs} series", folder / "series", 8)
    yield from _document(folder / "resnet50")


def _train(
    folder: Path, shapes: Mapping[str, Sequence[int]], count: int, seed: int = 0, *, broken: bool = True
) -> None:
    """Checkpoints whose tensors move a little; in the last one, a value of a tensor may be NaN."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    weights = {name: rng.normal(0, 0.05, shape).astype("f4") for name, shape in shapes.items()}
    for step in range(1, count + 1):
        weights = {name: w + rng.normal(0, 0.002, w.shape).astype("f4") for name, w in weights.items()}
        if broken and step == count:
            next(reversed(weights.values())).flat[3] = np.nan
        save_file(weights, folder / f"model-{100 * step}.safetensors")


def _document(folder: Path) -> Iterator[Measurement]:
    """The PDF of ten checkpoints with the layers of a ResNet50, each of a few channels: paper shows no more of more."""
    if shutil.which("pdfinfo") is None:
        return
    shapes: dict[str, tuple[int, ...]] = {"conv1_conv/kernel": (7, 7, 3, 8), "conv1_conv/bias": (8,)}
    for stage, blocks in enumerate((3, 4, 6, 3), 2):
        for block in range(1, blocks + 1):
            for part in ("0", "1", "2", "3") if block == 1 else ("1", "2", "3"):
                name = f"conv{stage}_block{block}_{part}"
                shapes |= {f"{name}_conv/kernel": (3, 3, 8, 8), f"{name}_conv/bias": (8,)}
                shapes |= {f"{name}_bn/{of}": (8,) for of in ("gamma", "beta", "moving_mean", "moving_variance")}
    _train(folder, shapes | {"predictions/kernel": (64, 100), "predictions/bias": (100,)}, 10)
    out = folder.with_name("resnet50-out")
    run(command("report", str(folder), "-o", str(out), "--settle", "0"))
    path = out / "latest" / "report.pdf"
    told = subprocess.run(["pdfinfo", str(path)], check=True, capture_output=True, text=True).stdout
    sheets, size = int(re.findall(r"Pages: +(\d+)", told)[0]), path.stat().st_size * MEGABYTES
    what = "PDF of 10 checkpoints of a ResNet50"
    yield Measurement(what, sheets, goal="6 to 10 sheets", met=6 <= sheets <= 10, unit="sheets")
    yield Measurement(what, size, goal="≤ 3 MB", met=size <= 3, unit="MB")


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
    yield _times(f"first paint of {what}", [_paint(driver, page) for _ in range(5)], 0.5, _loop(driver))
    _call(driver, SEARCH, "k")  # the first one reads the page
    yield _times(f"search in {what}", [_call(driver, SEARCH, word) for word in WORDS], 0.05, _loop(driver))
    driver.execute_script("document.querySelector('.compare')?.scrollIntoView()")
    time.sleep(1)
    if driver.execute_script("return document.querySelector('.compare select') !== null"):
        driver.execute_script(WHOLE)
        time.sleep(1)
        switched = [_call(driver, SWITCH, at) for at in range(6)]
        yield _times(f"A ↔ B of {what}, all rows", switched, 0.1, _loop(driver))


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


def _loop(driver: Chrome) -> float:
    """Milliseconds of thirty million rounds of a plain loop."""
    return float(driver.execute_script(LOOP)[0])


def _times(what: str, milliseconds: list[float], most: float, loop: float) -> Measurement:
    seconds = statistics.median(milliseconds) / 1000
    return Measurement(
        what,
        seconds,
        loop / 1000,
        "a plain loop in the same browser",
        1000 * seconds / loop,
        f"≤ {1000 * most:.0f} ms",
        seconds <= most,
    )
