"""Gather: every checkpoint of a series measured, and paired value by value with those it is compared to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from pathlib import Path

from reporter.catalog import only_checkpoint, open_checkpoint
from reporter.errors import CheckpointError, InProgress, RotatedAway, SettingError, translated
from reporter.matching import SAME, Match, match, notes, renamed
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
Pairs = dict[Path, Changes]
"""Path of an earlier checkpoint -> the exact changes since it."""


@dataclass(frozen=True, slots=True)
class Gatherer:
    """Measures one series after the other.

    Attributes:
        baseline: the checkpoint that all others are held against, with its numbers.
        failed: by name, why a checkpoint could not be measured; filled while gathering.
        remarks: by name, what to say of one that was measured; filled while gathering.
    """

    plan: Plan
    settle: float
    progress: Progress
    baseline: tuple[CheckpointRef, Baseline] | None = None
    failed: dict[str, CheckpointError] = field(default_factory=dict)
    remarks: dict[str, str] = field(default_factory=dict)

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

        The first checkpoint, the one before and the baseline stay open, so that each is paired with them. The first
        gives the series its names.
        """
        rows: list[_Row] = []
        with Opened() as opened:
            for ref in series.checkpoints:
                try:
                    rows.append(twice(ref, partial(self._row, rows, opened)))
                except Exception as error:
                    opened.drop([ref])
                    self.failed[ref.name] = failure(ref, error, self.settle)
                    self.progress.failed(ref, self.failed[ref.name])
                    continue
                opened.keep([rows[0].ref, rows[-1].ref, *([self.baseline[0]] if self.baseline else [])])
                self.progress.measured(ref, rows[-1].numbers)
        return self._gathered(rows)

    def _row(self, rows: Sequence[_Row], opened: Opened, ref: CheckpointRef) -> _Row:
        """Measure a checkpoint, and pair it with those of its partners that can still be read."""
        opened.drop([ref])  # of a first try
        contents = opened.contents(ref)
        if ref.step.source == "in-file" and contents.step != ref.step.value:
            # Rewritten since it was put in its place: what is in it now belongs to another one.
            raise InProgress(ref.path, f"it was at step {ref.step} when it was found, and is at {contents.step} now")
        ready: dict[Path, tuple[CheckpointRef, Contents]] = {}
        for partner in self._partners(rows):
            if partner.path not in ready:
                try:
                    ready[partner.path] = partner, opened.contents(partner)
                except CheckpointError as error:
                    self._lost(partner, ref, error)
        while True:
            try:
                numbers, matched, changes = self._measure(rows, contents, ready)
                break
            except Exception as error:
                if not ready or _concerns(error, ref):
                    raise
                blamed = [p for p, _ in ready.values() if _concerns(error, p)] or [p for p, _ in ready.values()]
                opened.drop(blamed)
                for partner in blamed:
                    self._lost(partner, ref, error)
                    del ready[partner.path]
        pairs = dict(zip(ready, changes, strict=True))
        for partner, _ in ready.values():
            if _overwritten(partner):
                self._lost(partner, ref, InProgress(partner.path, "it was rewritten"))
                del pairs[partner.path]
        return _Row(ref, renamed(numbers, matched), matched, pairs)

    def _partners(self, rows: Sequence[_Row]) -> Iterator[CheckpointRef]:
        if rows:
            yield from (rows[-1].ref, rows[0].ref)
        if self.baseline:
            yield self.baseline[0]

    def _measure(
        self, rows: Sequence[_Row], contents: Contents, partners: Mapping[Path, tuple[CheckpointRef, Contents]]
    ) -> tuple[Measured, Match, tuple[Changes, ...]]:
        """Measure, and pair with others that are open, under the names of the series."""
        numbers = measure_checkpoint(contents, self.plan)
        matched = match(rows[0].numbers, numbers) if rows else SAME
        names = {row.ref.path: row.matched.tensors for row in rows}
        if self.baseline:
            first = rows[0].numbers if rows else numbers
            names.setdefault(self.baseline[0].path, match(first, self.baseline[1].measured).tensors)
        changes = (compare_contents(c, contents, names[p], matched.tensors) for p, (_, c) in partners.items())
        return numbers, matched, tuple(changes)

    def _lost(self, partner: CheckpointRef, ref: CheckpointRef, error: Exception) -> None:
        """A partner that was measured, and could not be read again: its numbers stand."""
        self.remarks.setdefault(
            partner.name,
            f"after it had been measured: {translated(partner.path, error).reason}; its numbers stand, but its values "
            f"could not be compared with those of {ref.name}",
        )

    def _gathered(self, rows: Sequence[_Row]) -> Gathered:
        baseline = self.baseline[1] if self.baseline else None
        at = self.baseline[0].path if self.baseline else None
        matches = [row.matched for row in rows]
        if baseline and rows:
            matches.append(match(rows[0].numbers, baseline.measured))
            baseline = replace(baseline, measured=renamed(baseline.measured, matches[-1]))
        return Gathered(
            refs=tuple(row.ref for row in rows),
            measured=tuple(row.numbers for row in rows),
            previous=tuple(b.pairs.get(a.ref.path, {}) for a, b in pairwise(rows)),
            first=tuple(row.pairs.get(rows[0].ref.path, {}) for row in rows[1:]),
            baseline=baseline,
            from_baseline=tuple(row.pairs.get(at, {}) for row in rows) if at else (),
            notes=notes(matches),
        )


@dataclass(frozen=True, slots=True)
class _Row:
    """A measured checkpoint under the names of its series, and the exact changes since earlier ones."""

    ref: CheckpointRef
    numbers: Measured
    matched: Match
    pairs: Pairs


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
