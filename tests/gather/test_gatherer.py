"""Series measured and paired with the one before, the first and a baseline, whatever happens to those meanwhile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reporter.cache import Cache
from reporter.errors import CorruptCheckpoint, SettingError
from reporter.gather import measurer
from reporter.gather.account import Account
from reporter.gather.catalog import scan
from reporter.gather.gatherer import Gatherer
from reporter.model.gathered import Gathered
from reporter.settings.model import Settings
from reporter.terminal.progress import Progress
from tests.make.safetensors import safetensors
from tests.make.small import weights


@pytest.fixture
def ckpts(tmp_path: Path) -> Path:
    for step in (1, 2, 3, 4):
        safetensors(tmp_path / "ckpts" / f"m-{step}.safetensors", weights(step))
    return tmp_path / "ckpts"


def gathered(folder: Path, **settings: Any) -> tuple[Gathered, Account]:
    chosen = Settings(roots=(folder,), out=folder.parent / "out", **settings)
    gatherer, account = Gatherer.begin(chosen, Cache(None), Progress(quiet=True))
    (series,) = scan(chosen).series
    return gatherer.gather(series, account)


def distance(a: int, b: int, name: str = "dense.kernel") -> float:
    x, y = (weights(seed)[name].astype(np.float64) for seed in (a, b))
    return float(np.linalg.norm(x - y))


def test_pairs_with_the_one_before_the_first_and_the_baseline(ckpts: Path, tmp_path: Path) -> None:
    safetensors(tmp_path / "start.safetensors", weights(9))
    series, _ = gathered(ckpts, baseline=tmp_path / "start.safetensors")
    assert [ref.step.value for ref in series.refs] == [1, 2, 3, 4]
    assert len(series.measured) == len(series.from_baseline) == 4
    assert len(series.previous) == len(series.first) == 3
    for i in range(3):
        assert series.previous[i]["dense.kernel"].distance == pytest.approx(distance(i + 1, i + 2))
        assert series.first[i]["dense.kernel"].distance == pytest.approx(distance(1, i + 2))
        assert set(series.previous[i]) == {"dense.kernel", "dense.bias"}
    for i in range(4):
        assert series.from_baseline[i]["dense.kernel"].distance == pytest.approx(distance(9, i + 1))
    assert series.baseline is not None
    assert series.baseline.name == str(tmp_path / "start.safetensors")
    assert len(series.baseline.measured.tensors) == 2


def test_without_a_baseline_there_is_nothing_against_it(ckpts: Path) -> None:
    series, _ = gathered(ckpts)
    assert series.baseline is None
    assert series.from_baseline == ()


def test_a_baseline_that_is_none_is_a_wrong_setting(ckpts: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="no such folder or checkpoint"):
        gathered(ckpts, baseline=tmp_path / "none")
    with pytest.raises(SettingError, match="holds 4 checkpoints"):
        gathered(ckpts, baseline=ckpts)


def test_trouble_with_an_earlier_checkpoint_does_not_cost_the_later_one(
    ckpts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure = measurer.measure_checkpoint

    def faulty(contents: Any, plan: Any, against: Any) -> Any:
        for before in against:
            if np.array_equal(next(before.tensors[0].blocks()), weights(2)["dense.bias"]):
                raise CorruptCheckpoint(ckpts / "m-2.safetensors", "damaged since")
        return measure(contents, plan, against)

    monkeypatch.setattr(measurer, "measure_checkpoint", faulty)
    series, account = gathered(ckpts)
    assert not account.failed
    assert [ref.step.value for ref in series.refs] == [1, 2, 3, 4]
    assert [len(changes) for changes in series.previous] == [2, 0, 2]
    assert [len(changes) for changes in series.first] == [2, 2, 2]


def test_a_checkpoint_overwritten_after_it_was_measured_is_paired_no_more(
    ckpts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure = measurer.measure_checkpoint

    def then_overwrite(contents: Any, plan: Any, against: Any) -> Any:
        if np.array_equal(next(contents.tensors[0].blocks()), weights(3)["dense.bias"]):
            safetensors(ckpts / "m-2.safetensors", weights(2) | {"more": np.ones(3, "f4")})
        return measure(contents, plan, against)

    monkeypatch.setattr(measurer, "measure_checkpoint", then_overwrite)
    series, account = gathered(ckpts)
    assert not account.failed
    assert [len(changes) for changes in series.previous] == [2, 0, 2]
