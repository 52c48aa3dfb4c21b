"""Since when something fades or grows: from where it begins to, though it may be over."""

from __future__ import annotations

import numpy as np

from tests.rules.build import BIAS, KERNEL, SLOT, Arrays, findings, healthy, series

RNG = np.random.default_rng(5)


def moved(sizes: dict[str, list[float]]) -> list[Arrays]:
    """A model whose tensors move by so much of their norm from one checkpoint to the next; all others by a tenth."""
    checkpoints = healthy(1)
    for place in range(len(next(iter(sizes.values())))):
        arrays = {}
        for name, values in checkpoints[-1].items():
            drift = RNG.standard_normal(values.shape)
            size = sizes[name][place] if name in sizes else 0.1
            scale = size * max(float(np.linalg.norm(values)), 1e-3) / float(np.linalg.norm(drift))
            arrays[name] = (values + scale * drift).astype("f4") if values.ndim == 2 or name in sizes else values
        arrays["head/bias"] = np.full(16, 0.1 * (place + 1), "f4")
        checkpoints.append(arrays)
    return checkpoints


def test_fading_begins_where_updates_begin_to_fall() -> None:
    """At a third of the usual size it is not below the limit yet, but on its way there."""
    course = [0.1, 0.1, 0.1, 0.1, 0.1, 0.03, 0.004, 5e-4, 6e-5]
    (finding,) = findings(series(moved({KERNEL: course})), "fading")
    assert (finding.tensor, finding.first_bad, finding.last_good) == (KERNEL, "c-6", "c-5")


def test_kernels_that_all_fall_to_another_level_have_another_optimizer() -> None:
    level = [0.1, 0.1, 0.1, 0.1, 1e-5, 1e-5, 1e-5, 1e-5, 1e-5]
    checkpoints = moved({KERNEL: level, "head/kernel": level, BIAS: [0.1] * 9})
    assert findings(series(checkpoints), "fading") == []
    momentum = [0.1, 0.1, 0.1, 0.1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6]
    checkpoints = moved({KERNEL: momentum, "head/kernel": momentum, BIAS: [0.1] * 9})
    assert {f.tensor for f in findings(series(checkpoints), "fading")} <= {KERNEL, "head/kernel"}
    assert findings(series(checkpoints), "fading")


def test_a_norm_that_fell_steadily_and_came_to_rest_is_named() -> None:
    checkpoints = healthy(12)
    for place, arrays in enumerate(checkpoints):
        arrays[KERNEL] = checkpoints[0][KERNEL] * np.float32(0.6 ** min(place, 6)) * np.float32(1 + 1e-3 * place)
    (finding,) = findings(series(checkpoints), "norm-trend")
    assert (finding.tensor, finding.first_bad) == (KERNEL, "c-1")
    assert "7 checkpoints (step 1 to 7)" in finding.message


def test_what_was_usual_with_another_optimizer_is_no_measure() -> None:
    """Its slots are gone from the sixth checkpoint on; one kernel goes on a little, the other next to nothing."""
    checkpoints = moved({KERNEL: [0.1] * 4 + [1e-5] * 5, "head/kernel": [0.1] * 4 + [0.01] * 5})
    assert [f.tensor for f in findings(series(checkpoints), "fading")] == [KERNEL]
    for arrays in checkpoints[5:]:
        del arrays[SLOT]
    assert findings(series(checkpoints), "fading") == []
