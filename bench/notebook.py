"""The first call in a notebook: ``reporter.measure`` of a ResNet50 where TensorFlow is loaded already."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.row import Context, Measurement

_CALLS = """
import time
import numpy as np
from keras.applications import ResNet50
model = ResNet50(weights=None)
times = []
for call in range(6):
    start = time.perf_counter()
    if not call:
        import reporter
    reporter.measure(model)
    times.append(time.perf_counter() - start)
weights = [variable.numpy() for variable in model.trainable_variables]
for call in range(5):
    start = time.perf_counter()
    for w in weights:
        w.mean(), w.std(), w.min(), w.max(), np.quantile(w, [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99])
        np.histogram(w, 50)
    times.append(time.perf_counter() - start)
print(*times)
"""


def rows(context: Context) -> Iterator[Measurement]:
    """Measure it without compiled kernels, with them, and the calls after the first beside NumPy alone."""
    kernels = Path(context.folder) / "kernels-of-a-notebook"
    first, *_ = _times(kernels)
    what = "measure of ResNet50's trainable weights, TensorFlow loaded"
    yield Measurement(f"{what}: the first of all, with its import", first, goal="≤ 15 s", met=first <= 15)
    first, *times = _times(kernels)
    yield Measurement(f"{what}: the first, kernels compiled", first)
    later, numpy = statistics.median(times[:5]), statistics.median(times[5:])
    yield Measurement(f"{what}: later", later, numpy, "NumPy", later / numpy, "≤ 0.3 s", later <= 0.3)


def _times(kernels: Path) -> list[float]:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"NUMBA_CACHE_DIR": str(kernels), "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run([sys.executable, "-c", _CALLS], env=environment, capture_output=True, text=True, check=True)
    return [float(one) for one in done.stdout.split()]
