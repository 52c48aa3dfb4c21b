"""What a scheduler bears: tasks that do nothing, as many and with results as large as those of a huge report.

``python -m bench.cluster [TASKS] [WORKERS] [KILOBYTES]``: seconds, tasks a second, and the memory of the scheduler with
this client, and of the largest worker. Tasks are handed out as ``--scheduler`` does it, and take no time.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reporter.cluster.run import AT_ONCE


def nothing(size: int, number: int) -> bytes:
    """A result of so many bytes, which is another one for every task."""
    return number.to_bytes(8, "little") + os.urandom(64) + bytes(size)


def handed_out(client: Any, tasks: int, size: int, at_once: int) -> Iterator[int]:
    """The bytes of each result, of a bounded number of tasks at a time."""
    from distributed import as_completed

    numbers = iter(range(tasks))
    done = as_completed()
    for number in (n for n, _ in zip(numbers, range(at_once), strict=False)):
        done.add(client.submit(nothing, size, number, pure=False))
    for future in done:
        yield len(future.result())
        future.release()
        if (number := next(numbers, None)) is not None:
            done.add(client.submit(nothing, size, number, pure=False))


def megabytes(pid: int) -> float:
    """Peak resident memory of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def main() -> None:
    """Run the tasks and print a line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", nargs="?", type=int, default=10_000)
    parser.add_argument("workers", nargs="?", type=int, default=4)
    parser.add_argument("kilobytes", nargs="?", type=int, default=64)
    arguments = parser.parse_args()
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=arguments.workers, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
        received = sum(handed_out(client, arguments.tasks, arguments.kilobytes << 10, arguments.workers * AT_ONCE))
        seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF)
        own = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        largest = max(megabytes(pid) for pid in client.run(os.getpid).values())
    print(
        f"{arguments.tasks} tasks on {arguments.workers} workers, results of {arguments.kilobytes} kB: "
        f"{seconds:.1f} s, {arguments.tasks / seconds:.0f} tasks/s, {received / 1e6:.0f} MB received; "
        f"scheduler and client together {own:.1f} s of a processor, {after.ru_maxrss / 1024:.0f} MB; "
        f"largest worker {largest:.0f} MB"
    )


if __name__ == "__main__":
    main()
