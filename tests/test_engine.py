"""``reporter.report``, ``scan`` and ``open_checkpoint``: what the commands do, from Python."""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import reporter
from reporter import CheckpointError, SettingError
from reporter.cli import main
from tests.make.safetensors import safetensors
from tests.make.small import weights


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two checkpoints of one series."""
    made = tmp_path / "ckpts"
    made.mkdir()
    for step in (1, 2):
        safetensors(made / f"model-{step}.safetensors", weights(step))
    return made


def test_the_function_makes_what_the_command_makes(folder: Path, tmp_path: Path) -> None:
    given: dict[str, Any] = {"bins": 20, "fail_on": "warn", "rules": {"frozen": {"severity": "info"}}}
    outcome = reporter.report(folder, tmp_path / "a", pdf=False, cache=None, title="T", **given)
    command = ["report", str(folder), "-o", str(tmp_path / "b"), "--no-pdf", "--no-cache", "--title", "T", "-q"]
    main([*command, "--bins", "20", "--fail-on", "warn", "--set", "rules.frozen.severity=info"])
    ours = json.loads((outcome.folder / "report.json").read_text("utf-8"))
    theirs = json.loads((tmp_path / "b" / "latest" / "report.json").read_text("utf-8"))
    assert {**ours, "created": 0, "timings": 0} == {**theirs, "created": 0, "timings": 0}


def test_settings_come_from_the_call_alone(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ckpt-report.toml").write_text('title = "from the folder"\nbins = 7\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CKPT_REPORT_TITLE", "from the environment")
    made = reporter.report([str(folder)], "out", pdf=False, cache=None)
    assert made.report.title == "Checkpoints of ckpts"
    named = reporter.report(folder, "out", pdf=False, cache=None, config="ckpt-report.toml", bins=9)
    assert (named.report.title, named.report.settings["bins"]) == ("from the folder", "9")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"fail_onn": "warn"}, "there is no setting 'fail_onn'; did you mean fail_on"),
        ({"bins": None}, "bins has to be a whole number"),
        ({"bins": 0}, "bins: 0 is not between"),
        ({"quantiles": 0.5}, "quantiles has to be a list"),
        ({"fail_on": "never"}, "fail-on: 'never' is not one of"),
        ({"rules": {"frozn": {"severity": "off"}}}, "there is no rule 'frozn'; did you mean frozen"),
        ({"rules": ["frozen"]}, "rules has to be a mapping"),
        ({"max_age": "soon"}, "max_age: 'soon' is not of its kind"),
        ({"max_age": "26"}, 'max_age needs a unit: "26s", "26m", "26h" or "26d"'),
        ({"max_age": -1.0}, "max-age: -1 is not a number of seconds, 0 or more"),
        ({"max_age": math.nan}, "max-age: nan is not a number of seconds, 0 or more"),
        ({"max_age": 26}, 'max_age needs a unit: "26s", "26m", "26h" or "26d"'),
        ({"cache": ""}, "cache has to be a path"),
    ],
)
def test_what_cannot_be_set_is_told(folder: Path, tmp_path: Path, given: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        reporter.report(folder, tmp_path / "out", **{"cache": None, **given})


def test_what_is_no_path_is_told(tmp_path: Path) -> None:
    for paths, message in (("", "path is empty"), ([], "no path was given"), ([object()], "object is no path")):
        with pytest.raises(SettingError, match=message):
            reporter.report(paths, tmp_path / "out")
    with pytest.raises(SettingError, match="no such folder"):
        reporter.report(tmp_path / "none", tmp_path / "out")
    with pytest.raises(SettingError, match="int is no path"):
        reporter.scan(3)  # type: ignore[arg-type]


def test_a_live_model_is_reported_as_it_is(model: Any, tmp_path: Path) -> None:
    outcome = reporter.report(model, tmp_path / "out", pdf=False, cache=None)
    (series,) = outcome.report.series
    assert [ref.format for ref in series.refs] == ["recorded"]
    assert "conv" in series.layers and series.readiness
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [".lock", "index.html", "latest", "runs"]


def test_scan_lists_series_and_files(folder: Path) -> None:
    (folder / "notes.txt").write_text("x")
    found = reporter.scan(str(folder))
    (series,) = found.series
    assert [ref.step.value for ref in series.checkpoints] == [1, 2]
    assert {entry.path: str(entry.state) for entry in found.files}["notes.txt"] == "not a checkpoint"


def test_an_open_checkpoint_hands_out_the_values_that_were_saved(
    made: dict[str, Path], model: Any, keras: ModuleType
) -> None:
    for name in ("keras", "tf-bundle"):
        with reporter.open_checkpoint(made[name]) as checkpoint:
            assert checkpoint.format == name
            assert checkpoint.shapes["conv/kernel"] == (3, 3, 1, 4)
            assert checkpoint.dtypes["conv/kernel"] == "float32"
            for layer in ("conv", "head"):
                values = checkpoint.read(f"{layer}/kernel")
                assert np.array_equal(values, model.get_layer(layer).kernel.numpy())
                assert np.array_equal(np.concatenate(list(checkpoint.blocks(f"{layer}/kernel"))), values.ravel())
            with pytest.raises(SettingError, match="there is no tensor 'conv/kernl'; did you mean conv/kernel"):
                checkpoint.read("conv/kernl")
            assert repr(checkpoint).startswith("<OpenCheckpoint")


def test_what_cannot_be_opened_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.h5").write_bytes(b"no HDF5 at all")
    with pytest.raises(CheckpointError), reporter.open_checkpoint(tmp_path / "a.h5"):
        pass
    with pytest.raises(SettingError), reporter.open_checkpoint(tmp_path / "none"):
        pass
