"""Put checkpoints into series, one per model and run, in order, and say where names and contents disagree."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from reporter.discover.order import Member as Member
from reporter.discover.order import Ordered, by_step, order, repeats
from reporter.model.checkpoint import CheckpointRef, Doubt, Order, Series, Step
from reporter.model.natural_order import natural
from reporter.model.structure import alike

_BACKUPS = ("latest.weights.h5", "latest.weights.h5.bkp")
"""Names of ``keras.callbacks.BackupAndRestore``; it overwrites both after every epoch."""

_GOES_ON = {
    Order.SAVE_COUNTER: "save counter",
    Order.FILE_NAME: "numbers or times in the names",
    Order.TIME: "times of change",
}


def arrange(members: Sequence[Member]) -> tuple[Series, ...]:
    """Series in natural order of their names: same folder, stem, format, and the same model and run.

    Where witnesses of order disagree the runs are told apart by these alone; :class:`Doubt` is what is needed to
    decide again once the values are known.
    """
    groups: dict[tuple[str, str], list[Member]] = {}
    for member in members:
        groups.setdefault((member.title, member.ref.format), []).append(member)
    titles = Counter(title for title, _ in groups)
    result: list[Series] = []
    for (title, format_), group in groups.items():
        name = title if titles[title] == 1 else f"{title} ({format_})"
        models = _by_model(group)
        for number, of_model in enumerate(models, 1):
            full = name if len(models) == 1 else f"{name} [model {number}]"
            ordered = order(of_model)
            notes = (*_split(models), *_notes(ordered))
            if ordered.falls:
                result += runs(_doubt(full, format_, ordered, notes), ordered.falls)
            else:
                result.append(_series(full, format_, ordered, notes))
    return tuple(sorted(result, key=lambda s: natural(s.name)))


def _series(name: str, format_: str, ordered: Ordered, notes: tuple[str, ...]) -> Series:
    checkpoints = ordered.checkpoints
    numbers = [m.named.key for m in ordered.members]
    cautions = (_other_order(name, ordered.by),) if numbers != sorted(numbers) and ordered.by is not Order.TIME else ()
    notes = (*cautions, *notes)
    turns, levels = ordered.turns, ordered.levels
    return Series(name, slug(name), format_, checkpoints, ordered.by, notes, cautions, turns=turns, levels=levels)


def _other_order(name: str, by: Order) -> str:
    if by is Order.FILE_NAME:
        return f"{name}: the times in the file names are in another order than the numbers; the numbers are used."
    used = "the save counter inside the files; the counter is used"
    what = used if by is Order.SAVE_COUNTER else "the training steps inside the files; the steps inside are used"
    return f"{name}: the numbers in the file names are in another order than {what}."


def _doubt(name: str, format_: str, ordered: Ordered, notes: tuple[str, ...]) -> Doubt:
    inner = () if repeats(ordered) else by_step(ordered).checkpoints
    return Doubt(name, format_, ordered.checkpoints, ordered.by, ordered.falls, inner, notes, ordered.levels)


_BY_WITNESSES = " (told without looking at the weights)"
"""Steps that begin anew are no proof: a report compares the weights, and may find that one training goes on."""


def runs(doubt: Doubt, cuts: Sequence[int], why: str = "") -> list[Series]:
    """One series for each run, cut at these places of the outer order.

    Args:
        why: what the values say, as a clause.
    """
    caution = (
        f"{doubt.name} holds {len(cuts) + 1} runs: the training step falls {_times(len(cuts))} in the order of the "
        f"{_GOES_ON[doubt.ordered_by]}{why or _BY_WITNESSES}. Each run is a series of its own."
    )
    parts = [doubt.checkpoints[a:b] for a, b in pairwise((0, *cuts, len(doubt.checkpoints)))]
    return [_run(doubt, f"{doubt.name} [run {i}]", part, caution) for i, part in enumerate(parts, 1)]


def _run(doubt: Doubt, name: str, refs: tuple[CheckpointRef, ...], caution: str) -> Series:
    """Of one stretch: by the steps inside where these rise in it."""
    steps = [ref.step.stored for ref in refs]
    known = [step for step in steps if step is not None]
    by = doubt.ordered_by
    if len(known) == len(steps) and known == sorted(known):
        by = Order.IN_FILE
        refs = tuple(replace(ref, step=Step(ref.step.stored, by, ref.step.detail)) for ref in refs)
    return Series(
        name, slug(name), doubt.format, refs, by, (caution, *doubt.notes), (caution,), doubt, levels=doubt.levels
    )


def going_on(doubt: Doubt, why: str) -> Series:
    """One series in the outer order, over all falls of the step.

    Args:
        why: what the values say, as a clause.
    """
    caution = (
        f"{doubt.name}: the training step falls {_times(len(doubt.falls))} in the order of the "
        f"{_GOES_ON[doubt.ordered_by]}{why}. It was counted anew within one training: the files are one series, in "
        "that order."
    )
    notes = (caution, *doubt.notes)
    name = doubt.name
    return Series(
        name,
        slug(name),
        doubt.format,
        doubt.checkpoints,
        doubt.ordered_by,
        notes,
        (caution,),
        doubt,
        levels=doubt.levels,
    )


def stepwise(doubt: Doubt) -> Series:
    """One series in the order of the steps inside: the names say something else than when a file was saved."""
    caution, name, refs = _other_order(doubt.name, doubt.by_step[0].step.source), doubt.name, doubt.by_step
    notes = (caution, *doubt.notes)
    return Series(
        name, slug(name), doubt.format, refs, refs[0].step.source, notes, (caution,), doubt, levels=doubt.levels
    )


def alternatives(doubt: Doubt) -> Series:
    """One series of models that did not come from each other, in the outer order."""
    refs, name = doubt.checkpoints, doubt.name
    return Series(name, slug(name), doubt.format, refs, doubt.ordered_by, doubt.notes, (), doubt, levels=doubt.levels)


def parted(series: Series, cuts: Sequence[int]) -> list[Series]:
    """The runs of a series in which steps and names go on and yet another training begins."""
    caution = (
        f"{series.name} holds {len(cuts) + 1} runs: names and steps go on, but at {_listed(series, cuts)} the files "
        "are older than the one before, and the weights do not go on. Each run is a series of its own."
    )
    names = [f"{series.name} [run {i}]" for i in range(1, len(cuts) + 2)]
    parts = pairwise((0, *cuts, len(series.checkpoints)))
    return [
        replace(
            series,
            name=name,
            slug=slug(name),
            checkpoints=series.checkpoints[a:b],
            notes=(caution, *series.notes),
            cautions=(caution, *series.cautions),
            turns=(),
        )
        for name, (a, b) in zip(names, parts, strict=True)
    ]


def _listed(series: Series, places: Sequence[int]) -> str:
    names = [series.checkpoints[i].name for i in places[:3]]
    return ", ".join(names) + (f" and {len(places) - 3} more" if len(places) > 3 else "")


def _times(n: int) -> str:
    return "once" if n == 1 else f"{n} times"


def _by_model(group: Sequence[Member]) -> list[list[Member]]:
    """Apart what is no longer the same model: names that differ only in a number need not mean steps of one run."""
    models: list[list[Member]] = []
    for member in sorted(group, key=lambda m: (not m.structure, natural(m.ref.name))):
        for model in models:
            if alike(model[0].structure, member.structure):
                model.append(member)
                break
        else:
            models.append([member])
    return models


def _split(models: Sequence[Sequence[Member]]) -> Iterator[str]:
    if len(models) > 1:
        yield (
            f"Files with names of this pattern hold {len(models)} different models: fewer than half of their tensors "
            "agree in name and shape. Each model has a series of its own."
        )


def _notes(ordered: Ordered) -> Iterator[str]:
    members, stored = ordered.members, [m.ref.step.stored for m in ordered.members]
    if ordered.by is Order.FILE_NAME:
        if twice := _twice([m.named.number for m in members]):
            yield f"Several files carry the same number ({twice}); they are in order of their names."
        known = {step for step in stored if step is not None}
        if known and len(members) > 1 and not ordered.falls:
            what = f"{len(known)} different training step{'s' if len(known) > 1 else ''}"
            yield f"The {len(members)} files hold only {what}; the numbers in the file names are used."
    elif ordered.by is Order.IN_FILE and (twice := _twice(stored)):
        yield f"Several files hold the same training step ({twice}); they are in order of their names."
    backups = [m.ref.name for m in members if m.ref.name.rsplit("/", 1)[-1] in _BACKUPS]
    if backups:
        yield (
            "The name is that of the backup which Keras's BackupAndRestore overwrites after every epoch: it is a state "
            "to resume from, and no part of a trend."
        )


def _twice(numbers: Sequence[int | None]) -> str:
    """Numbers that are there more than once, as text."""
    found = sorted(n for n, times in Counter(numbers).items() if n is not None and times > 1)
    return ", ".join(str(n) for n in found[:3]) + (" …" if len(found) > 3 else "")


def slug(name: str) -> str:
    """A unique, harmless file name and anchor for any text: its safe characters and a hash of the whole.

    >>> slug("../a<b>/c.h5")
    'a-b-c.h5-8b69491a'
    """
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[-60:].strip("-.")
    return f"{safe or 'x'}-{hashlib.sha256(name.encode('utf-8', 'surrogateescape')).hexdigest()[:8]}"
