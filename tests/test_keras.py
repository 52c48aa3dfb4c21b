"""The callback in real trainings, with Keras 3 and tf_keras: what is recorded, told, reported, and never broken."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

import reporter
from reporter import SettingError
from reporter.keras import Report, is_chief

KEPT = {"pdf": False, "cache": None}
X = np.random.default_rng(0).standard_normal((64, 12)).astype("f4")


@pytest.fixture(params=["keras", "tf_keras"])
def k(request: pytest.FixtureRequest) -> ModuleType:
    """Keras 3, then Keras 2."""
    module: ModuleType = request.getfixturevalue(request.param)
    module.utils.set_random_seed(0)
    return module


def network(k: ModuleType) -> Any:
    first = k.layers.Input((12,)) if k.__name__ == "keras" else k.layers.InputLayer((12,))
    model = k.Sequential([first, k.layers.Dense(16, "relu", name="hidden"), k.layers.Dense(3, name="out")])
    model.compile("adam", "mse", run_eagerly=True)  # tracing takes longer than running
    return model


def fit(model: Any, *callbacks: Any, epochs: int = 2) -> Any:
    return model.fit(X, X[:, :3], batch_size=32, epochs=epochs, verbose=0, callbacks=list(callbacks))


def at_epoch(k: ModuleType, epoch: int, work: Any) -> Any:
    return k.callbacks.LambdaCallback(on_epoch_begin=lambda now, logs: work() if now == epoch else None)


def spoil(model: Any) -> None:
    layer = model.layers[-1]
    layer.set_weights([np.full((16, 3), np.nan, "f4"), layer.get_weights()[1]])


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [f"{r.levelname} {r.getMessage()}" for r in caplog.records if r.name == "ckpt_report"]


def test_a_training_without_checkpoints_gets_its_report(
    k: ModuleType, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    handler = signal.getsignal(signal.SIGINT)
    callback = Report(tmp_path, optimizer=True, **KEPT)
    history = fit(network(k), callback, epochs=3).history
    outcome = callback.outcome
    assert outcome is not None and outcome.page.is_file() and str(outcome.report.verdict) == "PASS"
    (series,) = outcome.report.series
    assert [(ref.name.rpartition("/")[2], ref.step.value) for ref in series.refs] == [
        ("initial", 0), ("epoch-0001", 2), ("epoch-0002", 4), ("epoch-0003", 6),
    ]  # fmt: skip
    assert outcome.report.judgement.findings == ()  # nor a remark that the optimizer has made its slots
    assert series.pairs[0].whole.exact
    (loss,) = series.metrics.matched
    assert loss.name == "loss" and list(loss.at[1:]) == pytest.approx(history["loss"])
    assert told(caplog) == []
    assert signal.getsignal(signal.SIGINT) == handler


def test_states_are_recorded_every_few_batches(k: ModuleType, tmp_path: Path) -> None:
    callback = Report(tmp_path / "out", every=3, save=tmp_path / "states", initial=False, **KEPT)
    model = network(k)
    fit(model, callback, epochs=3)
    fit(model, callback, epochs=2)  # the trend goes on
    assert callback.outcome is not None
    (series,) = callback.outcome.report.series
    assert [ref.step.value for ref in series.refs] == [3, 6, 9]
    assert (tmp_path / "states" / "recording.json").is_file()


def test_a_nan_is_told_at_once_with_its_layer_and_stops(
    k: ModuleType, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = network(k)
    callback = Report(tmp_path, stop_on="fail", initial=False, **KEPT)
    history = fit(model, at_epoch(k, 1, lambda: spoil(model)), callback, epochs=4).history
    assert len(history["loss"]) == 2
    lines = told(caplog)
    assert "epoch-0002: FAIL non-finite: " in lines[0] and "hidden/kernel, out/kernel" in lines[0]
    assert "step 2 was the last good one" in lines[0]
    assert sum("non-finite: " in line for line in lines) == 1 + sum("metric-non-finite: " in line for line in lines)
    assert "training is stopped" in lines[-1]
    assert callback.outcome is not None and str(callback.outcome.report.verdict) == "FAIL"


def test_a_finding_is_told_once(k: ModuleType, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    model = network(k)
    fit(model, at_epoch(k, 1, lambda: spoil(model)), Report(tmp_path, initial=False, **KEPT), epochs=4)
    assert sum(" non-finite: " in line for line in told(caplog)) == 1
    assert len({line.partition(": ")[2] for line in told(caplog)}) == len(told(caplog))


@pytest.fixture
def _interrupted_by_ctrl_c() -> Iterator[None]:
    """As at a desk: a shell starts what runs in its background with this signal ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_interrupted_by_ctrl_c")
def test_ctrl_c_makes_the_report_first(k: ModuleType, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    handler = signal.getsignal(signal.SIGINT)
    callback = Report(tmp_path, **KEPT)
    with pytest.raises(KeyboardInterrupt):
        fit(network(k), callback, at_epoch(k, 1, lambda: os.kill(os.getpid(), signal.SIGINT)), epochs=4)
    assert callback.outcome is not None
    assert [ref.step.value for ref in callback.outcome.report.series[0].refs] == [0, 2]
    assert "interrupted: making the report" in told(caplog)[0]
    assert signal.getsignal(signal.SIGINT) == handler


@pytest.mark.usefixtures("_interrupted_by_ctrl_c")
def test_ctrl_c_waits_for_the_state_that_is_being_measured(keras: ModuleType, tmp_path: Path) -> None:
    callback = Report(tmp_path, **KEPT)
    keep = callback.recorder.keep

    def interrupted(*arguments: Any, **keywords: Any) -> Any:
        if keywords["name"] == "epoch-0002":
            os.kill(os.getpid(), signal.SIGINT)
        return keep(*arguments, **keywords)

    callback.recorder.keep = interrupted  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        fit(network(keras), callback, epochs=4)
    assert callback.outcome is not None
    assert [ref.step.value for ref in callback.outcome.report.series[0].refs] == [0, 2, 4]


def test_as_a_context_it_reports_whatever_ends_fit(k: ModuleType, tmp_path: Path) -> None:
    def fail() -> None:
        raise KeyboardInterrupt  # not by the signal

    def train() -> None:
        with callback:
            fit(network(k), callback, at_epoch(k, 1, fail))

    callback = Report(tmp_path, **KEPT)
    with pytest.raises(KeyboardInterrupt):
        train()
    assert callback.outcome is not None and callback.outcome.page.is_file()


def test_an_output_that_cannot_be_written_never_breaks_training(
    k: ModuleType, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("x")
    callback = Report(tmp_path / "file", **KEPT)
    assert len(fit(network(k), callback).history["loss"]) == 2
    assert callback.outcome is None
    (line,) = told(caplog)  # not once an epoch
    assert "cannot be written" in line and line.endswith("training goes on")


def test_a_report_that_cannot_be_made_never_breaks_training(
    k: ModuleType, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    callback = Report(tmp_path, rules={"no-such-rule": {"severity": "off"}}, **KEPT)
    assert len(fit(network(k), callback).history["loss"]) == 2
    assert any("there is no rule 'no-such-rule'" in line for line in told(caplog))


def test_wrong_arguments_are_told_before_training(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="every: 0"):
        Report(tmp_path, every=0)
    with pytest.raises(SettingError, match="stop_on: 'maybe'"):
        Report(tmp_path, stop_on="maybe")  # type: ignore[arg-type]
    with pytest.raises(SettingError, match="did you mean fail_on"):
        Report(tmp_path, fail_onn="warn")
    assert reporter.keras.Report is Report


def test_only_the_chief_records(keras: ModuleType, tmp_path: Path) -> None:
    """TensorFlow tells a worker that it is not the chief by the strategy's ``should_checkpoint``."""
    model = network(keras)
    assert is_chief(model)
    other = SimpleNamespace(distribute_strategy=SimpleNamespace(extended=SimpleNamespace(should_checkpoint=False)))
    assert not is_chief(other)
    callback = Report(tmp_path / "out", **KEPT)
    callback.set_model(_Worker(model, other.distribute_strategy))
    callback.on_train_begin()
    callback.on_epoch_end(0, {"loss": 1.0})
    callback.on_train_end()
    assert not (tmp_path / "out").exists() and callback.outcome is None


class _Worker:
    """A model as a worker sees it that is not the chief."""

    def __init__(self, model: Any, strategy: Any) -> None:
        self.distribute_strategy, self._model = strategy, model

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)


def test_replicas_of_one_process_are_recorded_once(
    k: ModuleType, tf: ModuleType, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
        model = k.Sequential([k.layers.Dense(8, name="hidden"), k.layers.BatchNormalization(), k.layers.Dense(3)])
        model.build((None, 12))
        model.compile("sgd", "mse")
    assert model.distribute_strategy.num_replicas_in_sync == 2
    callback = Report(tmp_path, **KEPT)
    model.fit(X, X[:, :3], batch_size=16, epochs=2, verbose=0, callbacks=[callback])
    assert callback.outcome is not None and str(callback.outcome.report.verdict) == "PASS"
    (series,) = callback.outcome.report.series
    assert [ref.step.value for ref in series.refs] == [0, 4, 8]
    kernel = next(t for t in series.measured[-1].tensors if t.info.name == "hidden/kernel")
    assert kernel.statistics["mean"] == pytest.approx(float(np.mean(model.layers[0].get_weights()[0])), abs=1e-6)
    assert told(caplog) == []
    assert logging.getLogger("ckpt_report").level == logging.NOTSET
