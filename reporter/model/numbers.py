"""The numbers of a series that a page embeds, so that its scripts can hold any two checkpoints against each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from reporter.frozen import dataclass
from reporter.model.histogram import Histogram

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
else:  # the process that prints a PDF does without NumPy
    Floats = Any

Reference = Literal["first", "std", "unit"]
"""What a change of a statistic is held against to be coloured: the first number of the same layer, the first standard
deviation of the same layer, or 1."""


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """A statistic of every layer at every checkpoint.

    Attributes:
        name, title, unit: as in :data:`reporter.derive.statistics.STATISTICS`.
        reference: of its colours.
        values: shape (layers, checkpoints); NaN where there is no number, infinite where a value is NaN or infinite.
    """

    name: str
    title: str
    unit: str
    reference: Reference
    values: Floats


@dataclass(frozen=True, slots=True, eq=False)
class KnownChange:
    """A pair of checkpoints whose weights were compared value by value.

    Attributes:
        before, after: places among the checkpoints that are embedded.
        exact: whether no part of it is estimated from sketches.
        updates: relative update of every layer, shape (layers,), with NaN and infinity as in :class:`Course`.
    """

    before: int
    after: int
    exact: bool
    updates: Floats


@dataclass(frozen=True, slots=True)
class Preset:
    """Two checkpoints that readers often want to compare, by their places among those that are embedded."""

    title: str
    before: int
    after: int


@dataclass(frozen=True, slots=True, eq=False)
class SeriesNumbers:
    """What a page embeds of a series.

    Attributes:
        slug: of the series.
        labels: of the checkpoints that are embedded, each another one: their steps.
        names: of the same checkpoints, as files are called.
        layers: names of all layers.
        cards: the ids of their cards, which the page may lack.
        courses: the statistics.
        histograms: of each layer, one per checkpoint on the same edges; None where there is no finite value, or nothing
            is known of it.
        changes: every pair of these checkpoints that the report compares value by value.
        presets: the pairs to offer; the first one is shown at first.
    """

    slug: str
    labels: tuple[str, ...]
    names: tuple[str, ...]
    layers: tuple[str, ...]
    cards: tuple[str, ...]
    courses: tuple[Course, ...]
    histograms: tuple[tuple[Histogram | None, ...], ...]
    changes: tuple[KnownChange, ...]
    presets: tuple[Preset, ...]

    @property
    def nbytes(self) -> int:
        """About how many bytes it adds to a page."""
        numbers = sum(c.values.size for c in self.courses) + sum(c.updates.size for c in self.changes)
        counts = sum(len(h.counts) for of in self.histograms for h in of if h)
        return 1000 + 10 * numbers + 2 * counts + sum(len(name) + 4 for name in (*self.layers, *self.cards))
