"""Put checkpoints into series, one per model, each in step order, and say where names and contents disagree."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from reporter.discover.naming import natural
from reporter.model.checkpoint import CheckpointRef, Series, Step
from reporter.model.structure import alike

_BACKUPS = ("latest.weights.h5", "latest.weights.h5.bkp")
"""Names of ``keras.callbacks.BackupAndRestore``; it overwrites both after every epoch."""


@dataclass(frozen=True, slots=True)
class Member:
    """A readable checkpoint on its way into a series.

    Attributes:
        stem: its label with ``#`` in the place of the step.
        number: the step of its name, None if that holds none.
        structure: see :func:`reporter.model.structure.structure`.
    """

    ref: CheckpointRef
    stem: str
    number: int | None
    structure: tuple[str, ...]

    @property
    def title(self) -> str:
        """Folder and stem, for display."""
        folder = self.ref.name.rpartition("/")[0]
        stem = self.stem.replace("#", "*")
        return f"{folder}/{stem}" if folder else stem


def arrange(members: Sequence[Member]) -> tuple[Series, ...]:
    """Series in natural order of their names: same folder, stem, format, and the same model."""
    groups: dict[tuple[str, str], list[Member]] = {}
    for member in members:
        groups.setdefault((member.title, member.ref.format), []).append(member)
    titles = Counter(title for title, _ in groups)
    result = []
    for (title, format_), group in groups.items():
        name = title if titles[title] == 1 else f"{title} ({format_})"
        models = _by_model(group)
        for number, of_model in enumerate(models, 1):
            full = name if len(models) == 1 else f"{name} [model {number}]"
            checkpoints, ordered_by = _ordered(of_model)
            notes = (*_split(models), *_notes(of_model, ordered_by, checkpoints))
            result.append(Series(full, slug(full), format_, checkpoints, ordered_by, notes))
    return tuple(sorted(result, key=lambda s: natural(s.name)))


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


def _ordered(members: Sequence[Member]) -> tuple[tuple[CheckpointRef, ...], str]:
    """In-file steps order a series if all differ, else the numbers of the names, else time."""
    inside = [m.ref.step.value for m in members]
    if None not in inside and len(set(inside)) == len(inside):
        return tuple(sorted((m.ref for m in members), key=lambda r: r.step.value or 0)), "in-file"
    numbered = [(m.number, m.ref) for m in members if m.number is not None]
    if len(numbered) == len(members):
        in_order = sorted(numbered, key=lambda n: (n[0], natural(n[1].name)))
        return tuple(_with_step(ref, number, "file name") for number, ref in in_order), "file name"
    in_time = sorted((m.ref for m in members), key=lambda r: (r.mtime_ns, natural(r.name)))
    if len(in_time) == 1:
        return (in_time[0],), in_time[0].step.source
    return tuple(_with_step(ref, None, "modification time") for ref in in_time), "modification time"


def _with_step(ref: CheckpointRef, value: int | None, source: str) -> CheckpointRef:
    return replace(ref, step=Step(value, source))


def _split(models: Sequence[Sequence[Member]]) -> Iterator[str]:
    if len(models) > 1:
        yield (
            f"Files with names of this pattern hold {len(models)} different models: fewer than half of their tensors "
            "agree in name and shape. Each model has a series of its own."
        )


def _notes(members: Sequence[Member], ordered_by: str, ordered: Sequence[CheckpointRef]) -> Iterator[str]:
    numbers = {m.ref.name: m.number for m in members}
    if ordered_by == "in-file":
        by_name = [n for ref in ordered if (n := numbers[ref.name]) is not None]
        if by_name != sorted(by_name):
            yield (
                "The numbers in the file names are in another order than the training steps inside the files; "
                "the steps inside are used."
            )
    if ordered_by == "file name":
        twice = [n for n, times in Counter(numbers.values()).items() if times > 1]
        if twice:
            named = ", ".join(str(n) for n in sorted(n for n in twice if n is not None)[:3])
            yield f"Several files carry the same number ({named}); they are in order of their names."
        inside = [m.ref.step.value for m in members]
        if any(step is not None for step in inside) and len(members) > 1:
            known = len({step for step in inside if step is not None})
            yield (
                f"The {len(members)} files hold only {known} different training step{'s' if known > 1 else ''}; "
                "the numbers in the file names are used."
            )
    backups = [ref.name for ref in ordered if ref.name.rsplit("/", 1)[-1] in _BACKUPS]
    if backups:
        yield (
            "The name is that of the backup which Keras's BackupAndRestore overwrites after every epoch: it is a state "
            "to resume from, and no part of a trend."
        )


def slug(name: str) -> str:
    """A unique, harmless file name and anchor for any text: its safe characters and a hash of the whole.

    >>> slug("../a<b>/c.h5")
    'a-b-c.h5-8b69491a'
    """
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[-60:].strip("-.")
    return f"{safe or 'x'}-{hashlib.sha256(name.encode('utf-8', 'surrogateescape')).hexdigest()[:8]}"
