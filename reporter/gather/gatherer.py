"""Gather: every checkpoint of a series measured, and paired value by value with those it is compared to.

Nothing is read that the cache knows; what is read is kept there at once, so that a run that is killed goes on from
where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

from reporter.cache import Cache, CacheDamaged
from reporter.errors import CheckpointError, InProgress, RotatedAway, SettingError, translated
from reporter.gather.catalog import only_checkpoint
from reporter.gather.kept_open import Opened
from reporter.gather.layer_names import SAME, Match, match, notes
from reporter.gather.member import Row
from reporter.gather.rotated import Rotated, remember, rotated, same_structure
from reporter.gather.stable_read import failure, twice, unchanged
from reporter.measuring.checkpoint import Plan, measure_checkpoint
from reporter.measuring.pairs import compare_contents
from reporter.model.changes import Changes
from reporter.model.checkpoint import CheckpointRef, Series
from reporter.model.gathered import Baseline, Gathered
from reporter.model.measured import Measured
from reporter.model.tensor import Contents
from reporter.settings.model import Settings
from reporter.terminal.progress import Progress

Work = Callable[[Sequence[Contents]], tuple["T", tuple[Changes, ...]]]
"""From the contents of partners to a result, and the changes since each under the file's own names."""
T = TypeVar("T")


@dataclass(slots=True)
class Gatherer:
    """Measures one series after the other.

    Attributes:
        baseline: the checkpoint that all others are held against.
        failed: by name, why a checkpoint could not be measured; filled while gathering.
        remarks: by name, what to say of one that was measured; filled while gathering.
        read, read_bytes: checkpoints that were measured in this run, and the bytes of their tensors.
    """

    plan: Plan
    settings: Settings
    cache: Cache
    progress: Progress
    baseline: Row | None = None
    failed: dict[str, CheckpointError] = field(default_factory=dict)
    remarks: dict[str, str] = field(default_factory=dict)
    read: int = 0
    read_bytes: int = 0
    _known: dict[str, Measured] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings, cache: Cache, progress: Progress) -> Gatherer:
        """For a run; measures the baseline.

        Raises:
            SettingError: there is no single readable checkpoint at ``settings.baseline``.
        """
        plan = Plan(settings.variables, settings.quantiles, settings.threads)
        gatherer = cls(plan, settings, cache, progress)
        if settings.baseline is not None:
            try:
                ref = only_checkpoint(settings.baseline, settings)
                with Opened() as opened:
                    gatherer.baseline = gatherer._row(None, [], opened, ref)
            except CheckpointError as error:
                raise SettingError(f"baseline: {settings.baseline} cannot be read: {error.reason}") from error
        return gatherer

    def gather(self, series: Series) -> Gathered:
        """Measure a series in step order, with what was rotated away since an earlier run.

        The first checkpoint, the one before and the baseline stay open, so that each is paired with them. The first
        gives the series its names.
        """
        gone = rotated(self.cache, series, self.plan) if self.settings.history else []
        rows = self._rows(series, gone)
        later = {r.ref.name: next((n for n in rows[i:] if not n.ref.rotated), None) for i, r in enumerate(rows)}
        kept = [g for g in gone if (n := later[g[0].name]) is not None and same_structure(g[2], n.own)]
        if len(kept) < len(gone):  # some are of another model
            rows = self._rows(series, kept)
        return self._gathered(rows)

    def alone(self, refs: Sequence[CheckpointRef]) -> list[Measured | None]:
        """Each checkpoint by itself, under the names of the first; None where it cannot be measured."""
        found: list[Measured | None] = []
        first: Measured | None = None
        for ref in refs:
            with Opened() as opened:
                row = self._tried(ref, first, [], opened)
            found.append(row.measured if row is not None else None)
            if row is not None:
                first = first or row.own
                if not self.cache.keeps:
                    self._known[ref.name] = row.own
        return found

    def _tried(self, ref: CheckpointRef, first: Measured | None, partners: Sequence[Row], opened: Opened) -> Row | None:
        """A checkpoint and its changes since the partners; None, and the error noted, where it cannot be measured."""
        try:
            return twice(ref, partial(self._row, first, partners, opened))
        except CacheDamaged:
            raise
        except Exception as error:
            opened.drop([ref])
            self.failed[ref.name] = failure(ref, error, self.settings.settle)
            self.progress.failed(ref, self.failed[ref.name])
            return None

    def _rows(self, series: Series, gone: Sequence[Rotated]) -> list[Row]:
        rows: list[Row] = []
        known = {ref.name: (identity, numbers) for ref, identity, numbers in gone}
        refs = [*series.checkpoints, *(ref for ref, _, _ in gone)]
        if gone:
            refs.sort(key=lambda ref: ref.step.value or 0)  # only series with steps have any
        with Opened() as opened:
            for ref in refs:
                first = rows[0].own if rows else None
                partners = [*rows[-1:], *rows[:1], *self._baseline(first)]
                if ref.name in known:
                    identity, numbers = known[ref.name]
                    rows.append(Row(ref, identity, numbers, _matched(first, numbers)))
                    self._recall(rows[-1], partners)
                    continue
                if ref.name in self.failed:
                    continue
                row = self._tried(ref, first, partners, opened)
                if row is None:
                    continue
                rows.append(row)
                remember(self.cache, series, ref, row.identity)
                opened.keep([row.ref for row in (*rows[:1], *rows[-1:], *self._baseline(first))])
        return rows

    def _baseline(self, first: Measured | None) -> list[Row]:
        """The baseline under the names of a series, told by its first checkpoint."""
        if self.baseline is None:
            return []
        return [self.baseline.matched_by(_matched(first, self.baseline.own))]

    def _gathered(self, rows: Sequence[Row]) -> Gathered:
        baselines = self._baseline(rows[0].own if rows else None)
        baseline = baselines[0] if baselines else None
        return Gathered(
            refs=tuple(row.ref for row in rows),
            measured=tuple(row.measured for row in rows),
            previous=tuple(b.changes_since(a.ref) for a, b in pairwise(rows)),
            first=tuple(row.changes_since(rows[0].ref) for row in rows[1:]),
            baseline=Baseline(str(self.settings.baseline), baseline.measured) if baseline else None,
            from_baseline=tuple(row.changes_since(baseline.ref) for row in rows) if baseline else (),
            notes=notes([row.matched for row in (*rows, *baselines)]),
        )

    def _row(self, first: Measured | None, partners: Sequence[Row], opened: Opened, ref: CheckpointRef) -> Row:
        """A checkpoint and its changes since the partners, from the cache as far as it goes.

        Args:
            first: the checkpoint that gives the series its names, None for itself.
        """
        opened.drop([ref])  # of a first try
        known = self.cache.identity(ref.format, ref.members)
        unchanged(ref)
        numbers = self._known.pop(ref.name, None) or self.cache.measured(known, self.plan)
        row = None if numbers is None else Row(ref, known, numbers, _matched(first, numbers))
        if row is not None:
            self._recall(row, partners)
        left = {p.ref.path: p for p in partners if row is None or p.ref.path not in row.pairs}.values()
        present = [p for p in left if not p.ref.rotated]
        if row is None:
            row = self._measured(ref, known, first, present, opened)
            self.read += 1
            self.read_bytes += row.own.nbytes
            self.progress.measured(ref, row.own)
        else:
            if present:
                contents = opened.contents(ref)
                _, pairs = self._with_partners(
                    ref, row.matched, present, opened, lambda others: (None, _paired(contents, others))
                )
                self._keep(row, present, pairs)
            self.progress.known(ref)
        return row

    def _recall(self, row: Row, partners: Sequence[Row]) -> None:
        """The changes that are in the cache."""
        for partner in partners:
            changes = self.cache.changes(row.pair_key(partner), row.identity, row.own)
            if changes is not None:
                row.pairs[partner.ref.path] = changes

    def _measured(
        self, ref: CheckpointRef, known: str, first: Measured | None, partners: Sequence[Row], opened: Opened
    ) -> Row:
        """Measure a checkpoint, and pair it with those of its partners that can still be read."""
        contents = opened.contents(ref)
        if ref.step.stored is not None and contents.step != ref.step.stored:
            # Rewritten since it was put in its place: what is in it now belongs to another one.
            raise InProgress(
                ref.path, f"it was at step {ref.step.stored} when it was found, and is at {contents.step} now"
            )
        full = self.cache.plan(known, self.plan)
        matched = SAME if first is None else match(first, contents)
        numbers, pairs = self._with_partners(
            ref,
            matched,
            partners,
            opened,
            lambda others: measure_checkpoint(contents, full, others),
        )
        unchanged(ref)
        row = Row(ref, known, self.cache.keep(known, ref, contents, full, numbers, self.plan), matched)
        self._keep(row, partners, pairs)
        return row

    def _keep(self, row: Row, partners: Sequence[Row], pairs: Mapping[Path, Changes]) -> None:
        for partner in partners:
            if partner.ref.path in pairs:
                changes = pairs[partner.ref.path]
                row.pairs[partner.ref.path] = self.cache.keep_changes(
                    row.pair_key(partner), row.identity, row.own, changes
                )

    def _with_partners(
        self, ref: CheckpointRef, matched: Match, partners: Sequence[Row], opened: Opened, work: Work[T]
    ) -> tuple[T, dict[Path, Changes]]:
        """Work on a checkpoint beside others; trouble with one of those costs only the pair with it."""
        ready: dict[Path, tuple[CheckpointRef, Contents]] = {}
        for partner in partners:
            try:
                ready[partner.ref.path] = partner.ref, partner.contents(opened, matched)
            except CheckpointError as error:
                self._lost(partner.ref, ref, error)
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
                    self._lost(one, ref, error)
                    del ready[one.path]
        pairs = dict(zip(ready, changes, strict=True))
        for one, _ in ready.values():
            if _overwritten(one):
                self._lost(one, ref, InProgress(one.path, "it was rewritten"))
                del pairs[one.path]
        return result, pairs

    def _lost(self, partner: CheckpointRef, ref: CheckpointRef, error: Exception) -> None:
        """A partner that was measured, and could not be read again: its numbers stand."""
        self.remarks.setdefault(
            partner.name,
            f"after it had been measured: {translated(partner.path, error).reason}; its numbers stand, but its values "
            f"could not be compared with those of {ref.name}",
        )


def _matched(first: Measured | None, numbers: Measured) -> Match:
    return SAME if first is None else match(first, numbers)


def _paired(contents: Contents, partners: Sequence[Contents]) -> tuple[Changes, ...]:
    return tuple(compare_contents(partner, contents) for partner in partners)


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
