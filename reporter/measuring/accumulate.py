"""From blocks of values to a :class:`Summary`: one accumulator per family of dtypes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import ml_dtypes
import numpy as np
import numpy.typing as npt

from reporter.measuring import kernels
from reporter.model.cells import Cells
from reporter.model.summary import Summary

Array = npt.NDArray[Any]

PIECE = 1 << 20
"""Elements per piece handed to the kernels: a multiple of :data:`kernels.STEP`, 4 MiB of float32."""


class Accumulator(Protocol):
    """Takes in pieces of one tensor and closes with its summary."""

    def add(self, piece: Array) -> None:
        """Take in 1-D values; every piece but the last has :data:`PIECE` elements."""
        ...

    def close(self) -> Summary:
        """The summary of everything taken in."""
        ...


class Wide:
    """float32 as it is; float64, 32- and 64-bit integers and complex magnitudes as float64."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self._single = dtype == np.float32
        self._table = np.zeros(kernels.RAW, np.int64)
        self._totals = np.zeros(5)
        self._extremes = np.array([np.inf, -np.inf])
        self._counts = np.zeros(4, np.int64)

    def add(self, piece: Array) -> None:
        """Take in values."""
        if self._single:
            kernels.measure32(piece, self._table, self._totals, self._extremes, self._counts)
        else:
            kernels.measure64(as_real(piece), self._table, self._totals, self._extremes, self._counts)

    def close(self) -> Summary:
        """The summary of everything taken in."""
        zeros, nan, posinf, neginf = (int(c) for c in self._counts)
        n, mean, m2, m3, m4 = (float(t) for t in self._totals)
        return Summary(
            count=int(n) + nan + posinf + neginf,
            nan=nan,
            posinf=posinf,
            neginf=neginf,
            zeros=zeros,
            mean=mean + 0.0,
            m2=max(m2, 0.0) if m2 == m2 else m2,
            m3=m3,
            m4=m4,
            minimum=float(self._extremes[0]) + 0.0 if n else None,
            maximum=float(self._extremes[1]) + 0.0 if n else None,
            cells=from_raw(self._table),
        )


class Coded:
    """8- and 16-bit dtypes: raw codes are counted, and everything is derived, exactly, from the table of codes."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self._dtype = dtype
        self._bits = 8 * dtype.itemsize
        self._table = np.zeros(1 << self._bits, np.int64)

    def add(self, piece: Array) -> None:
        """Take in values."""
        if self._bits == 8:
            kernels.count8(piece.view(np.uint8), self._table)
        else:
            kernels.count16(piece.view(np.uint16), self._table)

    def codes(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
        """The values seen, as float64 (NaN and infinities included), and how often each was."""
        codes = np.flatnonzero(self._table)
        unsigned = codes.astype(np.uint8 if self._bits == 8 else np.uint16)
        return to_float64(unsigned.view(self._dtype)), self._table[codes]

    def close(self) -> Summary:
        """The summary of everything taken in."""
        values, times = self.codes()
        finite = np.isfinite(values)
        x, n = values[finite], times[finite]
        total = int(n.sum())
        table = np.zeros(kernels.RAW, np.int64)
        mean = m2 = m3 = m4 = 0.0
        if total:
            weight = n.astype(np.float64)
            first = float(x[0])
            mean = first + float(((x - first) * weight).sum()) / total
            d = x - mean
            m2, m3, m4 = (float((d**p * weight).sum()) for p in (2, 3, 4))
            kernels.count_cells(x, n, table)
        return Summary(
            count=int(times.sum()),
            nan=int(times[np.isnan(values)].sum()),
            posinf=int(times[values == np.inf].sum()),
            neginf=int(times[values == -np.inf].sum()),
            zeros=int(n[x == 0].sum()),
            mean=mean,
            m2=m2,
            m3=m3,
            m4=m4,
            minimum=float(x.min()) + 0.0 if total else None,
            maximum=float(x.max()) + 0.0 if total else None,
            cells=from_raw(table),
        )


def accumulator(dtype: np.dtype[Any]) -> Wide | Coded:
    """The accumulator that is right for a dtype."""
    return Coded(dtype) if dtype.itemsize <= 2 else Wide(dtype)


def summarise(blocks: Iterable[Array], dtype: np.dtype[Any]) -> Summary:
    """Summary of a stream of blocks.

    >>> summarise([np.array([1, 2, 3], np.float32)], np.dtype("float32")).mean
    2.0
    """
    accumulator_ = accumulator(dtype)
    for piece in pieces(blocks):
        accumulator_.add(piece)
    return accumulator_.close()


def pieces(blocks: Iterable[Array], size: int = PIECE) -> Iterator[Array]:
    """Cut a stream of 1-D blocks into contiguous pieces of ``size`` elements; only the last may be shorter.

    Whatever the blocks of a format, the kernels see the same pieces, so that a model measured live, or from any
    file, gives the same floating-point sums.
    """
    held: list[Array] = []
    have = 0
    for block in blocks:
        start = 0
        while have + block.size - start >= size:
            stop = start + size - have
            if held:
                yield np.concatenate([*held, block[start:stop]])
                held, have = [], 0
            else:
                yield np.ascontiguousarray(block[start:stop])
            start = stop
        if start < block.size:
            held.append(block[start:])
            have += block.size - start
    if held:
        yield np.ascontiguousarray(held[0]) if len(held) == 1 else np.concatenate(held)


def as_real(values: Array) -> npt.NDArray[np.float64]:
    """Values as float64; complex numbers by their magnitude."""
    return np.abs(values).astype(np.float64) if values.dtype.kind == "c" else to_float64(values)


def to_float64(values: Array) -> npt.NDArray[np.float64]:
    """Values of any real dtype, ml_dtypes included, as float64."""
    if values.dtype.kind == "V" or values.dtype.name in _EXTENDED:
        with np.errstate(invalid="ignore"):  # a signalling NaN
            return values.astype(np.float32).astype(np.float64)  # exact: they all fit float32
    return values.astype(np.float64)


_EXTENDED = frozenset(name for name in dir(ml_dtypes) if name.startswith(("bfloat", "float", "int", "uint")))


def from_raw(table: npt.NDArray[np.int64]) -> Cells:
    """Ordered, sparse cells from a kernel's dense table of raw cells."""
    raw = np.flatnonzero(table)
    counts = table[raw]
    cell = np.where(raw == kernels.NEGATIVE_ZERO, 0, np.where(raw < 0x8000, raw, 0x7FFF - raw))
    order = np.argsort(cell, kind="stable")
    cell, counts = cell[order], counts[order]
    if len(cell) > 1 and (cell[1:] == cell[:-1]).any():  # +0.0 and −0.0
        keep = np.flatnonzero(np.concatenate([[True], cell[1:] != cell[:-1]]))
        cell, counts = cell[keep], np.add.reduceat(counts, keep)
    return Cells(cell.astype(np.int32), counts)
