"""Headlines are of what is trained: large moving statistics change neither norms nor rankings, and are not lost."""

from __future__ import annotations

import numpy as np
import pytest

from reporter.model.comparison import Comparison
from tests.rules.build import series

KERNEL, GAMMA, VARIANCE = "dense/kernel", "bn/gamma", "bn/moving_variance"


def arrays(i: int) -> dict[str, np.ndarray]:
    """A kernel and a scale that move a little, and variances a thousand times as large that move a lot."""
    rng = np.random.default_rng(5)
    kernel, direction = rng.standard_normal((40, 30)), rng.standard_normal((40, 30))
    return {
        KERNEL: (kernel + 0.01 * i * direction).astype("f4"),
        GAMMA: (np.linspace(0.5, 1.5, 30) + 0.001 * i).astype("f4"),
        "bn/beta": np.zeros(30, "f4"),
        "bn/moving_mean": np.zeros(30, "f4"),
        VARIANCE: (1e4 * (1.0 + i) * np.ones(30)).astype("f4"),
    }


@pytest.fixture(scope="module", params=[True, None], ids=["told", "by role"])
def found(request: pytest.FixtureRequest) -> Comparison:
    return series([arrays(i) for i in range(4)], trainable=request.param)


def flat(i: int) -> np.ndarray:
    return np.concatenate([arrays(i)[name].astype("f8").ravel() for name in (KERNEL, GAMMA, "bn/beta")])


def test_norm_and_update_are_of_trained_weights(found: Comparison) -> None:
    norms = [float(np.linalg.norm(flat(i))) for i in range(4)]
    assert found.trained("l2_norm") == pytest.approx(norms)
    change = found.pairs[-1].trained
    assert change.relative_update == pytest.approx(np.linalg.norm(flat(3) - flat(2)) / norms[2])
    assert change.count == 40 * 30 + 30 + 30
    assert found.pairs[-1].whole.count == 40 * 30 + 4 * 30, "and the whole is still there"
    assert found.measured[-1].whole.parameters == 40 * 30 + 4 * 30


def test_layers_are_judged_by_their_trained_weights(found: Comparison) -> None:
    norms = dict(zip(found.layers, found.layer_courses(("l2_norm",))[:, 0], strict=True))
    assert norms["bn"] == pytest.approx([np.linalg.norm(arrays(i)[GAMMA].astype("f8")) for i in range(4)])
    moved = found.moved[0]
    assert moved.layers == ("dense", "bn")
    assert moved.tensors == (KERNEL, GAMMA)
    assert moved.apart == (VARIANCE,)
    assert moved.still_apart == ("bn/moving_mean",)


def test_a_norm_of_what_is_not_finite_is_none() -> None:
    broken = arrays(3)
    broken[KERNEL] = broken[KERNEL].copy()
    broken[KERNEL][0, 0] = np.nan
    found = series([arrays(0), arrays(1), arrays(2), broken])
    norms = found.trained("l2_norm")
    assert np.isfinite(norms[:3]).all()
    assert np.isnan(norms[3])
    courses = dict(zip(found.layers, found.layer_courses(("l2_norm", "mean")), strict=True))
    assert np.isnan(courses["dense"][:, 3]).all()
    assert np.isfinite(courses["bn"]).all()
