"""What a report has to say, computed by numpy in float64 from whole arrays: slowly, plainly, without the program."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Reals = npt.NDArray[np.float64]


def together(arrays: Sequence[Array]) -> Reals:
    """All values of several arrays as one sample."""
    return np.concatenate([np.asarray(a, np.float64).ravel() for a in arrays]) if arrays else np.empty(0)


def finite(values: Array) -> Reals:
    """The finite ones among them."""
    flat = np.asarray(values, np.float64).ravel()
    return flat[np.isfinite(flat)]


def statistics(values: Array) -> dict[str, float | int | None]:
    """Every statistic; None where there is no number."""
    flat, x = np.asarray(values, np.float64).ravel(), finite(values)
    counts = {
        "count": flat.size,
        "zero_count": int((x == 0).sum()),
        "nan_count": int(np.isnan(flat).sum()),
        "posinf_count": int((flat == np.inf).sum()),
        "neginf_count": int((flat == -np.inf).sum()),
    }
    centred, rms = x - x.mean(), math.sqrt((x**2).mean())
    constant = np.ptp(x) == 0
    spread = 0.0 if constant else math.sqrt((centred**2).mean())
    fraction, exponent = math.frexp(rms / 1000)
    near = math.ldexp(round(fraction * 256), exponent - 8)
    return counts | {
        "mean": float(x.mean()),
        "std": spread,
        "min": float(x.min()),
        "max": float(x.max()),
        "l2_norm": float(np.linalg.norm(x)),
        "rms": rms,
        "skewness": None if constant else float((centred**3).mean()) / spread**3,
        "kurtosis": None if constant else float((centred**4).mean()) / spread**4 - 3,
        "zero_share": counts["zero_count"] / x.size,
        "near_zero_share": float(((x >= -near) & (x < near)).mean()),  # half-open, as all cells are
    }


def change(before: Sequence[Array], after: Sequence[Array]) -> dict[str, float | int | None]:
    """Paired changes of several tensors taken as one."""
    a, b = together(before), together(after)
    both = np.isfinite(a) & np.isfinite(b)
    x, y = a[both], b[both]
    bits = sum(int((_bits(p) == _bits(q)).sum()) for p, q in zip(before, after, strict=True))
    norm = float(np.linalg.norm(x))
    product = norm * float(np.linalg.norm(y))
    return {
        "count": a.size,
        "relative_update": float(np.linalg.norm(y - x)) / norm if norm else None,
        "cosine": float(x @ y) / product if product else None,
        "equal_share": bits / a.size,
        "largest": float(np.abs(y - x).max()),
    }


def _bits(values: Array) -> Array:
    return np.ascontiguousarray(values).view(f"u{values.dtype.itemsize}")


def wasserstein(before: Array, after: Array) -> float:
    """W1 in standard deviations of the sample before: the mean distance of equal quantiles."""
    a, b = np.sort(finite(before)), np.sort(finite(after))
    if len(a) == len(b):
        return float(np.abs(a - b).mean()) / float(a.std())
    levels = np.unique(np.concatenate([np.arange(len(a) + 1) / len(a), np.arange(len(b) + 1) / len(b)]))
    middles = (levels[1:] + levels[:-1]) / 2
    gaps = np.abs(a[(middles * len(a)).astype(int)] - b[(middles * len(b)).astype(int)])
    return float((gaps * np.diff(levels)).sum()) / float(a.std())


def binned(values: Array, low: float, high: float, count: int) -> Reals:
    """Values below ``low``, in each of ``count − 2`` bins of one width, and from ``high`` on."""
    edges = np.concatenate([[-np.inf], np.linspace(low, high, count - 1), [np.inf]])
    x = finite(values)
    return np.array([((x >= a) & (x < b)).sum() for a, b in pairwise(edges)], np.float64)


def psi(p: Reals, q: Reals) -> float:
    """Population stability index of two tables of counts, an empty bin being half a value."""
    pairs = [(max(a, 0.5), max(b, 0.5)) for a, b in zip(p, q, strict=True) if a or b]
    n, m = sum(a for a, _ in pairs), sum(b for _, b in pairs)
    return float(sum((a / n - b / m) * math.log((a / n) / (b / m)) for a, b in pairs))


def js(p: Reals, q: Reals) -> float:
    """Jensen-Shannon distance, base 2."""
    a, b = p / p.sum(), q / q.sum()
    entropy = [float(-(x[x > 0] * np.log2(x[x > 0])).sum()) for x in ((a + b) / 2, a, b)]
    return math.sqrt(max(0.0, entropy[0] - (entropy[1] + entropy[2]) / 2))


def split(values: Sequence[float]) -> tuple[int, float, float, float]:
    """The split into two parts of at least three that leaves the least squares: place, both means, their distance."""
    y = np.array(values)

    def left(k: int) -> float:
        return float(((y[:k] - y[:k].mean()) ** 2).sum() + ((y[k:] - y[k:].mean()) ** 2).sum())

    k = min(range(3, len(y) - 2), key=left)
    a, b = float(y[:k].mean()), float(y[k:].mean())
    return k, a, b, abs(b - a) / math.sqrt(left(k) / (len(y) - 2))


def sqnr(signal: Reals, noise: Reals) -> float:
    """In decibels; infinite without noise."""
    lost = float((noise**2).sum())
    return 10 * math.log10(float((signal**2).sum()) / lost) if lost else math.inf


def int8(values: Array) -> tuple[float, float, int]:
    """SQNR with one scale and with one for each of the last axis's channels; how many of these one scale coarsens."""
    w = np.asarray(values, np.float64).reshape(-1, values.shape[-1])
    channels = np.abs(w).max(axis=0)

    def rounded(scale: Reals) -> Reals:
        safe = np.where(scale > 0, scale, 1.0)
        return np.where(scale > 0, np.clip(np.round(w / safe), -127, 127) * safe, 0.0)

    one = rounded(np.full(w.shape[1], channels.max() / 127))
    each = rounded(channels / 127)
    norms = np.linalg.norm(w, axis=0)
    coarse = (channels / (channels.max() / 127) < 8) & (norms > 0.01 * np.median(norms))
    noise = [np.where(np.abs(w - q) > 1e-12 * np.abs(w), w - q, 0.0) for q in (one, each)]
    return sqnr(w, noise[0]), sqnr(w, noise[1]), int(coarse.sum())


FLOATS: Mapping[str, Any] = {
    "float16": np.float16,
    "bfloat16": ml_dtypes.bfloat16,
    "float8_e4m3fn": ml_dtypes.float8_e4m3fn,
    "float8_e5m2": ml_dtypes.float8_e5m2,
}


def cast(values: Array, name: str) -> dict[str, float | int | None]:
    """What rounding to a narrower float loses."""
    x = finite(values)
    with np.errstate(over="ignore"):
        narrow = x.astype(np.float32).astype(FLOATS[name]).astype(np.float64)
    lost = ~np.isfinite(narrow)
    least = float(ml_dtypes.finfo(FLOATS[name]).smallest_normal)
    return {
        "overflow": int(lost.sum()),
        "flushed": int(((narrow == 0) & (x != 0)).sum()),
        "subnormal": int(((narrow != 0) & (np.abs(narrow) < least)).sum()),
        "sqnr": None if lost.any() else sqnr(x, x - narrow),
    }


def pattern(values: Array) -> float:
    """Share of the groups of four along the inputs, the last axis but one, with at least two zeros."""
    inputs, outputs = values.shape[-2:]
    whole = inputs // 4 * 4
    groups = np.moveaxis(values.reshape(-1, inputs, outputs)[:, :whole], 1, 2).reshape(-1, 4)
    return float(((groups == 0).sum(axis=1) >= 2).mean())


def duplicates(values: Array) -> int:
    """Channels of the last axis that point as an earlier one does, or against it."""
    w = np.asarray(values, np.float64).reshape(-1, values.shape[-1])
    norms = np.linalg.norm(w, axis=0)
    unit = w[:, norms > 0] / norms[norms > 0]
    same = np.triu(np.abs(unit.T @ unit) > 0.999, 1)
    return int(same.any(axis=0).sum())


def negligible(weights: Array) -> int:
    """How many weigh at most a hundredth of the median."""
    sizes = np.abs(np.asarray(weights, np.float64))
    return int((sizes <= 0.01 * np.median(sizes)).sum())


def spectrum(values: Array) -> dict[str, float | None]:
    """Of the matrix of all other axes × outputs."""
    w = np.asarray(values, np.float64).reshape(-1, values.shape[-1])
    if min(w.shape) <= 1000:
        singular = np.linalg.svd(w, compute_uv=False)
    else:  # much faster, and as good for all but the smallest
        singular = np.sqrt(np.maximum(np.linalg.eigvalsh(w.T @ w), 0.0))[::-1]
    p = singular[singular > 1e-12 * singular[0]] / singular.sum()
    alpha, distance, tail = power_law(singular**2)
    return {
        "rows": w.shape[0],
        "columns": w.shape[1],
        "norm": float(singular[0]),
        "stable_rank": float((singular**2).sum() / singular[0] ** 2),
        "effective_rank": math.exp(-float((p * np.log(p)).sum())),
        "alpha": alpha,
        "alpha_ks_distance": distance,
        "alpha_tail": tail,
    }


def power_law(eigenvalues: Reals) -> tuple[float | None, float | None, int | None]:
    """Exponent, KS distance and length of the tail that a power law fits best; none below fifty eigenvalues."""
    x = sorted(v for v in eigenvalues.tolist() if v > 1e-12 * eigenvalues.max())
    if len(x) < 50:
        return None, None, None
    fits = []
    for start in range(len(x) - 1):
        tail = x[start:]
        n = len(tail)
        alpha = 1 + n / sum(math.log(v / tail[0]) for v in tail)
        cdf = [1 - (v / tail[0]) ** (1 - alpha) for v in tail]
        fits.append((max(max((i + 1) / n - c, c - i / n) for i, c in enumerate(cdf)), alpha, n))
    distance, alpha, n = min(fits)
    return alpha, distance, n
