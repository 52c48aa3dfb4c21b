"""Many small things: thousands of tensors in one file, thousands of files in one folder; each beside a plain script.

Each run is a process of its own, whose start and memory are part of what is measured.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench import files
from bench.row import Context, Measurement, command, run

_NUMPY = """
import sys
import numpy as np
from safetensors.numpy import load_file
for w in load_file(sys.argv[1]).values():
    w.mean(), w.std(), w.min(), w.max(), np.quantile(w, [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99])
"""

_HEADS = """
import os, sys
for folder, _, names in os.walk(sys.argv[1]):
    for name in names:
        with open(os.path.join(folder, name), "rb") as file:
            file.read(4096)
"""

TENSORS = 10_000
FILES = 2_400


def rows(context: Context) -> Iterator[Measurement]:
    """Inspect 10,000 tensors of 8 kB, and scan 2,400 files, after a first run of each that fills caches."""
    folder = Path(context.folder) / "many"
    folder.mkdir()
    path = files.safetensors(folder / "tensors.safetensors", [(40, 50)] * TENSORS)
    what = f"{TENSORS:,} tensors of 8 kB, own process"
    yield from _beside(what, command("inspect", str(path), "--json"), "NumPy", _script(_NUMPY, path), 1.5, 250)
    below = folder / "files"
    for number in range(FILES):
        series = below / f"run-{number // 40}"
        series.mkdir(parents=True, exist_ok=True)
        files.safetensors(series / f"model-{number % 40}.safetensors", [(16, 16), (16,)] * 4, seed=number)
    ours = command("scan", str(below), "--json")
    yield from _beside(f"scan of {FILES:,} files, own process", ours, "heads", _script(_HEADS, below), 5, 150)


def _script(text: str, path: Path) -> Sequence[str]:
    return [sys.executable, "-c", text, str(path)]


def _beside(
    what: str, ours: Sequence[str], against: str, reference: Sequence[str], most: float, megabytes: float
) -> Iterator[Measurement]:
    """Time and memory, each the median of three runs in turn with the reference."""
    run(ours), run(reference)
    pairs = [(run(ours), run(reference)) for _ in range(3)]
    taken, theirs = (statistics.median(one[i][0] for one in pairs) for i in range(2))
    ratio = statistics.median(mine[0] / other[0] for mine, other in pairs)
    yield Measurement(what, taken, theirs, against, ratio, f"≤ {most:g} s", taken <= most)
    peak = max(mine[1] for mine, _ in pairs)
    yield Measurement(f"{what}: peak", peak, goal=f"≤ {megabytes:g} MB", met=peak <= megabytes, unit="MB")
