"""What a worker does: measure a stretch of a series, or a part of a large checkpoint, and hand back what its cache has
kept of it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import field, fields, replace
from pathlib import Path

import numpy as np

from reporter import __version__
from reporter.cache import Cache
from reporter.cache.version import MEASURING_VERSION, RECORDED
from reporter.cluster.further import Records, further
from reporter.cluster.parts import Part, measure_part
from reporter.errors import CheckpointError, ReportError
from reporter.frozen import dataclass
from reporter.gather.gatherer import Gatherer
from reporter.gather.last_checkpoint import VERSION
from reporter.gather.stable_read import unchanged
from reporter.installed import packages
from reporter.measuring.checkpoint import Plan
from reporter.model.checkpoint import CheckpointRef, Series
from reporter.readers.opening import open_checkpoint
from reporter.settings.model import Settings
from reporter.terminal.progress import Progress

MEASURING = ("roots", "variables", "quantiles", "baseline", "settle", "deployment", "spectral")
"""The settings that decide what is measured: no other leaves this machine, such as an address with a password."""

_ONE_AT_A_TIME = threading.Lock()
"""Parsers of untrusted files are children of the process, which its threads cannot share."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Checkpoints that follow each other.

    Attributes:
        series: of them, as of :func:`reporter.gather.stretches.stretches`.
        last: whether the series ends with them.
    """

    series: Series
    last: bool


Task = Stretch | Part


@dataclass(frozen=True, slots=True)
class Kept:
    """What came of a task.

    Attributes:
        files: by identity of a checkpoint, the cache's files of it by suffix.
        failed: by name of a checkpoint, why it could not be measured.
        records: of a part of a checkpoint, what else was measured.
    """

    files: Mapping[str, Mapping[str, bytes]]
    failed: Mapping[str, str] = field(default_factory=dict)
    records: Records = field(default_factory=dict)


def installation() -> dict[str, str]:
    """What has to be the same on every machine, as the same numbers depend on it."""
    return {
        "ckpt-report": __version__,
        "the code that measures": f"{MEASURING_VERSION}, {RECORDED}",
        "numpy": np.__version__,
        "packages that add readers or statistics": ", ".join(packages()) or "none",
    }


def only_measuring(settings: Settings) -> Settings:
    """The settings that workers are sent."""
    chosen = {field.name: getattr(settings, field.name) for field in fields(settings) if field.name in MEASURING}
    return Settings(**chosen, history=False)


def work(task: Task, settings: Settings) -> Kept:
    """Do a task.

    Args:
        settings: of :func:`only_measuring`.
    """
    with _ONE_AT_A_TIME:
        folder, threads = _here()
        store, own = Cache(folder), replace(settings, threads=threads)
        return _stretch(task, own, store) if isinstance(task, Stretch) else measured_in_part(task, own, store)


def _stretch(task: Stretch, settings: Settings, store: Cache) -> Kept:
    """Measure the checkpoints of a stretch, and pair each with those that it is compared with."""
    refs = task.series.checkpoints
    gatherer, account = Gatherer.begin(settings, store, Progress(quiet=True))
    account = gatherer.stretch(task.series, account)
    for ref in refs:
        if ref.name not in account.failed:
            with suppress(CheckpointError):  # it is tried again where the report is made, which says why not
                _keep_further(ref, settings, store, gatherer.measurer.plan, last=task.last and ref is refs[-1])
    known = [store.identity(ref.format, ref.members) for ref in refs]
    return Kept({one: store.files(one) for one in known if one}, _reasons(account.failed))


def measured_in_part(task: Part, settings: Settings, store: Cache) -> Kept:
    """Measure a part of a checkpoint; why not, where that cannot be done."""
    known = store.identity(task.ref.format, task.ref.members)
    try:
        files, records = measure_part(task, settings, store)
    except ReportError as error:
        return Kept({}, {task.ref.name: str(error)})
    return Kept({known: files}, {}, records)


def _keep_further(ref: CheckpointRef, settings: Settings, store: Cache, plan: Plan, *, last: bool) -> None:
    """What costs another reading; where it is known nothing is read."""
    wanted = {"readiness"} if last and settings.deployment == "last" else set()
    wanted |= {"spectra"} if settings.spectral else set()
    if all(store.record(ref, kind, VERSION) is not None for kind in wanted):
        return
    numbers = store.measured(store.identity(ref.format, ref.members), plan)
    if numbers is not None:
        with open_checkpoint(ref.format, ref.path) as contents:
            records = further(contents, numbers, settings, last=last)
        unchanged(ref)
        for kind, record in records.items():
            store.keep_record(ref, kind, VERSION, {str(place): one for place, one in record.items()})


def _reasons(failed: Mapping[str, CheckpointError]) -> dict[str, str]:
    return {name: f"{error.state}: {error.reason}" for name, error in failed.items()}


def _here() -> tuple[Path, int]:
    """A folder that lives as long as the worker, and how many threads it was given.

    In the folder is the worker's own cache, so that the first checkpoint of a series is measured once and not for every
    stretch. Dask removes it with the worker, or when the next one starts where a worker was killed.
    """
    from distributed import get_worker

    worker = get_worker()
    return Path(worker.local_directory, "ckpt-report"), int(worker.state.nthreads)
