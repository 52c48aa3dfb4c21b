"""Σx² and max |x| of each output unit of a weight matrix.

:mod:`reporter.measuring.kernels.blocks` shows by example which entry of ``energy`` and ``maxima`` a value belongs to.
Maxima are kept as the bits of the magnitudes: these are integers in the order of the floats, and a maximum of integers
vectorises where one of floats, which must respect NaN, does not. ``mask`` clears the sign bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from reporter.measuring.kernels.compiled import inner

Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.signedinteger[Any]]


@inner
def _row(x: Floats, bits: Ints, mask: Any, energy: npt.NDArray[np.float64], maxima: Ints) -> None:
    """Add x² to ``energy``, and raise ``maxima`` to |x|, value by value."""
    for j in range(x.size):
        v = np.float64(x[j])
        energy[j] += v * v
    for j in range(x.size):
        maxima[j] = max(maxima[j], bits[j] & mask)


@inner
def _four_rows(x: Floats, bits: Ints, mask: Any, energy: npt.NDArray[np.float64], maxima: Ints) -> None:
    """Do the same for four rows, so that each entry of ``energy`` and ``maxima`` is loaded and stored once for them."""
    p = energy.size
    a, b, c, d = x[:p], x[p : 2 * p], x[2 * p : 3 * p], x[3 * p : 4 * p]
    for j in range(p):
        s, t, u, v = np.float64(a[j]), np.float64(b[j]), np.float64(c[j]), np.float64(d[j])
        energy[j] += (s * s + t * t) + (u * u + v * v)
    k, m, n, o = bits[:p], bits[p : 2 * p], bits[2 * p : 3 * p], bits[3 * p : 4 * p]
    for j in range(p):
        maxima[j] = max(maxima[j], max(max(k[j] & mask, m[j] & mask), max(n[j] & mask, o[j] & mask)))


@inner
def add_periodic(x: Floats, bits: Ints, mask: Any, start: int, energy: npt.NDArray[np.float64], maxima: Ints) -> None:
    """Add values whose output units alternate: position i belongs to entry i modulo the length of ``energy``.

    Args:
        x: finite values, float32 or float64.
        bits: the same memory as integers of the same width.
        mask: all bits but the sign, in the type of ``bits``.
        start: position of ``x[0]``.
        energy: Σx² by entry, added to.
        maxima: bits of max |x| by entry, same length, raised.
    """
    p = energy.size
    at = 0
    column = start % p
    if column:
        at = min(p - column, x.size)
        _row(x[:at], bits[:at], mask, energy[column:], maxima[column:])
    while at + 4 * p <= x.size:
        _four_rows(x[at : at + 4 * p], bits[at : at + 4 * p], mask, energy, maxima)
        at += 4 * p
    while at < x.size:
        stop = min(at + p, x.size)
        _row(x[at:stop], bits[at:stop], mask, energy, maxima)
        at = stop


@inner
def add_runs(
    x: Floats, bits: Ints, mask: Any, start: int, run: int, energy: npt.NDArray[np.float64], maxima: Ints
) -> None:
    """Add values of which each ``run`` neighbours belong to one output unit.

    Args:
        run: number of these neighbours; the value at position i belongs to entry i // run, modulo the length of
            ``energy``.

    The other arguments are those of :func:`add_periodic`.
    """
    at = 0
    while at < x.size:
        unit = (start + at) // run % energy.size
        stop = min(at + run - (start + at) % run, x.size)
        part, keys = x[at:stop], bits[at:stop]
        s = 0.0
        for i in range(part.size):
            v = np.float64(part[i])
            s += v * v
        biggest = keys[0] & mask
        for i in range(keys.size):
            biggest = max(biggest, keys[i] & mask)
        energy[unit] += s
        maxima[unit] = max(maxima[unit], biggest)
        at = stop
