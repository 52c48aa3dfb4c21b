"""Central moments of a block of values, merged into those of the blocks before.

With n values, their mean and d = x − mean, the moments are (n, mean, Σd², Σd³, Σd⁴).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from reporter.measuring.kernels.compiled import exact, inner

Floats = npt.NDArray[np.floating[Any]]


@inner
def add_moments(x: Floats, totals: npt.NDArray[np.float64]) -> None:
    """Merge a block of finite values into ``totals`` = (n, mean, Σd², Σd³, Σd⁴), with one reading of the block.

    The mean of the whole block is not known beforehand, so powers are summed about the mean of its first sixteenth and
    then shifted to the true mean. With D the distance of these two means, the shift subtracts n·D² from Σd². The first
    sixteenth alone contributes at least (n/16)·D² to Σd², so that at most a factor of 16 of float64's precision is
    lost, whatever the values are. For equal values D is 0 and the result exact.
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
    """a − b as written; LLVM would otherwise reorder it with the sum it goes into, differently from build to build."""
    return a - b


@exact
def _merge(nb: float, mean: float, s1: float, s2: float, s3: float, s4: float, totals: npt.NDArray[np.float64]) -> None:
    """Shift the sums of a block to its own mean, and merge them into ``totals``.

    The operations happen as written, since LLVM reorders such products differently from build to build.

    Source: P. Pébay, *Formulas for robust, one-pass parallel computation of covariances and arbitrary-order statistical
    moments*, Sandia report SAND2008-6212.

    Args:
        nb: number of values of the block.
        mean: what the powers are taken about; not yet the block's mean.
        s1, s2, s3, s4: Σ(x − mean) to the powers 1 to 4.
        totals: (n, mean, Σd², Σd³, Σd⁴) of the blocks before, replaced by those with this block.
    """
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
