"""Metrics beside checkpoints: found, matched to steps, shown, judged, and in report.json."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reporter.errors import SettingError
from reporter.model.metrics import Axis, Metrics
from reporter.pipeline import Outcome, run
from reporter.settings.model import Settings
from reporter.terminal.progress import Progress
from tests.make import command
from tests.make.events import BEGIN, event, record, scalars, simple
from tests.make.safetensors import safetensors
from tests.make.small import weights

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def save(folder: Path, names: list[str], broken: tuple[str, ...] = ()) -> Path:
    for seed, name in enumerate(names):
        arrays = weights(seed)
        if name in broken:
            arrays["dense.kernel"][3] = np.nan
        path = folder / "ckpts" / f"{name}.safetensors"
        path.parent.mkdir(parents=True, exist_ok=True)
        safetensors(path, arrays)
    return folder / "ckpts"


def report(folder: Path, **more: Any) -> Outcome:
    settings = Settings(roots=(folder / "ckpts",), out=folder / "out", pdf=False, settle=0.0, **more)
    return run(settings, Progress(quiet=True), now=NOW)


def metrics(folder: Path, **more: Any) -> Metrics:
    (series,) = report(folder, **more).report.series
    return series.metrics


def lines(rows: list[dict[str, float]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_steps_with_everything_that_is_shown(tmp_path: Path) -> None:
    names = [f"m-step{step}" for step in (100, 200, 300, 400)]
    ckpts = save(tmp_path, names, broken=("m-step400",))
    rows = [{"step": step, "val_loss": abs(step - 190) / 100, "lr": 0.1} for step in range(50, 390, 40)]
    rows += [{"step": 390, "val_loss": math.nan, "lr": 0.1}]
    (ckpts / "metrics.jsonl").write_text(lines(rows))
    outcome = report(tmp_path)
    (series,) = outcome.report.series
    loss = series.metrics.chosen
    assert loss is not None and loss.name == "val_loss"
    assert loss.at_positions == (90, 170, 290, 390)
    assert loss.at[:3] == (1.0, 0.2, 1.0) and math.isnan(loss.at[3] or 0)
    assert series.metrics.best == 1
    (finding,) = [f for f in outcome.report.judgement.findings if f.rule.name == "metric-non-finite"]
    assert (finding.severity.name, finding.value) == ("FAIL", 1.0)
    assert finding.first_bad == "m-step400.safetensors" and finding.last_good == "m-step300.safetensors"
    page = (outcome.folder / "index.html").read_text()
    for text in ("Best checkpoint by val_loss", "both broke between these two", "★ best", "0.2 @ 170 ★", "step 390"):
        assert text in page
    assert outcome.report.figures[0].metrics is not None
    record_ = command.record(outcome.folder)
    found = record_["series"][0]["metrics"]
    assert (found["chosen"], found["best_checkpoint"]) == ("val_loss", "m-step200.safetensors")
    assert found["metrics"][0]["at_checkpoints"] == [1.0, 0.2, 1.0, "NaN"]
    assert found["metrics"][0]["first_non_finite"] == 390


@pytest.mark.parametrize(
    ("bad_loss", "bad_weights", "words"),
    [
        (150, "m-step400", "the loss broke before the weights"),
        (390, "m-step200", "the weights broke before the loss"),
        (350, "m-step400", "which came first cannot be told"),
        (350, "", "no rule about weights failed"),
        (0, "m-step300", "are finite"),
        (150, "m-step100", "no earlier checkpoint tells"),
    ],
)
def test_whether_the_loss_broke_before_the_weights(tmp_path: Path, bad_loss: int, bad_weights: str, words: str) -> None:
    steps = range(10, 401, 20)
    names = [f"m-step{step}" for step in (100, 200, 300, 400)]
    ckpts = save(tmp_path, names, broken=tuple(n for n in names if bad_weights and n >= bad_weights))
    if bad_weights == "m-step100":
        bad_loss = 90
    rows = [{"step": step, "loss": math.nan if bad_loss and step >= bad_loss else 1 / step} for step in steps]
    (ckpts / "metrics.jsonl").write_text(lines(rows))
    assert words in (report(tmp_path).folder / "index.html").read_text()


def test_epochs_of_names_and_the_number_in_them(tmp_path: Path) -> None:
    losses = [0.912, 0.655, 0.704]
    ckpts = save(tmp_path, [f"weights.{i + 1:02d}-{loss:.2f}" for i, loss in enumerate(losses)])
    (ckpts.parent / "training.log").write_text(
        "epoch,loss,val_loss\n" + "".join(f"{i},{loss / 2},{loss}\n" for i, loss in enumerate(losses))
    )
    found = metrics(tmp_path)
    assert found.chosen is not None and found.chosen.at == tuple(losses) and found.best == 1
    assert "fit its 3 epochs" in found.chosen.matching
    assert "the number in the names of the checkpoints is val_loss, rounded" in found.notes


def test_folders_may_be_written_in_any_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ckpts = save(tmp_path, ["m-epoch1", "m-epoch2"])
    (ckpts / "history.json").write_text('{"loss": [4, 3]}')
    monkeypatch.chdir(ckpts)
    settings = Settings(roots=(Path("../ckpts/../ckpts"),), out=tmp_path / "out", pdf=False, settle=0.0)
    (series,) = run(settings, Progress(quiet=True), now=NOW).report.series
    assert [metric.at for metric in series.metrics.all] == [(4, 3)]


def test_a_number_in_the_names_alone(tmp_path: Path) -> None:
    save(tmp_path, ["w-01-val_acc=0.50", "w-02-val_acc=0.75", "w-03-val_acc=nan"])
    found = metrics(tmp_path)
    (metric,) = found.all
    assert (metric.name, metric.goal.value, found.best) == ("val_acc", "highest", 1)
    assert metric.count == 3, "the table of logs says how many values there are"


def test_a_number_that_does_not_vary_is_no_metric(tmp_path: Path) -> None:
    save(tmp_path, ["w-0.5-01", "w-0.5-02"])
    assert metrics(tmp_path) == Metrics()


def test_steps_of_epochs_from_the_distance_of_checkpoints(tmp_path: Path) -> None:
    ckpts = save(tmp_path, [f"m-step{step}" for step in (80, 120, 160)])
    (ckpts / "history.json").write_text('{"loss": [4, 3, 2, 1]}')
    (metric,) = metrics(tmp_path).all
    assert metric.at == (3, 2, 1) and metric.positions == (40, 80, 120, 160)
    assert "an epoch is taken to have 40 steps" in metric.matching


def test_epochs_without_steps_are_not_guessed(tmp_path: Path) -> None:
    ckpts = save(tmp_path, [f"m-step{step}" for step in (75, 120, 160)])
    (ckpts / "history.json").write_text('{"loss": [4, 3, 2, NaN]}')
    outcome = report(tmp_path)
    (series,) = outcome.report.series
    (metric,) = series.metrics.all
    assert metric.axis is Axis.EPOCH and metric.at == (None, None, None) and series.metrics.best is None
    assert "no file tells how many steps an epoch has" in (outcome.folder / "index.html").read_text()
    assert [f.rule.name for f in outcome.report.judgement.findings] == ["metric-non-finite"]


def test_keras_writes_validation_by_epoch_and_by_step(tmp_path: Path) -> None:
    ckpts = save(tmp_path, [f"m-step{step}" for step in (40, 80, 200)])
    logs = ckpts.parent / "logs" / "20260101-1200"
    (logs / "train").mkdir(parents=True)
    (logs / "validation").mkdir()
    (logs / "train/events.out.tfevents.1").write_bytes(scalars({0: 3.0, 1: 2.0, 2: 1.0}, "epoch_loss"))
    both = [record(event(epoch, "epoch_loss", simple(4.0 - epoch))) for epoch in range(3)]
    both += [record(event(40 * (e + 1), "evaluation_loss_vs_iterations", simple(4.0 - e))) for e in range(3)]
    (logs / "validation/events.out.tfevents.2").write_bytes(BEGIN + b"".join(both))
    found = metrics(tmp_path)
    assert [(m.name, m.at) for m in found.all] == [("val_loss", (4, 3, 2)), ("loss", (3, 2, 1))]
    assert found.all[1].positions == (40, 80, 120)
    assert "40 steps an epoch" in found.all[1].matching


def test_damage_is_told_beside_the_verdict_and_growth_is_a_note(tmp_path: Path) -> None:
    ckpts = save(tmp_path, [f"m-step{step}" for step in (1, 2, 3)])
    whole = scalars({1: 0.5, 2: 0.25, 3: 0.125})
    (ckpts / "events.out.tfevents.1").write_bytes(whole[:-5])
    outcome = report(tmp_path)
    (series,) = outcome.report.series
    assert series.metrics.all[0].values == (0.5, 0.25)
    assert any("while it is being written" in note for note in series.metrics.notes)
    assert not series.metrics.cautions
    (ckpts / "events.out.tfevents.1").write_bytes(b"\xff" * 60)
    page = (report(tmp_path).folder / "index.html").read_text()
    assert "damaged at byte 0" in page.partition('id="metrics-')[0]


def test_a_defect_of_a_source_is_told_and_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ckpts = save(tmp_path, ["m-step1", "m-step2"])
    (ckpts / "metrics.jsonl").write_text('{"step": 1, "loss": 2}\n')
    monkeypatch.setattr("reporter.metrics.metrics_jsonl.lines_of", lambda *_: 1 / 0)
    (caution,) = metrics(tmp_path).cautions
    assert "a defect of ckpt-report (ZeroDivisionError" in caution


def test_named_logs_replace_those_that_are_found(tmp_path: Path) -> None:
    ckpts = save(tmp_path, ["m-step1", "m-step2"])
    (ckpts / "metrics.jsonl").write_text('{"step": 1, "loss": 2}\n')
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "anything").write_text('{"step": 1, "f1": 0.5}\n{"step": 2, "f1": 0.75}\n')
    assert [m.name for m in metrics(tmp_path, metrics=(elsewhere / "anything",)).all] == ["f1"]
    assert metrics(tmp_path, find_metrics=False) == Metrics()
    (elsewhere / "poem").write_text("no metrics\n")
    assert "no log of metrics that is known" in metrics(tmp_path, metrics=(elsewhere / "poem",)).cautions[0]
    with pytest.raises(SettingError, match=r"metrics: .*nowhere: no such file or folder"):
        report(tmp_path, metrics=(tmp_path / "nowhere",))


def test_logs_above_belong_to_no_series_where_several_lie_below(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save(tmp_path, [f"{name}/m-step1", f"{name}/m-step2"])
    (tmp_path / "ckpts/metrics.jsonl").write_text('{"step": 1, "loss": 2}\n')
    (tmp_path / "ckpts/a/metrics.jsonl").write_text('{"step": 1, "loss": 1}\n')
    found = [series.metrics for series in report(tmp_path).report.series]
    assert [[m.at for m in one.all] for one in found] == [[(1, 1)], []]


def test_long_curves_are_thinned_and_keep_what_matters(tmp_path: Path) -> None:
    ckpts = save(tmp_path, ["m-step1000", "m-step20000"])
    rows = [{"step": step, "loss": math.nan if step == 7_777 else 1 + step % 97} for step in range(20_000)]
    rows[12_345]["loss"] = -5.0
    (ckpts / "metrics.jsonl").write_text(lines(rows))
    (metric,) = metrics(tmp_path).all
    assert len(metric.values) <= 2000 and (metric.count, metric.bad, metric.failed) == (20_000, 1, 7_777)
    assert -5.0 in metric.values and 7_777 in metric.positions and metric.positions[-1] == 19_999
