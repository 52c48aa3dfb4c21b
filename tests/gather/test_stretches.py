"""Stretches of series, measured ahead by copies of this process: the numbers are the same, and each is counted once."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reporter import ahead, pipeline
from reporter.cache import Cache
from reporter.gather import all_series
from reporter.gather.catalog import scan
from reporter.gather.gatherer import Gatherer
from reporter.gather.stretches import LENGTH, copies, stretches
from reporter.settings.model import Settings
from reporter.terminal.progress import Progress
from tests.make.blank import unpainted
from tests.make.safetensors import safetensors
from tests.make.small import weights

STEPS = 2 * LENGTH + 3


@pytest.fixture(scope="module")
def ckpts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ahead") / "ckpts"
    for step in range(1, STEPS + 1):
        safetensors(folder / f"m-{step}.safetensors", weights(step))
    return folder


def settings(ckpts: Path, tmp_path: Path) -> Settings:
    return Settings(roots=(ckpts,), out=tmp_path / "out", cache=tmp_path / "cache", pdf=False)


def test_a_stretch_begins_with_what_its_checkpoints_are_compared_with(ckpts: Path, tmp_path: Path) -> None:
    cut = stretches(scan(settings(ckpts, tmp_path)).series)
    names = [(at, [int(ref.name[2:-12]) for ref in series.checkpoints]) for at, series in cut]
    eight = list(range(1, LENGTH + 1))
    assert names == [
        (0, eight),
        (LENGTH, [1, LENGTH, *(n + LENGTH for n in eight)]),
        (2 * LENGTH, [1, 2 * LENGTH, 2 * LENGTH + 1, 2 * LENGTH + 2, 2 * LENGTH + 3]),
    ]


def test_a_stretch_that_was_measured_ahead_is_known_with_all_its_changes(ckpts: Path, tmp_path: Path) -> None:
    chosen = settings(ckpts, tmp_path)
    gatherer, _ = Gatherer.begin(chosen, Cache(chosen.cache), Progress(quiet=True))
    (series,) = scan(chosen).series
    said: list[str] = []
    for _, stretch in reversed(stretches([series])):
        gatherer.ahead(stretch, said.append)
    assert len(set(said)) == len(said) == STEPS  # what an earlier stretch has measured is not told again
    _, account = gatherer.gather(series, all_series.Account())
    assert account.read == 0

    ours, _ = gatherer.gather(series, all_series.Account())
    alone = dataclasses.replace(chosen, cache=None)
    theirs, _ = Gatherer.begin(alone, Cache(None), Progress(quiet=True))[0].gather(series, all_series.Account())
    for mine, other in zip((*ours.previous, *ours.first), (*theirs.previous, *theirs.first), strict=True):
        assert mine == other


def test_a_report_is_the_same_with_copies_and_counts_what_they_measured(
    ckpts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpainted(monkeypatch)
    if not ahead.possible():
        pytest.skip("libraries that other tests loaded have threads here; see tests/test_ahead.py")
    made: dict[int, dict[str, bytes]] = {}
    for number in (0, 2):
        monkeypatch.setattr(all_series, "copies", lambda *_, number=number: number)
        chosen = settings(ckpts, tmp_path / str(number))
        chosen.out.parent.mkdir()
        outcome = pipeline.run(chosen, Progress(quiet=True), now=datetime(2026, 1, 2, tzinfo=UTC))
        assert outcome.read == STEPS
        made[number] = {name: (outcome.folder / name).read_bytes() for name in ("tensors.csv", "index.html")}
    assert made[0] == made[2]


@pytest.mark.usefixtures("only_records")
def test_copies_are_made_only_for_enough_small_unknown_checkpoints(ckpts: Path, tmp_path: Path) -> None:
    chosen = dataclasses.replace(settings(ckpts, tmp_path), threads=4)
    cache = Cache(chosen.cache)
    found = scan(chosen, cache)
    assert copies(found, chosen, cache) == 3
    assert copies(found, dataclasses.replace(chosen, threads=1), cache) == 0
    assert copies(found, chosen, Cache(None)) == 0
    pipeline.run(chosen, Progress(quiet=True))
    again = Cache(chosen.cache)
    assert copies(scan(chosen, again), chosen, again) == 0
