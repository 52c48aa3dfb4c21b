"""Gather: every checkpoint of a series measured, and paired value by value with those it is compared to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

from reporter.ahead import Front
from reporter.cache import Cache, CacheDamaged
from reporter.errors import CheckpointError, CorruptCheckpoint, SettingError
from reporter.frozen import dataclass
from reporter.gather.account import Account, Failed
from reporter.gather.catalog import only_checkpoint
from reporter.gather.checkpoint_in_series import CheckpointInSeries
from reporter.gather.kept_open import KeptOpen
from reporter.gather.layer_names import match, notes
from reporter.gather.measurer import Done, Measurer
from reporter.gather.recording import cache_of, recorded
from reporter.gather.rotated import Rotated, remember, rotated, same_structure
from reporter.gather.stable_read import failure, twice
from reporter.measuring.checkpoint import Plan
from reporter.model.checkpoint import CheckpointRef, Series
from reporter.model.gathered import Baseline, Gathered
from reporter.model.measured import Measured
from reporter.places import shown
from reporter.settings.model import Settings
from reporter.terminal.progress import Progress

LOST = "it was recorded, but the summary in the recording is missing, damaged, or of another version of ckpt-report"


@dataclass(frozen=True, slots=True)
class Gatherer:
    """Measures one series after the other; what becomes of checkpoints is added to an :class:`Account`.

    Attributes:
        baseline: the checkpoint that all others are held against.
        front: tells copies of this process how far it is, and hears what they measure.
        choice: which one that is where the path that was given names a folder around it, else "".
    """

    settings: Settings
    measurer: Measurer
    progress: Progress
    baseline: CheckpointInSeries | None = None
    front: Front | None = None
    choice: str = ""

    @classmethod
    def begin(cls, settings: Settings, cache: Cache, progress: Progress) -> tuple[Gatherer, Account]:
        """For a run; measures the baseline.

        Raises:
            SettingError: there is no single readable checkpoint at ``settings.baseline``.
        """
        measurer = Measurer(Plan(settings.variables, settings.quantiles, settings.threads), cache)
        if settings.baseline is None:
            return cls(settings, measurer, progress), Account()
        try:
            chosen = only_checkpoint(settings.baseline, settings)
            with KeptOpen() as opened:
                done = measurer.done(chosen.ref, opened)
        except CheckpointError as error:
            raise SettingError(f"baseline: {shown(settings.baseline)} cannot be read: {error.reason}") from error
        gatherer = cls(settings, measurer, progress, done.checkpoint, choice=chosen.note)
        gatherer._say(done)
        return gatherer, Account().after([done])

    def gather(self, series: Series, account: Account) -> tuple[Gathered, Account]:
        """Measure a series in step order, with what was rotated away since an earlier run.

        Args:
            account: of what came before; checkpoints that failed are left out.
        """
        if series.checkpoints[0].recorded:
            return self._recorded(series, account)
        gone = rotated(self.measurer.cache, series, self.measurer.plan) if self.settings.history else []
        found, account = self._in_order(series, gone, account)
        kept = _of_one_model(gone, found)
        if len(kept) < len(gone):
            found, account = self._in_order(series, kept, account)
        return self._gathered(found), account

    def _recorded(self, series: Series, account: Account) -> tuple[Gathered, Account]:
        """A series that was measured while the model was trained; what its recording has lost is told."""
        cache, plan = cache_of(series.checkpoints[0]), self.measurer.plan
        states, lost = recorded(series, cache, plan)
        of_recording = replace(self, measurer=replace(self.measurer, cache=cache))
        found, account = of_recording._in_order(replace(series, checkpoints=()), states, account)
        failed = [Failed(ref, CorruptCheckpoint(ref.path, LOST)) for ref in lost]
        for one in failed:
            self.progress.failed(one.ref, one.error)
        return self._gathered(found), account.after(failed)

    def ahead(self, series: Series, tell: Callable[[str], None]) -> list[CheckpointInSeries]:
        """In a copy of this process, measure a stretch of a series, so that the cache knows it.

        Args:
            tell: is told the identities of what is measured, before the cache has it.

        Returns:
            What could be measured.
        """
        cache = self.measurer.cache
        for ref in series.checkpoints:
            identity = cache.identity(ref.format, ref.members)
            if not cache.measured_on(identity):
                tell(identity)
        measurer = replace(self.measurer, plan=replace(self.measurer.plan, threads=1))
        return replace(self, measurer=measurer)._in_order(series, (), Account())[0]

    def stretch(self, series: Series, account: Account) -> Account:
        """Measure a stretch of a series, so that the cache knows it."""
        return self._in_order(series, (), account)[1]

    def alone(self, refs: Sequence[CheckpointRef], account: Account) -> tuple[list[Measured | None], Account]:
        """Each checkpoint by itself, under the names of the first; None where it cannot be measured."""
        attempts: list[Done | Failed] = []
        first: Measured | None = None
        for ref in refs:
            with KeptOpen() as opened:
                attempts.append(self._attempt(ref, opened, account, first))
            if first is None and isinstance(attempts[-1], Done):
                first = attempts[-1].checkpoint.own
        found = [one.checkpoint if isinstance(one, Done) else None for one in attempts]
        kept = () if self.measurer.cache.keeps else filter(None, found)
        return [one.measured if one else None for one in found], account.after(attempts, kept)

    def _in_order(
        self, series: Series, gone: Sequence[Rotated], account: Account
    ) -> tuple[list[CheckpointInSeries], Account]:
        """The checkpoints of a series and those that are gone, in step order, each paired with its partners.

        Its partners are the one before, the first, which gives the series its names, and the baseline: these stay
        open, so that their values are read beside those of the next.
        """
        found: list[CheckpointInSeries] = []
        attempts: list[Done | Failed] = []
        away = {one.ref.name: one for one in gone}
        refs = [*series.checkpoints, *(one.ref for one in gone)]
        if gone:
            refs.sort(key=lambda ref: ref.step.value or 0)  # only series with steps have any
        with KeptOpen() as opened:
            for ref in refs:
                first = found[0].own if found else None
                partners = [*found[-1:], *found[:1], *self._baseline(first)]
                if (one := away.get(ref.name)) is not None:
                    found.append(self.measurer.recalled(ref, one.identity, one.own, first, partners))
                    continue
                if ref.name in account.failed:
                    continue
                attempt = self._attempt(ref, opened, account, first, partners)
                attempts.append(attempt)
                if isinstance(attempt, Failed):
                    continue
                found.append(attempt.checkpoint)
                remember(self.measurer.cache, series, ref, attempt.checkpoint.identity)
                opened.keep([one.ref for one in (*found[:1], *found[-1:], *self._baseline(first))])
        return found, account.after(attempts)

    def _attempt(
        self,
        ref: CheckpointRef,
        opened: KeptOpen,
        account: Account,
        first: Measured | None,
        partners: Sequence[CheckpointInSeries] = (),
    ) -> Done | Failed:
        """A checkpoint and its changes since the partners, or why it cannot be measured."""
        if self.front:
            self.front.advance()
        try:
            done = twice(ref, lambda now: self.measurer.done(now, opened, first, partners, account.known(now)))
        except CacheDamaged:
            raise
        except Exception as error:
            opened.drop([ref])
            failed = Failed(ref, failure(ref, error, self.settings.settle))
            self.progress.failed(ref, failed.error)
            return failed
        if self.front and done.checkpoint.identity in self.front.told:
            done = replace(done, read=True)
        self._say(done)
        return done

    def _say(self, done: Done) -> None:
        ref, own = done.checkpoint.ref, done.checkpoint.own
        if done.read:
            self.progress.measured(ref, own)
        else:
            self.progress.known(ref)

    def _baseline(self, first: Measured | None) -> list[CheckpointInSeries]:
        """The baseline under the names of a series, told by its first checkpoint."""
        return [] if self.baseline is None else [self.baseline.matched_by(match(first, self.baseline.own))]

    def _gathered(self, found: Sequence[CheckpointInSeries]) -> Gathered:
        baselines = self._baseline(found[0].own if found else None)
        baseline = baselines[0] if baselines else None
        choice = (f"baseline: {self.choice}",) if self.choice else ()
        return Gathered(
            refs=tuple(one.ref for one in found),
            measured=tuple(one.measured for one in found),
            previous=tuple(after.changes_since(before.ref) for before, after in pairwise(found)),
            first=tuple(one.changes_since(found[0].ref) for one in found[1:]),
            baseline=Baseline(shown(self.settings.baseline or ""), baseline.measured) if baseline else None,
            from_baseline=tuple(one.changes_since(baseline.ref) for one in found) if baseline else (),
            notes=(*choice, *notes([one.matched for one in (*found, *baselines)])),
        )


def _of_one_model(gone: Sequence[Rotated], found: Sequence[CheckpointInSeries]) -> list[Rotated]:
    """Those that are gone and hold the same tensors as the next checkpoint that is there."""
    following: dict[str, CheckpointInSeries | None] = {}
    after: CheckpointInSeries | None = None
    for one in reversed(found):
        following[one.ref.name] = after
        if not one.ref.rotated:
            after = one
    return [one for one in gone if (n := following[one.ref.name]) is not None and same_structure(one.own, n.own)]
