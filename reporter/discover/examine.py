"""A claim, opened and judged: a member of a series, or an entry that says why it is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import field
from typing import Any

from reporter.ahead import NONE, Copies, made_ahead
from reporter.discover.naming import Numbered
from reporter.discover.series import Member, slug
from reporter.discover.settling import last_written, settled
from reporter.errors import CheckpointError, RotatedAway
from reporter.frozen import dataclass
from reporter.model.checkpoint import (
    CheckpointRef,
    Claim,
    FileEntry,
    FileStat,
    Order,
    Peek,
    State,
    Step,
    file_stat,
)
from reporter.model.tensor import Integrity

PeekInto = Callable[[Claim], Peek]
"""From a claim to what a checkpoint says of itself; may raise CheckpointError."""

MANY = 16
"""Checkpoints from which on other processors open some: each takes some 30 ms, and a library that parses them in a
child process half a second to load."""

PROVEN = frozenset({Integrity.CRC32C, Integrity.ZIP_CRC32})
"""Checks that a file passes only when it is complete: what it lacks, it lacks for good."""


@dataclass(frozen=True, slots=True)
class Examined:
    """A sound checkpoint, and the check that reading it makes."""

    member: Member
    integrity: Integrity


@dataclass(frozen=True, slots=True)
class Opened:
    """What a checkpoint says of itself, or what the problem with it is, and its state."""

    seen: Peek
    problem: str = ""
    state: str = ""


@dataclass(frozen=True, slots=True)
class Examiner:
    """Looks into claimed checkpoints.

    Attributes:
        peek: opens one for what it says of itself.
        known: the same of one that needs not be opened, None for any other.
        settle: seconds; an unsound checkpoint whose newest file is younger is "in progress".
        now: seconds since the epoch.
        structures: those met so far; the checkpoints of a run have the same one, which is kept once.
    """

    peek: PeekInto
    known: Callable[[Claim], Peek | None]
    settle: float
    now: float
    structures: dict[tuple[str, ...], tuple[str, ...]] = field(default_factory=dict)

    @contextmanager
    def opened(
        self, claims: Sequence[Claim], copies: Copies = NONE, remembered: dict[Any, Any] | None = None
    ) -> Iterator[Iterator[Opened]]:
        """As a context, each claim opened, in their order; copies of this process open the last ones meanwhile.

        Args:
            claims: of checkpoints.
            copies: of this process.
            remembered: what parsers remember of the files that they have opened, see :func:`made_ahead`.
        """
        ready = [Opened(Peek(), c.problem, c.state) if c.problem else self._known(c) for c in claims]
        left = [claim for claim, opened in zip(claims, ready, strict=True) if opened is None]
        with made_ahead(left, self._opened, copies if len(left) >= MANY else NONE, remembered) as made:
            yield (opened or next(made) for opened in ready)

    def examine(self, claim: Claim, opened: Opened, numbered: Numbered, name: str) -> Examined | FileEntry:
        """Say what a claim is.

        Args:
            opened: what is in it.
            numbered: its place among the names of its folder.
            name: under which it is listed.
        """
        seen, problem, state = opened.seen, opened.problem, opened.state
        stats = _stats(claim)
        written = last_written(stats, self.now + self.settle)
        if not problem and seen.missing and seen.integrity not in PROVEN and self.now - written < self.settle:
            problem = f"{seen.missing} layers of its own configuration are not in the file yet"
            state = State.PARTIAL
        if problem and len(stats) < len(claim.members):  # all of them were there when the folder was listed
            problem, state = "files of it were deleted while they were being looked at", RotatedAway.state
        if problem:
            known_as = "" if state == State.NO_CHECKPOINT else claim.format
            verdict = settled(problem, state, written, self.settle, self.now)
            return FileEntry(name, known_as, *verdict, integrity=seen.integrity)
        structure = self.structures.setdefault(seen.structure, seen.structure)
        member = Member(_reference(claim, name, seen, stats), numbered, structure, seen.save_counter)
        return Examined(member, seen.integrity)

    def _known(self, claim: Claim) -> Opened | None:
        seen = self.known(claim)
        return None if seen is None else Opened(seen)

    def _opened(self, claim: Claim) -> Opened:
        """What is inside; one more try where a file changed while it was looked at."""
        for last in (False, True):
            before = _stats(claim)
            try:
                return Opened(self.peek(claim))
            except CheckpointError as error:
                if last or _stats(claim, anew=True) == before:
                    return Opened(Peek(), error.reason, error.state)
        raise AssertionError("the second try returns")


def _reference(claim: Claim, name: str, seen: Peek, stats: Sequence[FileStat]) -> CheckpointRef:
    """Where a checkpoint lies, and the step that is in it; without one, it is ordered by time until names tell more."""
    return CheckpointRef(
        name=name,
        slug=slug(name),
        path=claim.path,
        format=claim.format,
        members=claim.members,
        step=Step(None, Order.TIME) if seen.step is None else Step(seen.step, Order.IN_FILE, seen.step_source),
        nbytes=sum(s.size for s in stats),
        mtime_ns=max((s.modified for s in stats), default=0),
        files=tuple(stats),
    )


def _stats(claim: Claim, *, anew: bool = False) -> list[FileStat]:
    """Of a claim's files; one that is gone is left out."""
    found = []
    for member in claim.members:
        with suppress(OSError):
            found.append(file_stat(member, anew=anew))
    return found
