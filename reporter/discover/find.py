"""Find checkpoints below folders: what the readers claimed, opened once for step and structure, put into series."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from reporter.discover.naming import natural
from reporter.discover.once import once
from reporter.discover.placing import placed
from reporter.discover.roots import look_below
from reporter.discover.series import Member, arrange, slug
from reporter.discover.walk import MAX_DEPTH
from reporter.errors import CheckpointError, RotatedAway
from reporter.model.checkpoint import (
    CheckpointRef,
    Claim,
    FileEntry,
    FileStat,
    Found,
    Order,
    Peek,
    State,
    Step,
    file_stat,
)
from reporter.model.reader import Reader

PeekInto = Callable[[Claim], Peek]
"""From a claim to what a checkpoint says of itself; may raise CheckpointError."""

SETTLED_STATES = frozenset({"corrupt", "partial"})
"""States that become "in progress" while the newest file is younger than the settle window."""

PROVEN = frozenset({"crc32c", "zip crc32"})
"""Checks that a file passes only when it is complete: what it lacks, it lacks for good."""


def find(
    roots: Sequence[Path],
    readers: Sequence[Reader],
    peek: PeekInto,
    *,
    settle: float,
    cache: Path | None = None,
    max_depth: int = MAX_DEPTH,
    now: float | None = None,
) -> Found:
    """Every checkpoint below the roots, in series, and one entry for every file that is none.

    Args:
        settle: seconds; an unsound checkpoint whose newest file is younger is "in progress".
        cache: this program's folder of what earlier runs measured, left out of the walk.
        max_depth: folders nested deeper than this below a root are not entered.
        now: seconds since the epoch, for tests.

    Raises:
        SettingError: a root does not exist.
    """
    now = time.time() if now is None else now
    below = look_below(roots, readers, cache, max_depth)
    claims, copies = once(below.claims)
    entries = [FileEntry(below.shown(row.path), "", row.state, row.reason) for row in below.rows]
    members: list[Member] = []
    checks: dict[str, str] = {}
    names = {entry.path for entry in entries}
    structures: dict[tuple[str, ...], tuple[str, ...]] = {}  # equal ones are kept once
    for claim, numbered in zip(claims, placed(claims), strict=True):
        name = _unique(below.shown(claim.path), claim.format, names)
        seen, problem, state = _opened(claim, peek)
        stats = _stats(claim)
        newest = max((s.modified for s in stats), default=0)
        written = last_written(stats, now + settle)
        if not problem and seen.missing and seen.integrity not in PROVEN and now - written < settle:
            problem = f"{seen.missing} layers of its own configuration are not in the file yet"
            state = "partial"
        if problem and len(stats) < len(claim.members):  # all of them were there when the folder was listed
            problem, state = "files of it were deleted while they were being looked at", RotatedAway.state
        if problem:
            known_as = "" if state == State.NO_CHECKPOINT else claim.format
            verdict = settled(problem, state, written, settle, now)
            entries.append(FileEntry(name, known_as, *verdict, integrity=seen.integrity))
            continue
        inside = seen.step
        ref = CheckpointRef(
            name=name,
            slug=slug(name),
            path=claim.path,
            format=claim.format,
            members=claim.members,
            step=Step(None, Order.TIME) if inside is None else Step(inside, Order.IN_FILE, seen.step_source),
            nbytes=sum(s.size for s in stats),
            mtime_ns=newest,
            files=tuple(stats),
        )
        checks[name] = seen.integrity
        kept = structures.setdefault(seen.structure, seen.structure)
        members.append(Member(ref, numbered, kept, seen.save_counter))
    for copy, original in copies:
        name = _unique(below.shown(copy.path), copy.format, names)
        reason = f"another name of {below.shown(original.path)}, which is counted once"
        entries.append(FileEntry(name, "", State.NO_CHECKPOINT, reason))
    series = arrange(members)
    for one in series:
        for ref in one.checkpoints:
            entry = FileEntry(ref.name, ref.format, State.FOUND, "", ref.step.value, one.name, checks[ref.name])
            entries.append(entry)
    return Found(tuple(roots), series, tuple(sorted(entries, key=lambda e: natural(e.path))))


def _unique(shown: str, format_: str, names: set[str]) -> str:
    """A name that no other entry has: a bundle may be called like a SavedModel's folder, or like any file."""
    name = shown
    if name in names:
        name = f"{shown} ({format_})"
    number = 1
    while name in names:
        number += 1
        name = f"{shown} ({format_} {number})"
    names.add(name)
    return name


def last_written(stats: Sequence[FileStat], latest: float) -> float:
    """When the newest of some files was written, in seconds since the epoch.

    A time after ``latest`` tells nothing: somebody has set it, or another machine's clock is ahead of this one's. The
    time of its last change, which nobody can set, counts then; where that lies in the future as well, the file is old.
    """
    times = ((s.modified / 1e9, s.changed / 1e9) for s in stats)
    return max((next((t for t in pair if t <= latest), 0.0) for pair in times), default=0.0)


def settled(problem: str, state: str, written: float, settle: float, now: float) -> tuple[str, str]:
    """State and reason of an unsound checkpoint: while its newest file is younger than ``settle``, in progress.

    Args:
        written: what :func:`last_written` says.
    """
    age = now - written
    if state in SETTLED_STATES and age < settle:
        return "in progress", f"{problem} (changed {max(age, 0):.0f} s ago: it is probably being saved)"
    return state, problem


def _opened(claim: Claim, peek: PeekInto) -> tuple[Peek, str, str]:
    """What is inside, problem and state; one more try where a file changed while it was looked at."""
    if claim.problem:
        return Peek(), claim.problem, claim.state
    for last in (False, True):
        before = _stats(claim)
        try:
            return peek(claim), "", ""
        except CheckpointError as error:
            if last or _stats(claim) == before:
                return Peek(), error.reason, error.state
    raise AssertionError("the second try returns")


def _stats(claim: Claim) -> list[FileStat]:
    """Of a claim's files; one that is gone is left out."""
    found = []
    for member in claim.members:
        with suppress(OSError):
            found.append(file_stat(member))
    return found
