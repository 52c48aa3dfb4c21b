"""8- and 16-bit values as *codes*: their stored bits, of which there are so few that all is known of each beforehand.

Counting how often each code occurs is all that the statistics of such a tensor need.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from reporter.frozen import dataclass
from reporter.measuring.kernels.sizes import BFLOAT16, FLOAT16, TABLE
from reporter.measuring.pieces import Array, to_float64
from reporter.model.cells import Cells, cells_of
from reporter.model.summary import Summary

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Codes:
    """What is known of the codes of a dtype.

    Attributes:
        form: how values follow from codes, see :mod:`reporter.measuring.kernels.codes`.
        exact: the value of every code as float32.
        narrow: the same with 0 for codes that are not finite.
        ascending: the codes of finite values, in the order of these.
        values: these values as float64, with +0.0 in place of −0.0.
        cells: their cells.
        nan, posinf, neginf: the codes that are not finite.
    """

    form: int
    exact: npt.NDArray[np.float32]
    narrow: npt.NDArray[np.float32]
    ascending: Integers
    values: Floats
    cells: npt.NDArray[np.int32]
    nan: Integers
    posinf: Integers
    neginf: Integers


@lru_cache(maxsize=32)
def codes_of(dtype: np.dtype[Any]) -> Codes:
    """The codes of a dtype of 8 or 16 bits.

    >>> codes = codes_of(np.dtype("int8"))
    >>> codes.values[:2].tolist(), codes.ascending[:2].tolist()
    ([-128.0, -127.0], [128, 129])
    """
    with np.errstate(invalid="ignore"):
        values = to_float64(np.arange(1 << 8 * dtype.itemsize, dtype=f"u{dtype.itemsize}").view(dtype))
        exact = values.astype(np.float32)
    finite = np.flatnonzero(np.isfinite(values))
    ascending = finite[np.argsort(values[finite], kind="stable")]
    ordered = values[ascending] + 0.0
    return Codes(
        _form(dtype),
        exact,
        np.where(np.isfinite(exact), exact, np.float32(0)),
        ascending,
        ordered,
        cells_of(ordered).astype(np.int32),
        *(np.flatnonzero(found) for found in (np.isnan(values), values == np.inf, values == -np.inf)),
    )


def is_coded(dtype: np.dtype[Any]) -> bool:
    """Whether a dtype has 8 or 16 bits; float32 holds all its values exactly."""
    return dtype.itemsize <= 2


def widened(values: Array) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint32]]:
    """8- or 16-bit values as float32, and integers that are equal where the stored bits are; both read-only."""
    codes = values.view(f"u{values.dtype.itemsize}")
    if values.dtype == np.float16:  # NumPy's conversion takes twice as long as looking the values up
        exact = codes_of(values.dtype).exact.take(codes)
    else:
        with np.errstate(invalid="ignore"):  # a signalling NaN raises the flag
            exact = values.astype(np.float32)
    bits = codes.astype(np.uint32)
    for one in (exact, bits):
        one.setflags(write=False)
    return exact, bits


def _form(dtype: np.dtype[Any]) -> int:
    """How the values of an 8- or 16-bit dtype follow from their codes."""
    if not dtype.isnative:
        return TABLE  # which is of values, whatever the order of their bytes
    if dtype.kind in "iu":
        return 1 << 8 * dtype.itemsize - 1 if dtype.kind == "i" else 0
    return {"float16": FLOAT16, "bfloat16": BFLOAT16}.get(dtype.name, TABLE)


@dataclass(frozen=True, slots=True)
class Counted:
    """The finite values of a tensor that are different, and how often each occurs.

    Attributes:
        values: ascending, as float64.
        times: how often each occurs, same length.
        cells: the cell of each.
        nan, posinf, neginf: how many values are not finite.
    """

    values: Floats
    times: Integers
    cells: npt.NDArray[np.int32]
    nan: int
    posinf: int
    neginf: int

    @classmethod
    def of(cls, counts: Integers, codes: Codes) -> Counted:
        """From how often each code occurs.

        >>> counts = np.bincount([3, 255, 255], minlength=256)
        >>> counted = Counted.of(counts, codes_of(np.dtype("int8")))
        >>> counted.values.tolist(), counted.times.tolist()
        ([-1.0, 3.0], [2, 1])
        """
        times = counts.take(codes.ascending)
        there = np.flatnonzero(times != 0)  # of booleans, which NumPy finds four times faster than integers
        not_finite = (int(counts[some].sum()) for some in (codes.nan, codes.posinf, codes.neginf))
        return cls(codes.values.take(there), times.take(there), codes.cells.take(there), *not_finite)

    def summary(self) -> Summary:
        """The summary of the tensor; sums are in float64."""
        x, times = self.values, self.times
        total = int(times.sum())
        mean = m2 = m3 = m4 = 0.0
        if total:
            weight = times.astype(np.float64)
            first = float(x[0])
            mean = first + float(((x - first) * weight).sum()) / total
            d = x - mean
            square = d * d
            m2, m3, m4 = (float((power * weight).sum()) for power in (square, square * d, square * square))
        cells = self._cells()
        return Summary(
            count=total + self.nan + self.posinf + self.neginf,
            nan=self.nan,
            posinf=self.posinf,
            neginf=self.neginf,
            zeros=int(times[x == 0].sum()),
            mean=mean,
            m2=m2,
            m3=m3,
            m4=m4,
            minimum=float(x[0]) if total else None,
            maximum=float(x[-1]) if total else None,
            read_cells=lambda: cells,
        )

    def _cells(self) -> Cells:
        """Neighbours that share a cell become one."""
        if not self.cells.size:
            return Cells(self.cells, self.times)
        first = np.flatnonzero(np.r_[True, self.cells[1:] != self.cells[:-1]])
        return Cells(self.cells[first], np.add.reduceat(self.times, first))
