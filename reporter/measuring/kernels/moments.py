"""Central moments of a block of values, merged into running ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from reporter.measuring.kernels.compiled import exact, inner

Floats = npt.NDArray[np.floating[Any]]


@inner
def add_moments(x: Floats, totals: npt.NDArray[np.float64]) -> None:
    """Merge a block of finite values into ``totals`` = (n, mean, Σd², Σd³, Σd⁴).

    Sums are taken about the mean of the block's first sixteenth. That part alone puts its distance D from the true
    mean into Σd² ≥ (n/16)D², so shifting n·D² away costs at most a factor 16 of float64's precision, whatever the
    values are; of equal values it is exact.
    """
    n = x.size
    first = np.float64(x[0])
    part = (n + 15) // 16
    s = 0.0
    for i in range(part):
        s += _minus(np.float64(x[i]), first)
    mean = first + s / part
    s1 = 0.0
    s2 = 0.0
    s3 = 0.0
    s4 = 0.0
    for i in range(n):
        d = _minus(np.float64(x[i]), mean)
        q = d * d
        s1 += d
        s2 += q
        s3 += q * d
        s4 += q * q
    _merge(np.float64(n), mean, s1, s2, s3, s4, totals)


@exact
def _minus(a: float, b: float) -> float:
    """a − b, which LLVM would otherwise reorder with the sum that it goes into, in no fixed way."""
    return a - b


@exact
def _merge(nb: float, mean: float, s1: float, s2: float, s3: float, s4: float, totals: npt.NDArray[np.float64]) -> None:
    """Merge sums of powers about ``mean``; exactly as written, as LLVM reorders such products in no fixed way."""
    e = s1 / nb
    b2 = max(s2 - nb * e * e, 0.0)
    b3 = s3 - 3.0 * e * s2 + 2.0 * nb * e * e * e
    b4 = max(s4 - 4.0 * e * s3 + 6.0 * e * e * s2 - 3.0 * nb * e * e * e * e, 0.0)
    mean += e
    na = totals[0]
    if na == 0:
        totals[0] = nb
        totals[1] = mean
        totals[2] = b2
        totals[3] = b3
        totals[4] = b4
        return
    t = na + nb
    d = mean - totals[1]
    dn = d / t
    a2 = totals[2]
    a3 = totals[3]
    totals[4] += (
        b4
        + d * dn * dn * dn * na * nb * (na * na - na * nb + nb * nb)
        + 6.0 * dn * dn * (na * na * b2 + nb * nb * a2)
        + 4.0 * dn * (na * b3 - nb * a3)
    )
    totals[3] += b3 + d * dn * dn * na * nb * (na - nb) + 3.0 * dn * (na * b2 - nb * a2)
    totals[2] += b2 + d * dn * na * nb
    totals[1] += nb * dn
    totals[0] = t
