"""Files that are rewritten or deleted while they are measured or compared: blamed for themselves, tried twice."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from safetensors.numpy import save_file

from reporter.cli import main
from reporter.errors import CheckpointError
from reporter.gather import measurer

NAMES = [f"model-{step}.safetensors" for step in (1, 2, 3, 4)]


def kernel(seed: int, rows: int = 50) -> npt.NDArray[np.float32]:
    """A state of one training: the same start, another small step away from it."""
    start, step = (np.random.default_rng(s).normal(size=(rows, 4)) for s in (1000, seed))
    return (start + 0.1 * step).astype("f4")


def write(path: Path, seed: int, rows: int = 50) -> None:
    save_file({"dense.kernel": kernel(seed, rows), "dense.bias": np.ones(4, "f4")}, path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    ckpts = tmp_path / "ckpts"
    ckpts.mkdir()
    for seed, name in enumerate(NAMES):
        write(ckpts / name, seed)
    return ckpts


def report(folder: Path) -> tuple[int, dict[str, Any]]:
    out = folder.parent / "out"
    code = main(["report", str(folder), "-o", str(out), "--no-pdf", "--settle", "0", "-q"])
    return code, json.loads((out / "latest" / "report.json").read_bytes())


def states(record: dict[str, Any]) -> list[str]:
    return [f["state"] for f in record["files"]]


def while_measuring(monkeypatch: pytest.MonkeyPatch, act: Callable[[int], None]) -> None:
    """``act`` gets the number of the measurement, after the values were read."""
    real, calls = measurer.measure_checkpoint, iter(range(99))

    def measure(*arguments: Any) -> Any:
        numbers = real(*arguments)
        act(next(calls))
        return numbers

    monkeypatch.setattr(measurer, "measure_checkpoint", measure)


def while_comparing(monkeypatch: pytest.MonkeyPatch, act: Callable[[int], None]) -> None:
    """``act`` gets the number of the pair, before its values are read."""
    real, calls = measurer.measure_checkpoint, iter(range(99))

    def measure(contents: Any, plan: Any, against: Any) -> Any:
        if against:
            act(next(calls))
        return real(contents, plan, against)

    monkeypatch.setattr(measurer, "measure_checkpoint", measure)


def test_a_file_that_changed_once_is_read_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And its numbers are those of the second reading."""
    while_measuring(monkeypatch, lambda n: write(folder / NAMES[1], 77) if n == 1 else None)
    code, record = report(folder)
    assert (code, states(record)) == (0, ["measured"] * 4)
    seen = record["series"][0]["checkpoints"][1]["tensors"]
    (mean,) = [t["statistics"]["mean"] for t in seen if t["role"] == "kernel" or "kernel" in t["name"]]
    assert mean == pytest.approx(kernel(77).astype("f8").mean(), rel=1e-12)


def test_a_file_that_keeps_changing_is_in_progress(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    while_measuring(monkeypatch, lambda n: write(folder / NAMES[1], 70 + n) if n in (1, 2) else None)
    code, record = report(folder)
    assert (code, states(record)) == (0, ["measured", "in progress", "measured", "measured"])
    assert "written to while it was being read" in record["files"][1]["reason"]
    assert [(p["before"], p["after"]) for p in record["series"][0]["pairs"]] == [
        (NAMES[0], NAMES[2]),
        (NAMES[2], NAMES[3]),
    ]


def test_a_file_replaced_by_another_of_the_same_size_and_time_is_noticed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the inode tells."""
    path = folder / NAMES[1]
    stat = path.stat()

    def replace(n: int) -> None:
        if n in (1, 2):
            write(folder / "new", 7)
            os.utime(folder / "new", ns=(stat.st_atime_ns, stat.st_mtime_ns))
            (folder / "new").rename(path)

    while_measuring(monkeypatch, replace)
    assert states(report(folder)[1]) == ["measured", "in progress", "measured", "measured"]


def test_a_file_deleted_while_it_is_measured_was_rotated_away(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    while_measuring(monkeypatch, lambda n: (folder / NAMES[1]).unlink() if n == 1 else None)
    code, record = report(folder)
    assert (code, states(record)) == (0, ["measured", "rotated away", "measured", "measured"])


@pytest.mark.parametrize("harm", ["rewritten", "cut"])
def test_the_earlier_of_a_pair_changes_while_the_two_are_compared(
    folder: Path, monkeypatch: pytest.MonkeyPatch, harm: str
) -> None:
    """It was measured whole before: its numbers stand, the pair is lost, and the later one is not blamed."""
    path = folder / NAMES[1]

    def act(n: int) -> None:
        if n == 1:  # the second checkpoint, as the third is held against it
            if harm == "cut":
                os.truncate(path, path.stat().st_size - 100)
            else:
                write(path, 99)

    while_comparing(monkeypatch, act)
    code, record = report(folder)
    assert (code, states(record)) == (0, ["measured"] * 4)
    reasons = [f["reason"] for f in record["files"]]
    assert [bool(r) for r in reasons] == [False, True, False, False]
    assert reasons[1].startswith("after it had been measured")
    assert NAMES[2] in reasons[1]
    pairs = record["series"][0]["pairs"]
    assert all(p["tensors"] for p in pairs)  # the lost pair is told from what was kept of the two


def test_the_earlier_of_a_pair_is_deleted_and_compared_nevertheless(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An open file keeps its values."""
    while_comparing(monkeypatch, lambda n: (folder / NAMES[1]).unlink() if n == 1 else None)
    code, record = report(folder)
    assert (code, states(record)) == (0, ["measured"] * 4)
    assert all(p["tensors"] for p in record["series"][0]["pairs"])


@pytest.mark.parametrize("culprit", [1, 2])
def test_a_checkpoint_that_cannot_be_read_twice_is_blamed_itself(
    folder: Path, monkeypatch: pytest.MonkeyPatch, culprit: int
) -> None:
    """A disk error while two are compared: the later one is dropped for its own failures only."""
    real, calls = measurer.measure_checkpoint, iter(range(99))
    bad = folder / NAMES[culprit]

    class Failing:
        def __init__(self, source: Any) -> None:
            self.info = source.info

        def blocks(self) -> Iterator[Any]:
            raise CheckpointError(bad, "Input/output error")
            yield

    def failing(contents: Any) -> Any:
        return replace(contents, tensors=tuple(map(Failing, contents.tensors)))

    def measure(contents: Any, plan: Any, against: Any) -> Any:
        if next(calls) == 2:  # the third checkpoint, held against the second and the first
            if culprit == 1:
                against = [failing(against[0]), *against[1:]]
            else:
                contents = failing(contents)
        return real(contents, plan, against)

    monkeypatch.setattr(measurer, "measure_checkpoint", measure)
    code, record = report(folder)
    expected = ["measured"] * 4
    if culprit == 2:
        expected[2] = "corrupt"
    assert (code, states(record)) == (4 if culprit == 2 else 0, expected)
    assert "Input/output error" in record["files"][culprit]["reason"]
    kept = [NAMES[i] for i in range(4) if expected[i] == "measured"]
    assert [c["name"] for c in record["series"][0]["checkpoints"]] == kept
    assert len(record["series"][0]["pairs"]) == len(kept) - 1


def test_a_checkpoint_that_moved_on_since_it_was_found_waits_for_the_next_run(
    tf: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its place in the series was given by the step that was in it."""
    ckpts = tmp_path / "ckpts"

    def save(number: int, step: int) -> None:
        tf.train.Checkpoint(step=tf.Variable(step, dtype=tf.int64), w=tf.Variable([1.0, float(step)])).write(
            str(ckpts / f"ckpt-{number}")
        )

    for number, step in ((1, 100), (2, 200), (3, 300)):
        save(number, step)
    while_measuring(monkeypatch, lambda n: save(3, 50) if n == 0 else None)
    code, record = report(ckpts)
    assert (code, states(record)) == (0, ["measured", "measured", "in progress"])
    assert "was at step 300 when it was found, and is at 50 now" in record["files"][2]["reason"]
