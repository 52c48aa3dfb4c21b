"""A series turned on its side: each tensor's numbers over the checkpoints, gathered once for all rules."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from reporter.model.changes import COLUMNS, columns
from reporter.model.comparison import Comparison
from reporter.model.measured import TensorMeasure
from reporter.model.role import NEVER_TRAINABLE, WEIGHT_MATRICES
from reporter.model.tensor import TensorInfo

STATISTICS: tuple[str, ...] = (
    "count", "mean", "std", "min", "max", "l2_norm", "rms", "kurtosis", "zero_count", "near_zero_share", "nan_count",
    "posinf_count", "neginf_count",
)  # fmt: skip
"""Statistics that rules may ask a track for."""

Array = npt.NDArray[np.float64]

UNTRAINED_ROLES = NEVER_TRAINABLE | {"ema", "other"}
"""Roles of which nobody expects an update unless the format says so."""


STILL = 1e-8
"""A relative update below this moves nothing: SageMaker Debugger's lower bound of the weight update ratio."""


FEW_LEVELS = 16
"""Cells that the values of a quantised matrix occupy at most: 4 bits."""

COUNT, LEFT_OUT = COLUMNS.index("count"), COLUMNS.index("left_out")


@dataclass(frozen=True, slots=True, eq=False)
class Updates:
    """The paired changes of one tensor, side by side.

    Attributes:
        places: of the later checkpoint of each pair, ascending; without pairs that share no finite value, for whatever
            is added to NaN, it stays NaN: whether anything was added cannot be known.
        relative: ‖W − W′‖ / ‖W′‖ of the values that are finite in both; NaN where W′ is zero.
        equal_share: share of values that are equal to the bit; NaN where it is not known.
        unchanged: whether all are, NaN included; of an estimate, whether the sketches are.
        still: whether nothing moved, or less than :data:`STILL`; where a value is not finite, only what is unchanged.
        exact: whether compared value by value.
        finite: whether all values of both are finite.
    """

    places: npt.NDArray[np.int64]
    relative: Array
    equal_share: Array
    unchanged: npt.NDArray[np.bool_]
    still: npt.NDArray[np.bool_]
    exact: npt.NDArray[np.bool_]
    finite: npt.NDArray[np.bool_]

    def resting(self, share: float) -> npt.NDArray[np.bool_]:
        """Where it is still, or at least such a share of its values is equal to the bit."""
        return self.still if share >= 1.0 else self.still | (self.finite & (self.equal_share >= share))

    @classmethod
    def of(cls, places: npt.NDArray[np.int64], changes: Array) -> Updates:
        """From the columns of :func:`reporter.model.changes.columns`."""
        known = ~((changes[:, COUNT] > 0) & (changes[:, LEFT_OUT] >= changes[:, COUNT]))
        places, changes = places[known], changes[known]
        count, equal, distance, before, exactly, left_out = changes.T
        exact, finite = exactly == 1, left_out == 0
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            relative = np.where(before > 0, distance / before, np.nan)
            share = np.where(exact & (count > 0), equal / count, np.nan)
        unchanged = np.where(exact, equal == count, (distance == 0) & finite)
        return cls(places, relative, share, unchanged, unchanged | ((relative < STILL) & finite), exact, finite)


class Tables:
    """The numbers of all tensors, fetched checkpoint by checkpoint when a rule first asks for them.

    Attributes:
        rows: by tensor name.
    """

    def __init__(self, series: Comparison) -> None:
        self.series = series
        self.rows = {name: row for row, name in enumerate(series.tensors)}

    @cached_property
    def statistics(self) -> Array:
        """Shape (statistics, tensors, checkpoints), see :data:`STATISTICS`; NaN where there is no number."""
        found = np.full((len(STATISTICS), len(self.rows), len(self.series.refs)), np.nan)
        for place, measured in enumerate(self.series.measured):
            rows = [self.rows[info.name] for info in measured.infos]
            found[:, rows, place] = measured.tensors.table(STATISTICS).T
        return found

    @cached_property
    def changes(self) -> Array:
        """Shape (tensors, pairs, columns), see :func:`reporter.model.changes.columns`; NaN where there is no change."""
        found = np.full((len(self.rows), len(self.series.pairs), len(COLUMNS)), np.nan)
        for place, pair in enumerate(self.series.pairs):
            found[[self.rows[name] for name in pair.tensors], place] = columns(pair.tensors)
        return found


@dataclass(frozen=True, eq=False)
class Track:
    """One tensor over the checkpoints of a series.

    Attributes:
        info: as in the first checkpoint that holds it.
        places: the checkpoints that hold it in that shape, ascending.
        tables: of the series.
        row: its own in them.
    """

    info: TensorInfo
    places: tuple[int, ...]
    tables: Tables
    row: int

    def measure(self, at: int) -> TensorMeasure:
        """Its numbers at ``places[at]``."""
        return self.tables.series.measured[self.places[at]].by_name[self.info.name]

    @cached_property
    def updates(self) -> Updates:
        """Its paired changes."""
        changes = self.tables.changes[self.row]
        known = np.flatnonzero(~np.isnan(changes[:, 0]))
        return Updates.of(known + 1, changes[known])

    def values(self, statistic: str) -> Array:
        """A statistic over :attr:`places`; NaN where there is no number."""
        course: Array = self.tables.statistics[STATISTICS.index(statistic), self.row, self.places]
        return course

    @property
    def largest(self) -> Array:
        """Largest finite |w| over :attr:`places`."""
        return np.maximum(np.abs(self.values("min")), np.abs(self.values("max")))

    @property
    def bad(self) -> Array:
        """How many values are not finite, over :attr:`places`."""
        return self.values("nan_count") + self.values("posinf_count") + self.values("neginf_count")

    @property
    def is_matrix(self) -> bool:
        """Whether it is a weight matrix of the model: a kernel or an embedding, or trainable and of that form."""
        info = self.info
        named = info.role in WEIGHT_MATRICES
        formed = info.role == "other" and info.trainable is True and len(info.shape) > 1 and "float" in info.dtype
        return info.collection == "model" and info.size > 0 and (named or formed)

    @property
    def is_weight(self) -> bool:
        """Whether an optimizer may be expected to move it: floating, of the model, not known to be fixed."""
        info = self.info
        if info.collection != "model" or info.trainable is False or not info.size or "float" not in info.dtype:
            return False
        return info.trainable is True or info.role not in UNTRAINED_ROLES

    @property
    def may_learn(self) -> bool:
        """Whether it could be a weight with a name of its own; it could be a buffer or a mask as well."""
        info = self.info
        return (
            info.collection == "model"
            and info.role == "other"
            and info.trainable is None
            and info.size > 1
            and "float" in info.dtype
        )

    @property
    def coarse(self) -> bool:
        """Whether normal updates may round away in it altogether.

        A relative update of 1e-4 leaves 98 % of bfloat16 values as they are, so a small tensor may well stay equal;
        of 1,000 values that is hardly possible. Eight bits are no measure of an update at all, and a binary kernel
        shows none before a weight changes its sign.
        """
        return self.info.itemsize < 2 or (self.info.itemsize == 2 and self.info.size < 1000) or self.levelled

    @cached_property
    def levelled(self) -> bool:
        """Whether it is a matrix whose values take a few levels only, in its last checkpoint: binary, ternary, 4 bits.

        Float values of :data:`FEW_LEVELS` cells, each held by eight values or more; not of one, which is a constant.
        """
        # Beyond float32's range, either way, many values share a cell.
        if not self.is_matrix or not self.places or not 2.0**-126 < self.largest[-1] < 2.0**128:
            return False
        cells = len(self.measure(-1).summary.cells.index)
        return 1 < cells <= min(FEW_LEVELS, self.info.size // 8)

    @property
    def usual_rms(self) -> float:
        """RMS of a freshly Glorot-initialised matrix of this shape: √(2 / (fan in + fan out)).

        Source: X. Glorot, Y. Bengio, *Understanding the difficulty of training deep feedforward networks*, 2010.
        """
        shape = self.info.shape
        if len(shape) < 2:
            return 1.0
        units = shape[self.info.output_axis]
        return math.sqrt(2.0 / (self.info.size / units + units)) if self.info.size else 1.0


class Timeline:
    """A compared series, tensor by tensor.

    Attributes:
        series: what it was made from.
        tracks: every tensor, in model order, model tensors first.
    """

    def __init__(self, series: Comparison) -> None:
        self.series = series
        self.labels = series.labels
        tables = Tables(series)
        first: dict[str, TensorInfo] = {}
        places: dict[str, list[int]] = {name: [] for name in series.tensors}
        for place, measured in enumerate(series.measured):
            for info in measured.infos:
                # Of another shape: the structure rule names it.
                if first.setdefault(info.name, info).shape == info.shape:
                    places[info.name].append(place)
        self.tracks = tuple(Track(first[name], tuple(places[name]), tables, row) for name, row in tables.rows.items())

    @property
    def matrices(self) -> Iterator[Track]:
        """Kernels and embeddings of the model."""
        return (track for track in self.tracks if track.is_matrix)

    @cached_property
    def weights(self) -> tuple[Track, ...]:
        """What an optimizer may be expected to move; where no name tells, whatever could learn."""
        named = tuple(track for track in self.tracks if track.is_weight)
        return named or tuple(track for track in self.tracks if track.may_learn)

    @cached_property
    def by_layer(self) -> dict[str, list[Track]]:
        """Weights by layer, in model order."""
        layers: dict[str, list[Track]] = {}
        for track in self.weights:
            layers.setdefault(track.info.layer, []).append(track)
        return layers

    @cached_property
    def advancing(self) -> frozenset[int]:
        """Places whose step is known to be later than that of the checkpoint before."""
        steps = [ref.step.value for ref in self.series.refs]
        return (
            frozenset(
                i
                for i in range(1, len(steps))
                if (a := steps[i - 1]) is not None and (b := steps[i]) is not None and b > a
            )
            - self._repeated
        )

    @cached_property
    def _repeated(self) -> frozenset[int]:
        """Places whose file holds the same step as the one before, whatever their names say.

        A count that is the same in all files counts nothing.
        """
        stored = [ref.step.stored for ref in self.series.refs]
        if len(set(stored)) == 1:
            return frozenset()
        return frozenset(i for i in range(1, len(stored)) if stored[i] is not None and stored[i] == stored[i - 1])

    @cached_property
    def same_step(self) -> frozenset[int]:
        """Places whose step is known to be no later than that of the checkpoint before."""
        steps = [ref.step.value for ref in self.series.refs]
        known = {i for i in range(1, len(steps)) if steps[i - 1] is not None and steps[i] is not None}
        return frozenset(known | self._repeated) - self.advancing

    @cached_property
    def initial_places(self) -> frozenset[int]:
        """Checkpoints that are known to be from before the first step."""
        steps = [ref.step.value if ref.step.stored is None else ref.step.stored for ref in self.series.refs]
        return frozenset(i for i, step in enumerate(steps) if step == 0)

    def initial(self, place: int) -> bool:
        """Whether a checkpoint is known to be from before the first step."""
        return place in self.initial_places

    def trained(self, places: Sequence[int]) -> npt.NDArray[np.bool_]:
        """Which of some checkpoints are not known to be from before the first step."""
        return ~np.isin(places, list(self.initial_places))

    def step(self, place: int) -> str:
        """Where a checkpoint stands, in words."""
        return f"step {self.labels[place]}"
