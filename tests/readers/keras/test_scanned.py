"""A file that is opened twice is scanned once, and again as soon as anything about it has changed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from reporter.readers.isolation.worker import Session
from reporter.readers.keras import scanned
from reporter.readers.opening import open_checkpoint


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanned, "KEPT", {})


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Questions to the child."""
    questions: list[str] = []
    ask = Session.ask

    def noting(self: Session, question: str, **arguments: Any) -> Any:
        questions.append(question)
        return ask(self, question, **arguments)

    monkeypatch.setattr(Session, "ask", noting)
    return questions


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "m.weights.h5"
    _write(path, 1.0)
    return path


def _write(path: Path, value: float) -> None:
    with h5py.File(path, "w") as file:
        of = file.create_group("layers/dense/vars")
        of["0"] = np.full((3, 2), value, "f4")
        of.create_dataset("1", data=np.full(2, value, ">f4"), chunks=(2,))  # which only the child can read


def _values(path: Path) -> dict[str, list[float]]:
    with open_checkpoint("keras-weights", path) as contents:
        return {one.info.name: np.concatenate(list(one.blocks())).tolist() for one in contents.tensors}


def test_a_file_that_rests_is_scanned_once(file: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanned, "RESTED", -1.0)
    first = _values(file)
    assert len(first) == 2
    assert "scan" in asked
    asked.clear()
    assert _values(file) == first
    assert asked == ["read"]  # no more than the values that are not in one piece


def test_a_file_that_was_just_written_is_scanned_again(file: Path, asked: list[str]) -> None:
    _values(file)
    _values(file)
    assert asked.count("scan") == 2


@pytest.mark.parametrize("how", ["written anew", "replaced"])
def test_a_file_that_changed_is_scanned_again(
    how: str, file: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scanned, "RESTED", -1.0)
    _values(file)
    before = file.stat()
    if how == "written anew":
        _write(file, 2.0)
    else:
        other = file.with_name("other")
        _write(other, 2.0)
        other.replace(file)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))  # which changes the time of the last change
    asked.clear()
    assert all(set(values) == {2.0} for values in _values(file).values())
    assert "scan" in asked


def test_no_more_than_a_bound_is_kept(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanned, "RESTED", -1.0)
    _values(file)
    (size,) = map(len, scanned.KEPT.values())
    monkeypatch.setattr(scanned, "MAX_BYTES", 2 * size + size // 2)
    for number in range(4):
        _write(file.with_name(f"{number}.weights.h5"), number)
        _values(file.with_name(f"{number}.weights.h5"))
    assert len(scanned.KEPT) == 2
