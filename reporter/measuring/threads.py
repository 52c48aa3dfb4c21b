"""Run work on several threads and give its results in order. Kernels and reads release the GIL, so threads suffice."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

T = TypeVar("T")

MOST = 8
"""Most threads by default: with more of them, the speed of memory is the limit."""


def available() -> int:
    """Processors that this process may use, at most :data:`MOST`."""
    if hasattr(os, "sched_getaffinity"):
        return min(len(os.sched_getaffinity(0)), MOST)
    return min(os.cpu_count() or 1, MOST)


class Pool:
    """A fixed number of threads. With one, no thread is started: work runs when its result is asked for.

    >>> with Pool(1) as pool:
    ...     list(pool.in_order([lambda: 1, lambda: 2]))
    [1, 2]
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._executor: ThreadPoolExecutor | None = None
        if threads > 1:
            from concurrent.futures import ThreadPoolExecutor  # takes 10 ms to load, which small checkpoints do without

            self._executor = ThreadPoolExecutor(threads, "measure")

    def in_order(self, work: Iterable[Callable[[], T]], ahead: int = 0) -> Iterator[T]:
        """Call every function of ``work``, and yield the results in the same order.

        Args:
            work: functions without arguments. They often hold pieces of a tensor, so the iterator is advanced only as
                far as threads are free, to keep few pieces in memory.
            ahead: how many more functions may be taken from the iterator before their results are asked for.
        """
        if self._executor is None:
            for one in work:
                yield one()
            return
        from concurrent.futures import wait

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
            wait(running)  # After an error the others still read the file, which the caller may close.

    def __enter__(self) -> Pool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._executor is not None:
            self._executor.shutdown()


ALONE = Pool(1)
"""A pool without threads of its own: everything runs in the thread that asks for it."""
