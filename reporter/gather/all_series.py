"""Everything that was found, gathered series by series and compared; and what became of every file."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

from reporter.ahead import worked_ahead
from reporter.cache import Cache
from reporter.compare import compare
from reporter.compare.same_weights import with_twins
from reporter.errors import State
from reporter.gather.account import Account
from reporter.gather.gatherer import Gatherer
from reporter.gather.last_checkpoint import keep_ahead, with_deployment
from reporter.gather.runs import apart, settled
from reporter.gather.stretches import copies, stretches
from reporter.model.checkpoint import CheckpointRef, FileEntry, Found, Series
from reporter.model.comparison import Comparison
from reporter.model.natural_order import natural
from reporter.settings.model import Settings
from reporter.terminal.progress import Progress

Clock = Callable[[str], AbstractContextManager[None]]
"""From the name of a stage to a context whose time counts as that of the stage."""


def gather_all(
    found: Found, settings: Settings, cache: Cache, progress: Progress, clock: Clock
) -> tuple[tuple[Comparison, ...], Account]:
    """Measure and compare every series.

    A series whose values show that it holds several trainings is gathered again as several, each in its own right.

    Returns:
        The compared series, and the account of what became of every checkpoint.
    """
    with clock("measure"):
        gatherer, account = Gatherer.begin(settings, cache, progress)
    result: list[Comparison] = []
    further = copies(found, settings, cache)
    last = {series.checkpoints[-1].name for series in found.series}

    def ahead(stretch: Series, tell: Callable[[str], None]) -> None:
        for checkpoint in gatherer.ahead(stretch, tell):
            if checkpoint.ref.name in last:
                keep_ahead(checkpoint, settings, cache)

    with (
        worked_ahead(stretches(found.series), ahead, further) as front,
        progress.counting(sum(len(s.checkpoints) for s in found.series)),
    ):
        gatherer = replace(gatherer, front=front)
        with clock("measure"):
            ordered, account = settled(found.series, gatherer, account)
        waiting = deque(ordered)
        while waiting:
            series = waiting.popleft()
            with clock("measure"):
                gathered, account = gatherer.gather(series, account)
            with clock("compare"):
                if not gathered.refs:
                    continue
                comparison = compare(series, gathered)
                runs = apart(series, comparison)
            if runs:
                waiting.extendleft(reversed(runs))
                continue
            with clock("deployment"):
                result.append(with_deployment(comparison, settings, cache))
    return with_twins(result), account


def file_entries(found: Found, series: Sequence[Comparison], account: Account) -> tuple[FileEntry, ...]:
    """What discovery listed, brought up to what became of it, and checkpoints of which only the numbers are left."""
    measured = {ref.name: s.name for s in series for ref in s.refs}
    recorded = {ref.name for s in series for ref in s.refs if ref.recorded}
    empty = {ref.name for s in series for ref, m in zip(s.refs, s.measured, strict=True) if m.empty}
    result = [
        FileEntry(ref.name, ref.format, State.ROTATED_AWAY, _kept(ref), ref.step.value, s.name)
        for s in series
        for ref in s.refs
        if ref.rotated
    ]
    for entry in found.files:
        if entry.state is State.FOUND:
            error = account.failed.get(entry.path) if entry.path not in measured else None
            remark = account.remarks.get(entry.path, "")
            state, reason = (error.state, error.reason) if error else (State.MEASURED, remark)
            if entry.path in recorded and not error:
                state, reason = State.RECORDED, "measured in memory while the model was trained; there is no file of it"
            if entry.path in empty:
                state, reason = State.EMPTY, "it holds no numbers: there is nothing to measure"
            entry = replace(entry, state=state, reason=reason, series=measured.get(entry.path, entry.series))
        result.append(entry)
    return tuple(sorted(result, key=lambda e: natural(e.path)))


def _kept(ref: CheckpointRef) -> str:
    return f"its files are gone; measured on {ref.rotated}, and in the trend with the numbers of that day"
