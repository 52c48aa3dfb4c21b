"""From the pieces of a tensor to its :class:`Summary`, its numbers per output unit and its sketch.

:meth:`Accumulator.measure` may run in any thread. :meth:`Accumulator.merge` takes what it returned, in the order of the
pieces, so that floating-point sums are the same to the bit for any number of threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from reporter.frozen import dataclass
from reporter.measuring import kernels
from reporter.measuring.channels import Channels
from reporter.measuring.codes import Counted, codes_of, is_coded
from reporter.measuring.kernels.sizes import NEGATIVE_ZERO, RAW
from reporter.measuring.pieces import Array, as_real, pieces
from reporter.measuring.tables import CounterTables
from reporter.measuring.wide import in_range, wide_moments, wide_norms
from reporter.model.cells import Cells
from reporter.model.sketch import BUCKETS, Sketch
from reporter.model.summary import Moments, Summary, merge_moments
from reporter.model.units import Units


@dataclass(frozen=True, slots=True)
class Part:
    """The results of one piece; shapes and meanings as in :func:`reporter.measuring.kernels.blocks.measure32`.

    Attributes:
        moments: (n, mean, Σd², Σd³, Σd⁴, exponent) of the finite values, with d = (x − mean) / 2^exponent. extremes:
        minimum and maximum of the finite values; (+inf, −inf) where there is none. counts: numbers of (zeros, NaN,
        +Inf, −Inf). first: the first output unit that ``energy`` and ``maxima`` speak of. energy: Σx² by output unit.
        maxima: bits of max |x| by output unit. sums: those of the sketch; empty for a tensor small enough that the
        sketch is its values. norms: √Σx² of the output units whose Σx² overflows or underflows float64 and is 0 in
        ``energy``; None where there
            are none.
    """

    moments: Moments
    extremes: npt.NDArray[np.float64]
    counts: npt.NDArray[np.int64]
    first: int
    energy: npt.NDArray[np.float64]
    maxima: npt.NDArray[np.signedinteger[Any]]
    sums: npt.NDArray[np.float64]
    norms: npt.NDArray[np.float64] | None = None


class Accumulator:
    """Everything measured in one pass over a tensor, piece by piece.

    There are three ways to measure, by dtype. 8- and 16-bit values (``coded``) are counted by code, and the summary is
    computed from the counts. float32 has a kernel of its own. All other values are converted to float64.

    Args:
        dtype: of the values.
        size: number of values of the tensor, needed for the sketch; None for no sketch.
        channels: how values belong to output units; None for no numbers per unit.
    """

    def __init__(self, dtype: np.dtype[Any], size: int | None = None, channels: Channels | None = None) -> None:
        self.coded = is_coded(dtype)
        self._dtype = dtype
        self._size = size
        self._channels = channels
        self._narrow = self.coded or dtype == np.float32
        self._tables = CounterTables(3 if dtype.itemsize == 1 else 2, RAW)
        self._moments: Moments = (0, 0.0, 0.0, 0.0, 0.0, 0)
        self._extremes = np.array([np.inf, -np.inf])
        self._counts = np.zeros(4, np.int64)
        length = channels.length if channels else 0
        self._energy = np.zeros(length)
        self._norms = np.zeros(length)
        self._maxima = np.zeros(length, np.int32 if self._narrow else np.int64)
        self._small = size is not None and size <= BUCKETS
        self._sums = np.zeros(0 if size is None else min(size, BUCKETS))

    def measure(self, piece: Array, start: int) -> Part:
        """Measure one piece, in any thread.

        Args:
            piece: at least one value, see :func:`reporter.measuring.pieces.pieces`.
            start: position of its first value in the tensor.
        """
        channels = self._channels
        first, length, place, run = 0, 0, start, 0
        if channels:
            first, length = channels.part(start, piece.size)
            run = channels.run
            if run and length < channels.units:
                place = start % run
        sums = np.zeros(0 if self._size is None or self._small else BUCKETS)
        totals, extremes, counts = np.zeros(5), np.array([np.inf, -np.inf]), np.zeros(4, np.int64)
        energy, maxima = np.zeros(length), np.zeros(length, self._maxima.dtype)
        if self._small:
            self._sums[start : start + piece.size] = as_real(piece)
        in_order = (place, run, energy, maxima, sums)  # what depends on the positions of values
        norms = None
        with self._tables.borrow(piece.size) as table:
            if self.coded:
                codes = codes_of(self._dtype)
                stored = piece.view(f"u{piece.dtype.itemsize}")
                kernels.measure_codes(stored, codes.narrow, codes.form, start, table, *in_order)
            elif self._narrow:
                kernels.measure32(piece, start, table, totals, extremes, counts, *in_order)
            else:
                x = as_real(piece)
                kernels.measure64(x, start, table, totals, extremes, counts, *in_order)
                norms = wide_norms(x, place, run, energy, maxima.view(np.float64))
        n, mean, m2, m3, m4 = totals.tolist()
        moments: Moments = (int(n), mean, m2, m3, m4, 0)
        if not self._narrow and not in_range(extremes):
            moments = wide_moments(x)
        return Part(moments, extremes, counts, first, energy, maxima, sums, norms)

    def merge(self, part: Part) -> None:
        """Add the results of the next piece; pieces are merged in their order."""
        self._moments = merge_moments(self._moments, part.moments)
        self._extremes[0] = min(self._extremes[0], part.extremes[0])
        self._extremes[1] = max(self._extremes[1], part.extremes[1])
        self._counts += part.counts
        if part.energy.size:
            where = slice(part.first, part.first + part.energy.size)
            self._energy[where] += part.energy
            np.maximum(self._maxima[where], part.maxima, out=self._maxima[where])
            if part.norms is not None:
                with np.errstate(over="ignore"):  # even the norm may be beyond float64
                    self._norms[where] = np.hypot(self._norms[where], part.norms)
        if part.sums.size:
            with np.errstate(over="ignore", invalid="ignore"):  # and so may be the sums, of either sign
                self._sums += part.sums

    def units(self) -> Units | None:
        """Norm and maximum of each output unit, over all pieces merged; None for a tensor without units."""
        if self._channels is None:
            return None
        return self._channels.close(self._energy, self._norms, self._maxima.view("f4" if self._narrow else "f8"))

    def sketch(self) -> Sketch:
        """The sketch of all pieces merged."""
        assert self._size is not None
        return Sketch(self._size, self._sums)

    def counted(self) -> Counted:
        """The different values of an 8- or 16-bit tensor, over all pieces merged, and how often each occurs."""
        tables = self._tables.total()
        if self._dtype.itemsize == 1:  # pairs of values in the first two tables, single values in the third
            pairs = tables[:2].sum(axis=0, dtype=np.int64).reshape(1 << 8, 1 << 8)
            counts = pairs.sum(axis=0) + pairs.sum(axis=1) + tables[2, : 1 << 8]
        else:
            counts = np.add(tables[0], tables[1], dtype=np.int64)
        self._tables.release()
        return Counted.of(counts, codes_of(self._dtype))

    def close(self) -> Summary:
        """The summary of all pieces merged."""
        return self.counted().summary() if self.coded else self._of_values(self._cells())

    def close_small(self, values: Array) -> tuple[Summary, Array]:
        """The summary of a small tensor that came in one piece, and its finite values in ascending order.

        Sorting a few values is faster than searching 65,536 counters, and gives exact quantiles as well.

        Args:
            values: the piece once more, of more than 16 bits per value.
        """
        _, nan, posinf, neginf = self._counts.tolist()
        ordered = np.sort(values if self._narrow else as_real(values))
        ordered = ordered[neginf : len(ordered) - nan - posinf] + np.float32(0)
        table = self._tables.only
        assert table is not None
        index, counts = np.empty(len(ordered), np.int32), np.empty(len(ordered), np.int64)
        n = kernels.drain_sorted(ordered, table, index, counts)
        # A live model may have changed its values since they were counted, and then some counters were not looked at.
        self._tables.release(clean=int(counts[:n].sum()) == self._moments[0])
        return self._of_values(Cells(index[:n].copy(), counts[:n].copy())), ordered

    def _of_values(self, cells: Cells) -> Summary:
        """The summary of values that were measured as numbers, not by code."""
        return summary_of_values(self._moments, self._extremes.tolist(), self._counts.tolist(), lambda: cells)

    def _cells(self) -> Cells:
        """Empty the tables of counters into sparse cells."""
        table = self._tables.only
        if table is None:
            found = from_raw(self._tables.total().sum(axis=0, dtype=np.int64))
            self._tables.release()
            return found
        index, counts = np.empty(RAW, np.int32), np.empty(RAW, np.int64)
        n = kernels.drain(table, index, counts)
        self._tables.release(clean=True)
        return Cells(index[:n].copy(), counts[:n].copy())


def summarise(values: Iterable[Array], dtype: np.dtype[Any]) -> Summary:
    """The summary of a stream of one-dimensional blocks of any length.

    >>> summarise([np.array([1, 2, 3], np.float32)], np.dtype("float32")).mean
    2.0
    """
    accumulator, start = Accumulator(dtype), 0
    for piece in pieces(values):
        if piece.size:
            accumulator.merge(accumulator.measure(piece, start))
        start += piece.size
    return accumulator.close()


def read_only(values: Array) -> Array:
    """The same array, marked read-only: whoever shares it, as a cache does, cannot change it for the others."""
    values.setflags(write=False)
    return values


def from_raw(table: npt.NDArray[np.int64]) -> Cells:
    """Sparse cells in ascending order, from a table of counters by raw cell, int64, shape (RAW,).

    :mod:`reporter.measuring.kernels.sizes` shows how raw and ordered cells are numbered.
    """
    positive, negative = table[:NEGATIVE_ZERO].copy(), table[:0x7FFF:-1]  # indexed by cell, and by cell + 0x8000
    positive[0] += table[NEGATIVE_ZERO]
    below, above = np.flatnonzero(negative), np.flatnonzero(positive)
    return Cells(
        np.concatenate([below - 0x8000, above]).astype(np.int32), np.concatenate([negative[below], positive[above]])
    )


def summary_of_values(
    moments: Moments, extremes: Sequence[float], counts: Sequence[int], read_cells: Callable[[], Cells]
) -> Summary:
    """The summary of values that were measured as numbers.

    Args:
        moments: of the finite values.
        extremes: the smallest and the largest of them.
        counts: of zeros, NaN, +Inf and −Inf.
        read_cells: gives the cells of the finite values.
    """
    n, mean, m2, m3, m4, exponent = moments
    zeros, nan, posinf, neginf = counts
    low, high = extremes
    return Summary(
        count=n + nan + posinf + neginf,
        nan=nan,
        posinf=posinf,
        neginf=neginf,
        zeros=zeros,
        mean=mean + 0.0,
        m2=max(m2, 0.0),
        m3=m3,
        m4=m4,
        minimum=low + 0.0 if n else None,
        maximum=high + 0.0 if n else None,
        exponent=exponent,
        read_cells=read_cells,
    )
