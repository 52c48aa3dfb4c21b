"""Distribution shift against scipy's formulas in numpy, and against the table of known effect sizes."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest

from reporter.compare.shift import edges, js, psi, shift
from reporter.measuring.tensors import measure_tensor
from reporter.model.cells import edge
from reporter.model.summary import NOTHING, Summary
from tests.sources import ArraySource

RNG = np.random.default_rng(11)


def summary(values: np.ndarray) -> Summary:
    return measure_tensor(ArraySource(values), (0.5,)).summary


def wasserstein(a: np.ndarray, b: np.ndarray) -> float:
    """``scipy.stats.wasserstein_distance``: ∫ |F − G| over the merged values."""
    a, b = np.sort(a.astype(np.float64)), np.sort(b.astype(np.float64))
    both = np.sort(np.concatenate([a, b]))
    f = np.searchsorted(a, both[:-1], "right") / a.size
    g = np.searchsorted(b, both[:-1], "right") / b.size
    return float((np.abs(f - g) * np.diff(both)).sum())


SAMPLES = {
    "normal": RNG.standard_normal(20_000),
    "narrow around 1": 1 + 0.05 * RNG.standard_normal(5_000),
    "heavy tails": RNG.standard_t(3, 30_000),
    "sparse": np.where(RNG.random(20_000) < 0.9, 0.0, RNG.standard_normal(20_000)),
    "positive": RNG.exponential(1e-4, 9_000),
    "few": RNG.standard_normal(7),
}
MOVES = {
    "scaled": lambda x: x * 1.1,
    "shifted": lambda x: x + 0.3 * x.std(),
    "noise": lambda x: x + 0.1 * x.std() * RNG.standard_normal(x.size),
    "cut": lambda x: np.where(np.abs(x) < 0.5 * x.std(), 0.0, x),
}


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("sample", SAMPLES)
def test_wasserstein_is_within_its_stated_error(sample: str, move: str) -> None:
    a = SAMPLES[sample].astype("f4")
    b = MOVES[move](SAMPLES[sample]).astype("f4")
    found = shift(summary(a), summary(b))
    assert found is not None
    assert found.wasserstein is not None
    true = wasserstein(a, b) / a.std(dtype=np.float64)
    assert abs(found.wasserstein - true) <= found.error * (1 + 1e-9)
    assert found.error < 0.2


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("sample", [s for s in SAMPLES if s != "few"])
def test_psi_and_js_are_those_of_numpys_histograms_on_the_stated_bins(sample: str, move: str) -> None:
    a = SAMPLES[sample].astype("f4")
    b = MOVES[move](SAMPLES[sample]).astype("f4")
    before, after = summary(a), summary(b)
    found = shift(before, after)
    bounds = edges(before, after)
    assert found is not None
    assert bounds is not None
    closed = edge(bounds)
    assert (found.bins, found.low, found.high) == (len(closed) + 1, closed[0], closed[-1])
    open_ended = [-np.inf, *closed, np.inf]
    p, q = (np.histogram(x.astype(np.float64), open_ended)[0].astype(np.float64) for x in (a, b))
    assert found.psi == pytest.approx(psi(p, q), rel=1e-12)
    assert found.js == pytest.approx(js(p, q), rel=1e-12)
    filled = np.maximum(np.stack([p, q])[:, p + q > 0], 0.5)
    x, y = filled / filled.sum(axis=1, keepdims=True)
    assert found.psi == pytest.approx(((x - y) * np.log(x / y)).sum(), rel=1e-9)
    u, v = p / p.sum(), q / q.sum()
    m = (u + v) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = [np.where(t > 0, t * np.log2(t / m), 0.0).sum() for t in (u, v)]
    assert found.js == pytest.approx(np.sqrt(sum(parts) / 2), rel=1e-9)


@pytest.mark.parametrize(
    ("factor", "psi_", "js_", "w1"),
    [
        (1.05, 0.007, 0.029, 0.038),
        (1.125, 0.028, 0.069, 0.096),
        (1.25, 0.102, 0.131, 0.198),
        (1.41, 0.242, 0.198, 0.327),
        (2.0, 0.98, 0.364, 0.796),
    ],
)
def test_the_known_effect_of_widening_a_normal_sample(factor: float, psi_: float, js_: float, w1: float) -> None:
    """The values of the project's table, measured on random samples, here on 100 000 quantiles."""
    z = np.array([NormalDist().inv_cdf((i + 0.5) / 100_000) for i in range(100_000)])
    found = shift(summary(z.astype("f4")), summary((factor * z).astype("f4")))
    assert found is not None
    assert found.psi == pytest.approx(psi_, rel=0.1, abs=0.003)
    assert found.js == pytest.approx(js_, rel=0.05)
    assert found.wasserstein == pytest.approx(w1, rel=0.05)


def test_a_permutation_is_invisible() -> None:
    values = RNG.standard_normal(5_000).astype("f4")
    found = shift(summary(values), summary(RNG.permutation(values)))
    assert found is not None
    assert (found.psi, found.js) == (0.0, 0.0)
    assert found.wasserstein == pytest.approx(0.0, abs=1e-12)


def test_where_there_is_nothing_to_say() -> None:
    some, constant = summary(np.float32([1, 2, 3])), summary(np.full(2_000, 0.5, "f4"))
    assert shift(NOTHING, some) is None
    assert shift(some, summary(np.float32([np.nan]))) is None
    few = shift(some, some)
    assert few is not None
    assert (few.psi, few.js, few.bins) == (None, None, 0)
    flat = shift(constant, constant)
    assert flat is not None
    assert (flat.wasserstein, flat.psi) == (None, None)
    beyond = summary(np.array([-1e300, 1e300, 0.0]))
    far = shift(beyond, beyond)
    assert far is not None
    assert far.wasserstein is None
