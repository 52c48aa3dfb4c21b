"""Logs that are text: what each kind of file says, and what is left of it when it is damaged or still being written."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from reporter.errors import CheckpointError
from reporter.metrics import SOURCES, logged, source
from reporter.metrics.csv_logger import CSV_LOGGER
from reporter.metrics.history_json import HISTORY_JSON
from reporter.metrics.logged import Log, Unit
from reporter.metrics.metrics_jsonl import METRICS_JSONL
from reporter.metrics.source import Source
from reporter.metrics.trainer_state import TRAINER_STATE


def read(of: Source, tmp_path: Path, content: str | bytes) -> Log:
    path = tmp_path / "log"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    log = Log()
    of.read(path, log)
    return log


def values(log: Log, name: str, unit: Unit) -> dict[float, float]:
    course = log.courses[name, unit]
    return dict(zip(course.positions, course.values, strict=True))


CSV = "epoch,accuracy,loss,val_loss\n0,0.5,1.0,2.0\n1,0.75,0.5,NA\n2,0.8,nan,1.5\n"


def test_csv_of_epochs_counts_those_that_are_completed(tmp_path: Path) -> None:
    log = read(CSV_LOGGER, tmp_path, CSV)
    assert values(log, "accuracy", Unit.EPOCH) == {1: 0.5, 2: 0.75, 3: 0.8}
    assert values(log, "val_loss", Unit.EPOCH) == {1: 2.0, 3: 1.5}
    assert math.isnan(values(log, "loss", Unit.EPOCH)[3])
    assert not log.damage and not log.notes


def test_csv_that_counts_from_one_is_taken_as_it_is(tmp_path: Path) -> None:
    assert values(read(CSV_LOGGER, tmp_path, "epoch;loss\n1;3\n2;2\n"), "loss", Unit.EPOCH) == {1: 3, 2: 2}


def test_csv_with_steps_and_epochs_tells_the_steps_of_epochs(tmp_path: Path) -> None:
    log = read(CSV_LOGGER, tmp_path, "epoch,step,loss\n0,100,3\n1,200,2\n")
    assert values(log, "loss", Unit.STEP) == {100: 3, 200: 2}
    assert log.steps_of_epochs == {1: 100, 2: 200}


@pytest.mark.parametrize("length", range(len(CSV)))
def test_a_csv_that_grows_never_shows_half_a_number(tmp_path: Path, length: int) -> None:
    log = read(CSV_LOGGER, tmp_path, CSV[:length])
    whole = read(CSV_LOGGER, tmp_path, CSV)
    for (name, unit), course in log.courses.items():
        full = values(whole, name, unit)
        for position, value in zip(course.positions, course.values, strict=True):
            assert repr(full[position]) == repr(value)
    assert log.notes or CSV[length - 1] == "\n"


def test_rows_that_do_not_fit_are_told(tmp_path: Path) -> None:
    log = read(CSV_LOGGER, tmp_path, "epoch,loss\n0,1\n1\n2,3,4\nepoch,loss\n3,9\n")
    assert values(log, "loss", Unit.EPOCH) == {1: 1, 3: 3, 4: 9}
    assert log.damage == ["2 rows have more or fewer cells than the first line"]


def test_history_as_json_and_as_pandas_writes_it(tmp_path: Path) -> None:
    expected = {1: 0.5, 2: 0.25}
    assert values(read(HISTORY_JSON, tmp_path, '{"loss": [0.5, 0.25], "lr": [1, NaN]}'), "loss", Unit.EPOCH) == expected
    assert values(read(HISTORY_JSON, tmp_path, '{"loss": {"0": 0.5, "1": 0.25}}'), "loss", Unit.EPOCH) == expected


def test_trainer_state_has_steps(tmp_path: Path) -> None:
    rows = [
        {"epoch": 0.5, "step": 500, "loss": 2.0, "learning_rate": 1e-5},
        {"epoch": 1.0, "step": 1000, "eval_loss": 1.5, "eval_runtime": 3.0},
        {"epoch": 1.0, "step": 1000, "train_loss": 1.7, "total_flos": 5e12},
    ]
    log = read(TRAINER_STATE, tmp_path, json.dumps({"best_metric": 1.5, "log_history": rows}))
    assert {name for name, _ in log.courses} == {"loss", "learning_rate", "eval_loss"}
    assert values(log, "eval_loss", Unit.STEP) == {1000: 1.5}


def test_json_lines(tmp_path: Path) -> None:
    text = '{"step": 1, "loss": 2, "note": "x"}\n\n{"step": 2, "loss": Infinity}\nno json\n[1]\n{"step": 3, "lo'
    log = read(METRICS_JSONL, tmp_path, text)
    assert values(log, "loss", Unit.STEP) == {1: 2, 2: math.inf}
    assert log.damage == ["2 lines are no JSON objects"]
    assert log.notes == ["its last line has no end, as while it is being written: it is left out"]


@pytest.mark.parametrize("of", [HISTORY_JSON, TRAINER_STATE])
@pytest.mark.parametrize("text", ["", "{", '{"loss": [0.5, 0.2', "[" * 100_000, b"\xff\xfe{}"])
def test_json_that_is_none_is_an_error_of_ours(of: Source, tmp_path: Path, text: str | bytes) -> None:
    with pytest.raises(CheckpointError):
        read(of, tmp_path, text)


@pytest.mark.parametrize("of", SOURCES, ids=lambda one: one.title)
@pytest.mark.parametrize("content", [b"", b"\0" * 1000, b"\xff" * 1000, b"epoch,loss\n" + b"9" * 5000, b'{"a": 1}\n'])
def test_any_file_is_read_or_an_error_of_ours(of: Source, tmp_path: Path, content: bytes) -> None:
    of.begins(content[: source.HEAD])
    try:
        log = read(of, tmp_path, content)
    except CheckpointError:
        return
    assert sum(len(course.values) for course in log.courses.values()) <= 1


def test_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logged, "MAX_COURSES", 2)
    monkeypatch.setattr(logged, "MAX_POINTS", 3)
    monkeypatch.setattr(source, "MAX_TEXT", 200)
    log = read(CSV_LOGGER, tmp_path, "epoch,a,b,c\n0,1,2,3\n1,4,5,6\n")
    assert sum(len(course.values) for course in log.courses.values()) == 3
    assert any("3 values are left out" in note for note in log.remarks())
    with pytest.raises(CheckpointError, match="at most 200 are read"):
        read(CSV_LOGGER, tmp_path, "epoch,a\n" + "0,1\n" * 100)


@pytest.mark.parametrize("position", ["-1", "nan", "inf", "1e300"])
def test_positions_that_are_no_steps_are_counted(tmp_path: Path, position: str) -> None:
    log = read(CSV_LOGGER, tmp_path, f"step,loss\n{position},1\n5,2\n")
    assert values(log, "loss", Unit.STEP) == {5: 2}
    assert any("1 values are left out" in note for note in log.remarks())
