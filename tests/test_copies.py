"""A report is the same to the bit, however many copies of the process have made its pictures and pages."""

from __future__ import annotations

import os
import re
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reporter import pipeline, sections
from reporter.ahead import Copies, possible
from reporter.cache.renderings import Renderings
from reporter.gather.catalog import scan
from reporter.rules import RULES, judging
from reporter.rules.judging import Policy, judge
from reporter.settings.model import Settings
from reporter.terminal.progress import Progress
from tests.make.safetensors import safetensors
from tests.make.small import weights
from tests.rules.build import healthy, series

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="copies are made on Linux only"),
    pytest.mark.usefixtures("painted"),
]

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
SERIES, STEPS = 2, 3


@pytest.fixture(autouse=True)
def _alone() -> None:
    if not possible():
        pytest.skip("libraries that other tests loaded have threads here; tests/test_ahead.py runs these by themselves")


@pytest.fixture(scope="module")
def ckpts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("copies") / "ckpts"
    for run in range(SERIES):
        for step in range(1, STEPS + 1):
            safetensors(folder / f"run-{run}" / f"m-{step}.safetensors", weights(7 * run + step))
    return folder


def made(ckpts: Path, out: Path, threads: int, cache: Path | None = None) -> dict[str, bytes]:
    settings = Settings(roots=(ckpts,), out=out, cache=cache, pdf=False, threads=threads, settle=0.0)
    folder = pipeline.run(settings, Progress(quiet=True), now=NOW).folder
    assert {path.name for path in out.iterdir()} <= {".lock", "index.html", "latest", "runs"}, "nothing is left behind"
    files = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    return {name: re.sub(rb'"(timings":\{[^}]*\}|seconds":[\d.e-]+)', b"", data) for name, data in files.items()}


@pytest.mark.parametrize("few", [20, 1], ids=["one page", "a page for each series"])
def test_any_number_of_copies_makes_the_same_files(
    ckpts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(sections, "FEW_SERIES", few)
    monkeypatch.setattr(pipeline, "FEW_SERIES", few)
    monkeypatch.setattr(judging, "MANY", 2)
    here = tmp_path / "here"
    here.mkdir()
    draw = Renderings.draw

    def told(*arguments: object, **more: object) -> object:
        (here / str(os.getpid())).touch()
        return draw(*arguments, **more)  # type: ignore[arg-type]

    alone = made(ckpts, tmp_path / "1", 1)
    monkeypatch.setattr(Renderings, "draw", told)
    for threads in (4,):
        shared = made(ckpts, tmp_path / str(threads), threads)
        assert shared.keys() == alone.keys()
        assert [name for name in alone if alone[name] != shared[name]] == []
    assert len(list(here.iterdir())) > 3, "copies have drawn"


def test_what_copies_find_in_a_folder_is_the_same(ckpts: Path) -> None:
    one, many = (scan(Settings(roots=(ckpts,), threads=threads, settle=0.0)) for threads in (1, 4))
    assert one == many
    assert sum(len(series.checkpoints) for series in many.series) == SERIES * STEPS


def test_what_copies_judge_is_the_same_and_speaks_of_the_same_rules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judging, "MANY", 2)
    broken = healthy(3)
    broken[-1]["dense/bias"][0] = np.nan
    every = [replace(series(of), name=f"s{at}") for at, of in enumerate((broken, healthy(2), healthy(3), broken))]
    here, checks = os.getpid(), judging._checks

    def slow_here(*arguments: Any) -> Any:
        if os.getpid() == here:
            time.sleep(0.01)  # for each rule, so that the copy gets to the last series
        else:
            (tmp_path / "copied").touch()
        return checks(*arguments)

    alone = judge(every, Policy(RULES))
    monkeypatch.setattr(judging, "_checks", slow_here)
    shared = judge(every, Policy(RULES), Copies(1, tmp_path))
    assert shared == alone
    assert (tmp_path / "copied").exists()
    assert alone.findings and all(any(f.rule is rule for rule in RULES) for f in shared.findings)
    assert all(any(o.rule is rule for rule in RULES) for o in shared.outcomes)
