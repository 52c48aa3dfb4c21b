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

from reporter.cache import Cache, CacheDamaged
from reporter.catalog import only_checkpoint
from reporter.errors import CheckpointError, InProgress, RotatedAway, SettingError, translated
from reporter.history import Rotated, remember, rotated, same_structure
from reporter.matching import SAME, match, notes, renamed
from reporter.measuring.checkpoint import Plan, measure_checkpoint
from reporter.measuring.pairs import compare_contents
from reporter.model.change import Change
from reporter.model.checkpoint import CheckpointRef, Series
from reporter.model.gathered import Baseline, Gathered
from reporter.model.measured import Measured
from reporter.model.tensor import Contents
from reporter.opened import Opened
from reporter.progress import Progress
from reporter.settings import Settings
from reporter.steady import failure, twice, unchanged

Changes = Mapping[str, Change]


@dataclass(frozen=True, slots=True)
class Row:
    """A measured checkpoint.

    Attributes:
        identity: in the cache; "" without one.
        measured: under the names that the file has.
        pairs: by the path of an earlier checkpoint, the exact changes since it; under the names that this file has.
    """

    ref: CheckpointRef
    identity: str
    measured: Measured
    pairs: dict[Path, Changes] = field(default_factory=dict)


Beside = tuple[Row, Contents]
"""A measured checkpoint that is open."""


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
                    gatherer.baseline = gatherer._row([], opened, ref)
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
                    row = twice(ref, partial(self._row, partners, opened))
                except CacheDamaged:
                    raise
                except Exception as error:
                    opened.drop([ref])
                    self.failed[ref.name] = failure(ref, error, self.settings.settle)
                    self.progress.failed(ref, self.failed[ref.name])
                    continue
                rows.append(row)
                remember(self.cache, series, ref, row.identity)
                opened.keep([row.ref for row in (*rows[:1], *rows[-1:], *baseline)])
        return rows

    def _gathered(self, rows: Sequence[Row]) -> Gathered:
        """All under the names of the first."""
        matches = [match(rows[0].measured, row.measured) for row in rows]
        baseline, since = None, Path()
        if self.baseline:
            found = match(rows[0].measured, self.baseline.measured) if rows else SAME
            matches.append(found)
            baseline = Baseline(str(self.settings.baseline), renamed(self.baseline.measured, found))
            since = self.baseline.ref.path

        def changes(at: int, since: Path) -> Changes:
            names, pairs = matches[at].tensors, rows[at].pairs.get(since, {})
            return {names.get(name, name): change for name, change in pairs.items()} if names else pairs

        return Gathered(
            refs=tuple(row.ref for row in rows),
            measured=tuple(renamed(row.measured, found) for row, found in zip(rows, matches, strict=False)),
            previous=tuple(changes(i + 1, a.ref.path) for i, (a, _) in enumerate(pairwise(rows))),
            first=tuple(changes(i, rows[0].ref.path) for i in range(1, len(rows))),
            baseline=baseline,
            from_baseline=tuple(changes(i, since) for i in range(len(rows))) if baseline else (),
            notes=notes(matches),
        )

    def _row(self, partners: Sequence[Row], opened: Opened, ref: CheckpointRef) -> Row:
        """A checkpoint and its changes since the partners, from the cache as far as it goes."""
        opened.drop([ref])  # of a first try
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
                work = partial(_compared, row.measured, opened.contents(ref))
                self._keep(row, left, self._with_partners(ref, left, opened, work)[1])
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
        if ref.step.source == "in-file" and contents.step != ref.step.value:
            # Rewritten since it was put in its place: what is in it now belongs to another one.
            raise InProgress(ref.path, f"it was at step {ref.step} when it was found, and is at {contents.step} now")
        full = self.cache.plan(known, self.plan)
        numbers, pairs = self._with_partners(ref, partners, opened, partial(_measure, contents, full))
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

    def _with_partners(
        self,
        ref: CheckpointRef,
        partners: Sequence[Row],
        opened: Opened,
        work: Callable[[Sequence[Beside]], tuple[Measured, tuple[Changes, ...]]],
    ) -> tuple[Measured, dict[Path, Changes]]:
        """Work on a checkpoint beside others; trouble with one of those costs only the pair with it."""
        ready: dict[Path, Beside] = {}
        for partner in partners:
            try:
                ready[partner.ref.path] = partner, opened.contents(partner.ref)
            except CheckpointError as error:
                self._lost(partner, ref, error)
        while True:
            try:
                result, changes = work(list(ready.values()))
                break
            except Exception as error:
                if not ready or _concerns(error, ref):
                    raise
                blamed = [p for p, _ in ready.values() if _concerns(error, p.ref)] or [p for p, _ in ready.values()]
                opened.drop([p.ref for p in blamed])
                for one in blamed:
                    self._lost(one, ref, error)
                    del ready[one.ref.path]
        pairs = dict(zip(ready, changes, strict=True))
        for partner, _ in ready.values():
            if _overwritten(partner.ref):
                self._lost(partner, ref, InProgress(partner.ref.path, "it was written to"))
                del pairs[partner.ref.path]
        return result, pairs

    def _lost(self, partner: Row, ref: CheckpointRef, error: Exception) -> None:
        """A partner that was measured, and could not be read again: its numbers stand."""
        self.remarks.setdefault(
            partner.ref.name,
            f"after it had been measured: {translated(partner.ref.path, error).reason}; its numbers stand, but its "
            f"values could not be compared with those of {ref.name}",
        )


def _measure(contents: Contents, plan: Plan, others: Sequence[Beside]) -> tuple[Measured, tuple[Changes, ...]]:
    """Measure, and pair with others that are open."""
    return _compared(measure_checkpoint(contents, plan), contents, others)


def _compared(numbers: Measured, contents: Contents, others: Sequence[Beside]) -> tuple[Measured, tuple[Changes, ...]]:
    """Pair with others that are open, whose layers may go by other automatic numbers."""
    pairs = (compare_contents(other, contents, match(numbers, row.measured).tensors) for row, other in others)
    return numbers, tuple(pairs)


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
