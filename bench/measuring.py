"""Speed of measuring a float32 tensor in memory, beside numpy.sum (the memory's limit) and the naive numpy recipe.

``python -m bench.measuring [MIB]``. Seconds depend on the machine; the ratios are what to compare.
"""

from __future__ import annotations

import platform
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np

from reporter.measuring.accumulate import summarise
from reporter.measuring.deployment import measure_readiness
from reporter.measuring.pairs import compare_tensors
from reporter.measuring.pieces import PIECE_BYTES
from reporter.measuring.tensors import measure_tensor
from tests.sources import ArraySource

PIECE = PIECE_BYTES // 4
REPEATS = 5
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


def naive(values: np.ndarray) -> None:
    """What people write."""
    values.mean(), values.std(), values.min(), values.max()
    np.quantile(values, QUANTILES)
    np.histogram(values, bins=50)
    np.linalg.norm(values), (values == 0).sum(), np.isnan(values).sum()


def median_seconds(work: Callable[[], object], repeats: int = REPEATS) -> float:
    """Median wall time after one warm-up."""
    work()
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def main(mib: int) -> None:
    """Print the table."""
    values = (np.random.default_rng(0).standard_normal(mib << 18) * 0.05).astype(np.float32)
    other = values + np.float32(1e-3)
    source, moved = ArraySource(values, role="kernel", block=PIECE), ArraySource(other, block=PIECE)
    blocks = [values[i : i + PIECE] for i in range(0, values.size, PIECE)]
    known = measure_tensor(source, ())
    rows = {
        "numpy.sum": median_seconds(values.sum),
        "summary (one pass)": median_seconds(lambda: summarise(blocks, values.dtype)),
        "summary + exact quantiles": median_seconds(lambda: measure_tensor(source, QUANTILES)),
        "paired change of two tensors": median_seconds(lambda: compare_tensors(source, moved)),
        "deployment readiness": median_seconds(lambda: measure_readiness(source, known)),
        "naive numpy recipe": median_seconds(lambda: naive(values), 1),
    }
    limit, recipe = rows["numpy.sum"], rows["naive numpy recipe"]
    print(f"{mib} MiB float32, {platform.machine()}, Python {platform.python_version()}, numpy {np.__version__}")
    print(f"{'':30}{'GB/s':>8}{'x numpy.sum':>14}{'naive / this':>14}")
    for name, seconds in rows.items():
        rate = values.nbytes / seconds / 1e9
        print(f"{name:30}{rate:8.2f}{seconds / limit:14.1f}{recipe / seconds:14.1f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 256)
