"""A series of measured checkpoints side by side: what changed, and every statistic over the steps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import field
from functools import cached_property
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from reporter.frozen import dataclass
from reporter.model.change import Change
from reporter.model.changes import Changes, MergedChanges
from reporter.model.checkpoint import CheckpointRef, Order, SeriesKind
from reporter.model.deployment import Readiness
from reporter.model.measured import Measured
from reporter.model.metrics import NOTHING, Metrics
from reporter.model.shift import Shift
from reporter.model.similarity import Similarity
from reporter.model.spectrum import Spectrum
from reporter.model.trend import Movement, Since, Trend
from reporter.model.value import Value

NON_FINITE = ("nan_count", "posinf_count", "neginf_count")
"""The statistics that count values which are not finite."""

BASELINE = -1
"""Place of the baseline, which is no checkpoint of the series."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two checkpoints, one held against the other.

    Attributes:
        before, after: their places in the series; :data:`BASELINE` for the baseline.
        tensors: paired changes by tensor name, for tensors with the same shape and dtype in both.
        layers: the same, merged over the trained tensors of each layer (:mod:`reporter.model.trained`).
        whole: the same, merged over all selected tensors.
        trained: the same, merged over those of them that are trained.
        added, removed: tensor names present on one side only.
        reshaped: (name, before, after) where shape or dtype differ, such as ``"(3, 4) float32"``.
        shift: of the distribution of all trained tensors; None where either has no finite value.
        layer_shifts, tensor_shifts: the same by name, only where the last checkpoint is ``after``.
    """

    before: int
    after: int
    tensors: Changes
    layers: MergedChanges
    whole: Change
    trained: Change
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    reshaped: tuple[tuple[str, str, str], ...] = ()
    shift: Shift | None = None
    layer_shifts: Mapping[str, Shift] = field(default_factory=dict)
    tensor_shifts: Mapping[str, Shift] = field(default_factory=dict)


def per_step(relative_update: float, steps: int) -> tuple[float, float]:
    """Smallest and largest relative update of one step that add up to that of several.

    If all steps went the same way, each was R / k; if their directions were independent, each was R / √k. Only steps
    that undo each other were larger.

    >>> per_step(0.4, 100)
    (0.004, 0.04)
    """
    return relative_update / steps, relative_update / math.sqrt(steps)


@dataclass(frozen=True)  # without slots, so that the labels are made once
class Comparison:
    """One series, measured and compared.

    Attributes:
        name, slug, format: of the series.
        ordered_by, cautions: as in :class:`reporter.model.checkpoint.Series`.
        kind: whether the checkpoints are states of one training.
        refs: its readable checkpoints, in step order.
        measured: their numbers, same length.
        pairs: neighbouring pairs, one fewer; none of alternatives, which did not come from each other.
        layers: names of all layers with selected tensors, in model order.
        tensors: names of all tensors, in model order, model tensors first.
        notes: what a reader should know about how the checkpoints were put together.
        from_first: each checkpoint but the first held against the first, one fewer; none of alternatives.
        baseline: name of the baseline, "" where none is set.
        from_baseline: each checkpoint held against the baseline; empty without one.
        similarity: of each checkpoint to each; None for a single one, or where they share no tensor.
        trends: every layer's statistics over the checkpoints, in model order; empty for a single one.
        moved: what moved in the last checkpoint since the previous, the first and the baseline, as far as there are.
        readiness: of the last checkpoint's tensors for deployment, by name; empty unless measured.
        spectra: of the last checkpoint's weight matrices, by name; empty unless measured.
        all_spectra: the same of each checkpoint, empty for one that could not be read again; () unless measured.
        metrics: what the training logged, see :mod:`reporter.metrics`.
        deployment_problem: why there is no readiness, or no spectra, although they were wanted; "" otherwise.
    """

    name: str
    slug: str
    format: str
    ordered_by: Order
    refs: tuple[CheckpointRef, ...]
    measured: tuple[Measured, ...]
    pairs: tuple[Pair, ...]
    layers: tuple[str, ...]
    tensors: tuple[str, ...]
    notes: tuple[str, ...] = ()
    cautions: tuple[str, ...] = ()
    kind: SeriesKind = SeriesKind.SUCCESSIVE
    from_first: tuple[Pair, ...] = ()
    baseline: str = ""
    from_baseline: tuple[Pair, ...] = ()
    similarity: Similarity | None = None
    trends: tuple[Trend, ...] = ()
    moved: tuple[Movement, ...] = ()
    readiness: Mapping[str, Readiness] = field(default_factory=dict)
    spectra: Mapping[str, Spectrum] = field(default_factory=dict)
    all_spectra: tuple[Mapping[str, Spectrum], ...] = ()
    deployment_problem: str = ""
    metrics: Metrics = NOTHING

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The step of each checkpoint as text, or its place (``#3``) where there is none."""
        return tuple(str(ref.step) if ref.step.value is not None else f"#{i + 1}" for i, ref in enumerate(self.refs))

    @cached_property
    def counts_steps(self) -> bool:
        """Whether the numbers of the checkpoints are training steps, and not those in the names of their files."""
        return all(ref.step.source in (Order.IN_FILE, Order.RECORDED) for ref in self.refs)

    @property
    def recorded(self) -> bool:
        """Whether its checkpoints never were files, but states that were measured in memory."""
        return bool(self.refs) and bool(self.refs[0].recorded)

    def moment(self, place: int) -> str:
        """Where a checkpoint stands, in words: a number from a file name is none of a step."""
        return f"{'step' if self.counts_steps else 'checkpoint'} {self.labels[place]}"

    @cached_property
    def positions(self) -> tuple[float, ...] | None:
        """The steps as numbers for a true axis, None where they are unknown or not increasing."""
        steps = [ref.step.value for ref in self.refs]
        known = [float(s) for s in steps if s is not None]
        if len(known) < len(steps) or any(b <= a for a, b in pairwise(known)):
            return None
        return tuple(known)

    @property
    def latest(self) -> Mapping[Since, Pair]:
        """The last checkpoint against the previous, the first (where that is another one) and the baseline."""
        pairs: dict[Since, Pair] = {}
        if self.pairs:
            pairs["previous"] = self.pairs[-1]
        if len(self.from_first) > 1:
            pairs["first"] = self.from_first[-1]
        if self.from_baseline:
            pairs["baseline"] = self.from_baseline[-1]
        return pairs

    def steps_between(self, pair: Pair) -> int | None:
        """How many training steps lie between two checkpoints; None where unknown, or where there are none."""
        if pair.before == BASELINE:
            return None
        before, after = self.refs[pair.before].step.value, self.refs[pair.after].step.value
        return after - before if before is not None and after is not None and after > before else None

    def layer_courses(self, statistics: Sequence[str]) -> npt.NDArray[np.float64]:
        """The statistics of the trained tensors of every layer: shape (layers, statistics, checkpoints).

        NaN where there is no number, and where some of the values are not finite: what is left of them is another
        sample, whose numbers would look like a change.
        """
        courses = self.marked_courses(statistics)
        courses[np.isinf(courses)] = np.nan
        return courses

    def marked_courses(self, statistics: Sequence[str]) -> npt.NDArray[np.float64]:
        """The same as :meth:`layer_courses`, but infinite where some of the values are not finite."""
        row_of = {name: i for i, name in enumerate(self.layers)}
        courses = np.full((len(self.layers), len(statistics), len(self.refs)), np.nan)
        for place, measured in enumerate(self.measured):
            layout = measured.layout
            for places, samples in (
                (layout.layer_places, measured.layers),
                (layout.trained_places, measured.trained_parts),
            ):
                numbers = samples.table((*statistics, *NON_FINITE))
                numbers[numbers[:, len(statistics) :].any(axis=1)] = np.inf
                courses[[row_of[name] for name in places], :, place] = numbers[:, : len(statistics)]
        return courses

    def trained(self, statistic: str) -> tuple[Value, ...]:
        """A statistic of all trained weights over the checkpoints; NaN where some of these are not finite."""
        return tuple(
            math.nan if m.trained.summary.non_finite else m.trained.statistics[statistic] for m in self.measured
        )
