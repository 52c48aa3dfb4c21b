"""Recorded states: the numbers of checkpoints that never were, and what becomes of a recording."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import reporter
from reporter import Outcome, Recorder, SettingError
from reporter.cache import Cache
from reporter.cli import main
from reporter.errors import OutputError
from tests.make.blank import unpainted

KEPT = {"pdf": False, "cache": None, "find_metrics": False}

OWN = {
    "name", "series", "path", "format", "framework", "integrity", "file_bytes", "key", "step_source", "ordered_by",
    "state", "reason", "slug", "before", "after", "checkpoint", "created", "timings", "title", "settings", "id",
    "checkpoints_compared",
}  # fmt: skip
"""Keys of report.json that tell where a number comes from, and no number."""


EXACT_ONLY = ("idle-inputs",)
"""Rules that leave out what is estimated."""


def states(rng: np.random.Generator) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
    """A large and a small tensor that move a little from step to step."""
    kernel, bias = rng.standard_normal((60, 40)).astype("f4"), np.zeros(40, "f4")
    for step in (10, 20, 30, 40):
        kernel = kernel + 0.05 * rng.standard_normal(kernel.shape).astype("f4")
        bias = bias + 0.1 * rng.standard_normal(40).astype("f4")
        yield step, {"dense/kernel": kernel, "dense/bias": bias}


def record_of(outcome: Outcome) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((outcome.folder / "report.json").read_text("utf-8"))
    return record


def unlike(where: str, ours: Any, theirs: Any) -> Iterator[str]:
    """Where two records differ in anything but what tells where a number comes from."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in ours.keys() | theirs.keys():
            if key not in OWN:
                yield from unlike(f"{where}.{key}", ours.get(key, "missing"), theirs.get(key, "missing"))
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for at, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from unlike(f"{where}[{at}]", one, other)
    elif ours != theirs:
        yield f"{where}: {ours!r} beside {theirs!r}"


def words(page: Path) -> str:
    """What a reader sees of a page."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page.read_text("utf-8")))


def estimated(line: str) -> bool:
    """What rests on the distance from the first state, whose weights are in memory no more."""
    return "].from_first[" in line or "].moved[1]." in line


def require_same_numbers(recorded: dict[str, Any], saved: dict[str, Any]) -> None:
    """Every number of both, to the bit; the distance from the first within the error that the record states."""
    # Of the names of checkpoints only the places count.
    for record in (recorded, saved):
        record.pop("files")
        record["series"][0]["similarity"].pop("checkpoints")
        record["checks"] = {check["rule"]: check for check in record["checks"]}
        for rule in EXACT_ONLY:
            record["checks"].pop(rule)
    lines = list(unlike("", recorded, saved))
    assert [line for line in lines if not estimated(line)] == []
    for ours, theirs in zip(recorded["series"][0]["from_first"], saved["series"][0]["from_first"], strict=True):
        for kind in ("global", "trained"):
            error = max(5 * ours[kind]["relative_error"], 1e-9)
            assert math.isclose(ours[kind]["relative_update"], theirs[kind]["relative_update"], rel_tol=error)


@pytest.fixture(scope="module")
def arrays(tmp_path_factory: pytest.TempPathFactory) -> tuple[Recorder, Outcome, Path]:
    """Four states of arrays, recorded and saved as .npz."""
    root = tmp_path_factory.mktemp("arrays")
    (root / "ckpts").mkdir()
    recorder = Recorder(root / "out", **KEPT)
    for step, values in states(np.random.default_rng(0)):
        recorder.record(values, step)
        np.savez(root / "ckpts" / f"step-{step}.npz", **values)
    with pytest.MonkeyPatch.context() as patch:
        unpainted(patch)
        return recorder, recorder.report(), root / "ckpts"


def test_a_recorded_report_has_the_numbers_of_saved_arrays(
    arrays: tuple[Recorder, Outcome, Path], tmp_path: Path
) -> None:
    _, recorded, folder = arrays
    require_same_numbers(record_of(recorded), record_of(reporter.report(folder, tmp_path / "out", **KEPT)))


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of Keras, when it saves
@pytest.mark.filterwarnings("ignore:You are saving your model:UserWarning")
@pytest.mark.parametrize("name", ["keras", "tf_keras"])
def test_a_recorded_training_has_the_numbers_of_its_checkpoints(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    k: ModuleType = request.getfixturevalue(name)
    k.utils.set_random_seed(0)
    layers = k.layers
    model = k.Sequential(
        [
            layers.Input((12,)) if name == "keras" else layers.InputLayer((12,)),
            layers.Dense(150, "relu", name="hidden"),  # more values than a sketch holds whole
            layers.BatchNormalization(name="norm"),
            layers.Dense(3, name="out"),
        ]
    )
    model.compile("adam", "mse", run_eagerly=True)
    x = np.random.default_rng(0).standard_normal((32, 12)).astype("f4")
    recorder = Recorder(tmp_path / "recorded-out", optimizer=True, spectral=True, **KEPT)
    (tmp_path / "ckpts").mkdir()
    for _ in range(3):
        model.fit(x, x[:, :3], batch_size=16, verbose=0)
        step = int(model.optimizer.iterations.numpy())
        recorder.record(model, step)
        model.save(tmp_path / "ckpts" / f"step-{step}.keras")
    saved = record_of(reporter.report(tmp_path / "ckpts", tmp_path / "out", spectral=True, **KEPT))
    if name == "tf_keras":  # whose files hold the sum and the count of the loss as well
        (check,) = [check for check in saved["checks"] if check["rule"] == "non-finite"]
        check["checked"] -= 2
    require_same_numbers(record_of(recorder.report()), saved)


def test_a_reader_is_told_that_there_are_no_files(arrays: tuple[Recorder, Outcome, Path]) -> None:
    _, outcome, _ = arrays
    text = words(outcome.folder / "index.html")
    assert "Training of model" in text
    assert "4 states of a mapping of arrays, recorded in memory while it was trained" in text
    assert "there are no files of them" in text
    assert "model: 4 states recorded in memory" in text and "Use any" not in text
    assert "there are no files of what was recorded in memory" in text
    assert {entry.state for entry in outcome.report.files} == {"recorded"}
    page = next((outcome.folder / "checkpoints").iterdir())
    assert "none: recorded in memory" in words(page)


def test_a_state_takes_little(arrays: tuple[Recorder, Outcome, Path]) -> None:
    recorder, _, _ = arrays
    kept = sum(path.stat().st_size for path in recorder.folder.rglob("*") if path.is_file())
    assert kept < 4 * 40_000


def test_the_command_reports_what_a_killed_process_has_recorded(
    arrays: tuple[Recorder, Outcome, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recorder, recorded, _ = arrays
    assert main(["report", str(recorder.folder), "-o", str(tmp_path / "out"), "--no-pdf", "--no-find-metrics"]) == 0
    again = json.loads((tmp_path / "out" / "latest" / "report.json").read_text("utf-8"))
    require_same_numbers(record_of(recorded), again)
    assert main(["scan", str(recorder.folder)]) == 0
    assert "model/step-40" in capsys.readouterr().out


def test_commands_that_read_weights_say_that_there_are_none(
    arrays: tuple[Recorder, Outcome, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    recorder, _, _ = arrays
    assert main(["inspect", str(recorder.folder)]) == 2
    assert "it holds no weights to read" in capsys.readouterr().err
    assert main(["verify", str(recorder.folder)]) == 4
    printed = capsys.readouterr()
    assert "there is no file to check" in printed.out and "0 of 4 checkpoints are sound" in printed.err


def test_a_recording_is_left_out_of_a_walk(arrays: tuple[Recorder, Outcome, Path]) -> None:
    recorder, _, folder = arrays
    found = reporter.scan(recorder.folder.parent.parent)
    assert [series.format for series in found.series] == ["numpy"]
    assert [ref.path.parent for ref in found.series[0].checkpoints] == [folder] * 4
    (left,) = [entry for entry in found.files if entry.state == "left out"]
    assert left.path == "out" and "reports of this program" in left.reason
    both = reporter.scan([recorder.folder, folder])
    assert sorted(series.format for series in both.series) == ["numpy", "recorded"]


def test_a_training_that_goes_back_is_done_over(tmp_path: Path) -> None:
    first = Recorder(tmp_path, **KEPT)
    for step, values in states(np.random.default_rng(0)):
        first.record(values, step, logs={"loss": 1.0 / step})
    of_first = {path.name.partition(".")[0] for path in tmp_path.rglob("*.checkpoint")}
    again = Recorder(tmp_path, **KEPT)
    for step, values in states(np.random.default_rng(1)):
        if step >= 30:
            again.record(values, step, name="anew", logs={"loss": 2.0 / step})
    (series,) = reporter.scan(again.folder).series
    assert [(ref.name, ref.step.value) for ref in series.checkpoints] == [
        ("model/step-10", 10), ("model/step-20", 20), ("model/anew", 30), ("model/anew_1", 40),
    ]  # fmt: skip
    left = {path.name.partition(".")[0] for path in tmp_path.rglob("*.checkpoint")}
    assert len(left) == 4 and len(left & of_first) == 2
    logged = [json.loads(line) for line in (again.folder / "metrics.jsonl").read_text("utf-8").splitlines()]
    assert [(row["step"], round(row["step"] * row["loss"])) for row in logged] == [(10, 1), (20, 1), (30, 2), (40, 2)]


def test_a_damaged_state_is_told_and_nothing_passes(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, **KEPT)
    for step, values in states(np.random.default_rng(0)):
        recorder.record(values, step)
    (series,) = reporter.scan(recorder.folder).series
    (path,) = recorder.folder.rglob(f"{series.checkpoints[1].recorded}.checkpoint")
    path.write_bytes(path.read_bytes()[:-9])
    report = recorder.report().report
    states_of = {entry.path: str(entry.state) for entry in report.files}
    assert states_of["model/step-20"] == "corrupt"
    assert [ref.name for ref in report.series[0].refs] == ["model/step-10", "model/step-30", "model/step-40"]
    assert str(report.verdict) == "WARN"


def test_places_that_are_damaged_or_lead_elsewhere_are_told(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "out", **KEPT)
    recorder.record({"a/kernel": np.ones((2, 3))}, 1)
    recorder.record({"a/kernel": np.ones((2, 3))}, 2)
    with pytest.raises(SettingError, match="cannot be the name of a state"):
        recorder.record({"a/kernel": np.ones((2, 3))}, 3, name="../3")
    cache = Cache(recorder.folder)
    one, other = cache.places("recorded")
    cache.keep_place("recorded", one["name"], {**one, "identity": "../../../../etc/passwd"})
    cache.keep_place("recorded", other["name"], {**other, "name": "../x"})
    found = reporter.scan(recorder.folder)
    assert found.series == ()
    assert [(entry.path, entry.reason) for entry in found.files if entry.harmful] == [
        ("model", "nothing has been recorded in it yet"),
        ("model/recording.json", "2 states of it cannot be placed"),
    ]


def test_a_nan_is_told_once_with_its_tensor(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, **KEPT)
    told: dict[int, list[str]] = {}
    for step, values in states(np.random.default_rng(0)):
        if step >= 30:
            values["dense/kernel"][0, 0] = np.nan
        told[step] = [f"{finding.severity.name} {finding.message}" for finding in recorder.record(values, step)]
    assert told[10] == told[20] == told[40] == []
    (message,) = told[30]
    assert message.startswith("FAIL dense/kernel holds 1 NaN") and "step 20 was the last good one" in message


def test_what_cannot_be_recorded_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="there is no setting 'fail_onn'; did you mean fail_on"):
        Recorder(tmp_path, fail_onn="warn")
    recorder = Recorder(tmp_path / "out", **KEPT)
    with pytest.raises(SettingError, match="nothing was recorded"):
        recorder.report()
    with pytest.raises(SettingError, match="no array of numbers"):
        recorder.record({"a": "text"}, 1)
    with pytest.raises(SettingError, match="neither a path"):
        recorder.record(object(), 1)
    recorder.record({"a/kernel": np.ones((2, 3))}, 5)
    with pytest.raises(SettingError, match="step 5 does not come after step 5"):
        recorder.record({"a/kernel": np.ones((2, 3))}, 5)
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="cannot be written"):
        Recorder(tmp_path / "file", **KEPT).record({"a/kernel": np.ones((2, 3))}, 1)
    (tmp_path / "full" / "recorded").mkdir(parents=True)
    (tmp_path / "full" / "recorded" / "mine.txt").write_text("x")
    with pytest.raises(OutputError, match="holds something else"):
        Recorder(tmp_path / "full", **KEPT).record({"a/kernel": np.ones((2, 3))}, 1)


def test_leaving_the_context_by_an_error_reports(tmp_path: Path) -> None:
    def train() -> None:
        with recorder:
            recorder.record({"a/kernel": np.ones((2, 3))}, 1)
            raise ZeroDivisionError

    recorder = Recorder(tmp_path, **KEPT)
    with pytest.raises(ZeroDivisionError):
        train()
    assert (tmp_path / "latest" / "index.html").is_file()
    assert recorder.unreported == 0
    assert recorder.outcome is not None and recorder.outcome.report.checkpoints == 1
    assert len(repr(recorder.outcome)) < 500  # a cell of a notebook shows it


def test_a_module_is_recorded_without_its_values_changing_later(tf: ModuleType, tmp_path: Path) -> None:
    module = tf.Module(name="net")
    module.kernel = tf.Variable(tf.random.stateless_normal((30, 50), (1, 2)), name="kernel")
    recorder = Recorder(tmp_path, **KEPT)
    before = module.kernel.numpy()
    recorder.record(module, 1)
    module.kernel.assign_add(tf.ones((30, 50)))
    recorder.record(module, 2)
    assert recorder.judged is not None
    (series,) = recorder.judged.series
    (name,) = series.tensors
    change = series.pairs[0].tensors[name]
    assert change.exact
    assert change.relative_update == pytest.approx(np.linalg.norm(np.ones(1500)) / np.linalg.norm(before), rel=1e-6)
