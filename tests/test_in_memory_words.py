"""What pages say of states that never were files: nothing of files, nor of the folder that held them for a moment."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import reporter

pytestmark = pytest.mark.usefixtures("blank_pictures")

ARRAYS = {"dense/kernel": np.random.default_rng(0).standard_normal((40, 50)).astype("f4")}


def words(folder: Path) -> str:
    """All that the pages of a run show."""
    pages = [page.read_text("utf-8") for page in sorted(folder.rglob("*.html"))]
    shown = (re.sub(r"(?s)<(style|script)[^>]*>.*?</\1>", "", page) for page in pages)
    return " ".join(re.sub(r"<[^>]+>", "", page) for page in shown)


def test_states_were_compared_in_memory(tmp_path: Path) -> None:
    recorder = reporter.Recorder(tmp_path / "out", pdf=False, cache=None)
    for step in (1, 2):
        recorder.record({name: array + step for name, array in ARRAYS.items()}, step)
    shown = words(recorder.report().folder)
    assert "the weights of both states were in memory together" in shown
    assert "read side by side" not in shown and "neighbouring checkpoints were" not in shown


def test_an_estimate_is_no_fault_of_a_file(tmp_path: Path) -> None:
    for step in (1, 2):  # of two processes, the second of which has not seen the first state
        recorder = reporter.Recorder(tmp_path / "out", pdf=False, cache=None)
        recorder.record({name: array * (1 + step / 10) for name, array in ARRAYS.items()}, step)
    shown = words(recorder.report().folder)
    assert "because the weights of the earlier state were not in memory any more" in shown
    assert "a file was not there" not in shown


def test_a_live_model_is_shown_by_its_name_and_not_by_a_folder(tmp_path: Path, model: Any) -> None:
    first, second = (reporter.report(model, tmp_path / out, pdf=False, cache=None) for out in ("a", "b"))
    assert first.report.title == f"Weights of {model.name}"
    assert first.report.settings["folders"] == f"memory: {model.name}"
    assert first.report.series[0].measured[0].model == f"{model.name} (Functional)"
    shown = words(first.folder)
    assert "measured in memory: there is no file of it" in shown and f"{model.name} (Functional)" in shown
    for path in first.folder.rglob("*"):
        if path.is_file():
            assert f"{tempfile.gettempdir()}/ckpt-report-" not in path.read_bytes().decode("utf-8", "replace"), path
    assert second.report.settings == first.report.settings, "what is shown does not depend on a folder's random name"
