"""Folders that hold several trainings, or none: from end to end, with values that go on or do not."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from reporter.cli import main
from reporter.rules import RULES

pytestmark = pytest.mark.usefixtures("only_records")

Weights = dict[str, np.ndarray]

SHAPES = {"a.kernel": (40, 30), "b.kernel": (30, 20)}


def training(seed: int, n: int, start: Weights | None = None, update: float = 0.05) -> list[Weights]:
    """Successive states of a random walk: every update is a small part of the norm."""
    rng = np.random.default_rng(seed)
    now = start or {name: rng.standard_normal(shape) for name, shape in SHAPES.items()}
    states = []
    for _ in range(n):
        now = {name: w + update * w.std() * rng.standard_normal(w.shape) for name, w in now.items()}
        states.append(now)
    return states


def save(path: Path, weights: Weights, step: int | None = None, time: float | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {name: w.astype("f4") for name, w in weights.items()}
    save_file(arrays if step is None else arrays | {"optimizer.step": np.array(step, "i8")}, path)
    if time is not None:
        os.utime(path, (time, time))


def fill(folder: Path, states: Sequence[Weights], steps: Sequence[int], names: Sequence[str] = ()) -> Path:
    """Files ``m-1``, ``m-2`` … of equal times, as copying or unpacking leaves them."""
    for i, (weights, step) in enumerate(zip(states, steps, strict=True)):
        save(folder / f"{names[i] if names else f'm-{i + 1}'}.safetensors", weights, step, 1e9)
    return folder


def report(folder: Path, *flags: str) -> dict[str, Any]:
    out = folder.parent / "out"
    main(["report", str(folder), "-o", str(out), "--no-pdf", "--settle", "0", "-q", *flags])
    return dict(json.loads((out / "latest" / "report.json").read_bytes()))


def series(record: dict[str, Any]) -> dict[str, list[str]]:
    names = {s["name"]: [c["name"].removesuffix(".safetensors") for c in s["checkpoints"]] for s in record["series"]}
    assert {f["path"]: f["series"] for f in record["files"] if f["series"]} == {
        f"{c}.safetensors": name for name, found in names.items() for c in found
    }
    return names


def page(folder: Path) -> str:
    return (folder.parent / "out" / "latest" / "index.html").read_text()


def changes(record: dict[str, Any]) -> list[str]:
    """Findings about change."""
    follows = {rule.name for rule in RULES if rule.follows}
    return [f["rule"] for f in record["findings"] if f["rule"] in follows]


@pytest.mark.usefixtures("drawn")
def test_three_trainings_under_rising_numbers_are_three_runs(tmp_path: Path) -> None:
    folder = fill(tmp_path / "in", [w for seed in range(3) for w in training(seed, 4)], [10, 20, 30, 40] * 3)
    record = report(folder)
    assert series(record) == {f"m-* [run {r + 1}]": [f"m-{4 * r + i}" for i in range(1, 5)] for r in range(3)}
    assert not changes(record), "no violent update where another training begins"
    (caution,) = {c for s in record["series"] for c in s["cautions"]}
    assert "m-* holds 3 runs" in caution
    assert "do not go on there (relative change 1." in caution
    html = page(folder)
    assert html.index("m-* holds 3 runs") < html.index('id="overview"'), "beside the verdict"


def test_a_training_that_counts_anew_is_one_series_where_the_weights_go_on(tmp_path: Path) -> None:
    folder = fill(tmp_path / "in", training(0, 8), [10, 20, 30, 40, 8, 16, 24, 32])
    record = report(folder)
    assert series(record) == {"m-*": [f"m-{i}" for i in range(1, 9)]}
    (one,) = record["series"]
    assert one["ordered_by"] == "file name"
    assert "the weights go on there" in one["cautions"][0]
    assert max(p["global"]["relative_update"] for p in one["pairs"]) < 0.06


def test_a_training_that_went_on_from_an_earlier_state_is_another_run(tmp_path: Path) -> None:
    first = training(0, 7)
    folder = fill(tmp_path / "in", [*first, *training(1, 3, first[4])], [10, 20, 30, 40, 50, 60, 70, 60, 70, 80])
    assert [len(found) for found in series(report(folder)).values()] == [7, 3]


def test_the_same_training_twice_is_two_runs_and_never_interleaved(tmp_path: Path) -> None:
    folder = fill(tmp_path / "in", training(0, 4) * 2, [10, 20, 30, 40] * 2)
    record = report(folder)
    assert [len(found) for found in series(record).values()] == [4, 4]
    assert not changes(record)


def test_a_final_save_of_the_last_step_is_no_training_that_stands_still(tmp_path: Path) -> None:
    """Its number goes on, and its step tells that nothing was trained in between."""
    states = training(0, 4)
    record = report(fill(tmp_path / "in", [*states, states[-1]], [10, 20, 30, 40, 40]))
    assert [c["step"] for c in record["series"][0]["checkpoints"]] == [10, 20, 30, 40, 40]
    assert not changes(record)


@pytest.mark.usefixtures("drawn")
def test_names_that_are_ranks_leave_the_order_to_the_steps_as_the_values_show(tmp_path: Path) -> None:
    ranks = [3, 1, 4, 2, 6, 5]
    names = [f"top-{rank}" for rank in ranks]
    folder = fill(tmp_path / "in", training(0, 6), [10, 20, 30, 40, 50, 60], names)
    record = report(folder)
    assert series(record) == {"top-*": names}
    assert "another order" in record["series"][0]["cautions"][0]
    html = page(folder)
    assert html.index("top-*: the numbers in the file names are in another order") < html.index('id="trend-')


def test_a_folder_that_was_overwritten_in_part_holds_two_runs(tmp_path: Path) -> None:
    """Names go on from 4 to 5, but 1 to 4 are of a later training that was stopped."""
    folder = tmp_path / "in"
    for i, weights in enumerate(training(0, 8), 1):
        save(folder / f"m-{i}.safetensors", weights, time=1000 + i)
    for i, weights in enumerate(training(1, 4), 1):
        save(folder / f"m-{i}.safetensors", weights, time=2000 + i)
    record = report(folder)
    assert [len(found) for found in series(record).values()] == [4, 4]
    assert "m-5.safetensors the files are older" in record["series"][0]["cautions"][0]


@pytest.mark.parametrize("times", [[3, 1, 2, 6, 5, 4, 8, 7], [1, 1, 1, 1, 1, 1, 1, 1], [8, 7, 6, 5, 4, 3, 2, 1]])
def test_times_that_copying_has_mixed_up_part_nothing(tmp_path: Path, times: list[int]) -> None:
    for i, (weights, time) in enumerate(zip(training(0, 8), times, strict=True), 1):
        save(tmp_path / "in" / f"m-{i}.safetensors", weights, 10 * i, 1000 + time)
    record = report(tmp_path / "in")
    assert series(record) == {"m-*": [f"m-{i}" for i in range(1, 9)]}
    assert not record["series"][0]["cautions"]


@pytest.mark.parametrize("times", [[3, 1, 2, 6, 5, 4, 8, 7], [8, 7, 6, 5, 4, 3, 2, 1], [1, 5, 6, 7, 2, 3, 4, 8]])
def test_a_training_that_blows_up_stays_one_whatever_times_copying_has_left(tmp_path: Path, times: list[int]) -> None:
    """It jumps just where an older file follows: that is no second training, which would have nothing wrong."""
    before = training(0, 8)
    turn = next(i for i in range(1, 8) if times[i] < times[i - 1])
    for i, (weights, time) in enumerate(zip(before, times, strict=True)):
        blown = {name: w * 40.0 if i >= turn else w for name, w in weights.items()}
        save(tmp_path / "in" / f"m-{i + 1}.safetensors", blown, 10 * (i + 1), 1000 + time)
    record = report(tmp_path / "in")
    assert list(series(record)) == ["m-*"]
    assert "norm-jump" in changes(record)


@pytest.mark.usefixtures("drawn")
@pytest.mark.parametrize(
    ("names", "steps"),
    [
        (["seed1", "seed2", "seed3", "seed4", "seed5"], [100] * 5),
        (["m_20240131-180000", "m_20240201-120000", "m_20240301-000000"], [300, 500, 200]),
        (["m_20240131-180000", "m_20240201-120000", "m_20240301-000000"], [200, 300, 500]),
        (["70pruned", "95pruned"], [40, 30]),
    ],
)
def test_models_that_did_not_come_from_each_other_are_shown_beside_each_other(
    tmp_path: Path, names: list[str], steps: list[int]
) -> None:
    states = [training(seed, 1)[0] for seed in range(len(names))]
    if "pruned" in names[0]:
        states = [{n: np.where(abs(w) > q, w, 0) for n, w in s.items()} for s, q in zip(states, (1, 2), strict=True)]
    rising = steps == sorted(set(steps)) and len(steps) < 4
    folder = fill(tmp_path / "in", states, steps, names)
    record = report(folder)
    (one,) = record["series"]
    assert one["kind"] == ("successive" if rising else "alternatives")
    if rising:
        return  # three states whose steps rise with their times: a training that went far is as likely
    assert one["pairs"] == one["from_first"] == one["trends"] == one["moved"] == []
    assert not changes(record)
    html = page(folder)
    assert html.index("no successive states") < html.index('id="trend-')
    assert "What moved" not in html
    assert ">Alternatives<" in html


def test_a_training_that_blows_up_is_no_set_of_alternatives(tmp_path: Path) -> None:
    """Directions are lost as well, but the norm tells."""
    rng = np.random.default_rng(0)
    states = [{n: 10.0**i * rng.standard_normal(shape) for n, shape in SHAPES.items()} for i in range(4)]
    record = report(fill(tmp_path / "in", states, [7] * 4))
    assert record["series"][0]["kind"] == "successive"
    assert "norm-jump" in changes(record)


def test_seeds_and_epochs_of_a_real_model_are_told_apart(keras: ModuleType, tmp_path: Path) -> None:
    def model(seed: int) -> Any:
        keras.utils.set_random_seed(seed)
        made = keras.Sequential([keras.Input((12,)), keras.layers.Dense(20, "relu"), keras.layers.Dense(6)])
        made.compile(keras.optimizers.Adam(0.02), "mse", run_eagerly=True)
        return made

    (tmp_path / "in").mkdir()
    x = np.random.default_rng(0).standard_normal((64, 12)).astype("f4")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for seed in range(3):
            trained = model(seed)
            trained.fit(x, x[:, :6], epochs=4, verbose=0)
            trained.save(tmp_path / "in" / f"seed{seed}.keras")
        trained = model(9)
        for epoch in range(3):
            trained.fit(x, x[:, :6], epochs=2, verbose=0)
            trained.save(tmp_path / "in" / f"epoch{epoch}.keras")
    kinds = {s["name"]: s["kind"] for s in report(tmp_path / "in")["series"]}
    assert kinds == {"epoch*": "successive", "seed*": "alternatives"}


def test_runs_of_one_save_counter(tf: ModuleType, tmp_path: Path) -> None:
    """``tf.train.Checkpoint`` restored by each of three trainings: its counter goes on, steps and weights do not.

    The files are named by their metric, so that names and steps alone would interleave the three.
    """
    step, kernel = tf.Variable(0, dtype=tf.int64), tf.Variable(tf.zeros(SHAPES["a.kernel"]))
    checkpoint = tf.train.Checkpoint(step=step, kernel=kernel)
    metrics = iter([91, 55, 73, 58, 97, 62, 85, 51, 88])
    expected = {}
    for run in range(3):
        for i, weights in enumerate(training(run, 3), 1):
            step.assign(10 * i)
            kernel.assign(weights["a.kernel"].astype("f4"))
            saved = checkpoint.save(str(tmp_path / "in" / "tmp"))
            name = f"acc-{next(metrics)}"
            for path in Path(saved).parent.glob("tmp-*"):
                path.rename(path.with_name(path.name.replace(Path(saved).name, name)))
                os.utime(path.with_name(path.name.replace(Path(saved).name, name)), (1e9, 1e9))
            expected.setdefault(f"acc-* [run {run + 1}]", []).append(name)
    record = report(tmp_path / "in")
    assert {s["name"]: [c["name"] for c in s["checkpoints"]] for s in record["series"]} == expected
    assert "save counter" in record["series"][0]["cautions"][0]
    again = report(tmp_path / "in")
    assert [s["name"] for s in again["series"]] == list(expected), "from the cache as well"


@pytest.mark.usefixtures("drawn")
def test_what_rotation_deletes_of_a_folder_per_step_stays_in_the_trend(tmp_path: Path) -> None:
    folder, cache = tmp_path / "in", ("--cache", str(tmp_path / "cache"))
    states = training(0, 3)
    for i in (1, 2):
        save(folder / f"checkpoint-{i}" / "model.safetensors", states[i - 1], time=1000 + i)
    report(folder, *cache)
    (folder / "checkpoint-1" / "model.safetensors").unlink()
    save(folder / "checkpoint-3" / "model.safetensors", states[2], time=1003)
    (one,) = report(folder, *cache)["series"]
    assert one["name"] == "checkpoint-*/model"
    assert [(c["name"], bool(c["rotated_away"])) for c in one["checkpoints"]] == [
        ("checkpoint-1/model.safetensors", True),
        ("checkpoint-2/model.safetensors", False),
        ("checkpoint-3/model.safetensors", False),
    ]
    for i in (1, 2, 3):
        assert f">checkpoint-{i}/model.safetensors" in page(folder)
