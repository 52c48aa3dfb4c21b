"""Spectra against numpy.linalg.svd and samples of known distributions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from reporter.measuring import spectral
from reporter.measuring.checkpoint import Plan, measure_checkpoint
from reporter.measuring.spectral import measure_spectra, power_law, spectrum_of
from reporter.model.spectrum import Spectrum
from reporter.model.tensor import Contents, LayerInfo
from tests.sources import ArraySource

RNG = np.random.default_rng(0)


def spectrum(values: np.ndarray, **known: Any) -> Spectrum:
    return spectrum_of(ArraySource(values, **known))


@pytest.mark.parametrize(
    ("shape", "axis"), [((30, 20), -1), ((20, 30), -1), ((3, 3, 8, 5), -1), ((3, 3, 5, 8), -2), ((6, 4, 3), 0)]
)
@pytest.mark.parametrize("scale", [1.0, 1e-30, 1e30])
def test_against_svd(shape: tuple[int, ...], axis: int, scale: float) -> None:
    values = (RNG.standard_normal(shape) * scale).astype("f4")
    matrix = np.moveaxis(values, axis, -1).reshape(-1, shape[axis]).astype("f8")
    singular = np.linalg.svd(matrix, compute_uv=False)
    found = spectrum(values, output_axis=axis, block=17)
    p = singular / singular.sum()
    assert found.exact
    assert (found.rows, found.columns) == matrix.shape
    assert found.norm == pytest.approx(singular[0], rel=1e-12)
    assert found.stable_rank == pytest.approx(np.linalg.norm(matrix) ** 2 / singular[0] ** 2, rel=1e-12)
    assert found.effective_rank == pytest.approx(np.exp(-(p * np.log(p)).sum()), rel=1e-9)
    assert found.power_law is None  # too few eigenvalues


def orthogonal(size: int) -> np.ndarray:
    return np.linalg.qr(RNG.standard_normal((size, size)))[0]


def known(singular: np.ndarray) -> np.ndarray:
    """A matrix of these singular values."""
    return orthogonal(len(singular)) @ np.diag(singular) @ orthogonal(len(singular))


def spiked() -> np.ndarray:
    noise = RNG.standard_normal((400, 400)) / 20
    return noise + orthogonal(400)[:, :15] @ np.diag(np.linspace(3, 8, 15)) @ orthogonal(400)[:15]


@pytest.mark.parametrize(
    "make",
    [
        lambda: RNG.standard_normal((400, 400)),
        lambda: RNG.standard_normal((380, 700)),
        lambda: known(np.arange(1.0, 401) ** -0.4),
        lambda: known(np.arange(1.0, 401) ** -1.0),
        spiked,
        lambda: RNG.standard_t(3, (400, 400)),
    ],
    ids=["square", "wide", "power law", "steep", "spikes", "heavy tails"],
)
def test_large_matrices_are_estimated_within_their_errors(
    make: Callable[[], np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    matrix = make()
    exact = spectrum(matrix.astype("f4"))
    monkeypatch.setattr(spectral, "MOST_SIDE", 300)
    found = spectrum(matrix.astype("f4"))
    assert (found.exact, found.rows, found.columns) == (False, exact.rows, exact.columns)
    assert found.norm == pytest.approx(exact.norm, rel=1e-4)
    assert found.stable_rank == pytest.approx(exact.stable_rank, rel=2e-4)
    assert found.effective_rank is not None
    assert exact.effective_rank == pytest.approx(found.effective_rank, abs=2 * found.rank_error)
    assert found.rank_error < 0.05 * found.effective_rank
    assert found.power_law is not None
    assert exact.power_law is not None
    assert exact.power_law.alpha == pytest.approx(found.power_law.alpha, abs=2 * found.power_law.error)


def test_the_same_large_matrix_gives_the_same_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is drawn at random for an estimate is the same for every matrix of a size."""
    monkeypatch.setattr(spectral, "MOST_SIDE", 300)
    matrix = np.random.default_rng(5).standard_t(3, (400, 400)).astype("f4")
    found = spectrum(matrix)
    assert not found.exact
    assert found == spectrum(matrix.copy())


def test_estimates_of_very_small_and_very_large_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spectral, "MOST_SIDE", 300)
    matrix = known(np.arange(1.0, 401) ** -0.4)
    plain, scaled = spectrum(matrix), spectrum(matrix * 1e200)
    assert plain.norm is not None
    assert scaled.norm == pytest.approx(plain.norm * 1e200, rel=1e-5)
    assert scaled.effective_rank == pytest.approx(plain.effective_rank, rel=1e-3)


def test_of_a_matrix_of_few_directions_they_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spectral, "MOST_SIDE", 300)
    found = spectrum(np.outer(np.linspace(1, 2, 400), np.linspace(1, 3, 350)).astype("f4"))
    assert found.stable_rank == pytest.approx(1, rel=1e-4)
    assert found.effective_rank is not None
    assert found.effective_rank < 3
    found = spectrum(np.eye(400, dtype="f4"))
    assert (found.norm, found.stable_rank, found.effective_rank) == pytest.approx((1, 400, 400), rel=1e-4)


@pytest.mark.parametrize("threads", [1, 2])
def test_the_number_of_threads_changes_nothing(threads: int) -> None:
    sources = tuple(ArraySource(RNG.standard_normal((60, 50)), f"d{i}/kernel", f"d{i}") for i in range(5))
    contents = Contents("test", (), sources)
    found = measure_spectra(contents, measure_checkpoint(contents, Plan())[0], threads)
    assert found == {source.info.name: spectrum_of(source) for source in sources}


def test_what_is_left_out_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    assert spectrum(np.zeros((3, 4), "f4")) == Spectrum(3, 4, left_out="all zero")
    assert "finite" in spectrum(np.full((3, 4), np.nan, "f4")).left_out
    monkeypatch.setattr(spectral, "MOST_VALUES", 11)
    assert spectrum(np.ones((3, 4), "f4")).left_out == "more than 11 values"


def test_rank_of_simple_matrices() -> None:
    found = spectrum(np.eye(7, dtype="f4"))
    assert (found.norm, found.stable_rank, found.effective_rank) == pytest.approx((1, 7, 7))
    found = spectrum(np.outer(np.arange(1, 9), np.arange(1, 6)).astype("f4"))
    assert (found.stable_rank, found.effective_rank) == pytest.approx((1, 1))


@pytest.mark.parametrize("alpha", [2.0, 3.5])
def test_power_law_of_a_pareto_sample(alpha: float) -> None:
    sample = (1 - np.random.default_rng(1).random(5000)) ** (-1 / (alpha - 1))
    fit = power_law(sample)
    assert fit is not None
    assert fit.alpha == pytest.approx(alpha, rel=0.05)
    assert fit.distance < 0.03
    tail = np.sort(sample)[-fit.tail :]
    model = 1 - (tail / tail[0]) ** (1 - fit.alpha)
    places = np.arange(fit.tail) / fit.tail
    assert fit.distance == pytest.approx(max(np.abs(model - places).max(), np.abs(model - places - 1 / fit.tail).max()))


def test_no_power_law_through_few_or_equal_eigenvalues() -> None:
    assert power_law(np.arange(1.0, 50.0)) is None
    assert power_law(np.arange(1.0, 51.0)) is not None
    assert power_law(np.concatenate([np.arange(1.0, 50.0), np.zeros(100)])) is None
    assert power_law(np.ones(80)) is None
    assert power_law(np.empty(0)) is None


def test_weight_matrices_of_the_model_only() -> None:
    sources = (
        ArraySource(np.ones((20, 10), "f4")),
        ArraySource(np.ones((20, 10), "i4"), "dense/codes"),
        ArraySource(np.ones(10, "f4"), "dense/bias", role="bias"),
        ArraySource(np.ones((3, 3, 8, 1), "f4"), "dw/kernel", "dw", output_axis=-2),
        ArraySource(np.ones((20, 10), "f4"), "optimizer/kernel", "", "kernel", False, "optimizer"),
        ArraySource(np.ones((9, 4), "f4"), "words/embeddings", "words", "embedding", output_axis=0),
    )
    contents = Contents("test", (LayerInfo("dense", "Dense"), LayerInfo("dw", "DepthwiseConv2D")), sources)
    assert list(measure_spectra(contents, measure_checkpoint(contents, Plan())[0])) == [
        "dense/kernel",
        "words/embeddings",
    ]
