"""What a scheduler bears: tasks that do nothing, as many and with results as large as those of a huge report.

``python -m bench.cluster [TASKS] [WORKERS] [KILOBYTES]``: the scheduler and each worker are processes of their own, as
users start them. Prints seconds, tasks a second, and the processor time and peak memory of the scheduler, of the
workers and of this client. Tasks are handed out as ``--scheduler`` does it, a bounded number at a time, and do nothing.

``python -m bench.cluster --result``: how many kilobytes come back for a part of a large checkpoint.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from reporter.cluster.run import AT_ONCE

ROOT = Path(__file__).resolve().parents[1]
TICK = os.sysconf("SC_CLK_TCK")

VALUES = 1 << 20
"""Values of a tensor of :func:`result_size`. What is kept of a tensor hardly grows beyond that."""


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


def seconds(pid: int) -> float:
    """Processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


@contextmanager
def cluster(workers: int) -> Iterator[tuple[str, int, list[int]]]:
    """A scheduler and workers on the loopback address: its address, its process and theirs."""
    with tempfile.TemporaryDirectory() as name:
        file = Path(name, "scheduler.json")

        def start(what: str, *arguments: str) -> subprocess.Popen[bytes]:
            code = f"from distributed.cli.{what} import main; main()"
            command = [sys.executable, "-c", code, "--scheduler-file", str(file), "--no-dashboard", *arguments]
            return subprocess.Popen(
                command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.DEVNULL
            )

        scheduler = start("dask_scheduler", "--port", "0", "--host", "127.0.0.1")
        started = [scheduler]
        try:
            while not file.exists() or not file.read_text().strip():
                time.sleep(0.05)
            of_worker = ("--no-nanny", "--nthreads", "1", "--local-directory", name)
            started += [start("dask_worker", *of_worker) for _ in range(workers)]
            yield json.loads(file.read_text())["address"], scheduler.pid, [one.pid for one in started[1:]]
        finally:
            for process in started:
                process.kill()
                process.wait()


def measure(tasks: int, workers: int, kilobytes: int) -> str:
    """Run the tasks: a line of what they took."""
    from distributed import Client

    with cluster(workers) as (address, scheduler, pids), Client(address) as client:
        client.wait_for_workers(workers, timeout=300)
        sum(handed_out(client, workers, kilobytes << 10, workers))  # what is loaded with the first task does not count
        processes = {"scheduler": [scheduler], "worker": pids, "client": [os.getpid()]}
        before = {name: sum(map(seconds, some)) for name, some in processes.items()}
        began = time.perf_counter()
        received = sum(handed_out(client, tasks, kilobytes << 10, workers * AT_ONCE))
        took = time.perf_counter() - began
        told = [
            f"{name} {sum(map(seconds, some)) - before[name]:.1f} s, {max(map(megabytes, some)):.0f} MB"
            for name, some in processes.items()
        ]
    return (
        f"{tasks} tasks on {workers} workers, results of {kilobytes} kB: {took:.1f} s, {tasks / took:.0f} tasks/s, "
        f"{received / 1e6:.0f} MB received; processor time and peak memory: {'; '.join(told)}"
    )


def result_size(tensors: int) -> str:
    """What comes back for a part of a checkpoint of so many tensors that was compared with two others: a line."""
    from reporter.cache import Cache
    from reporter.cluster.parts import Part
    from reporter.cluster.task import measured_in_part
    from reporter.gather.catalog import scan
    from reporter.settings.model import Settings

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "ckpts")
        folder.mkdir()
        for step in range(3):
            rng = np.random.default_rng(step)
            values = {f"l{i}.kernel": rng.standard_normal((1024, VALUES >> 10), np.float32) for i in range(tensors)}
            save_file(values, folder / f"m-{step}.safetensors")
        settings = Settings(roots=(folder,), settle=0.0)
        first, before, ref = scan(settings).series[0].checkpoints
        part = Part(ref, 0, 1, first, (first, before), last=False)
        result = measured_in_part(part, settings, Cache(Path(name, "cache")))
        began = time.process_time()
        for known, files in result.files.items():
            Cache(Path(name, "client")).adopt_parts(known, [files])
        joining = time.process_time() - began
    nbytes = sum(len(data) for files in result.files.values() for data in files.values())
    return (
        f"{tensors} tensors with two pairs: {nbytes / 1024:.0f} kB, {nbytes / tensors / 1024:.1f} kB for each tensor; "
        f"put together in {1000 * joining / tensors:.1f} ms for each"
    )


def main() -> None:
    """Run the tasks, or measure a result, and print a line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="?", type=int, default=10_000)
    parser.add_argument("workers", nargs="?", type=int, default=4)
    parser.add_argument("kilobytes", nargs="?", type=int, default=64)
    parser.add_argument("--result", action="store_true")
    arguments = parser.parse_args()
    print(result_size(16) if arguments.result else measure(arguments.tasks, arguments.workers, arguments.kilobytes))


if __name__ == "__main__":
    main()
