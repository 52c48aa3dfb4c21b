"""Readiness and spectra of the last checkpoint: measured once, remembered, and never the end of a report."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from reporter.cache import Cache
from reporter.gather import last_checkpoint
from reporter.gather.last_checkpoint import with_deployment
from reporter.model.comparison import Comparison
from reporter.pipeline import run
from reporter.sections import report_page
from reporter.settings.model import Settings
from reporter.terminal.progress import Progress
from tests.make.safetensors import safetensors
from tests.make.text import as_text

RNG = np.random.default_rng(0)
KERNEL = RNG.standard_normal((60, 55)).astype("f4")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Two checkpoints; the second has 16-bit weights, a constant matrix and values that float16 cannot hold."""
    folder = tmp_path / "ckpts"
    folder.mkdir()
    safetensors(folder / "model-1.safetensors", {"dense.kernel": KERNEL})
    arrays = {
        "dense.kernel": KERNEL * np.float32(2),
        "dense.bias": np.array([1e5, 1e-9], "f4"),
        "half.kernel": KERNEL.astype("f2"),
        "one.kernel": np.ones((8, 4), "f4"),
    }
    safetensors(folder / "model-2.safetensors", arrays)
    return Settings(roots=(folder,), out=tmp_path / "out", pdf=False, settle=0.0, spectral=True, cache=tmp_path / "c")


def series(settings: Settings) -> Comparison:
    (comparison,) = run(settings, Progress(quiet=True)).report.series
    return comparison


def test_what_was_measured_is_remembered_without_loss(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    first = series(settings)
    assert list(first.readiness) == ["dense.bias", "dense.kernel", "half.kernel", "one.kernel"]
    assert list(first.spectra) == ["dense.kernel", "half.kernel", "one.kernel"]
    assert first.spectra["dense.kernel"].power_law is not None

    def never(*_: object) -> None:
        raise AssertionError("read again")

    monkeypatch.setattr(last_checkpoint, "measure_deployment", never)
    monkeypatch.setattr(last_checkpoint, "measure_spectra", never)
    again = series(settings)
    assert again.readiness == first.readiness
    assert again.spectra == first.spectra
    assert again.deployment_problem == ""


def test_a_record_of_another_shape_is_measured_again(settings: Settings) -> None:
    first = series(settings)
    cache = Cache(settings.cache)
    cache.keep_record(first.refs[-1], "readiness", last_checkpoint.VERSION, {"0": {"foreign": 1}})
    assert series(settings).readiness == first.readiness


def test_off_is_off(settings: Settings) -> None:
    report = run(replace(settings, deployment="off", spectral=False), Progress(quiet=True)).report
    assert (report.series[0].readiness, report.series[0].spectra) == ({}, {})
    titles = [section.title for section in report_page(report, "html").sections]
    assert "Deployment readiness" not in titles
    assert "Spectra" not in titles


def test_a_checkpoint_that_is_gone_by_then_costs_only_its_readiness(settings: Settings) -> None:
    comparison = replace(series(replace(settings, cache=None)), readiness={}, spectra={})
    comparison.refs[-1].path.unlink()
    result = with_deployment(comparison, settings, Cache(None))
    assert result.readiness == {}
    assert result.deployment_problem.startswith("rotated away: model-2.safetensors was deleted")


def test_a_reviewer_reads_what_to_do(settings: Settings) -> None:
    text = as_text(report_page(run(settings, Progress(quiet=True)).report, "pdf"))
    assert "In checkpoint 2, the last one, all 3 weight tensors can be int8 with one scale per tensor" in text
    assert "1 tensors overflow in float16" not in text
    assert "1 tensor overflows in float16" in text
    assert "one.kernel | int8 per tensor | lossless | 0 | lossless | lossless | lossless" in text
    assert "dense.bias | 2 | 1 (warn) | 1 | 0 | 1 | 1" in text
    assert "dense.kernel | 60 × 55 |" in text


def test_readiness_goes_by_the_names_of_the_series(tmp_path: Path, keras: ModuleType) -> None:
    """Keras numbers layers anew in every session: the last file has other names than the series shows."""
    folder = tmp_path / "ckpts"
    folder.mkdir()
    keras.backend.clear_session()
    for step in (1, 2):
        keras.utils.set_random_seed(step)
        model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(30), keras.layers.Dense(2)])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Keras 3.15 on NumPy 2.4: __array__ without copy
            model.save(folder / f"m-{step}.keras")
    settings = Settings(
        roots=(folder,), out=tmp_path / "out", pdf=False, settle=0.0, spectral=True, cache=tmp_path / "c"
    )
    first, again = series(settings), series(settings)
    names = {t.info.name for t in first.measured[0].tensors if t.info.collection == "model"}
    assert first.measured[1].own_names  # or there is nothing to see here
    assert set(first.readiness) == names
    assert set(first.spectra) < names
    assert (again.readiness, again.spectra) == (first.readiness, first.spectra)
