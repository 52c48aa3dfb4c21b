"""A checkpoint read beside earlier ones, value by value: trouble with one of those costs only the pair with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from reporter.errors import CheckpointError, InProgress, RotatedAway, translated
from reporter.frozen import dataclass
from reporter.gather.checkpoint_in_series import Partner
from reporter.gather.kept_open import KeptOpen
from reporter.gather.layer_names import Match
from reporter.gather.stable_read import unchanged
from reporter.model.changes import Changes
from reporter.model.checkpoint import CheckpointRef
from reporter.model.tensor import Contents

T = TypeVar("T")

Work = Callable[[Sequence[Contents]], tuple[T, Sequence[Changes]]]
"""Reads a checkpoint beside these: what it makes of it, and the changes since each of them, in their order."""


@dataclass(frozen=True, slots=True)
class LostPartner:
    """An earlier checkpoint that was measured, and could not be read again beside a later one: its numbers stand.

    Attributes:
        partner: the earlier one.
        beside: the later one's name.
        reason: what is wrong with the earlier one by now.
    """

    partner: CheckpointRef
    beside: str
    reason: str

    @property
    def remark(self) -> str:
        """What a listing says of it."""
        return (
            f"after it had been measured: {self.reason}; its numbers stand, but its values could not be compared with "
            f"those of {self.beside}"
        )


@dataclass(frozen=True, slots=True)
class Paired(Generic[T]):
    """What became of reading a checkpoint beside its partners.

    Attributes:
        result: what the work made of the checkpoint.
        changes: by the path of each partner that could be read.
        lost: the others.
    """

    result: T
    changes: Mapping[Path, Changes]
    lost: tuple[LostPartner, ...]


def beside(
    ref: CheckpointRef, matched: Match, partners: Iterable[Partner], opened: KeptOpen, work: Work[T]
) -> Paired[T]:
    """Work on a checkpoint beside its partners; again without those that are found to be in trouble.

    Args:
        ref: the checkpoint.
        matched: how its names go by those of the series, under which the partners are known.
        partners: earlier checkpoints, of different paths.
        opened: where partners stay open from one checkpoint to the next.
        work: is called with the partners' contents under the names of this checkpoint's file.

    Raises:
        Exception: whatever ``work`` raises that is no partner's trouble.
    """
    ready, lost = _opened(ref, matched, partners, opened)
    while True:
        try:
            result, changes = work([contents for _, contents in ready.values()])
            break
        except Exception as error:
            if not ready or _concerns(error, ref):
                raise
            refs = [partner for partner, _ in ready.values()]
            blamed = [partner for partner in refs if _concerns(error, partner)] or refs
            opened.drop(blamed)
            for partner in blamed:
                lost.append(_lost(partner, ref, error))
                del ready[partner.path]
    found = dict(zip(ready, changes, strict=True))
    for partner, _ in ready.values():
        if _overwritten(partner):
            lost.append(_lost(partner, ref, InProgress(partner.path, "it was rewritten")))
            del found[partner.path]
    return Paired(result, found, tuple(lost))


def _opened(
    ref: CheckpointRef, matched: Match, partners: Iterable[Partner], opened: KeptOpen
) -> tuple[dict[Path, tuple[CheckpointRef, Contents]], list[LostPartner]]:
    """The partners that can be opened, by path, and those that cannot."""
    ready: dict[Path, tuple[CheckpointRef, Contents]] = {}
    lost: list[LostPartner] = []
    for partner in partners:
        try:
            ready[partner.ref.path] = partner.ref, partner.contents(opened, matched)
        except CheckpointError as error:
            lost.append(_lost(partner.ref, ref, error))
    return ready, lost


def _lost(partner: CheckpointRef, ref: CheckpointRef, error: Exception) -> LostPartner:
    return LostPartner(partner, ref.name, translated(partner.path, error).reason)


def _concerns(error: Exception, ref: CheckpointRef) -> bool:
    return isinstance(error, CheckpointError) and (error.path == ref.path or error.path in ref.members)


def _overwritten(ref: CheckpointRef) -> bool:
    """Whether its files hold other values by now; one that is only deleted can be read for as long as it is open."""
    try:
        unchanged(ref)
    except RotatedAway:
        return False
    except InProgress:
        return True
    return False
