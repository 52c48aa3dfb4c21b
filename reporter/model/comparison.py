"""A series of measured checkpoints side by side: what changed, and every statistic over the steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from reporter.model.change import Change
from reporter.model.checkpoint import CheckpointRef
from reporter.model.deployment import Readiness
from reporter.model.measured import GroupMeasure, Measured, TensorMeasure, Value
from reporter.model.spectrum import Spectrum


@dataclass(frozen=True, slots=True)
class Pair:
    """Two neighbouring checkpoints of a series.

    Attributes:
        before, after: their places in the series.
        tensors: paired changes by tensor name, for tensors with the same shape and dtype in both.
        layers: the same, merged over the selected tensors of each layer.
        whole: the same, merged over all selected tensors.
        added, removed: tensor names present on one side only.
        reshaped: (name, before, after) where shape or dtype differ, such as ``"(3, 4) float32"``.
    """

    before: int
    after: int
    tensors: Mapping[str, Change]
    layers: Mapping[str, Change]
    whole: Change
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    reshaped: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """One series, measured and compared.

    Attributes:
        name, slug, format: of the series.
        ordered_by: what ordered it ("in-file", "file name", "modification time").
        refs: its readable checkpoints, in step order.
        measured: their numbers, same length.
        pairs: neighbouring pairs, one fewer.
        layers: names of all layers with selected tensors, in model order.
        tensors: names of all tensors, in model order, model tensors first.
        notes: what a reader should know about how the checkpoints were put together.
        readiness: of the last checkpoint's tensors for deployment, by name; empty unless measured.
        spectra: of the last checkpoint's weight matrices, by name; empty unless measured.
        deployment_problem: why there is no readiness, or no spectra, although they were wanted; "" otherwise.
    """

    name: str
    slug: str
    format: str
    ordered_by: str
    refs: tuple[CheckpointRef, ...]
    measured: tuple[Measured, ...]
    pairs: tuple[Pair, ...]
    layers: tuple[str, ...]
    tensors: tuple[str, ...]
    notes: tuple[str, ...] = ()
    readiness: Mapping[str, Readiness] = field(default_factory=dict)
    spectra: Mapping[str, Spectrum] = field(default_factory=dict)
    deployment_problem: str = ""

    @property
    def labels(self) -> tuple[str, ...]:
        """The step of each checkpoint as text, or its place (``#3``) where there is none."""
        return tuple(str(ref.step) if ref.step.value is not None else f"#{i + 1}" for i, ref in enumerate(self.refs))

    @property
    def positions(self) -> tuple[float, ...] | None:
        """The steps as numbers for a true axis, None where they are unknown or not increasing."""
        steps = [ref.step.value for ref in self.refs]
        known = [float(s) for s in steps if s is not None]
        if len(known) < len(steps) or any(b <= a for a, b in pairwise(known)):
            return None
        return tuple(known)

    def tensor(self, name: str) -> tuple[TensorMeasure | None, ...]:
        """One tensor in every checkpoint."""
        return tuple(m.by_name.get(name) for m in self.measured)

    def layer(self, name: str) -> tuple[GroupMeasure | None, ...]:
        """One layer in every checkpoint."""
        return tuple(m.layer_by_name.get(name) for m in self.measured)

    def whole(self, statistic: str) -> tuple[Value, ...]:
        """A statistic of the whole selection over the checkpoints."""
        return tuple(m.whole.statistics[statistic] for m in self.measured)
