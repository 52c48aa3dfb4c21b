"""Gather: every checkpoint of a series measured, and paired value by value with those it is compared to."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from reporter.catalog import only_checkpoint, open_checkpoint, translated
from reporter.discover import settled
from reporter.errors import CheckpointError, InProgress, RotatedAway, SettingError
from reporter.measuring.checkpoint import Plan, measure_checkpoint
from reporter.measuring.pairs import compare_contents
from reporter.model.change import Change
from reporter.model.checkpoint import CheckpointRef, Series
from reporter.model.gathered import Baseline, Gathered
from reporter.model.measured import Measured
from reporter.model.tensor import Contents
from reporter.opened import Opened, unchanged
from reporter.progress import Progress
from reporter.settings import Settings

Changes = Mapping[str, Change]
Pairs = dict[Path, Changes]
"""Path of an earlier checkpoint -> the exact changes since it."""


@dataclass(frozen=True, slots=True)
class Gatherer:
    """Measures one series after the other.

    Attributes:
        baseline: the checkpoint that all others are held against, with its numbers.
        failed: by name, why a checkpoint could not be measured; filled while gathering.
    """

    plan: Plan
    settle: float
    progress: Progress
    baseline: tuple[CheckpointRef, Baseline] | None = None
    failed: dict[str, CheckpointError] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings, progress: Progress) -> Gatherer:
        """For a run; measures the baseline.

        Raises:
            SettingError: there is no single readable checkpoint at ``settings.baseline``.
        """
        plan = Plan(settings.variables, settings.quantiles)
        if settings.baseline is None:
            return cls(plan, settings.settle, progress)
        ref = only_checkpoint(settings.baseline, settings)
        try:
            with open_checkpoint(ref.format, ref.path) as contents:
                baseline = Baseline(str(settings.baseline), measure_checkpoint(contents, plan))
        except CheckpointError as error:
            raise SettingError(f"baseline: {settings.baseline} cannot be read: {error.reason}") from error
        return cls(plan, settings.settle, progress, (ref, baseline))

    def gather(self, series: Series) -> Gathered:
        """Measure a series in step order.

        The first checkpoint, the one before and the baseline stay open, so that each is paired with them.
        """
        rows: list[tuple[CheckpointRef, Measured, Pairs]] = []
        baseline = [self.baseline[0]] if self.baseline else []
        with Opened() as opened:
            for ref in series.checkpoints:
                partners = [rows[-1][0], rows[0][0]] if rows else []
                try:
                    numbers, pairs = _read(ref, [*partners, *baseline], self.plan, opened)
                except Exception as error:
                    opened.drop([ref])
                    self.failed[ref.name] = _failure(ref, error, self.settle)
                    self.progress.failed(ref, self.failed[ref.name])
                    continue
                rows.append((ref, numbers, pairs))
                opened.keep([rows[0][0], ref, *baseline])
                self.progress.measured(ref, numbers)
        return Gathered(
            refs=tuple(ref for ref, _, _ in rows),
            measured=tuple(numbers for _, numbers, _ in rows),
            previous=tuple(rows[i + 1][2].get(rows[i][0].path, {}) for i in range(len(rows) - 1)),
            first=tuple(pairs.get(rows[0][0].path, {}) for _, _, pairs in rows[1:]),
            baseline=self.baseline[1] if self.baseline else None,
            from_baseline=tuple(pairs.get(ref.path, {}) for _, _, pairs in rows for ref in baseline),
        )


def _read(ref: CheckpointRef, partners: Sequence[CheckpointRef], plan: Plan, opened: Opened) -> tuple[Measured, Pairs]:
    """Measure a checkpoint, and pair it with those of its partners that can still be read."""
    contents = opened.contents(ref)
    ready: dict[Path, tuple[CheckpointRef, Contents]] = {}
    for partner in partners:
        if partner.path not in ready:
            try:
                ready[partner.path] = partner, opened.contents(partner)
            except CheckpointError:
                continue  # gone or damaged since it was measured: there is no exact pair with it
    while True:
        try:
            numbers, changes = _measure(contents, plan, [c for _, c in ready.values()])
            break
        except Exception as error:
            if not ready or _concerns(error, ref):
                raise
            blamed = [p for p, _ in ready.values() if _concerns(error, p)] or [p for p, _ in ready.values()]
            opened.drop(blamed)
            for partner in blamed:
                del ready[partner.path]
    unchanged(ref)
    pairs = dict(zip(ready, changes, strict=True))
    return numbers, {path: pairs[path] for path, (partner, _) in ready.items() if not _overwritten(partner)}


def _measure(contents: Contents, plan: Plan, against: Sequence[Contents]) -> tuple[Measured, tuple[Changes, ...]]:
    """Measure, and pair with others that are open."""
    return measure_checkpoint(contents, plan), tuple(compare_contents(other, contents) for other in against)


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


def _failure(ref: CheckpointRef, error: Exception, settle: float) -> CheckpointError:
    known = translated(ref.path, error)
    state, reason = settled(known.reason, known.state, ref.mtime_ns, settle, time.time())
    return InProgress(ref.path, reason) if state != known.state else known
