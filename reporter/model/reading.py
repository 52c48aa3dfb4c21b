"""What a picture tells to whoever points at it: where its axes are in CSS pixels, and the numbers it was drawn from.

An area is a rectangle of a picture, measured from its top left corner. Pages that run a script show the number under
the pointer, or under the arrow keys; the picture and its alternative text say the same without a script.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from reporter.frozen import dataclass

if TYPE_CHECKING:
    import numpy.typing as npt

Box = tuple[float, float, float, float]
"""Left, top, right and bottom in CSS pixels."""

Number = float | None
"""A number of a picture: None where there is none, infinite where it is NaN or infinite."""


@dataclass(frozen=True, slots=True)
class BinsArea:
    """Histograms of one sample each, side by side, on the same edges.

    Attributes:
        box: what all of them cover together; each gets an equal share of it.
        labels: of the samples: checkpoints or layers.
        low, high: the values at both ends of the box.
        upright: whether values go up, and samples from left to right; otherwise values go to the right, and samples
            down.
        edges: of the bins, ascending.
        counts: of each sample, one fewer than edges; None for a sample without any finite value.
        outside: of each sample, how many values lie below and above the edges.
    """

    box: Box
    labels: tuple[str, ...]
    low: float
    high: float
    upright: bool
    edges: tuple[float, ...]
    counts: tuple[tuple[int, ...] | None, ...]
    outside: tuple[tuple[int, int], ...]

    @property
    def nbytes(self) -> int:
        """About how many bytes it adds to a page."""
        return 200 + 2 * sum(len(c) for c in self.counts if c)

    def moved(self, by: float) -> BinsArea:
        """The same, so many pixels further right and down."""
        return replace(self, box=_moved(self.box, by))


@dataclass(frozen=True, slots=True)
class LinesArea:
    """Numbers over the checkpoints, as lines.

    Attributes:
        box: what the lines cover.
        places: of the checkpoints, from left to right in CSS pixels.
        labels: of the checkpoints.
        lines: the name of each line, and its number at each checkpoint.
        share: whether the numbers are shares of 1.
    """

    box: Box
    places: tuple[float, ...]
    labels: tuple[str, ...]
    lines: tuple[tuple[str, tuple[Number, ...]], ...]
    share: bool = False

    @property
    def nbytes(self) -> int:
        """About how many bytes it adds to a page."""
        return 200 + 10 * len(self.places) * (1 + len(self.lines))

    def moved(self, by: float) -> LinesArea:
        """The same, so many pixels further right and down."""
        return replace(self, box=_moved(self.box, by), places=tuple(place + by for place in self.places))


@dataclass(frozen=True, slots=True)
class CellsArea:
    """A table of numbers, as a heat map with cells of equal size.

    Attributes:
        box: what all cells cover together.
        rows, columns: their labels, from the top and from the left.
        values: row by row.
        unit: printed behind a number, "" for none.
    """

    box: Box
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[Number, ...]
    unit: str = ""

    @property
    def nbytes(self) -> int:
        """About how many bytes it adds to a page."""
        return 200 + 10 * len(self.values) + sum(map(len, self.rows))

    def moved(self, by: float) -> CellsArea:
        """The same, so many pixels further right and down."""
        return replace(self, box=_moved(self.box, by))


Area = BinsArea | LinesArea | CellsArea

KINDS: dict[str, type[Area]] = {kind.__name__: kind for kind in (BinsArea, LinesArea, CellsArea)}
"""The kinds of areas by the names under which :func:`record` takes them down."""


def _moved(box: Box, by: float) -> Box:
    left, top, right, bottom = box
    return left + by, top + by, right + by, bottom + by


def record(area: Area) -> list[Any]:
    """An area as a list that JSON can hold: its kind and its fields."""
    return [type(area).__name__, *(getattr(area, field.name) for field in fields(area))]


def of_record(kind: str, *values: Any) -> Area:
    """The inverse of :func:`record`, from lists that came out of JSON.

    >>> area = CellsArea((0.0, 0.0, 8.0, 8.0), ("a",), ("1", "2"), (0.5, None))
    >>> of_record(*record(area)) == area
    True
    """
    return KINDS[kind](*map(_fixed, values))


def _fixed(value: Any) -> Any:
    """A list, and all lists in it, as tuples."""
    return tuple(map(_fixed, value)) if isinstance(value, list | tuple) else value


def numbers(values: npt.ArrayLike) -> tuple[Number, ...]:
    """The numbers of an array, row by row, in which NaN stands for none.

    >>> numbers([[1.5, float("nan")]])
    (1.5, None)
    """
    import numpy as np  # which the process that prints a PDF does without

    return tuple(None if v != v else v for v in np.asarray(values, np.float64).ravel().tolist())
