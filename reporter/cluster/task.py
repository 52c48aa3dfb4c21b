"""What a worker does: measure a stretch of a series, and hand back what its cache has kept of it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from reporter import __version__
from reporter.cache import Cache
from reporter.cache.version import MEASURING_VERSION, RECORDED
from reporter.gather.gatherer import Gatherer
from reporter.installed import packages
from reporter.model.checkpoint import Series
from reporter.settings.model import Settings
from reporter.terminal.progress import Progress

MEASURING = ("roots", "variables", "quantiles", "baseline", "settle")
"""The settings that decide what is measured: no other leaves this machine, such as an address with a password."""

_ONE_AT_A_TIME = threading.Lock()
"""Parsers of untrusted files are children of the process, which its threads cannot share."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What came of a stretch.

    Attributes:
        files: by identity of a checkpoint, the cache's files of it by suffix.
        failed: by name of a checkpoint, why it could not be measured.
    """

    files: Mapping[str, Mapping[str, bytes]]
    failed: Mapping[str, str]


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


def measure_stretch(stretch: Series, settings: Settings) -> Kept:
    """Measure the checkpoints of a stretch, and pair each with those that it is compared with.

    Args:
        stretch: as of :func:`reporter.gather.stretches.stretches`.
        settings: of :func:`only_measuring`.
    """
    with _ONE_AT_A_TIME:
        folder, threads = _here()
        store = Cache(folder)
        gatherer, account = Gatherer.begin(replace(settings, threads=threads), store, Progress(quiet=True))
        account = gatherer.stretch(stretch, account)
        known = [store.identity(ref.format, ref.members) for ref in stretch.checkpoints]
        return Kept(
            {one: store.files(one) for one in known if one},
            {name: f"{error.state}: {error.reason}" for name, error in account.failed.items()},
        )


def _here() -> tuple[Path, int]:
    """A folder that lives as long as the worker, and how many threads it was given.

    In the folder is the worker's own cache, so that the first checkpoint of a series is measured once and not for every
    stretch. Dask removes it with the worker, or when the next one starts where a worker was killed.
    """
    from distributed import get_worker

    worker = get_worker()
    return Path(worker.local_directory, "ckpt-report"), int(worker.state.nthreads)
