"""What there is to do, divided into tasks; and the parts of large checkpoints, put together as they come back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reporter.cache import Cache
from reporter.cache.container import Unusable
from reporter.cluster.parts import Part, parts_of
from reporter.cluster.task import Kept, Stretch, Task
from reporter.errors import CheckpointError
from reporter.gather.catalog import only_checkpoint
from reporter.gather.last_checkpoint import VERSION
from reporter.gather.stretches import LENGTH, stretches
from reporter.model.checkpoint import CheckpointRef, Found, Series
from reporter.settings.model import Settings

PARTS = 4
"""Stretches for each worker at least, where there are so many checkpoints: so all end at about the same time."""


def divided(found: Found, settings: Settings, cache: Cache, workers: int) -> list[Task]:
    """The tasks, as far as the cache does not know what comes of them; in order.

    Args:
        found: every series.
        settings: of the run; its baseline is a checkpoint of its own.
        cache: of this machine.
        workers: how many there are.
    """
    baseline = _baseline(settings)
    refs = sum(len(series.checkpoints) for series in found.series)
    length = max(1, min(LENGTH, refs // (workers * PARTS)))
    tasks: list[Task] = []
    if baseline is not None and parts_of(baseline) > 1 and not _is_known(baseline, cache):
        tasks += _parts(baseline, (), None, last=False)
    for series in found.series:
        is_large = any(parts_of(ref) > 1 for ref in series.checkpoints)
        for _, stretch in stretches([series], 1 if is_large else length, doubtful=True):
            last = stretch.checkpoints[-1] is series.checkpoints[-1]
            if not is_large:
                if not all(_is_known(ref, cache) for ref in stretch.checkpoints):
                    tasks.append(Stretch(stretch, last))
            elif not _is_known(stretch.checkpoints[-1], cache):
                tasks += _parts_of_last(stretch, baseline, last=last)
    return tasks


def _baseline(settings: Settings) -> CheckpointRef | None:
    """The checkpoint that all others are held against; None where there is none, or the run will say what is wrong."""
    if settings.baseline is None:
        return None
    try:
        return only_checkpoint(settings.baseline, settings).ref
    except CheckpointError:
        return None


def _is_known(ref: CheckpointRef, cache: Cache) -> bool:
    return bool(cache.measured_on(cache.identity(ref.format, ref.members)))


def _parts_of_last(stretch: Series, baseline: CheckpointRef | None, *, last: bool) -> Iterator[Part]:
    """The parts of the last checkpoint of a stretch, which begins with what that is compared with."""
    *earlier, ref = stretch.checkpoints
    further = [] if baseline is None else [baseline]
    return _parts(ref, (*earlier, *further), earlier[0] if earlier else None, last=last)


def _parts(
    ref: CheckpointRef, earlier: tuple[CheckpointRef, ...], first: CheckpointRef | None, *, last: bool
) -> Iterator[Part]:
    number = parts_of(ref)
    return (Part(ref, at, number, first, earlier, last) for at in range(number))


class Parts:
    """Parts that came back, until those of a checkpoint are complete."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._arrived: dict[str, dict[int, Kept]] = {}

    def add(self, part: Part, result: Kept) -> dict[str, str]:
        """Take a part, and keep the checkpoint if it is complete now; why not, by its name, if it cannot be kept."""
        if result.failed:
            return {}
        known = self._cache.identity(part.ref.format, part.ref.members)
        if known not in result.files:
            return {part.ref.name: "its files have another size, time or inode on the worker"}
        arrived = self._arrived.setdefault(part.ref.name, {})
        arrived[part.number] = result
        if len(arrived) < part.of:
            return {}
        del self._arrived[part.ref.name]
        in_order = [arrived[number] for number in range(part.of)]
        try:
            self._keep(part.ref, known, in_order)
        except Unusable as error:
            return {part.ref.name: f"its parts could not be put together ({error})"}
        return {}

    def _keep(self, ref: CheckpointRef, known: str, parts: list[Kept]) -> None:
        counts = self._cache.adopt_parts(known, [part.files[known] for part in parts])
        for kind in parts[0].records:
            record: dict[str, Any] = {}
            before = 0
            for part, count in zip(parts, counts, strict=True):
                record |= {str(before + place): one for place, one in part.records[kind].items()}
                before += count
            self._cache.keep_record(ref, kind, VERSION, record)
