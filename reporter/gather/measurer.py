"""One checkpoint: its numbers, and its changes since earlier ones, from the cache as far as that goes, else measured.

What is measured is kept in the cache at once, so that a run that is killed goes on from where it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from reporter.cache import Cache
from reporter.errors import InProgress
from reporter.frozen import dataclass
from reporter.gather.checkpoint_in_series import CheckpointInSeries
from reporter.gather.kept_open import KeptOpen
from reporter.gather.layer_names import match
from reporter.gather.pairing import LostPartner, beside
from reporter.gather.stable_read import unchanged
from reporter.measuring.checkpoint import Plan, measure_checkpoint
from reporter.measuring.pairs import compare_contents
from reporter.model.changes import Changes
from reporter.model.checkpoint import CheckpointRef
from reporter.model.measured import Measured
from reporter.model.tensor import Contents


@dataclass(frozen=True, slots=True)
class Done:
    """A checkpoint whose numbers are there.

    Attributes:
        read: whether it was measured in this run; otherwise its numbers were known.
        lost: earlier checkpoints that it could not be compared with.
    """

    checkpoint: CheckpointInSeries
    read: bool
    lost: tuple[LostPartner, ...] = ()


@dataclass(frozen=True, slots=True)
class Measurer:
    """Measures what the cache does not know.

    Attributes:
        plan: which variables, which quantiles, on how many threads.
        cache: may keep nothing.
    """

    plan: Plan
    cache: Cache

    def done(
        self,
        ref: CheckpointRef,
        opened: KeptOpen,
        first: Measured | None = None,
        partners: Sequence[CheckpointInSeries] = (),
        known: Measured | None = None,
    ) -> Done:
        """A checkpoint's numbers, and its changes since its partners.

        Args:
            opened: where it stays open for those that come after it.
            first: the checkpoint that gives the series its names, None for that one itself.
            partners: earlier checkpoints, one of which may be given twice.
            known: its numbers, where this run has measured it already.

        Raises:
            reporter.errors.CheckpointError: it cannot be read, or is not the one that discovery saw.
        """
        opened.drop([ref])  # an attempt before this one may have left it open, as its files were then
        identity = self.cache.identity(ref.format, ref.members)
        unchanged(ref)
        own = known or self.cache.measured(identity, self.plan)
        if own is None:
            return self._measured(ref, identity, first, _readable(partners), opened)
        checkpoint = self.recalled(ref, identity, own, first, partners)
        left = [one for one in _readable(partners) if one.ref.path not in checkpoint.changes]
        if not left:
            return Done(checkpoint, read=False)
        paired = beside(ref, checkpoint.matched, left, opened, partial(_compared, opened.contents(ref)))
        return Done(self._kept(checkpoint, left, paired.changes), read=False, lost=paired.lost)

    def recalled(
        self,
        ref: CheckpointRef,
        identity: str,
        own: Measured,
        first: Measured | None,
        partners: Sequence[CheckpointInSeries],
    ) -> CheckpointInSeries:
        """A checkpoint of known numbers, with those of its changes that are in the cache."""
        checkpoint = CheckpointInSeries(ref, identity, match(first, own), own)
        found: dict[Path, Changes] = {}
        for partner in partners:
            changes = self.cache.changes(checkpoint.pair_key(partner), identity, own)
            if changes is not None:
                found[partner.ref.path] = changes
        return checkpoint.with_changes(found)

    def _measured(
        self,
        ref: CheckpointRef,
        identity: str,
        first: Measured | None,
        partners: Sequence[CheckpointInSeries],
        opened: KeptOpen,
    ) -> Done:
        """Measure a checkpoint, and pair it with those of its partners that can still be read."""
        contents = opened.contents(ref)
        if ref.step.stored is not None and contents.step != ref.step.stored:
            # Rewritten since it was put in its place: what is in it now belongs to another one.
            reason = f"it was at step {ref.step.stored} when it was found, and is at {contents.step} now"
            raise InProgress(ref.path, reason)
        full = self.cache.plan(identity, self.plan)
        matched = match(first, contents)
        paired = beside(ref, matched, partners, opened, partial(measure_checkpoint, contents, full))
        unchanged(ref)
        own = self.cache.keep(identity, ref, contents, full, paired.result, self.plan)
        checkpoint = CheckpointInSeries(ref, identity, matched, own)
        return Done(self._kept(checkpoint, partners, paired.changes), read=True, lost=paired.lost)

    def _kept(
        self, checkpoint: CheckpointInSeries, partners: Sequence[CheckpointInSeries], changes: Mapping[Path, Changes]
    ) -> CheckpointInSeries:
        """The checkpoint with these changes, which are in the cache from now on."""
        keep = self.cache.keep_changes
        return checkpoint.with_changes(
            {
                one.ref.path: keep(checkpoint.pair_key(one), checkpoint.identity, checkpoint.own, changes[one.ref.path])
                for one in partners
                if one.ref.path in changes
            }
        )


def _readable(partners: Sequence[CheckpointInSeries]) -> list[CheckpointInSeries]:
    """Each once, without those that have no files."""
    return [one for one in {one.ref.path: one for one in partners}.values() if one.ref.is_there]


def _compared(contents: Contents, partners: Sequence[Contents]) -> tuple[None, tuple[Changes, ...]]:
    """The changes since partners of a checkpoint that was measured before."""
    return None, tuple(compare_contents(partner, contents) for partner in partners)
