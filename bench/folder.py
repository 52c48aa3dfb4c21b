"""A whole folder of small runs: 2,050 checkpoints in 513 series, of which every fifth has copies of real ones."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
from safetensors.numpy import save_file

from bench.reports import REAL
from bench.row import Context, Measurement, command, run

EACH = 4
"""Checkpoints of a series."""


def rows(context: Context) -> Iterator[Measurement]:
    """One cold report, HTML + PDF: time, and memory of its largest process."""
    if not REAL.is_dir():
        return
    wanted = 2050 if context.full else 100
    folder = Path(context.folder)
    series = _runs(folder / "runs", wanted)
    out = ["-o", str(folder / "out-of-runs"), "--cache", str(folder / "cache-of-runs"), "--settle", "0"]
    taken, peak = run(command("report", str(folder / "runs"), *out))
    what = f"report on {wanted:,} checkpoints of {series} series, HTML + PDF: cold"
    if context.full:
        yield Measurement(what, taken, goal="≤ 180 s", met=taken <= 180)
        yield Measurement(f"{what}: peak", peak, goal="≤ 700 MB", met=peak <= 700, unit="MB")
    else:
        yield Measurement(what, taken)


def _runs(below: Path, wanted: int) -> int:
    """Write runs: every fifth the copy of a real one, the others small networks that are trained a little.

    Returns:
        In how many series they are.
    """
    files, rng = sorted(REAL.glob("*.hdf5")), np.random.default_rng(0)
    for number in range(wanted):
        run, at = divmod(number, EACH)
        folder = below / f"run-{run}"
        folder.mkdir(parents=True, exist_ok=True)
        if run % 5:
            _network(folder / f"model-{at}.safetensors", run, at)
        else:
            _copy(files[at * 6], folder / files[at * 6].name, np.float32(rng.uniform(0.99, 1.01)))
    return -(-wanted // EACH)


def _network(path: Path, seed: int, at: int) -> None:
    first, moved = np.random.default_rng(seed), np.random.default_rng(10_000 + seed)
    weights = {}
    for layer in range(10):
        for name, shape in (("kernel", (64, 64)), ("bias", (64,))):
            start, step = (0.1 * one.standard_normal(shape, np.float32) for one in (first, moved))
            weights[f"dense_{layer}/{name}"] = start + np.float32(0.05 * at) * step
    save_file(weights, path)


def _copy(real: Path, path: Path, factor: np.float32) -> None:
    """A checkpoint with all of its values changed by a factor."""

    def scale(_: str, one: h5py.Dataset | h5py.Group) -> None:
        if isinstance(one, h5py.Dataset) and one.dtype == np.float32:
            one[...] = one[...] * factor

    shutil.copyfile(real, path)
    with h5py.File(path, "r+") as file:
        file.visititems(scale)
