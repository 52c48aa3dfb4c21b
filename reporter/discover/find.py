"""Find checkpoints below folders: what the readers claimed, opened once for step and structure, put into series."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from reporter.discover.naming import natural
from reporter.discover.placing import placed
from reporter.discover.series import Member, arrange, slug
from reporter.discover.walk import Walk
from reporter.errors import CheckpointError, RotatedAway
from reporter.model.checkpoint import CheckpointRef, Claim, FileEntry, Found, Order, Peek, Step
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
    out: Path | None = None,
    cache: Path | None = None,
    now: float | None = None,
) -> Found:
    """Every checkpoint below the roots, in series, and one entry for every file that is none.

    Args:
        settle: seconds; an unsound checkpoint whose newest file is younger is "in progress".
        out, cache: the folders of output and cache, left out of the walk.
        now: seconds since the epoch, for tests.

    Raises:
        SettingError: a root does not exist.
    """
    now = time.time() if now is None else now
    entries: list[FileEntry] = []
    members: list[Member] = []
    checks: dict[str, str] = {}
    names: set[str] = set()
    structures: dict[tuple[str, ...], tuple[str, ...]] = {}  # equal ones are kept once
    for root in roots:
        walk = Walk(root, readers, [p for p in (out, cache) if p is not None])
        base = root if root.is_dir() else root.parent
        prefix = f"{root.name}/" if len(roots) > 1 else ""
        entries += [replace(entry, path=prefix + _relative(path, base)) for path, entry in walk.others]
        for claim, numbered in zip(walk.claims, placed(walk.claims), strict=True):
            name = prefix + _relative(claim.path, base)
            if name in names:  # a bundle and a SavedModel's folder may go by the same name
                name = f"{name} ({claim.format})"
            names.add(name)
            seen, problem, state = _opened(claim, peek)
            stats = _stats(claim)
            newest = max((mtime for _, mtime, _ in stats), default=0)
            if not problem and seen.missing and seen.integrity not in PROVEN and now - newest / 1e9 < settle:
                problem = f"{seen.missing} layers of its own configuration are not in the file yet"
                state = "partial"
            if problem and len(stats) < len(claim.members):  # all of them were there when the folder was listed
                problem, state = "files of it were deleted while they were being looked at", RotatedAway.state
            if problem:
                known_as = "" if state == "not a checkpoint" else claim.format
                verdict = settled(problem, state, newest, settle, now)
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
                nbytes=sum(size for size, _, _ in stats),
                mtime_ns=newest,
                files=tuple(stats),
            )
            checks[name] = seen.integrity
            kept = structures.setdefault(seen.structure, seen.structure)
            members.append(Member(ref, numbered, kept, seen.save_counter))
    series = arrange(members)
    for one in series:
        for ref in one.checkpoints:
            entry = FileEntry(ref.name, ref.format, "found", "", ref.step.value, one.name, checks[ref.name])
            entries.append(entry)
    return Found(tuple(roots), series, tuple(sorted(entries, key=lambda e: natural(e.path))))


def settled(problem: str, state: str, newest_ns: int, settle: float, now: float) -> tuple[str, str]:
    """State and reason of an unsound checkpoint: while its newest file is younger than ``settle``, in progress."""
    age = now - newest_ns / 1e9
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


def _stats(claim: Claim) -> list[tuple[int, int, int]]:
    """Size, time of change and inode of a claim's files; one that is gone is left out."""
    found = []
    for member in claim.members:
        try:
            stat = member.stat()
        except OSError:
            continue
        found.append((stat.st_size, stat.st_mtime_ns, stat.st_ino))
    return found


def _relative(path: Path, base: Path) -> str:
    """The path below the scanned folder; the folder's own name where it is itself a checkpoint."""
    return path.relative_to(base).as_posix() if path != base and path.is_relative_to(base) else path.name
