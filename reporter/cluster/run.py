"""Hand the tasks of all series to the workers, a bounded number at a time, and keep what comes back."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from reporter.cache import Cache
from reporter.cluster.divided import Parts, divided
from reporter.cluster.parts import Part
from reporter.cluster.task import Kept, Stretch, Task, installation, only_measuring, work
from reporter.errors import ClusterError, SettingError
from reporter.model.checkpoint import Found, Series
from reporter.numerals import counted
from reporter.settings.model import Settings
from reporter.terminal.progress import Progress

LOCAL = "local:"
"""``local:4``: four processes on this machine."""

PATIENCE = 60.0
"""Seconds to wait for the scheduler, and for its first worker."""

AT_ONCE = 3
"""Tasks for each worker that the scheduler has at a time: one that is worked on, and two so that none waits."""


def measure_on_cluster(found: Found, settings: Settings, cache: Cache, progress: Progress) -> None:
    """Let workers measure what the cache does not know, and keep their results there.

    Args:
        found: every series. Its files must have the same paths on every worker.
        settings: ``scheduler`` is the address, ``tcp://host:port`` or ``tls://host:port``, or ``local:N``.
        cache: where the results are kept.
        progress: hears how far the workers are.

    Raises:
        SettingError: there is no such scheduler, it has no worker, or one of other versions; nothing was measured.
        ClusterError: the scheduler was lost; what was measured until then is in the cache.
    """
    if not cache.keeps:
        raise SettingError("--scheduler: results of workers are handed on through the cache: leave out --no-cache")
    with _client(settings.scheduler) as client:
        workers = _workers(client, settings.scheduler)
        tasks = divided(found, settings, cache, workers)
        progress.say(_told(tasks, workers), event="cluster", level="info")
        failed: dict[str, str] = {}
        parts = Parts(cache)
        with progress.counting(sum(len(_names(task)) for task in tasks)):
            for task, result in _results(client, tasks, only_measuring(settings), workers * AT_ONCE):
                if isinstance(result, Exception):
                    failed |= dict.fromkeys(_names(task), f"{result}")
                elif isinstance(task, Part):
                    failed |= {**result.failed} | parts.add(task, result)
                else:
                    failed |= {**result.failed} | _kept_or_why(task.series, result, cache)
                for _ in _names(task):
                    progress.tick()
        if failed:
            name, why = next(iter(failed.items()))
            progress.say(
                f"cluster: {counted(len(failed), 'checkpoint')} could not be measured by workers, and are tried here; "
                f"the first is {name}: {why}"
            )


@contextmanager
def _client(address: str) -> Iterator[Any]:
    """A connection, closed at the end; processes on this machine end with it."""
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise SettingError("--scheduler needs dask: pip install 'ckpt-report[cluster]'") from error
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what is lost is told below, in one line
    if address.startswith(LOCAL):
        count = int(address.removeprefix(LOCAL))
        with (
            LocalCluster(n_workers=count, threads_per_worker=1, dashboard_address=None) as cluster,
            Client(cluster) as client,
        ):
            yield client
        return
    try:
        client = Client(address, timeout=PATIENCE)
    except (OSError, TimeoutError, ValueError) as error:
        raise SettingError(f"--scheduler: {address} does not answer ({type(error).__name__})") from error
    with client:
        yield client


def _workers(client: Any, address: str) -> int:
    """How many workers there are, all of which have this program as it is here.

    Raises:
        SettingError: there are none, or they differ.
    """
    try:
        client.wait_for_workers(1, timeout=PATIENCE)
        theirs: Mapping[str, Mapping[str, str]] = client.run(installation)
    except TimeoutError as error:
        raise SettingError(f"--scheduler: {address} has had no worker for {PATIENCE:g} s") from error
    except ImportError as error:
        raise SettingError(f"--scheduler: a worker lacks this program: {error}") from error
    for worker, facts in sorted(theirs.items()):
        for what, ours in installation().items():
            if facts.get(what) != ours:
                raise SettingError(f"--scheduler: {what} is {facts.get(what)!r} on worker {worker}, and {ours!r} here")
    return len(theirs)


def _names(task: Task) -> list[str]:
    """The checkpoints of a task, by each of which the count of what is done grows; a part counts as one."""
    return [task.ref.name] if isinstance(task, Part) else [ref.name for ref in task.series.checkpoints]


def _told(tasks: Sequence[Task], workers: int) -> str:
    large = {task.ref.name for task in tasks if isinstance(task, Part)}
    short = sum(isinstance(task, Stretch) for task in tasks)
    told = [f"{counted(short, 'stretch', 'stretches')} of series"] if short or not large else []
    if large:
        parts = counted(len(tasks) - short, "part")
        told.append(f"{parts} of {counted(len(large), 'large checkpoint')}")
    return f"cluster: {' and '.join(told)} for {counted(workers, 'worker')}"


def _results(
    client: Any, tasks: Sequence[Task], settings: Settings, at_once: int
) -> Iterator[tuple[Task, Kept | Exception]]:
    """Each task with what came of it, in the order in which they are done.

    Raises:
        ClusterError: the scheduler was lost.
    """
    from distributed import CancelledError, as_completed
    from distributed.comm import CommClosedError

    waiting = iter(tasks)
    running: dict[str, Task] = {}
    done = as_completed()

    def submit() -> None:
        task = next(waiting, None)
        if task is not None:
            future = client.submit(work, task, settings, pure=False)
            running[future.key] = task
            done.add(future)

    for _ in range(at_once):
        submit()
    left = len(tasks)
    for future in done:
        if future.status == "lost":  # a worker died before its result was fetched: another one is making it again
            done.add(future)
            continue
        task = running.pop(future.key)
        try:  # a future without its scheduler is cancelled; while its result is fetched the connection may end first
            if future.status == "cancelled":
                raise CancelledError(future.key)
            result = future.exception() or future.result()
        except (CancelledError, CommClosedError) as error:
            raise ClusterError(
                f"the scheduler was lost with {counted(left, 'task')} of {len(tasks)} to go; what was "
                "measured is in the cache, and the same command goes on from there"
            ) from error
        yield task, result
        left -= 1
        future.release()
        submit()


def _kept_or_why(stretch: Series, result: Kept, cache: Cache) -> dict[str, str]:
    """Keep what came back; why not, by name, of those checkpoints whose files are not here what they were there."""
    why: dict[str, str] = {}
    for ref in stretch.checkpoints:
        known = cache.identity(ref.format, ref.members)
        if files := result.files.get(known):
            cache.adopt(known, files)
        elif ref.name not in result.failed:
            why[ref.name] = "its files have another size, time or inode on the worker"
    return why
