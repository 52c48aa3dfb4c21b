"""Group what the readers claimed into series, and put each in step order."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from reporter.discover.naming import Numbered, natural, number_labels
from reporter.discover.walk import Walk, members_of
from reporter.errors import CheckpointError
from reporter.model.checkpoint import CheckpointRef, Claim, FileEntry, Found, Series, Step
from reporter.model.reader import Reader

PeekStep = Callable[[str, Path], tuple[int | None, str]]
"""From format and path to the step inside a checkpoint and the entry that gave it; may raise CheckpointError."""

SETTLED_STATES = frozenset({"corrupt", "partial"})
"""States that become "in progress" while the newest file is younger than the settle window."""


def find(
    roots: Sequence[Path],
    readers: Sequence[Reader],
    peek: PeekStep,
    *,
    settle: float,
    out: Path | None = None,
    now: float | None = None,
) -> Found:
    """Every checkpoint below the roots, in series, and one entry for every file that is none.

    Args:
        settle: seconds; an unsound checkpoint whose newest file is younger is "in progress".
        out: the output folder, left out of the walk.
        now: seconds since the epoch, for tests.

    Raises:
        SettingError: a root does not exist.
    """
    now = time.time() if now is None else now
    entries: list[FileEntry] = []
    refs: list[tuple[str, str, CheckpointRef]] = []
    for root in roots:
        walk = Walk(root, readers, out)
        base = root if root.is_dir() else root.parent
        prefix = f"{root.name}/" if len(roots) > 1 else ""
        entries += [replace(entry, path=prefix + _relative(path, base)) for path, entry in walk.others]
        for group in _by_folder(walk.claims):
            numbers = number_labels([claim.label for claim in group])
            for claim, numbered in zip(group, numbers, strict=True):
                name = prefix + _relative(claim.path, base)
                folder = name.rpartition("/")[0]
                if claim.part:
                    numbered = Numbered(claim.label, None)
                stem = numbered.stem.replace("#", "*")
                series = f"{folder}/{stem}" if folder else stem
                problem, state, inside, detail = claim.problem, claim.state, None, ""
                if not problem:
                    try:
                        inside, detail = peek(claim.format, claim.path)
                    except CheckpointError as error:
                        problem, state = error.reason, error.state
                stats = list(members_of(claim))
                newest = max((s.st_mtime_ns for s in stats), default=0)
                if problem:
                    known_as = "" if state == "not a checkpoint" else claim.format
                    entries.append(FileEntry(name, known_as, *settled(problem, state, newest, settle, now)))
                    continue
                step = Step(inside, "in-file", detail) if inside is not None else Step(None, "modification time")
                ref = CheckpointRef(
                    name=name,
                    slug=slug(name),
                    path=claim.path,
                    format=claim.format,
                    members=claim.members,
                    step=step,
                    nbytes=sum(s.st_size for s in stats),
                    mtime_ns=newest,
                )
                refs.append((series, f"{numbered.number if numbered.number is not None else ''}", ref))
    series_list = _series(refs)
    for one in series_list:
        for ref in one.checkpoints:
            entries.append(FileEntry(ref.name, ref.format, "found", "", ref.step.value, one.name))
    return Found(tuple(roots), series_list, tuple(sorted(entries, key=lambda e: natural(e.path))))


def settled(problem: str, state: str, newest_ns: int, settle: float, now: float) -> tuple[str, str]:
    """State and reason of an unsound checkpoint: while its newest file is younger than ``settle``, in progress."""
    age = now - newest_ns / 1e9
    if state in SETTLED_STATES and age < settle:
        return "in progress", f"{problem} (changed {max(age, 0):.0f} s ago: it is probably being saved)"
    return state, problem


def _by_folder(claims: Sequence[Claim]) -> list[list[Claim]]:
    groups: dict[tuple[Path, str], list[Claim]] = {}
    for claim in claims:
        groups.setdefault((claim.path.parent, claim.format), []).append(claim)
    return list(groups.values())


def _series(refs: Sequence[tuple[str, str, CheckpointRef]]) -> tuple[Series, ...]:
    groups: dict[tuple[str, str], list[tuple[str, CheckpointRef]]] = {}
    for series, number, ref in refs:
        groups.setdefault((series, ref.format), []).append((number, ref))
    titles = [name for name, _ in groups]
    result = []
    for (name, format_), members in groups.items():
        title = name if titles.count(name) == 1 else f"{name} ({format_})"
        checkpoints, ordered_by = _ordered(members)
        result.append(Series(title, slug(title), format_, checkpoints, ordered_by))
    return tuple(sorted(result, key=lambda s: natural(s.name)))


def _ordered(members: Sequence[tuple[str, CheckpointRef]]) -> tuple[tuple[CheckpointRef, ...], str]:
    """In-file steps order a series if all differ, else the numbers of the names, else time."""
    inside = [ref.step.value for _, ref in members]
    if None not in inside and len(set(inside)) == len(inside):
        ordered = sorted((ref for _, ref in members), key=lambda r: r.step.value or 0)
        return tuple(ordered), "in-file"
    if all(number for number, _ in members):
        in_order = sorted(members, key=lambda m: (int(m[0]), natural(m[1].name)))
        return tuple(_with_step(ref, int(number), "file name") for number, ref in in_order), "file name"
    in_time = sorted((ref for _, ref in members), key=lambda r: (r.mtime_ns, natural(r.name)))
    if len(in_time) == 1:
        return (in_time[0],), in_time[0].step.source
    return tuple(_with_step(ref, None, "modification time") for ref in in_time), "modification time"


def _with_step(ref: CheckpointRef, value: int | None, source: str) -> CheckpointRef:
    return replace(ref, step=Step(value, source))


def _relative(path: Path, base: Path) -> str:
    """The path below the scanned folder; the folder's own name where it is itself a checkpoint."""
    return path.relative_to(base).as_posix() if path != base and path.is_relative_to(base) else path.name


def slug(name: str) -> str:
    """A unique, harmless file name and anchor for any text: its safe characters and a hash of the whole.

    >>> slug("../a<b>/c.h5")
    'a-b-c.h5-8b69491a'
    """
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[-60:].strip("-.")
    return f"{safe or 'x'}-{hashlib.sha256(name.encode('utf-8', 'surrogateescape')).hexdigest()[:8]}"
