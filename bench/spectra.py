"""Measure ``--spectral``: forty large weight matrices, beside numpy's exact singular values of the same."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import numpy as np

from bench.row import Context, Measurement
from reporter.measuring.checkpoint import Plan, measure_checkpoint
from reporter.measuring.one_thread import one_thread
from reporter.measuring.spectral import measure_spectra
from reporter.model.tensor import Contents
from tests.sources import ArraySource

T = TypeVar("T")

SIDE = 2000
MATRICES = 40
KINDS = 4
"""Different matrices, each of which is measured ten times; numpy measures each once."""

GOAL = 0.25
"""Most processor time as a share of numpy's. On a core that does nothing else numpy takes 2 s for one matrix, 80 s for
all of them; a quarter of that is 10 s on two such cores."""


def rows(context: Context) -> Iterator[Measurement]:
    """Processor time, which other work on the machine changes less than wall time; and how far off the estimates are.

    Both run with one thread of BLAS for each matrix, as ours works on as many matrices at once as there are cores.
    """
    matrices = [_matrix(seed) for seed in range(KINDS)]
    sources = tuple(ArraySource(matrices[i % KINDS], f"d{i}/kernel", f"d{i}") for i in range(MATRICES))
    contents = Contents("bench", (), sources)
    measured = measure_checkpoint(contents, Plan())[0]
    ours, found = _processor_seconds(lambda: measure_spectra(contents, measured, threads=2))
    with one_thread():
        exact, singular = _processor_seconds(lambda: [np.linalg.svd(m, compute_uv=False) for m in matrices])
    reference = exact * MATRICES / KINDS
    yield Measurement(
        f"--spectral: {MATRICES} matrices of {SIDE} × {SIDE}, processor time",
        ours,
        reference,
        "numpy.linalg.svd in float32",
        ours / reference,
        f"≤ {GOAL:g} ×, 10 s on two quiet cores",
        ours <= GOAL * reference,
    )
    spectra = list(found.values())[:KINDS]
    off = [_rank_error(s.effective_rank or 0.0, values) for s, values in zip(spectra, singular, strict=True)]
    told = [s.rank_error / (s.effective_rank or 1.0) for s in spectra]
    yield Measurement(
        "the same: error of the effective rank, at most",
        100 * max(off),
        100 * max(told),
        "the error that is told",
        max(off) / max(told),
        "≤ what is told",
        all(a <= b for a, b in zip(off, told, strict=True)),
        unit="%",
    )


def _matrix(seed: int) -> np.ndarray:
    """Random, heavy-tailed, with a few strong directions, or of a fast falling spectrum."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((SIDE, SIDE))
    if seed == 1:
        noise = rng.standard_t(3, (SIDE, SIDE))
    if seed == 2:
        noise += 3.0 * rng.standard_normal((SIDE, 20)) @ rng.standard_normal((20, SIDE))
    if seed == 3:
        noise *= np.arange(1, SIDE + 1) ** -0.7
    return (noise / np.sqrt(SIDE)).astype("f4")


def _processor_seconds(work: Callable[[], T]) -> tuple[float, T]:
    begin = time.process_time()
    result = work()
    return time.process_time() - begin, result


def _rank_error(rank: float, singular: np.ndarray) -> float:
    p = singular.astype(float) / singular.sum(dtype=float)
    p = p[p > 0]
    return abs(rank / float(np.exp(-(p * np.log(p)).sum())) - 1)
