"""A log that goes on after the last checkpoint: what it tells of the training is not the checkpoints' fault."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reporter.model.finding import Finding, Severity, Verdict
from reporter.pipeline import Outcome, run
from reporter.sections.health import State, health
from reporter.sections.narrative import use_of
from reporter.settings.model import Settings
from reporter.terminal.progress import Progress
from tests.make.events import scalars
from tests.make.safetensors import safetensors
from tests.make.small import weights

pytestmark = pytest.mark.usefixtures("blank_pictures")

STEPS = (100, 200, 300)


def report(folder: Path) -> Outcome:
    for step in STEPS:
        safetensors(folder / "ckpts" / f"m-step{step}.safetensors", weights(step))
    settings = Settings(roots=(folder / "ckpts",), out=folder / "out", pdf=False, settle=0.0)
    return run(settings, Progress(quiet=True), now=datetime(2026, 1, 2, tzinfo=UTC))


def jsonl(values: Mapping[int, float]) -> str:
    return "".join(json.dumps({"step": step, "loss": value}) + "\n" for step, value in values.items())


def of_the_log(outcome: Outcome) -> Finding:
    (finding,) = [f for f in outcome.report.judgement.findings if f.rule.name == "metric-non-finite"]
    return finding


@pytest.mark.parametrize("kind", ["metrics.jsonl", "events.out.tfevents.1"])
def test_a_loss_that_breaks_after_the_last_checkpoint_blames_none(tmp_path: Path, kind: str) -> None:
    (tmp_path / "ckpts").mkdir()
    losses = {step: math.nan if step > 350 else 1 / step for step in range(50, 501, 50)}
    log = jsonl(losses).encode() if kind == "metrics.jsonl" else scalars(losses, "loss")
    (tmp_path / "ckpts" / kind).write_bytes(log)
    outcome = report(tmp_path)
    finding, (series,) = of_the_log(outcome), outcome.report.series
    assert outcome.report.verdict is Verdict.WARN and finding.severity is Severity.WARN
    assert (finding.first_bad, finding.checkpoint, finding.spots) == ("", "", ())
    assert finding.last_good == "m-step300.safetensors"
    assert "first at step 400, and stays so; the last checkpoint, checkpoint 300, was saved before" in finding.message
    findings = outcome.report.judgement.findings
    assert (health(series, findings).whole == State.FINE).all()
    assert use_of(series, findings) == "Use any: no checkpoint has a failure; the newest is checkpoint 300."
    page = (outcome.folder / "index.html").read_text()
    assert "no checkpoint here is of that time" in page
    assert "after the last checkpoint (step 300): every checkpoint here is from before" in page
    summary = json.loads((outcome.folder / "summary.json").read_text())
    assert [one["first_bad"] for one in summary["findings"]] == [""]


@pytest.mark.parametrize(("first", "bad", "good"), [(300, 2, 1), (201, 2, 1), (200, 1, 0), (60, 0, None)])
def test_checkpoints_from_then_on_fail(tmp_path: Path, first: int, bad: int, good: int | None) -> None:
    (tmp_path / "ckpts").mkdir()
    losses = {step: math.nan if step >= first else 1 / step for step in (10, 60, 110, 200, 201, 300, 400)}
    (tmp_path / "ckpts" / "metrics.jsonl").write_text(jsonl(losses))
    outcome = report(tmp_path)
    finding, (series,) = of_the_log(outcome), outcome.report.series
    assert finding.severity is Severity.FAIL
    assert finding.first_bad == series.refs[bad].name
    assert finding.last_good == ("" if good is None else series.refs[good].name)


def test_where_nothing_tells_when_checkpoints_were_saved_none_is_blamed(tmp_path: Path) -> None:
    (tmp_path / "ckpts").mkdir()
    (tmp_path / "ckpts" / "history.json").write_text('{"loss": [4, 3, 2, NaN, NaN, NaN, NaN]}')
    outcome = report(tmp_path)
    finding = of_the_log(outcome)
    assert (finding.severity, finding.first_bad, finding.spots) == (Severity.WARN, "", ())
    assert "nothing tells which checkpoints were saved before that" in finding.message
    assert "weights that broke are findings of their own" in finding.meaning


def test_both_kinds_are_told_apart(tmp_path: Path) -> None:
    """One metric breaks among the checkpoints, another after them: two findings, not one with the place of either."""
    (tmp_path / "ckpts").mkdir()
    rows = [
        {"step": step, "loss": math.nan if step > 350 else 1.0, "f1": math.nan if step == 150 else 0.5}
        for step in range(50, 501, 50)
    ]
    (tmp_path / "ckpts" / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = [f for f in report(tmp_path).report.judgement.findings if f.rule.name == "metric-non-finite"]
    assert sorted((f.severity.name, f.first_bad) for f in found) == [("WARN", ""), ("WARN", "m-step200.safetensors")]


@pytest.mark.parametrize(("from_then_on", "severity", "first_bad"), [(350, "WARN", ""), (250, "FAIL", "m-step300")])
def test_a_value_that_was_bad_once_before_does_not_move_the_blame(
    tmp_path: Path, from_then_on: int, severity: str, first_bad: str
) -> None:
    """The loss is NaN once at step 50, finite again, and breaks for good much later."""
    (tmp_path / "ckpts").mkdir()
    losses = {step: math.nan if step == 50 or step > from_then_on else 1 / step for step in range(50, 501, 50)}
    (tmp_path / "ckpts" / "metrics.jsonl").write_text(jsonl(losses))
    outcome = report(tmp_path)
    finding = of_the_log(outcome)
    assert (finding.severity.name, finding.first_bad.partition(".")[0]) == (severity, first_bad)
    assert f"first at step 50, and stays so from step {from_then_on + 50} on" in finding.message
    assert f"from step {from_then_on + 50} on" in (outcome.folder / "index.html").read_text()


def test_a_loss_that_breaks_in_epochs_whose_steps_are_not_known_is_told(tmp_path: Path) -> None:
    """The steps of the epochs 1 to 3 are in the names and do not begin at 0, so those of later ones are not known."""
    (tmp_path / "ckpts").mkdir()
    for epoch in (1, 2, 3):
        safetensors(tmp_path / "ckpts" / f"m-epoch{epoch}-step{1000 + 100 * epoch}.safetensors", weights(epoch))
    rows = [f"{epoch},{math.nan if epoch > 3 else 1 / (epoch + 1)}\n" for epoch in range(8)]
    (tmp_path / "ckpts" / "training.csv").write_text("epoch,loss\n" + "".join(rows))
    settings = Settings(roots=(tmp_path / "ckpts",), out=tmp_path / "out", pdf=False, settle=0.0)
    finding = of_the_log(run(settings, Progress(quiet=True), now=datetime(2026, 1, 2, tzinfo=UTC)))
    assert (finding.severity, finding.first_bad, finding.spots) == (Severity.WARN, "", ())
    assert "in 4 values that were logged for epochs whose steps are not known" in finding.message


def test_a_name_that_says_nan_is_told(tmp_path: Path) -> None:
    (tmp_path / "ckpts").mkdir()
    for epoch, loss in enumerate(("0.50", "0.40", "nan", "nan")):
        name = f"weights.{epoch + 1:02d}-val_loss={loss}.safetensors"
        safetensors(tmp_path / "ckpts" / name, weights(epoch))
    settings = Settings(roots=(tmp_path / "ckpts",), out=tmp_path / "out", pdf=False, settle=0.0)
    finding = of_the_log(run(settings, Progress(quiet=True), now=datetime(2026, 1, 2, tzinfo=UTC)))
    assert (finding.severity, finding.first_bad) == (Severity.FAIL, "weights.03-val_loss=nan.safetensors")
