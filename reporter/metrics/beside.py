"""Put metrics beside each series: find its logs, read them, match their positions to the steps of its checkpoints."""

from __future__ import annotations

import math
import os
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from pathlib import Path

from reporter.discover.listing import absolute
from reporter.errors import RotatedAway, translated
from reporter.metrics.checkpoint_names import UNNAMED, in_names
from reporter.metrics.find import Candidates, LogFile, beside, folder_of, named
from reporter.metrics.goals import base, goal, rank
from reporter.metrics.logged import Course, Log, Unit
from reporter.metrics.matching import Matching, matching
from reporter.metrics.source import Source
from reporter.metrics.thinned import thinned
from reporter.model.checkpoint import SeriesKind
from reporter.model.comparison import Comparison
from reporter.model.metrics import Axis, Metric, Metrics
from reporter.model.natural_order import natural
from reporter.numerals import counted, integer
from reporter.printable import brief
from reporter.settings.model import Settings
from reporter.storage import local

MAX_METRICS = 100
"""Metrics of a series, those first by which a checkpoint would be chosen."""


@dataclass(slots=True)
class _Read:
    """A log that was read.

    Attributes:
        rank: of its source in the registry.
        shown: the file, or the folder of the files, as the report calls it.
    """

    source: Source
    rank: int
    shown: str
    log: Log = field(default_factory=Log)


def with_metrics(series: Sequence[Comparison], settings: Settings, sources: Sequence[Source]) -> tuple[Comparison, ...]:
    """The same series, each with what was logged beside it.

    Args:
        series: compared series.
        settings: name the logs, or say that none are looked for.
        sources: in the order in which they are asked, and preferred where several have a metric.

    Raises:
        SettingError: a path that ``metrics`` names does not exist.
    """
    folders = [folder_of(one) for one in series]
    given = [(absolute(path), named(path, sources)) for path in (local(given)[0] for given in settings.metrics)]
    result = []
    for at, one in enumerate(series):
        found = [_near(given, folders, at)] if given else []
        if not given and settings.find_metrics and one.kind is SeriesKind.SUCCESSIVE:
            others = [folder for i, folder in enumerate(folders) if i != at and folder != folders[at]]
            found = [beside(one, others, sources)]
        files = tuple(file for candidates in found for file in candidates.files)
        left_out = sum(candidates.left_out for candidates in found)
        metrics = _metrics(one, files, left_out, folders[at], sources)
        cautions = tuple(f"metrics: {text}" for text in metrics.cautions)
        result.append(replace(one, metrics=metrics, cautions=(*one.cautions, *cautions)))
    return tuple(result)


def _near(given: Sequence[tuple[Path, Candidates]], folders: Sequence[Path], at: int) -> Candidates:
    """The named logs for a series: those near its folder, and those that are near no series' folder."""

    def near(path: Path, folder: Path) -> bool:
        return path in (folder, *folder.parents[:1]) or not {folder, *folder.parents[:1]}.isdisjoint(path.parents)

    chosen = [
        found for path, found in given if near(path, folders[at]) or not any(near(path, folder) for folder in folders)
    ]
    files = dict.fromkeys(file for found in chosen for file in found.files)
    return Candidates(tuple(files), sum(found.left_out for found in chosen))


def _metrics(
    series: Comparison, files: Sequence[LogFile], left_out: int, folder: Path, sources: Sequence[Source]
) -> Metrics:
    read = _read(files, folder, sources)
    notes = [f"{one.shown}: {text}" for one in read for text in one.log.remarks()]
    cautions = [f"{one.shown}: {text}" for one in read for text in one.log.damage]
    for file in files:
        if file.source is None:
            cautions.append(f"{_shown(file.path, folder)}: it is no log of metrics that is known, or cannot be read")
    if left_out:
        notes.append(f"{counted(left_out, 'more log')} beside the checkpoints: only the last ones by name are read")
    pairs = _steps_of_epochs(read)
    found: dict[str, Metric] = {}
    for metric in sorted(_matched(series, read, pairs, notes), key=lambda one: one.axis is not Axis.STEP):
        kept = found.setdefault(metric.name, metric)
        if kept is not metric and kept.values != metric.values and kept.source != metric.source:
            notes.append(f"{metric.name} is also in {metric.source}, with other values; used: {kept.source}")
    for metric in in_names(series):
        known = _same(metric, found.values()) if metric.name.startswith(UNNAMED) else None
        if known is not None:
            notes.append(f"the number in the names of the checkpoints is {known.name}, rounded")
        else:
            found.setdefault(metric.name, metric)
    ordered = sorted(found.values(), key=lambda metric: rank(metric.name))
    if len(ordered) > MAX_METRICS:
        notes.append(f"{integer(len(ordered) - MAX_METRICS)} more metrics are left out")
    used = tuple(dict.fromkeys(one.shown for one in read))
    return Metrics(tuple(ordered[:MAX_METRICS]), tuple(dict.fromkeys(notes)), tuple(dict.fromkeys(cautions)), used)


def _read(files: Sequence[LogFile], folder: Path, sources: Sequence[Source]) -> list[_Read]:
    """The logs, in order of preference: by source, and of each the last by name first."""
    logs: dict[tuple[str, Path], _Read] = {}
    for file in files:
        source = file.source
        if source is None:
            continue
        whole = file.path.parent if source.together else file.path
        one = logs.setdefault((source.title, whole), _Read(source, sources.index(source), _shown(whole, folder)))
        try:
            source.read(file.path, one.log)
        except Exception as error:  # one log must not end a run; what is unknown is told as a defect
            known = translated(file.path, error)
            (one.log.notes if isinstance(known, RotatedAway) else one.log.damage).append(known.reason)
    for one in logs.values():
        if not one.log.courses and not one.log.damage:
            one.log.notes.append("it holds no metric yet")
    last_first = sorted(logs.values(), key=lambda one: natural(one.shown), reverse=True)
    return sorted(last_first, key=lambda one: one.rank)


def _shown(path: Path, folder: Path) -> str:
    """A path relative to the folder of the checkpoints, safe to print."""
    return brief(os.path.relpath(path, folder))


def _steps_of_epochs(read: Sequence[_Read]) -> dict[float, float]:
    """Step at the end of each epoch, of the first log that has both.

    Keras's TensorBoard callback writes a held-out metric once by epoch and once by iterations.
    """
    for one in read:
        pairs = dict(one.log.steps_of_epochs)
        for name, unit in one.log.courses:
            by_step = one.log.courses.get((name, Unit.STEP))
            by_epoch = one.log.courses[name, unit]
            if unit is Unit.EPOCH and by_step and len(by_step.positions) == len(by_epoch.positions):
                pairs |= dict(zip(by_epoch.positions, by_step.positions, strict=True))
        if pairs:
            return pairs
    return {}


def _matched(
    series: Comparison, read: Sequence[_Read], pairs: dict[float, float], notes: list[str]
) -> Iterator[Metric]:
    """Every metric of every log, with steps where these can be known."""
    for one in read:
        ends: dict[Unit, float] = {}
        for (_, unit), course in one.log.courses.items():
            ends[unit] = max(ends.get(unit, 0.0), course.positions[-1])
        ways = {unit: matching(series, unit, last, pairs) for unit, last in ends.items()}
        for (name, unit), course in one.log.courses.items():
            if unit is Unit.EPOCH and (name, Unit.STEP) in one.log.courses:
                continue  # the same values
            metric, lost = _metric(series, name, course, one, ways[unit])
            if lost:
                notes.append(f"{one.shown}: {integer(lost)} values of {name} lie in epochs whose steps are not known")
            if metric is not None:
                yield metric


def _metric(series: Comparison, name: str, course: Course, one: _Read, way: Matching) -> tuple[Metric | None, int]:
    """A metric beside the checkpoints, and how many of its values have no step."""
    placed = [(step, v) for p, v in zip(course.positions, course.values, strict=True) if (step := way(p)) is not None]
    if not placed:
        return None, len(course.positions)
    positions, values = [p for p, _ in placed], [v for _, v in placed]
    steps = series.positions if way.axis is Axis.STEP else None
    places = [bisect_right(positions, step * (1 + 1e-12)) - 1 for step in steps] if steps else []
    known = [i if i >= 0 else None for i in places] or [None] * len(series.refs)
    bad = [p for p, v in placed if not math.isfinite(v)]
    at_end = list(takewhile(lambda one: not math.isfinite(one[1]), reversed(placed)))
    all_bad = sum(not math.isfinite(v) for v in course.values)
    kept = thinned(values)
    metric = Metric(
        name=name,
        base=base(name),
        source=one.shown,
        format=one.source.title,
        goal=goal(name),
        axis=way.axis,
        matching=way.how,
        positions=tuple(positions[i] for i in kept),
        values=tuple(values[i] for i in kept),
        at=tuple(None if i is None else values[i] for i in known),
        at_positions=tuple(None if i is None else positions[i] for i in known),
        count=len(values),
        bad=len(bad),
        failed=bad[0] if bad else None,
        lasting=at_end[-1][0] if at_end else None,
        unplaced=all_bad - len(bad),
    )
    return metric, len(course.positions) - len(placed)


def _same(metric: Metric, others: Iterable[Metric]) -> Metric | None:
    """The logged metric whose rounded values the names have."""
    return next((other for other in others if all(map(_rounded, metric.at, other.at))), None)


def _rounded(short: float | None, full: float | None) -> bool:
    """Whether one is the other to two decimals, as ``{val_loss:.2f}`` prints it."""
    if short is None or full is None:
        return False
    return abs(short - full) <= 0.0051 or (short != short and full != full)
