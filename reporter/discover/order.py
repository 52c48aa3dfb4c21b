"""In which order checkpoints were saved, by four witnesses: step inside, save counter, name and time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from reporter.discover.naming import Numbered
from reporter.frozen import dataclass
from reporter.model.checkpoint import CheckpointRef, Order, Step
from reporter.model.natural_order import natural

SHORTEST = 2
"""Least mean number of checkpoints of a training for the times of files to tell one from the next."""


@dataclass(frozen=True, slots=True)
class Member:
    """A readable checkpoint on its way into a series.

    Attributes:
        ref: with the step that the file holds.
        named: what its name says.
        structure: see :func:`reporter.model.structure.structure`.
        save_counter: that of ``tf.train.Checkpoint``, None where the file holds none.
    """

    ref: CheckpointRef
    named: Numbered
    structure: tuple[str, ...]
    save_counter: int | None = None

    @property
    def title(self) -> str:
        """Folder and stem, for display."""
        parts = self.ref.name.split("/")
        folder = "/".join(parts[: len(parts) - 1 - self.named.stem.count("/")])
        stem = self.named.stem.replace("#", "*")
        return f"{folder}/{stem}" if folder else stem


@dataclass(frozen=True, slots=True)
class Ordered:
    """Checkpoints in order.

    Attributes:
        by: the witness that ordered them.
        falls: places at which the step is lower than before, although all other witnesses that tell anything rise.
        turns: places whose checkpoint is older than the one before, where that tells of several trainings.
    """

    members: tuple[Member, ...]
    by: Order
    falls: tuple[int, ...] = ()
    turns: tuple[int, ...] = ()

    @property
    def levels(self) -> int:
        """As in :class:`reporter.model.checkpoint.Series`."""
        return self.members[0].named.stem.count("/")

    @property
    def checkpoints(self) -> tuple[CheckpointRef, ...]:
        """With the steps that go with this order."""
        numbers = [m.named.number for m in self.members]
        rising = not _falls(numbers)
        return tuple(_stepped(m, self.by, rising) for m in self.members)


def order(members: Sequence[Member]) -> Ordered:
    """Steps inside order a series, if all have one and they differ; those that are equal stand in the outer order.

    Where they fall in the outer order, and neither save counter, names nor times rise with them, the outer order
    stands, and its falls are given: there the folder may hold several runs.
    """
    outer = _outer(members)
    _, counts = _counts(outer)
    falls = _falls(counts)
    if None in counts or _constant(counts):
        return replace(outer, turns=_turns(outer.members))
    inner = by_step(outer)
    if falls and not any(_rises(witness) for witness in _witnesses(inner.members)):
        return replace(outer, falls=falls)
    return inner


def by_step(ordered: Ordered) -> Ordered:
    """The same in the order of the steps."""
    source, counts = _counts(ordered)
    places = sorted(range(len(counts)), key=lambda i: (counts[i] or 0, i))
    members = tuple(ordered.members[i] for i in places)
    return Ordered(members, source, turns=_turns(members))


def repeats(ordered: Ordered) -> bool:
    """Whether a step is there twice."""
    _, counts = _counts(ordered)
    return len(set(counts)) < len(counts)


def _outer(members: Sequence[Member]) -> Ordered:
    """By the save counter, the name or the time: the first that tells all of them apart."""
    in_name_order = sorted(members, key=lambda m: natural(m.ref.name))
    counters, keys, moments = ([_value(m, what) for m in members] for what in ("counter", "key", "moment"))
    for values, by in ((counters, Order.SAVE_COUNTER), (keys, Order.FILE_NAME), (moments, Order.FILE_NAME)):
        if None not in values and len(set(values)) == len(values):
            places = sorted(range(len(values)), key=lambda i: values[i])  # type: ignore[arg-type,return-value]
            return Ordered(tuple(members[i] for i in places), by)
    if None not in keys:
        return Ordered(tuple(sorted(in_name_order, key=lambda m: m.named.key)), Order.FILE_NAME)
    in_time = sorted(in_name_order, key=lambda m: m.ref.mtime_ns)
    return Ordered(tuple(in_time), in_time[0].ref.step.source if len(in_time) == 1 else Order.TIME)


def _value(member: Member, what: str) -> int | tuple[int, ...] | None:
    return {"counter": member.save_counter, "key": member.named.key or None, "moment": member.named.moment}[what]


def _counts(ordered: Ordered) -> tuple[Order, list[int | None]]:
    """The steps inside; where these say nothing, the numbers of the names."""
    stored = [m.ref.step.stored for m in ordered.members]
    numbers = [m.named.number for m in ordered.members]
    if (None in stored or _constant(stored)) and None not in numbers:
        return Order.FILE_NAME, numbers
    return Order.IN_FILE, stored


def _constant(counts: Sequence[int | None]) -> bool:
    return len(set(counts)) == 1 < len(counts)


def _witnesses(members: Sequence[Member]) -> list[list[object]]:
    return [
        [m.save_counter for m in members],
        [m.named.key or None for m in members],
        [m.named.moment for m in members],
        [m.ref.mtime_ns for m in members],
    ]


def _rises(values: Sequence[object]) -> bool:
    return None not in values and all(a < b for a, b in pairwise(values))  # type: ignore[operator]


def _falls(values: Sequence[int | None]) -> tuple[int, ...]:
    return tuple(i for i, (a, b) in enumerate(pairwise(values), 1) if a is not None and b is not None and b < a)


def _turns(members: Sequence[Member]) -> tuple[int, ...]:
    """Where an older checkpoint follows, if the times are those of trainings one after the other.

    Those of files that were copied without their times, unpacked or cloned are in any order, and tell nothing:
    stretches between two such places overlap in time then, or hold hardly more than a checkpoint each.
    """
    named = [m.named.moment for m in members if m.named.moment is not None]
    times = named if len(named) == len(members) else [m.ref.mtime_ns for m in members]
    falls = _falls(times)
    stretches = sorted(times[start:end] for start, end in pairwise((0, *falls, len(times))))
    few = len(times) >= SHORTEST * len(stretches)
    return falls if few and all(before[-1] <= after[0] for before, after in pairwise(stretches)) else ()


def _stepped(member: Member, by: Order, rising: bool) -> CheckpointRef:
    step = member.ref.step
    if by is Order.IN_FILE and step.stored is not None:
        return member.ref  # as discovery made it
    number = member.named.number if rising or by is Order.FILE_NAME else None
    if by is Order.TIME or number is None:
        return replace(member.ref, step=Step(None, by, step.detail, step.stored))
    return replace(member.ref, step=Step(number, Order.FILE_NAME, step.detail, step.stored))
