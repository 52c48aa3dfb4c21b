"""Measure whole commands: start-up, pictures, and reports on a series that is new, unchanged, or one checkpoint
longer."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from bench import files
from bench.row import Context, Measurement, command, run, seconds, side_by_side, timed

REAL = Path(__file__).parents[2] / "shared" / "data" / "series" / "emotion-xception-h5"
"""Checkpoints of a real training, where they are there."""


def rows(context: Context) -> Iterator[Measurement]:
    """Measure the commands, from the quickest to the slowest."""
    yield timed("ckpt-report --help", lambda: run(command("--help")), most=0.15, goal="≤ 0.15 s", repeats=5)
    yield from compiling(context)
    yield from pictures(context)
    folder = Path(context.folder)
    series, shapes = folder / "series", files.resnet50() if context.full else files.resnet50()[:60]
    series.mkdir()
    many = 10 if context.full else 5
    for i in range(many):
        files.safetensors(series / f"model-{i}.safetensors", shapes, seed=i)
    megabytes = sum(4 * int(np.prod(shape)) for shape in shapes) / 1e6
    what = f"{many} checkpoints of {megabytes:.0f} MB, HTML + PDF"
    report = _report(series, folder / "out")
    goals = context.full
    yield timed(f"{what}: cold", lambda: run(report), most=9 * goals, goal="≤ 9 s" * goals)
    yield timed(f"{what}: unchanged", lambda: run(report), most=1.2 * goals, goal="≤ 1.2 s" * goals, repeats=3)
    files.safetensors(series / f"model-{many}.safetensors", shapes, seed=many)
    yield timed(f"{what}: one new", lambda: run(report), most=5 * goals, goal="≤ 5 s" * goals)
    yield from small_reports(folder)


def small_reports(folder: Path) -> Iterator[Measurement]:
    """Measure reports on small checkpoints that no run before has measured; the median of three."""
    one, five = folder / "one", folder / "five"
    one.mkdir(), five.mkdir()
    files.safetensors(one / "model.safetensors", [(512, 500), (500,)])
    for i in range(5):
        files.safetensors(five / f"model-{i}.safetensors", [(1500, 1000), (1000,)] * 3, seed=i)
    yield timed(
        "report on 1 checkpoint of 1 MB, HTML: cold", _cold(one, "--no-pdf"), most=0.9, goal="≤ 0.9 s", repeats=3
    )
    yield timed("report on 5 checkpoints of 18 MB, HTML + PDF: cold", _cold(five), most=4, goal="≤ 4 s", repeats=3)
    if REAL.is_dir():
        what = "report on emotion-xception's 27 checkpoints, HTML: cold"
        yield timed(what, _cold(REAL, "--no-pdf"), most=5, goal="≤ 5 s", repeats=3)


def _cold(series: Path, *options: str) -> Callable[[], object]:
    def work() -> None:
        with tempfile.TemporaryDirectory() as out:
            run([*_report(series, Path(out, "out")), "--cache", str(Path(out, "cache")), *options])

    return work


def _report(series: Path, out: Path) -> list[str]:
    return [*command("report", str(series), "-o", str(out), "--settle", "0")]


def compiling(context: Context) -> Iterator[Measurement]:
    """Measure the first run of all, which compiles the kernels that it needs, and later ones, which load them."""
    path = files.safetensors(Path(context.folder) / "tiny.safetensors", [(512, 500), (500,)])
    inspect = command("inspect", str(path), "--json")
    environment = dict(os.environ)
    os.environ["NUMBA_CACHE_DIR"] = str(Path(context.folder) / "kernels")
    try:
        yield Measurement("first run without compiled kernels", seconds(lambda: run(inspect)))
        yield timed("inspect of 1 MB, kernels compiled", lambda: run(inspect), most=0.4, goal="≤ 0.4 s", repeats=5)
        numpy = [sys.executable, "-c", "import numpy"]
        yield side_by_side(
            "inspect of 1 MB, kernels compiled", lambda: run(inspect), "python -c 'import numpy'", lambda: run(numpy),
            repeats=5,
        )  # fmt: skip
    finally:
        os.environ.clear()
        os.environ.update(environment)


def pictures(context: Context) -> Iterator[Measurement]:
    """Measure a small histogram as PNG, as one of many, against one drawn by pyplot from as many values."""
    from reporter.derive.histograms import histogram
    from reporter.measuring.accumulate import summarise
    from reporter.plots import small_multiples

    count = 400 if context.full else 200
    values = np.random.default_rng(0).standard_normal(100_000).astype(np.float32)
    drawn = histogram(summarise([values], values.dtype), 50)
    few = 5

    def ours() -> None:
        small_multiples("bench", [f"layer {i}" for i in range(count)], [drawn] * count)

    row = side_by_side(
        "one histogram PNG, amortised over hundreds", ours, "pyplot", lambda: pyplot(values, few),
        repeats=min(context.repeats, 3),
    )  # fmt: skip
    one, theirs = row.ours / count, row.reference / few
    yield replace(
        row, ours=one, reference=theirs, ratio=row.ratio * few / count, goal="≤ 10 ms", met=one <= 0.010, rate=0.0
    )


def pyplot(values: np.ndarray, count: int) -> None:
    """Histograms as one would draw them with pyplot, from the values."""
    import io

    import matplotlib.pyplot as plt

    for _ in range(count):
        plt.figure()
        plt.hist(values, bins=50)
        plt.savefig(io.BytesIO(), format="png")
        plt.close()
