"""Compare two checkpoints: exactly where their files were read side by side, else by estimates from sketches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import numpy.typing as npt

from reporter.compare.shift import shift
from reporter.model.change import Change
from reporter.model.changes import Changes, MergedChanges
from reporter.model.comparison import Pair
from reporter.model.measured import Measured
from reporter.model.shift import UNMOVED, Shift
from reporter.model.sketch import Sketch
from reporter.model.summary import Summary
from reporter.model.tensor import Collection, TensorInfo

Sample = tuple[Summary, npt.NDArray[np.float64] | None]
"""The summary of some values, and the finite ones among them if they are so few that sketches hold all of them."""

Samples = tuple[Sample, Sample]
"""Before and after."""


def pair(place: int, at: int, before: Measured, after: Measured, known: Changes, *, shifts: bool) -> Pair:
    """Compare two checkpoints.

    Args:
        place: index of the earlier checkpoint in its series, or ``BASELINE``.
        at: index of the later one.
        before: what was measured of the earlier one.
        after: what was measured of the later one.
        known: exact changes by tensor name.
        shifts: whether the shift of every layer and tensor is wanted, and not only that of the whole.
    """
    selected = set(after.trained.tensors)
    changes = completed(before, after, known)
    added, removed, reshaped = _membership(before, after)
    layers = MergedChanges(changes, after.layout.trained_members)
    trained = changes.merged(name for name in changes if name in selected)
    whole = trained
    if len(after.whole.tensors) > len(selected):
        every = set(after.whole.tensors)
        whole = changes.merged(name for name in changes if name in every)
    unchanged = trained.exact and trained.unchanged
    unchanged = unchanged and set(before.trained.tensors) == selected == set(changes) & selected
    return Pair(
        before=place,
        after=at,
        tensors=changes,
        layers=layers,
        whole=whole,
        trained=trained,
        added=added,
        removed=removed,
        reshaped=reshaped,
        shift=UNMOVED if unchanged and trained.count else shift(before.trained.summary, after.trained.summary),
        layer_shifts=_Shifts(after.layer_by_name, partial(_layer_samples, before, after), layers) if shifts else {},
        tensor_shifts=_Shifts(after.by_name, partial(_tensor_samples, before, after), changes) if shifts else {},
    )


def _membership(
    before: Measured, after: Measured
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[tuple[str, str, str], ...]]:
    """The names that were added, those that were removed, and (name, before, after) of those with another form."""
    if before.holds_the_same(after):
        return (), (), ()
    old = {name: t.info for name, t in before.by_name.items()}
    new = {name: t.info for name, t in after.by_name.items()}
    return (
        tuple(name for name in new if name not in old),
        tuple(name for name in old if name not in new),
        tuple(
            (name, form(old[name]), form(new[name]))
            for name in new
            if name in old and (old[name].shape, old[name].dtype) != (new[name].shape, new[name].dtype)
        ),
    )


def completed(before: Measured, after: Measured, known: Changes) -> Changes:
    """The change of each tensor of ``after``: the known one, else an estimate from two sketches; in model order.

    Tensors that have neither are left out: those that are new, or have another shape or dtype than before. If all are
    known they are returned as they are, not copied.

    Args:
        before: what was measured of the earlier checkpoint.
        after: what was measured of the later one.
        known: exact changes by tensor name.
    """
    names = [info.name for info in after.infos]
    if len(known) == len(names) and all(name in known for name in names):
        return known
    return known.with_further(dict(_estimated(before, after, known)), names)


def _estimated(before: Measured, after: Measured, known: Changes) -> Iterator[tuple[str, Change]]:
    """The changes that two sketches tell of, by name, of tensors that are not known."""
    for tensor in after.tensors:
        name = tensor.info.name
        old = before.by_name.get(name)
        if name in known or old is None or (old.info.shape, old.info.dtype) != (tensor.info.shape, tensor.info.dtype):
            continue
        if old.sketch is not None and tensor.sketch is not None:
            yield name, estimated((old.summary, old.sketch), (tensor.summary, tensor.sketch))


def estimated(before: tuple[Summary, Sketch], after: tuple[Summary, Sketch]) -> Change:
    """The change that two sketches of one size tell of; it is exact where they hold all values.

    Args:
        before: summary and sketch of a tensor.
        after: those of the same tensor later.
    """
    old, new = before[0], after[0]
    change = before[1].change(after[1], old.norm, new.norm)
    if change.exact:
        return change
    bad, bad_now = old.non_finite, new.non_finite
    return replace(change, left_out=max(bad, bad_now), bad_before=bad, bad_after=bad_now)


def _layer_samples(before: Measured, after: Measured, name: str) -> Samples | None:
    """The trained values of a layer before and after, None unless both have it."""
    if name not in before.layer_by_name or name not in after.layer_by_name:
        return None
    old, new = before.trained_layer(name), after.trained_layer(name)
    return _sample(old.summary, before, old.tensors), _sample(new.summary, after, new.tensors)


def _tensor_samples(before: Measured, after: Measured, name: str) -> Samples | None:
    """The values of a tensor of the model before and after, None unless both have it."""
    old, new = before.by_name.get(name), after.by_name.get(name)
    if old is None or new is None or new.info.collection != Collection.MODEL:
        return None
    return _sample(old.summary, before, (name,)), _sample(new.summary, after, (name,))


def _sample(summary: Summary, of: Measured, names: Sequence[str]) -> Sample:
    """The summary of the tensors ``names`` together, and their finite values where sketches hold all of them."""
    sketches = [of.by_name[name].sketch for name in names]
    parts = [sketch.values for sketch in sketches if sketch is not None and sketch.exact]
    if len(parts) < len(names):
        return summary, None
    values = np.concatenate(parts)
    return summary, values[np.isfinite(values)]


class _Shifts(Mapping[str, Shift]):
    """The shift of each pair of samples that has one, by name, each computed when somebody first asks for it.

    No rule does, and a page shows a few of them: a report on 2,050 checkpoints spent twelve seconds on all of them.
    """

    def __init__(
        self, names: Iterable[str], samples: Callable[[str], Samples | None], changes: Mapping[str, Change]
    ) -> None:
        """Args:
        names: all that may have one.
        samples: gives both samples of a name, None where either is missing.
        changes: by name, so that those of nothing need not be computed.
        """
        self._names = names
        self._samples = samples
        self._changes = changes
        self._known: dict[str, Shift | None] = {}

    def _of(self, name: str) -> Shift | None:
        """The shift of a pair of samples; where nothing changed it is known without computing it."""
        samples, change = self._samples(name), self._changes.get(name)
        if samples is None:
            return None
        (before, a), (after, b) = samples
        if change is not None and change.exact and change.unchanged and change.count == before.count == after.count:
            return UNMOVED
        with np.errstate(over="ignore", invalid="ignore"):  # as for all that is compared
            return shift(before, after, None if a is None or b is None else (a, b))

    def __getitem__(self, name: str) -> Shift:
        if name not in self._known:
            self._known[name] = self._of(name)
        found = self._known[name]
        if found is None:
            raise KeyError(name)
        return found

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._names if name in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def form(info: TensorInfo) -> str:
    """Shape and dtype as text.

    >>> from reporter.model.tensor import Collection
    >>> form(TensorInfo("a/b", "a", "bias", (3,), "float32", None, Collection.MODEL))
    '(3,) float32'
    """
    return f"{info.shape} {info.dtype}"
