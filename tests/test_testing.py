"""``assert_healthy`` and the pytest plugin: a build fails when its checkpoint is sick, and says why."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import reporter
from reporter import Recorder, SettingError
from reporter.testing import assert_healthy
from tests.make.safetensors import safetensors
from tests.make.small import weights


@pytest.fixture
def healthy(tmp_path: Path) -> Path:
    """A folder of two healthy checkpoints."""
    folder = tmp_path / "healthy"
    folder.mkdir()
    for step in (1, 2):
        safetensors(folder / f"model-{step}.safetensors", weights(step))
    return folder


@pytest.fixture
def sick(tmp_path: Path) -> Path:
    """A folder of two checkpoints, in the second of which a NaN is."""
    folder = tmp_path / "sick"
    folder.mkdir()
    for step in (1, 2):
        values = weights(step)
        values["dense.kernel"][0, 0] = np.nan if step == 2 else 0.5
        safetensors(folder / f"model-{step}.safetensors", values)
    return folder


def test_healthy_checkpoints_pass(healthy: Path) -> None:
    result = assert_healthy(healthy)
    assert result.measured == 2 and str(result.verdict) == "PASS"
    assert reporter.testing.assert_healthy is assert_healthy


def test_the_message_lists_the_findings(sick: Path) -> None:
    with pytest.raises(AssertionError) as raised:
        assert_healthy(sick)
    first, second = str(raised.value).splitlines()
    assert first == "1 finding in 2 checkpoints:"
    assert second.startswith("  FAIL non-finite: dense.kernel holds 1 NaN")
    assert second.endswith("(first in model-2.safetensors)")
    assert_healthy(sick, rules={"non-finite": {"severity": "off"}})


def test_what_nobody_could_look_at_is_not_healthy(healthy: Path, tmp_path: Path) -> None:
    (healthy / "model-3.safetensors").write_bytes(b"no safetensors")
    with pytest.raises(AssertionError, match="model-3"):
        assert_healthy(healthy, settle=0)
    (tmp_path / "empty").mkdir()
    with pytest.raises(AssertionError, match="no checkpoint was found"):
        assert_healthy(tmp_path / "empty")
    with pytest.raises(SettingError, match="no such folder"):
        assert_healthy(tmp_path / "none")
    with pytest.raises(SettingError, match="fail_on: 'never'"):
        assert_healthy(healthy, fail_on="never")  # type: ignore[arg-type]


def test_a_recorder_is_judged(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, cache=None)
    recorder.record(weights(1), 1)
    assert_healthy(recorder)
    values = weights(2)
    values["dense.kernel"][:] = np.inf
    recorder.record(values, 2)
    with pytest.raises(AssertionError, match="FAIL non-finite"):
        assert_healthy(recorder, fail_on="fail")
    with pytest.raises(AssertionError, match="FAIL non-finite"):
        assert_healthy(recorder.folder)


BUILD = """
def test_healthy(healthy_checkpoint):
    healthy_checkpoint({healthy!r})

def test_sick(healthy_checkpoint):
    healthy_checkpoint({sick!r}, fail_on="fail")
"""


def test_a_build_with_a_sick_checkpoint_fails(healthy: Path, sick: Path, tmp_path: Path) -> None:
    (tmp_path / "test_build.py").write_text(BUILD.format(healthy=str(healthy), sick=str(sick)))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "reporter.pytest_plugin", "--rootdir", str(tmp_path)]
    done = subprocess.run(
        [*command, str(tmp_path / "test_build.py")],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=Path(__file__).parents[1],
        env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},  # those of others take seconds to load
    )
    assert "1 failed, 1 passed" in done.stdout, done.stdout + done.stderr
    assert "AssertionError: 1 finding in 2 checkpoints:" in done.stdout
    assert "FAIL non-finite: dense.kernel holds 1 NaN" in done.stdout
