"""Deployment readiness against numpy in float64 and the casts of numpy and ml_dtypes."""

from __future__ import annotations

import math
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from reporter.measuring.checkpoint import Plan, measure_checkpoint
from reporter.measuring.deployment import measure_deployment, measure_readiness
from reporter.measuring.kernels.sizes import FORMATS
from reporter.measuring.redundancy import duplicates, searchable
from reporter.measuring.tensors import measure_tensor
from reporter.model.deployment import Readiness
from reporter.model.tensor import Contents, LayerInfo
from tests.sources import ArraySource

DTYPES: dict[str, Any] = {name: getattr(ml_dtypes, name, None) or np.dtype(name) for name in FORMATS}


def readiness(values: np.ndarray, kind: str = "", **known: Any) -> Readiness:
    source = ArraySource(values, **known)
    return measure_readiness(source, measure_tensor(source, (0.5,)), kind)


def gaussian(*shape: int, seed: int = 0) -> np.ndarray:
    return (np.random.default_rng(seed).standard_normal(shape) * 0.05).astype("f4")


def sqnr(signal: np.ndarray, noise: np.ndarray) -> float:
    return 10 * math.log10((signal.astype("f8") ** 2).sum() / (noise.astype("f8") ** 2).sum())


def int8(values: np.ndarray, axis: int | None) -> float:
    """As one writes it in numpy."""
    w = values.astype("f8")
    others = tuple(i for i in range(w.ndim) if i != axis % w.ndim) if axis is not None else None
    scale = np.abs(w).max(axis=others, keepdims=True) / 127
    return sqnr(w, w - np.rint(w / scale) * scale)


SHAPES = [
    ((3, 5), -1),
    ((64, 10), -1),
    ((3, 3, 4, 7), -1),
    ((3, 3, 4, 7), -2),
    ((3, 3, 6, 1), -2),
    ((50, 8), 0),
    ((11, 13, 5), 0),
    ((2, 5000), -1),
    ((5000, 3), 0),
    ((7, 70, 80), -2),
    ((1100, 1000), -1),
    ((9, 1), -1),
]


@pytest.mark.parametrize(("shape", "axis"), SHAPES)
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
def test_int8_per_tensor_and_per_channel(shape: tuple[int, ...], axis: int, dtype: str) -> None:
    spread = np.exp(np.random.default_rng(1).standard_normal(shape[axis]))
    values = gaussian(*shape) * spread.reshape([-1 if i == axis % len(shape) else 1 for i in range(len(shape))])
    values = values.astype(DTYPES.get(dtype, dtype))
    ready = readiness(values, output_axis=axis, block=777)
    assert ready.int8_tensor == pytest.approx(int8(values, None), abs=1e-9)
    assert ready.int8_channel == pytest.approx(int8(values, axis), abs=1e-9)
    assert ready.channels == shape[axis]


def test_known_answers() -> None:
    """A normal sample keeps about 39 and 42 dB; Student's t with 3 degrees of freedom 9 and 30 (diagnostics)."""
    normal = readiness(gaussian(1024, 1024))
    assert normal.int8_tensor == pytest.approx(39, abs=1)
    assert normal.int8_channel == pytest.approx(42, abs=1)
    heavy = readiness(np.random.default_rng(0).standard_t(3, (1024, 1024)).astype("f4"))
    assert heavy.int8_tensor is not None
    assert heavy.int8_tensor < 15  # a matter of the largest of a million values
    assert heavy.int8_channel == pytest.approx(30, abs=1.5)


def edges() -> np.ndarray:
    """Where formats begin and end, ties among them, with both neighbours and signs."""
    powers = 2.0 ** np.arange(-149, 128)
    points = np.concatenate(
        [powers, 1.5 * powers[2:], 1.25 * powers[3:], [65504, 65520, 57344, 61440, 448, 464, 480, 3.3961775e38, 0]]
    ).astype("f4")
    points = np.concatenate([points, np.nextafter(points, np.float32(0)), np.nextafter(points, np.float32(np.inf))])
    points = points[np.isfinite(points)]
    return np.concatenate([points, -points])


@pytest.mark.parametrize(
    "values",
    [gaussian(301, 77), edges(), gaussian(5000) * np.float32(1e-4), gaussian(5000) * np.float32(1e5), gaussian(3)],
    ids=["normal", "edges", "small", "large", "three"],
)
@pytest.mark.parametrize("name", FORMATS)
def test_casts(values: np.ndarray, name: str) -> None:
    with np.errstate(over="ignore"):
        rounded = values.astype(DTYPES[name]).astype("f8")
    smallest = float(ml_dtypes.finfo(DTYPES[name]).smallest_normal)
    cast = readiness(values, role="bias").cast(name)
    assert cast is not None
    fits = np.isfinite(rounded)
    assert cast.overflow == (~fits).sum()
    assert cast.flushed == ((rounded == 0) & (values != 0)).sum()
    assert cast.subnormal == ((np.abs(rounded) < smallest) & (rounded != 0)).sum()
    if fits.all():
        assert cast.sqnr == pytest.approx(sqnr(values, values.astype("f8") - rounded), abs=1e-9)
    else:
        assert cast.sqnr is None


def test_a_cast_without_loss() -> None:
    ready = readiness(gaussian(40, 30).astype(np.float16))
    assert ready.cast("float16").sqnr == math.inf  # type: ignore[union-attr]
    whole = np.arange(-127, 128).astype("f4").reshape(51, 5)
    assert readiness(whole / np.float32(64)).int8_tensor == math.inf
    # Products that float32 rounds are noise of 140 dB or more, and not called lossless.
    assert 140 < (readiness(whole * np.float32(0.0123)).int8_tensor or 0) < math.inf
    assert readiness(np.full((4, 4), 0.1, "f4")).int8_channel == math.inf


def test_what_is_not_finite_hides_nothing() -> None:
    values = gaussian(200, 30)
    bad = values.copy()
    bad[3, 3], bad[5, 5], bad[7, 7] = np.nan, np.inf, -np.inf
    values[3, 3] = values[5, 5] = values[7, 7] = 0
    ready, plain = readiness(bad), readiness(values)
    assert ready.int8_tensor == pytest.approx(plain.int8_tensor)
    assert ready.int8_channel == pytest.approx(plain.int8_channel)
    assert [(c.overflow, c.flushed, c.subnormal) for c in ready.casts] == [
        (c.overflow, c.flushed, c.subnormal) for c in plain.casts
    ]
    nothing = readiness(np.full((4, 4), np.nan, "f4"))
    assert (nothing.int8_tensor, nothing.int8_channel, nothing.prunable) == (None, None, None)
    assert all((c.overflow, c.sqnr) == (0, None) for c in nothing.casts)


@pytest.mark.parametrize("scale", [1e-300, 1e-45, 1e-40, 1e30, 1e300])
def test_extreme_magnitudes_are_no_error(scale: float) -> None:
    ready = readiness(gaussian(50, 40).astype("f8") * scale)
    if 1e-100 < scale < 1e100:
        assert ready.int8_tensor == pytest.approx(readiness(gaussian(50, 40)).int8_tensor)
    assert ready.cast("float16").overflow == (2000 if scale > 1 else 0)  # type: ignore[union-attr]
    assert ready.cast("float16").flushed == (2000 if scale < 1 else 0)  # type: ignore[union-attr]


def test_zero_and_empty_tensors() -> None:
    zero = readiness(np.zeros((4, 3), "f4"))
    assert (zero.int8_tensor, zero.int8_channel, zero.prunable) == (None, None, None)
    assert readiness(np.zeros((0, 3), "f4")).int8_tensor is None
    assert readiness(np.float32(1.5), role="other").cast("float16").sqnr == math.inf  # type: ignore[union-attr]


def share_2_4(values: np.ndarray, axis: int) -> float:
    moved = np.moveaxis(values == 0, axis, -1)
    groups = moved[..., : moved.shape[-1] // 4 * 4].reshape(-1, 4)
    return float((groups.sum(axis=1) >= 2).mean())


@pytest.mark.parametrize(
    ("shape", "output", "role", "kind", "along"),
    [
        ((18, 7), -1, "kernel", "Dense", 0),
        ((3, 3, 9, 5), -1, "kernel", "Conv2D", 2),
        ((3, 3, 5, 9), -2, "kernel", "Conv2DTranspose", 3),
        ((6, 10, 3), 0, "kernel", "", 1),
        ((3, 3, 8, 1), -2, "kernel", "DepthwiseConv2D", None),
        ((40, 8), 0, "embedding", "", None),
    ],
)
def test_groups_of_four(shape: tuple[int, ...], output: int, role: str, kind: str, along: int | None) -> None:
    values = gaussian(*shape)
    values[np.random.default_rng(2).random(shape) < 0.55] = 0
    ready = readiness(values, kind, output_axis=output, role=role, block=11)
    assert ready.pattern_2_4 == (share_2_4(values, along) if along is not None else None)


def test_groups_of_four_across_pieces_and_only_if_sparse() -> None:
    values = gaussian(1103, 1000)
    assert readiness(values).pattern_2_4 is None
    values[::4] = values[1::4] = 0
    assert readiness(values).pattern_2_4 == 1.0
    values[np.random.default_rng(3).random(values.shape) < 0.1] = 0.01
    assert readiness(values).pattern_2_4 == share_2_4(values, 0)


def test_few_distinct_values() -> None:
    codes = np.random.default_rng(4).integers(0, 16, (300, 200))
    assert readiness(gaussian(16)[codes]).distinct == 16
    assert readiness(gaussian(300)[codes % 300]).distinct == 16
    assert readiness(gaussian(60, 50)).distinct is None
    assert readiness(np.linspace(1, 1.001, 2000, dtype="f4").reshape(50, 40)).distinct is None  # few cells, many values
    assert readiness(np.ones((4, 4), "f4")).distinct is None  # too few values to say


def test_prunable_channels() -> None:
    kernel = gaussian(50, 20)
    kernel[:, 3] *= np.float32(1e-3)
    kernel[:, 4] = 0
    assert readiness(kernel).prunable == 2
    gamma = np.array([1, 1.5, 0.001, -0.005, np.nan, 2], "f4")
    ready = readiness(gamma, role="gamma")
    assert (ready.prunable, ready.channels) == (2, 6)
    assert readiness(gamma, role="bias").prunable is None


def test_channels_that_a_common_scale_erases() -> None:
    """Their noise is hidden behind the large channel's signal; a scale per channel saves them."""
    kernel = gaussian(500, 20)
    assert readiness(kernel).coarse == 0
    kernel[:, 7] *= np.float32(40)
    kernel[:, 8] *= np.float32(10)
    kernel[:, 9] = 0
    ready = readiness(kernel)
    levels = np.abs(kernel).max(axis=0) / np.abs(kernel).max() * 127
    assert ready.coarse == ((levels < 8) & (levels > 0)).sum() == 17
    assert (ready.int8_tensor or 0) > 30
    assert ready.advice == "int8 per channel"


@pytest.mark.parametrize(
    ("tensor", "channel", "coarse", "advice"),
    [
        (30.0, 30.0, 0, "int8 per tensor"),
        (math.inf, math.inf, 0, "int8 per tensor"),
        (30.0, None, None, "int8 per tensor"),
        (40.0, 40.0, 1, "int8 per channel"),
        (29.9, 30.0, 0, "int8 per channel"),
        (29.9, 29.9, 0, "int8 per channel, measure"),
        (29.9, None, None, "int8 per channel, measure"),
        (5.0, 19.9, 0, "keep in float"),
        (None, None, None, None),
    ],
)
def test_advice(tensor: float | None, channel: float | None, coarse: int | None, advice: str | None) -> None:
    assert Readiness(int8_tensor=tensor, int8_channel=channel, coarse=coarse).advice == advice


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_duplicate_outputs(axis: int) -> None:
    values = np.moveaxis(gaussian(700, 5, 6), 0, axis).copy()
    rows = np.moveaxis(values, axis, 0)
    rows[400] = rows[2] * -3
    rows[401] = rows[2] + gaussian(5, 6, seed=5) * np.float32(1e-3)
    rows[500], rows[501] = 0, 0
    rows[600], rows[601, 0, 0] = rows[3], np.nan
    assert duplicates(values, axis) == 3
    assert readiness(np.moveaxis(rows, 0, -1).copy()).duplicates == 3


def test_depthwise_filters_and_short_ones_have_no_duplicates() -> None:
    assert readiness(np.ones((3, 3, 8, 1), "f4"), role="depthwise_kernel", output_axis=-2).duplicates is None
    assert readiness(np.ones((16, 1, 9), "f4"), output_axis=0).duplicates is None
    assert readiness(np.ones((7, 5), "f4")).duplicates is None
    assert readiness(np.ones((8, 5), "f4")).duplicates == 4


def test_the_search_for_duplicates_is_bounded() -> None:
    assert searchable(1 << 22, 4096, 512)
    assert not searchable(1 << 22, 4096, 513)
    assert not searchable((1 << 22) + 8, 1 << 20, 4)


def test_only_floating_point_tensors_of_the_model() -> None:
    sources = (
        ArraySource(gaussian(20, 10)),
        ArraySource(gaussian(10), "dense/bias", role="bias"),
        ArraySource(np.ones(3, "i4"), "dense/codes", role="other"),
        ArraySource(gaussian(20, 10), "optimizer/m", "", "momentum", False, "optimizer"),
    )
    contents = Contents("test", (LayerInfo("dense", "Dense"),), sources)
    ready = measure_deployment(contents, measure_checkpoint(contents, Plan())[0])
    assert list(ready) == ["dense/kernel", "dense/bias"]
    assert ready["dense/bias"].int8_tensor is None
    assert [c.format for c in ready["dense/bias"].casts] == list(FORMATS)
