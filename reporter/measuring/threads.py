"""Work on several threads, results in the order of the work: kernels and reads release the GIL."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import TypeVar

T = TypeVar("T")

MOST = 8
"""Threads by default: beyond these, memory is the limit."""


def available() -> int:
    """Processors that this process may use, at most :data:`MOST`."""
    if hasattr(os, "sched_getaffinity"):
        return min(len(os.sched_getaffinity(0)), MOST)
    return min(os.cpu_count() or 1, MOST)


class Pool:
    """Some threads; with one, work is done where it is asked for.

    >>> with Pool(1) as pool:
    ...     list(pool.in_order([lambda: 1, lambda: 2]))
    [1, 2]
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._executor = ThreadPoolExecutor(threads, "measure") if threads > 1 else None

    def in_order(self, work: Iterable[Callable[[], T]], ahead: int = 0) -> Iterator[T]:
        """Do each, and yield the results in the order given.

        Args:
            work: taken only a little ahead of its results: where it holds pieces of a tensor, few are in memory.
            ahead: how much further it may be taken.
        """
        if self._executor is None:
            for one in work:
                yield one()
            return
        running: deque[Future[T]] = deque()
        try:
            for one in work:
                running.append(self._executor.submit(one))
                if len(running) > self.threads + ahead:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        finally:
            for future in running:
                future.cancel()
            wait(running)  # after an error: the others still look at the file

    def __enter__(self) -> Pool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._executor is not None:
            self._executor.shutdown()


ALONE = Pool(1)
"""Everything in the thread that asks."""
