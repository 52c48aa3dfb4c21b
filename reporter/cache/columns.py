"""The derived numbers of many samples as columns: exact, hundreds of bytes a sample."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from reporter.cache.container import Unusable
from reporter.model.measured import Absent, Quantiles, Statistics, Value
from reporter.model.summary import Summary

COUNTS = ("count", "nan", "posinf", "neginf", "zeros")
MOMENTS = ("mean", "m2", "m3", "m4", "minimum", "maximum", "exponent")
_VALUES = 2
_FLOAT, _INTEGER, _NO_DATA, _NOT_APPLICABLE = range(4)
_ABSENT = {Absent.NO_DATA: _NO_DATA, Absent.NOT_APPLICABLE: _NOT_APPLICABLE}
_ABSENT_OF = {code: value for value, code in _ABSENT.items()}


class Sample(Protocol):
    """A tensor or a group."""

    @property
    def summary(self) -> Summary: ...  # noqa: D102
    @property
    def statistics(self) -> Statistics: ...  # noqa: D102
    @property
    def quantiles(self) -> Quantiles: ...  # noqa: D102


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Numbers of n samples.

    Attributes:
        names: place of each statistic in ``codes`` and ``sources``.
        sources: table and column of each statistic: ``counts`` (0) or ``moments`` (1) where it is the same, else
            ``values`` (2).
        probabilities: place of each probability in ``quantiles``.
        counts: int64 (n, 5), see :data:`COUNTS`.
        moments: float64 (n, 7), see :data:`MOMENTS`; extremes NaN where there is no finite value.
        values: float64 (n, …), integers as their bits.
        codes: uint8 (n, statistics): float, integer, no data, not applicable.
        quantiles: float64 (n, probabilities), NaN where there is no finite value.
        exact: uint8 (n,): whether the quantiles are.
    """

    names: Mapping[str, int]
    sources: Sequence[tuple[int, int]]
    probabilities: Mapping[float, int]
    counts: npt.NDArray[np.int64]
    moments: npt.NDArray[np.float64]
    values: npt.NDArray[np.float64]
    codes: npt.NDArray[np.uint8]
    quantiles: npt.NDArray[np.float64]
    exact: npt.NDArray[np.uint8]

    @classmethod
    def of(cls, samples: Sequence[Sample], names: Sequence[str], probabilities: Sequence[float]) -> Columns:
        """Take down samples."""
        statistics = [[_coded(s.statistics[name]) for name in names] for s in samples]
        values = _table(([value for value, _ in row] for row in statistics), np.float64, len(names))
        return cls(
            names={name: i for i, name in enumerate(names)},
            sources=[(_VALUES, i) for i in range(len(names))],
            probabilities={p: i for i, p in enumerate(probabilities)},
            counts=_table(([getattr(s.summary, c) for c in COUNTS] for s in samples), np.int64, len(COUNTS)),
            moments=_table((_moments(s.summary) for s in samples), np.float64, len(MOMENTS)),
            values=values,
            codes=_table(([code for _, code in row] for row in statistics), np.uint8, len(names)),
            quantiles=_table(
                ([s.quantiles.values.get(p, np.nan) for p in probabilities] for s in samples),
                np.float64,
                len(probabilities),
            ),
            exact=np.array([s.quantiles.exact for s in samples], np.uint8),
        )

    def to_bytes(self) -> bytes:
        """The arrays one after the other, little-endian, each column by column."""
        arrays = (self.counts, self.moments, self.values, self.quantiles, self.codes, self.exact)
        return b"".join(a.astype(a.dtype.newbyteorder("<")).tobytes("F") for a in arrays)

    @classmethod
    def from_bytes(cls, data: bytes, n: int, names: Sequence[str], probabilities: Sequence[float],
                   wanted: Iterable[float]) -> Columns:  # fmt: skip
        """The inverse; of the quantiles only those that are wanted are kept.

        Raises:
            Unusable: the length does not fit.
        """
        arrays: list[Any] = []
        start = 0
        layout = (("<i8", len(COUNTS)), ("<f8", len(MOMENTS)), ("<f8", len(names)), ("<f8", len(probabilities)),
                  ("u1", len(names)), ("u1", 1))  # fmt: skip
        if len(data) != n * sum(np.dtype(kind).itemsize * width for kind, width in layout):
            raise Unusable("columns")
        for kind, width in layout:
            flat = np.frombuffer(data, kind, n * width, start)
            arrays.append(flat.reshape((n, width), order="F"))
            start += flat.nbytes
        counts, moments, values, quantiles, codes, exact = arrays
        counts, moments = np.ascontiguousarray(counts), np.ascontiguousarray(moments)
        sources, values = _sources(counts, moments, values, codes)
        chosen = [p for p in probabilities if p in set(wanted)]
        return cls(
            names={name: i for i, name in enumerate(names)},
            sources=sources,
            probabilities={p: i for i, p in enumerate(chosen)},
            counts=counts,
            moments=moments,
            values=values,
            codes=np.ascontiguousarray(codes),
            quantiles=np.ascontiguousarray(quantiles[:, [list(probabilities).index(p) for p in chosen]]),
            exact=exact[:, 0].copy(),
        )

    def statistics(self, row: int) -> dict[str, Value]:
        """Those of one sample."""
        tables = self.counts[row].tolist(), self.moments[row].tolist(), self.values[row].tolist()
        found: dict[str, Value] = {}
        for name, code, (table, column) in zip(self.names, self.codes[row].tolist(), self.sources, strict=True):
            if code > _INTEGER:
                found[name] = _ABSENT_OF[code]
            elif code == _INTEGER and table == _VALUES:
                found[name] = int(self.values[row, column].view(np.int64))
            else:
                found[name] = tables[table][column]
        return found

    def numbers(self, name: str) -> npt.NDArray[np.float64]:
        """One statistic of all samples, NaN where there is no number; KeyError if it is not among them."""
        place = self.names[name]
        codes, (table, at) = self.codes[:, place], self.sources[place]
        source = (self.counts, self.moments, self.values)[table][:, at]
        column = source.astype(np.float64)
        if table == _VALUES:
            column = np.where(codes == _INTEGER, source.view(np.int64).astype(np.float64), column)
        column[codes > _INTEGER] = np.nan
        return column

    def quantiles_of(self, row: int) -> Quantiles:
        """The quantiles of one sample."""
        exact = bool(self.exact[row])
        count, nan, posinf, neginf, _ = self.counts[row].tolist()
        if count == nan + posinf + neginf:  # no finite value
            return Quantiles({}, exact)
        return Quantiles(dict(zip(self.probabilities, self.quantiles[row].tolist(), strict=True)), exact)


def _sources(
    counts: npt.NDArray[np.int64],
    moments: npt.NDArray[np.float64],
    values: npt.NDArray[np.float64],
    codes: npt.NDArray[np.uint8],
) -> tuple[list[tuple[int, int]], npt.NDArray[np.float64]]:
    """Where each statistic is found: half of them are numbers of the summary, to the bit, and need no second place."""
    own: list[int] = []
    sources: list[tuple[int, int]] = []
    tables = [table.view(np.int64).T.copy() for table in (counts, moments)]
    for i in range(values.shape[1]):
        there = codes[:, i] <= _INTEGER
        at = np.flatnonzero(there)
        bits = values[at, i].view(np.int64)
        for table, kind in enumerate((_INTEGER, _FLOAT)):
            if (codes[there, i] == kind).all():
                found = next((j for j, column in enumerate(tables[table]) if _same(column, at, bits)), None)
                if found is not None:
                    sources.append((table, found))
                    break
        else:
            sources.append((_VALUES, len(own)))
            own.append(i)
    return sources, np.ascontiguousarray(values[:, own])


def _same(column: npt.NDArray[np.int64], at: npt.NDArray[np.int64], bits: npt.NDArray[np.int64]) -> bool:
    """Equal in these rows; most that are not differ in the first or the last one already."""
    if len(at) and (column[at[0]] != bits[0] or column[at[-1]] != bits[-1]):
        return False
    return np.array_equal(column[at], bits)


def _coded(value: Value) -> tuple[float, int]:
    if isinstance(value, Absent):
        return 0.0, _ABSENT[value]
    if isinstance(value, int):
        return float(np.int64(value).view(np.float64)), _INTEGER
    return value, _FLOAT


def _moments(s: Summary) -> list[float]:
    low, high = s.minimum, s.maximum
    ends = [np.nan if end is None else end for end in (low, high)]
    return [s.mean, s.m2, s.m3, s.m4, *ends, s.exponent]


def _table(rows: Iterable[Sequence[float]], dtype: Any, width: int) -> npt.NDArray[Any]:
    return np.array(list(rows), dtype).reshape(-1, width)
