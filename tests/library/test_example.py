"""The script of a user: it runs, and a type checker of the user's finds nothing to say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT


def test_it_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from examples.notebook_steps import main

    assert main(tmp_path) == "there is no variable 'dense/kernal'; did you mean dense/kernel?"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kernel.png", "updates.png", "variables.csv"]
    printed = capsys.readouterr().out
    assert "64 bins" in printed
    assert "dense/bias: changed" in printed


def test_mypy_has_nothing_to_say() -> None:
    command = [sys.executable, "-m", "mypy", "--strict", "examples/notebook_steps.py"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stdout
