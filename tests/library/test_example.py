"""The script of a user runs; that a strict type checker finds nothing to say of it is a part of ``make check``."""

from __future__ import annotations

from pathlib import Path

import pytest


def test_it_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from examples.notebook_steps import main

    assert main(tmp_path) == "there is no variable 'dense/kernal'; did you mean dense/kernel?"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kernel.png", "updates.png", "variables.csv"]
    printed = capsys.readouterr().out
    assert "64 bins" in printed
    assert "dense/bias: changed" in printed
