"""Find checkpoints below folders: what the readers claimed, opened once for step and structure, put into series."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from reporter.ahead import NONE, Copies
from reporter.discover.examine import Examiner, PeekInto
from reporter.discover.once import once
from reporter.discover.placing import placed
from reporter.discover.roots import look_below
from reporter.discover.series import Member, arrange
from reporter.discover.walk import MAX_DEPTH
from reporter.model.checkpoint import Claim, FileEntry, Found, Peek, Series, State
from reporter.model.natural_order import natural
from reporter.model.reader import Reader
from reporter.model.tensor import Integrity
from reporter.model.unique_names import UniqueNames


def find(
    roots: Sequence[Path],
    readers: Sequence[Reader],
    peek: PeekInto,
    *,
    settle: float,
    known: Callable[[Claim], Peek | None] = lambda claim: None,
    copies: Copies = NONE,
    remembered: dict[Any, Any] | None = None,
    cache: Path | None = None,
    max_depth: int = MAX_DEPTH,
    now: float | None = None,
) -> Found:
    """Every checkpoint below the roots, in series, and one entry for every file that is none.

    Args:
        roots: folders, or files of checkpoints.
        readers: asked in this order; a folder or file belongs to the first that claims it.
        peek: opens a claimed checkpoint for what it says of itself.
        settle: seconds; an unsound checkpoint whose newest file is younger is "in progress".
        known: what a checkpoint says of itself that needs not be opened; None for any other.
        copies: of this process that open some of many.
        remembered: what parsers remember of files, which these copies hand over.
        cache: this program's folder of what earlier runs measured, left out of the walk.
        max_depth: folders nested deeper than this below a root are not entered.
        now: seconds since the epoch, for tests.

    Raises:
        SettingError: a root does not exist.
    """
    below = look_below(roots, readers, cache, max_depth)
    claims, doubles = once(below.claims)
    entries = [FileEntry(below.shown(row.path), "", row.state, row.reason) for row in below.rows]
    names = UniqueNames(entry.path for entry in entries)
    examiner = Examiner(peek, known, settle, time.time() if now is None else now)
    members: list[Member] = []
    checks: dict[str, Integrity] = {}
    with examiner.opened(claims, copies, remembered) as every:
        for claim, opened, numbered in zip(claims, every, placed(claims), strict=True):
            name = _entry_name(below.shown(claim.path), claim.format, names)
            examined = examiner.examine(claim, opened, numbered, name)
            if isinstance(examined, FileEntry):
                entries.append(examined)
            else:
                members.append(examined.member)
                checks[examined.member.ref.name] = examined.integrity
    for copy, original in doubles:
        name = _entry_name(below.shown(copy.path), copy.format, names)
        reason = f"another name of {below.shown(original.path)}, which is counted once"
        entries.append(FileEntry(name, "", State.NO_CHECKPOINT, reason))
    series = arrange(members)
    entries += [entry for one in series for entry in _listed(one, checks)]
    return Found(tuple(roots), series, tuple(sorted(entries, key=lambda e: natural(e.path))))


def _listed(series: Series, checks: dict[str, Integrity]) -> list[FileEntry]:
    """The entries of a series' checkpoints, each with the check that reading it makes."""
    return [
        FileEntry(ref.name, ref.format, State.FOUND, "", ref.step.value, series.name, checks[ref.name])
        for ref in series.checkpoints
    ]


def _entry_name(shown: str, format_: str, names: UniqueNames) -> str:
    """A name that no other entry has: a bundle may be called like a SavedModel's folder, or like any file."""
    return names.take(shown, lambda number: f"{shown} ({format_})" if number == 1 else f"{shown} ({format_} {number})")
