"""Gather: every checkpoint of a series measured, and paired value by value with those it is compared to.

Nothing is read that the cache knows; what is read is kept there at once, so that a run that is killed goes on from
where it was.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

from reporter.cache import Cache, CacheDamaged
from reporter.catalog import only_checkpoint, translated
from reporter.discover import settled
from reporter.errors import CheckpointError, InProgress, RotatedAway, SettingError
from reporter.history import Rotated, remember, rotated, same_structure
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
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Row:
    """A measured checkpoint.

    Attributes:
        identity: in the cache; "" without one.
        pairs: by the path of an earlier checkpoint, the exact changes since it.
    """

    ref: CheckpointRef
    identity: str
    measured: Measured
    pairs: dict[Path, Changes] = field(default_factory=dict)


@dataclass(slots=True)
class Gatherer:
    """Measures one series after the other.

    Attributes:
        baseline: the checkpoint that all others are held against.
        failed: by name, why a checkpoint could not be measured; filled while gathering.
        read, read_bytes: checkpoints that were measured in this run, and the bytes of their tensors.
    """

    plan: Plan
    settings: Settings
    cache: Cache
    progress: Progress
    baseline: Row | None = None
    failed: dict[str, CheckpointError] = field(default_factory=dict)
    read: int = 0
    read_bytes: int = 0

    @classmethod
    def of(cls, settings: Settings, cache: Cache, progress: Progress) -> Gatherer:
        """For a run; measures the baseline.

        Raises:
            SettingError: there is no single readable checkpoint at ``settings.baseline``.
        """
        gatherer = cls(Plan(settings.variables, settings.quantiles), settings, cache, progress)
        if settings.baseline is not None:
            ref = only_checkpoint(settings.baseline, settings)
            try:
                with Opened() as opened:
                    gatherer.baseline = gatherer._row(ref, [], opened)
            except CheckpointError as error:
                raise SettingError(f"baseline: {settings.baseline} cannot be read: {error.reason}") from error
        return gatherer

    def gather(self, series: Series) -> Gathered:
        """Measure a series in step order, with what was rotated away since an earlier run.

        The first checkpoint, the one before and the baseline stay open, so that each is paired with them.
        """
        gone = rotated(self.cache, series, self.plan) if self.settings.history else []
        rows = self._rows(series, gone)
        later = {r.ref.name: next((n for n in rows[i:] if not n.ref.rotated), None) for i, r in enumerate(rows)}
        kept = [g for g in gone if (n := later[g[0].name]) is not None and same_structure(g[2], n.measured)]
        if len(kept) < len(gone):  # some are of another model
            rows = self._rows(series, kept)
        return self._gathered(rows)

    def _rows(self, series: Series, gone: Sequence[Rotated]) -> list[Row]:
        baseline = [self.baseline] if self.baseline else []
        rows: list[Row] = []
        known = {ref.name: Row(ref, identity, numbers) for ref, identity, numbers in gone}
        refs = [*series.checkpoints, *(row.ref for row in known.values())]
        if gone:
            refs.sort(key=lambda ref: ref.step.value or 0)  # only series with steps have any
        with Opened() as opened:
            for ref in refs:
                partners = [*rows[-1:], *rows[:1], *baseline]
                if ref.name in known:
                    self._recall(known[ref.name], partners)
                    rows.append(known[ref.name])
                    continue
                if ref.name in self.failed:
                    continue
                try:
                    row = self._row(ref, partners, opened)
                except CacheDamaged:
                    raise
                except Exception as error:
                    opened.drop([ref])
                    self.failed[ref.name] = _failure(ref, error, self.settings.settle)
                    self.progress.failed(ref, self.failed[ref.name])
                    continue
                rows.append(row)
                remember(self.cache, series, ref, row.identity)
                opened.keep([row.ref for row in (*rows[:1], *rows[-1:], *baseline)])
        return rows

    def _gathered(self, rows: Sequence[Row]) -> Gathered:
        return Gathered(
            refs=tuple(row.ref for row in rows),
            measured=tuple(row.measured for row in rows),
            previous=tuple(b.pairs.get(a.ref.path, {}) for a, b in pairwise(rows)),
            first=tuple(row.pairs.get(rows[0].ref.path, {}) for row in rows[1:]),
            baseline=Baseline(str(self.settings.baseline), self.baseline.measured) if self.baseline else None,
            from_baseline=tuple(row.pairs.get(self.baseline.ref.path, {}) for row in rows) if self.baseline else (),
        )

    def _row(self, ref: CheckpointRef, partners: Sequence[Row], opened: Opened) -> Row:
        """A checkpoint and its changes since the partners, from the cache as far as it goes."""
        known = self.cache.identity(ref.format, ref.members)
        unchanged(ref)
        numbers = self.cache.measured(known, self.plan)
        row = None if numbers is None else Row(ref, known, numbers)
        if row is not None:
            self._recall(row, partners)
        left = [p for p in partners if row is None or p.ref.path not in row.pairs]
        left = [p for p in {p.ref.path: p for p in left}.values() if not p.ref.rotated]
        if row is None:
            row = self._measured(ref, known, left, opened)
            self.read += 1
            self.read_bytes += row.measured.nbytes
            self.progress.measured(ref, row.measured)
        else:
            if left:
                contents = opened.contents(ref)
                _, pairs = _with_partners(
                    ref, left, opened, lambda others: (None, tuple(compare_contents(o, contents) for o in others))
                )
                self._keep(row, left, pairs)
            self.progress.known(ref)
        return row

    def _recall(self, row: Row, partners: Sequence[Row]) -> None:
        """The changes that are in the cache."""
        for partner in partners:
            changes = self.cache.changes(partner.identity, row.identity, row.measured)
            if changes is not None:
                row.pairs[partner.ref.path] = changes

    def _measured(self, ref: CheckpointRef, known: str, partners: Sequence[Row], opened: Opened) -> Row:
        """Measure a checkpoint, and pair it with those of its partners that can still be read."""
        contents = opened.contents(ref)
        full = self.cache.plan(known, self.plan)
        numbers, pairs = _with_partners(ref, partners, opened, lambda others: _measure(contents, full, others))
        unchanged(ref)
        row = Row(ref, known, self.cache.keep(known, ref, contents, full, numbers, self.plan))
        self._keep(row, partners, pairs)
        return row

    def _keep(self, row: Row, partners: Sequence[Row], pairs: Mapping[Path, Changes]) -> None:
        for partner in partners:
            if partner.ref.path in pairs:
                changes = pairs[partner.ref.path]
                row.pairs[partner.ref.path] = self.cache.keep_changes(
                    partner.identity, row.identity, row.measured, changes
                )


def _measure(contents: Contents, plan: Plan, against: Sequence[Contents]) -> tuple[Measured, tuple[Changes, ...]]:
    """Measure, and pair with others that are open."""
    return measure_checkpoint(contents, plan), tuple(compare_contents(other, contents) for other in against)


def _with_partners(
    ref: CheckpointRef,
    partners: Sequence[Row],
    opened: Opened,
    work: Callable[[Sequence[Contents]], tuple[T, tuple[Changes, ...]]],
) -> tuple[T, dict[Path, Changes]]:
    """Work on a checkpoint beside others; trouble with one of those costs only the pair with it."""
    ready: dict[Path, tuple[CheckpointRef, Contents]] = {}
    for partner in partners:
        try:
            ready[partner.ref.path] = partner.ref, opened.contents(partner.ref)
        except CheckpointError:
            continue  # gone or damaged since it was measured: there is no exact pair with it
    while True:
        try:
            result, changes = work([contents for _, contents in ready.values()])
            break
        except Exception as error:
            if not ready or _concerns(error, ref):
                raise
            blamed = [p for p, _ in ready.values() if _concerns(error, p)] or [p for p, _ in ready.values()]
            opened.drop(blamed)
            for one in blamed:
                del ready[one.path]
    pairs = dict(zip(ready, changes, strict=True))
    return result, {path: pairs[path] for path, (partner, _) in ready.items() if not _overwritten(partner)}


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
