"""The numbers of many samples, side by side in arrays; each sample is a row.

A sample is a tensor, or several tensors taken as one: a layer, a role, a whole. Whether its numbers were measured just
now, merged from those of tensors, or read from the cache makes no difference: they are in this one form, hundreds of
bytes a sample, and what is asked of one sample is made from its row when it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from reporter.frozen import dataclass
from reporter.model.cells import Cells
from reporter.model.summary import Summary
from reporter.model.value import Absent, Quantiles, Statistics, Value

COUNTS = ("count", "nan", "posinf", "neginf", "zeros")
MOMENTS = ("mean", "m2", "m3", "m4", "minimum", "maximum", "exponent")

FLOAT, INTEGER, NO_DATA, NOT_APPLICABLE = range(4)
"""What a value is, as one byte."""

_ABSENT = {Absent.NO_DATA: NO_DATA, Absent.NOT_APPLICABLE: NOT_APPLICABLE}
_ABSENT_OF = {code: value for value, code in _ABSENT.items()}

_COUNTS, _MOMENTS, VALUES = range(3)
"""The tables in which the value of a statistic may be found."""

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bytes = npt.NDArray[np.uint8]
Coded = tuple[Floats, Bytes]
"""Values of n samples as floats, integers as their bits; and what each of them is."""


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Numbers of n samples.

    Attributes:
        names: place of each statistic in ``codes`` and ``sources``.
        sources: table and column of each statistic: ``counts`` (0) or ``moments`` (1) where it is the same number in
            all rows, else ``values`` (2).
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
    counts: Integers
    moments: Floats
    values: Floats
    codes: Bytes
    quantiles: Floats
    exact: Bytes

    @classmethod
    def sharing(
        cls,
        probabilities: Mapping[float, int],
        counts: Integers,
        moments: Floats,
        statistics: Mapping[str, Coded],
        quantiles: Floats,
        exact: Bytes,
    ) -> Columns:
        """From single columns: half of the statistics are numbers of the summary, and need no second place.

        Args:
            statistics: by name, the value of each sample, integers as their bits; and what each value is.
        """
        n = len(exact)
        values = _side_by_side([column for column, _ in statistics.values()], n, np.float64)
        codes = _side_by_side([column for _, column in statistics.values()], n, np.uint8)
        shared = _shared(counts, moments, values, codes)
        own = [i for i in range(len(statistics)) if i not in shared]
        return cls(
            names={name: i for i, name in enumerate(statistics)},
            sources=[shared[i] if i in shared else (VALUES, own.index(i)) for i in range(len(statistics))],
            probabilities=probabilities,
            counts=counts,
            moments=moments,
            values=np.ascontiguousarray(values[:, own]),
            codes=codes,
            quantiles=quantiles,
            exact=exact,
        )

    @classmethod
    def together(cls, parts: Sequence[Columns], chosen: Sequence[int] | slice = slice(None)) -> Columns:
        """The samples of several, one after the other.

        Args:
            parts: at least one, all with the same statistics and probabilities.
            chosen: places of the samples that are wanted, in their order; all by default.
        """
        first = parts[0]
        coded = {name: [part.coded(name) for part in parts] for name in first.names}
        return cls.sharing(
            first.probabilities,
            np.concatenate([part.counts for part in parts])[chosen],
            np.concatenate([part.moments for part in parts])[chosen],
            {
                name: (
                    np.concatenate([values for values, _ in of])[chosen],
                    np.concatenate([codes for _, codes in of])[chosen],
                )
                for name, of in coded.items()
            },
            np.concatenate([part.quantiles for part in parts])[chosen],
            np.concatenate([part.exact for part in parts])[chosen],
        )

    def with_statistics(self, statistics: Mapping[str, Coded], order: Sequence[str]) -> Columns:
        """With further statistics, in the order of these names; what they do not name is left out."""
        known = {name: self.coded(name) for name in self.names} | dict(statistics)
        chosen = {name: known[name] for name in order}
        return Columns.sharing(self.probabilities, self.counts, self.moments, chosen, self.quantiles, self.exact)

    def slim(self) -> Columns:
        """The same in arrays of its own, of three fifths of the size."""
        return Columns.sharing(
            probabilities=self.probabilities,
            counts=np.ascontiguousarray(self.counts),
            moments=np.ascontiguousarray(self.moments),
            statistics={name: self.coded(name) for name in self.names},
            quantiles=np.ascontiguousarray(self.quantiles),
            exact=self.exact.copy(),
        )

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        arrays = (self.counts, self.moments, self.values, self.codes, self.quantiles, self.exact)
        return sum(array.nbytes for array in arrays)

    def __len__(self) -> int:
        return len(self.exact)

    def summary(self, row: int, read_cells: Callable[[], Cells]) -> Summary:
        """That of one sample.

        Args:
            read_cells: gives its cells, when they are asked for.
        """
        count, nan, posinf, neginf, zeros = self.counts[row].tolist()
        mean, m2, m3, m4, low, high, exponent = self.moments[row].tolist()
        if count == nan + posinf + neginf:  # no finite value
            low = high = None
        return Summary(count, nan, posinf, neginf, zeros, mean, m2, m3, m4, low, high, int(exponent), read_cells)

    def statistics(self, row: int) -> Statistics:
        """Those of one sample."""
        tables = self.counts[row].tolist(), self.moments[row].tolist(), self.values[row].tolist()
        found: dict[str, Value] = {}
        for name, code, (table, column) in zip(self.names, self.codes[row].tolist(), self.sources, strict=True):
            if code > INTEGER:
                found[name] = _ABSENT_OF[code]
            elif code == INTEGER and table == VALUES:
                found[name] = int(self.values[row, column].view(np.int64))
            else:
                found[name] = tables[table][column]
        return found

    def each(self, start: int, end: int) -> Iterator[tuple[Statistics, Quantiles]]:
        """Statistics and quantiles of neighbouring samples, in a fraction of the time that one by one takes."""
        values = zip(*(self.listed(name)[start:end] for name in self.names), strict=True)
        known = self.counts[start:end, 0] > self.counts[start:end, 1:4].sum(axis=1)
        of_rows = zip(values, known.tolist(), self.quantiles[start:end].tolist(), self.exact[start:end], strict=True)
        for row, has_values, quantiles, exact in of_rows:
            found = dict(zip(self.probabilities, quantiles, strict=True)) if has_values else {}
            yield dict(zip(self.names, row, strict=True)), Quantiles(found, bool(exact))

    def listed(self, name: str) -> list[Value]:
        """One statistic of all samples, as :meth:`statistics` has that of one."""
        return decoded(*self.coded(name))

    def numbers(self, name: str) -> Floats:
        """One statistic of all samples, NaN where there is no number."""
        values, codes = self.coded(name)
        found = np.where(codes == INTEGER, values.view(np.int64).astype(np.float64), values)
        found[codes > INTEGER] = np.nan
        return found

    def table(self, names: Sequence[str]) -> Floats:
        """Several statistics of all samples: shape (n, statistics), NaN where there is no number."""
        found = np.empty((len(self), len(names)))
        for column, name in enumerate(names):
            found[:, column] = self.numbers(name)
        return found

    def coded(self, name: str) -> Coded:
        """One statistic of all samples, integers as their bits; and what each value is. Absent values are arbitrary."""
        place = self.names[name]
        table, column = self.sources[place]
        values = (self.counts.view(np.float64), self.moments, self.values)[table][:, column]
        return np.ascontiguousarray(values), self.codes[:, place]

    def quantile(self, probability: float) -> list[float | None]:
        """One quantile of all samples, None where it is not known or there is no finite value."""
        place = self.probabilities.get(probability)
        if place is None:
            return [None] * len(self)
        finite = self.counts[:, 0] > self.counts[:, 1:4].sum(axis=1)
        values = zip(self.quantiles[:, place].tolist(), finite.tolist(), strict=True)
        return [value if is_known else None for value, is_known in values]

    def quantiles_of(self, row: int) -> Quantiles:
        """The quantiles of one sample."""
        exact = bool(self.exact[row])
        count, nan, posinf, neginf, _ = self.counts[row].tolist()
        if count == nan + posinf + neginf:  # no finite value
            return Quantiles({}, exact)
        return Quantiles(dict(zip(self.probabilities, self.quantiles[row].tolist(), strict=True)), exact)


def _shared(counts: Integers, moments: Floats, values: Floats, codes: Bytes) -> dict[int, tuple[int, int]]:
    """Statistics that are the same, to the bit, as counts or moments wherever there is a value.

    Returns:
        For the place of each such statistic, the table and the column that hold it.
    """
    absent, bits = codes > INTEGER, values.view(np.int64)
    shared: dict[int, tuple[int, int]] = {}
    for table, kind, numbers in ((_COUNTS, INTEGER, counts), (_MOMENTS, FLOAT, moments.view(np.int64))):
        of_kind = ((codes == kind) | absent).all(axis=0)
        equal = ((bits[:, None, :] == numbers[:, :, None]) | absent[:, None, :]).all(axis=0) & of_kind
        for place in np.flatnonzero(equal.any(axis=0)).tolist():
            shared.setdefault(place, (table, int(equal[:, place].argmax())))
    return shared


def coded(values: Sequence[Value]) -> Coded:
    """Values as floats, integers as their bits and absent ones as 0; and what each of them is."""
    kinds = [FLOAT if isinstance(v, float) else _ABSENT[v] if isinstance(v, Absent) else INTEGER for v in values]
    codes = np.array(kinds, np.uint8)
    found = np.array([v if isinstance(v, float) else 0.0 for v in values], np.float64)
    whole = codes == INTEGER
    if whole.any():
        found[whole] = np.array([v for v in values if isinstance(v, int)], np.int64).view(np.float64)
    return found, codes


def decoded(values: Floats, codes: Bytes) -> list[Value]:
    """The values that :func:`coded` took down."""
    floats: list[Value] = values.tolist()
    if not codes.any():  # all are floats
        return floats
    integers = values.view(np.int64).tolist()
    return [
        integer if code == INTEGER else value if code == FLOAT else _ABSENT_OF[code]
        for code, value, integer in zip(codes.tolist(), floats, integers, strict=True)
    ]


def _side_by_side(columns: Sequence[npt.NDArray[Any]], n: int, dtype: Any) -> npt.NDArray[Any]:
    """Columns of n rows as one array; there may be no column at all."""
    found = np.empty((n, len(columns)), dtype)
    for i, column in enumerate(columns):
        found[:, i] = column
    return found
