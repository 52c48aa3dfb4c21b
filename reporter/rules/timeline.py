"""A series turned on its side: each tensor's numbers over the checkpoints, gathered once for all rules."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from reporter.frozen import dataclass
from reporter.model.checkpoint import Order
from reporter.model.columns import Floats
from reporter.model.comparison import Comparison
from reporter.model.measured import TensorMeasure
from reporter.model.role import NEVER_TRAINABLE, WEIGHT_MATRICES
from reporter.model.tensor import TensorInfo
from reporter.rules.tables import STATISTICS, Tables
from reporter.rules.updates import STILL as STILL
from reporter.rules.updates import Updates

UNTRAINED_ROLES = NEVER_TRAINABLE | {"ema", "other"}
"""Roles of which nobody expects an update unless the format says so."""

FEW_LEVELS = 16
"""Cells that the values of a quantised matrix occupy at most: 4 bits."""


@dataclass(frozen=True, eq=False)
class Track:
    """One tensor over the checkpoints of a series.

    Attributes:
        info: as in the first of these checkpoints.
        places: those that hold it in that shape, and as floats or as integers alike, ascending: a tensor that changes
            its shape is another one from there on.
        tables: of the series.
        row: its own in them.
        fixed: those of its places whose checkpoint says that it is not trained: it may be frozen for a while only.
    """

    info: TensorInfo
    places: tuple[int, ...]
    tables: Tables
    row: int
    fixed: frozenset[int] = frozenset()

    def measure(self, at: int) -> TensorMeasure:
        """Its numbers at ``places[at]``."""
        return self.tables.series.measured[self.places[at]].by_name[self.info.name]

    @cached_property
    def updates(self) -> Updates:
        """Its paired changes."""
        changes = self.tables.changes[self.row]
        known = np.flatnonzero(~np.isnan(changes[:, 0]))
        known = known[np.isin(known + 1, self.places)]
        return Updates.of(known + 1, changes[known])

    @property
    def trainable(self) -> bool | None:
        """Whether any of its checkpoints has it trained; None where none of them tells."""
        return self.info.trainable if not self.fixed else len(self.fixed) < len(self.places)

    def fixed_between(self, place: int) -> bool:
        """Whether it is not trained in a checkpoint or in the one before, so that nobody expects a change."""
        return place in self.fixed or place - 1 in self.fixed

    def values(self, statistic: str) -> Floats:
        """A statistic over :attr:`places`; NaN where there is no number."""
        course: Floats = self.tables.statistics[STATISTICS.index(statistic), self.row, self.places]
        return course

    @cached_property
    def largest(self) -> Floats:
        """Largest finite |w| over :attr:`places`."""
        return np.maximum(np.abs(self.values("min")), np.abs(self.values("max")))

    @cached_property
    def bad(self) -> Floats:
        """How many values are not finite, over :attr:`places`."""
        return self.values("nan_count") + self.values("posinf_count") + self.values("neginf_count")

    @property
    def is_matrix(self) -> bool:
        """Whether it is a weight matrix of the model: a kernel or an embedding, or trainable and of that form."""
        info = self.info
        named = info.role in WEIGHT_MATRICES
        formed = info.role == "other" and self.trainable is True and len(info.shape) > 1 and "float" in info.dtype
        return info.collection == "model" and info.size > 0 and (named or formed) and not self.is_mask

    @property
    def is_weight(self) -> bool:
        """Whether an optimizer may be expected to move it: floating, of the model, not known to be fixed."""
        info, trainable = self.info, self.trainable
        if info.collection != "model" or trainable is False or not info.size or "float" not in info.dtype:
            return False
        return (trainable is True or info.role not in UNTRAINED_ROLES) and not self.is_mask

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
            and not self.is_mask
        )

    @cached_property
    def is_mask(self) -> bool:
        """Whether it holds zeros and ones only, both of them in some checkpoint: what is masked out is no weight."""
        if self.info.size < 2 or not self.places:
            return False
        zeros, count = self.values("zero_count"), self.values("count")
        ones = count - zeros
        with np.errstate(invalid="ignore", over="ignore"):
            binary = (self.values("min") >= 0) & (np.abs(self.values("mean") * count - ones) < 0.5)
            binary &= (self.values("max") == 1) | (ones == 0)
        return bool(binary.all() and ((zeros > 0) & (ones > 0)).any())

    @property
    def coarse(self) -> bool:
        """Whether normal updates may round away in it altogether.

        A relative update of 1e-4 leaves 98 % of bfloat16 values as they are, so a small tensor may well stay equal;
        of 1,000 values that is hardly possible. Eight bits are no measure of an update at all, and a binary kernel
        shows none before a weight changes its sign.
        """
        return self.info.itemsize < 2 or (self.info.itemsize == 2 and self.info.size < 1000) or self.levelled

    @property
    def few_values(self) -> str:
        """What there are too few of where it is :attr:`coarse`."""
        return "levels" if self.levelled else f"values of {self.info.dtype}"

    @cached_property
    def levelled(self) -> bool:
        """Whether it is a matrix whose values take a few levels only, in its last checkpoint: binary, ternary, 4 bits.

        Float values of :data:`FEW_LEVELS` cells, each held by eight values or more; not of one, which is a constant.
        """
        # Beyond float32's range, either way, many values share a cell.
        if not self.is_matrix or not self.places or not 2.0**-126 < self.largest[-1] < 2.0**128:
            return False
        cells = len(self.measure(-1).cells.index)
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
        tracks: every tensor, in model order, model tensors first; once for each of its shapes, and twice if it is float
            here and integer there.
        age: seconds since its newest checkpoint was written; None where another series has a newer one.
    """

    def __init__(self, series: Comparison, age: float | None = None) -> None:
        self.series = series
        self.age = age
        self.labels = series.labels
        tables = Tables(series)
        forms: dict[str, dict[tuple[object, ...], tuple[TensorInfo, list[int]]]] = {name: {} for name in series.tensors}
        fixed: dict[str, set[int]] = {}
        for place, measured in enumerate(series.measured):
            for info in measured.infos:
                # The structure rule names changes of shape and dtype. Sizes of different shapes cannot be compared, and
                # codes of quantised weights are not on the scale of the floats that they stand for.
                form = (info.shape, "float" in info.dtype)
                forms[info.name].setdefault(form, (info, []))[1].append(place)
                if info.trainable is False:
                    fixed.setdefault(info.name, set()).add(place)
        self.tracks = tuple(
            Track(
                info, tuple(places), tables, tables.rows[name], frozenset(fixed.get(name, set()).intersection(places))
            )
            for name, found in forms.items()
            for info, places in found.values()
        )

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
    def distances(self) -> Floats:
        """Training steps between each checkpoint and the one before; NaN where they are not known, or do not rise."""
        steps = [ref.step.value for ref in self.series.refs]
        found = np.diff([math.nan if step is None else float(step) for step in steps], prepend=math.nan)
        return np.where(found > 0, found, np.nan)

    @cached_property
    def gaps(self) -> Floats:
        """How many usual save distances lie between each checkpoint and the one before, 1 where it is less.

        The usual one is the median of the series. Where the steps are not known each distance counts as usual.
        """
        known = self.distances[~np.isnan(self.distances)]
        usual = float(np.median(known)) if len(known) else 1.0
        return np.fmax(1.0, self.distances / usual)

    @cached_property
    def _taken(self) -> list[int | None]:
        """Steps taken up to each checkpoint; None where that is not known."""
        return [ref.step.value if ref.step.stored is None else ref.step.stored for ref in self.series.refs]

    @cached_property
    def initial_places(self) -> frozenset[int]:
        """Checkpoints that are known to be from before the first step."""
        return frozenset(i for i, step in enumerate(self._taken) if step == 0)

    def initial(self, place: int) -> bool:
        """Whether a checkpoint is known to be from before the first step."""
        return place in self.initial_places

    def trained(self, places: Sequence[int]) -> npt.NDArray[np.bool_]:
        """Which of some checkpoints are not known to be from before the first step."""
        return ~np.isin(places, list(self.initial_places))

    def had_gradients(self, place: int) -> bool:
        """Whether a checkpoint is not known to be from before the second step.

        The first gradient is exactly zero for all that stands before a factor that begins at zero: one of the two
        matrices of LoRA, everything before a last layer or behind a scale that is initialised with zeros. Source: E. Hu
        et al., *LoRA*, 2021; P. Goyal et al., *Accurate, Large Minibatch SGD*, 2017.

        A 1 in the name of a file is no first step: it counts epochs, or what was saved.
        """
        step = self.series.refs[place].step
        counted = step.value if step.source is Order.RECORDED else step.stored
        return not self.initial(place) and counted != 1

    @property
    def counts_steps(self) -> bool:
        """See :attr:`reporter.model.comparison.Comparison.counts_steps`."""
        return self.series.counts_steps

    def step(self, place: int) -> str:
        """See :meth:`reporter.model.comparison.Comparison.moment`."""
        return self.series.moment(place)
