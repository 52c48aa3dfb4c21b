"""One measurement, a row of the table: our time, and that of a reference in the same run."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

Work = Callable[[], object]
"""What is timed."""


@dataclass(frozen=True)
class Measurement:
    """The result of one measurement.

    Attributes:
        name: what was done.
        ours: the median time in seconds, or the memory in megabytes, of this program.
        reference: the median of the reference, 0 if there is none.
        against: what the reference is.
        ratio: the median of ours / reference over repeats that ran in turn; 0 without a reference.
        goal: in words, "" for measurements that only inform.
        met: whether the goal is met, None without a goal.
        unit: of ``ours`` and ``reference``.
        rate: GB/s of this program if it read bytes, else 0.
    """

    name: str
    ours: float
    reference: float = 0.0
    against: str = ""
    ratio: float = 0.0
    goal: str = ""
    met: bool | None = None
    unit: str = "s"
    rate: float = 0.0


@dataclass(frozen=True)
class Context:
    """How thorough a run is, and where it may write.

    Attributes:
        full: whether files have their full sizes; otherwise smaller ones are measured.
        folder: a temporary folder.
        repeats: how often short work is repeated.
    """

    full: bool
    folder: str
    repeats: int = field(default=5)


def seconds(work: Work) -> float:
    """The wall time of one call, in seconds."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def side_by_side(
    name: str, ours: Work, against: str, reference: Work, *, repeats: int, most: float = 0.0, beyond: float = 0.0,
    least: float = 0.0, goal: str = "", nbytes: int = 0,
) -> Measurement:  # fmt: skip
    """Time our work and that of a reference in turn, after one call of each that is not timed.

    Args:
        name: what is done.
        ours: our work.
        against: what the reference is.
        reference: its work.
        repeats: how often each is timed.
        most: the goal is met if ours / reference is at most this; 0 for no such goal.
        beyond: seconds that ours may take beyond that, such as for the start of a process.
        least: the goal is met if reference / ours is at least this; 0 for no such goal.
        goal: in words.
        nbytes: number of bytes that are read.
    """
    ours(), reference()
    pairs = [(seconds(ours), seconds(reference)) for _ in range(repeats)]
    ratio = statistics.median(a / b for a, b in pairs)
    mine, theirs = (statistics.median(times) for times in zip(*pairs, strict=True))
    met = ratio <= most + beyond / theirs if most else 1 / ratio >= least if least else None
    return Measurement(name, mine, theirs, against, ratio, goal, met, rate=nbytes / mine / 1e9)


def timed(
    name: str, work: Work, *, most: float = 0.0, goal: str = "", nbytes: int = 0, repeats: int = 1
) -> Measurement:
    """Time our work without a reference.

    Args:
        name: what is done.
        work: our work.
        most: the goal is met if it takes at most so many seconds; 0 for no goal.
        goal: in words.
        nbytes: number of bytes that are read.
        repeats: how often it is timed.
    """
    taken = statistics.median(seconds(work) for _ in range(repeats))
    return Measurement(name, taken, goal=goal, met=taken <= most if most else None, rate=nbytes / taken / 1e9)


def command(*arguments: str) -> Sequence[str]:
    """The command that runs this checkout of ckpt-report with some arguments."""
    return [sys.executable, "-m", "reporter", *arguments]


_RUN = """
import os, subprocess, sys, time
start = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
print(time.perf_counter() - start, usage.ru_maxrss / 1024, os.waitstatus_to_exitcode(status))
"""


def run(arguments: Sequence[str]) -> tuple[float, float]:
    """Run a command, and discard its output.

    It is started by a small process, since its peak memory includes that of the process that it is started from.

    Returns:
        Its wall time in seconds, and its peak memory in MB.

    Raises:
        RuntimeError: it failed. Exit codes 3 and 4 are verdicts of ckpt-report and no failures.
    """
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}  # users keep compiled modules
    starter = [sys.executable, "-S", "-c", _RUN, *arguments]
    done = subprocess.run(starter, env=environment, capture_output=True, text=True, check=True)
    taken, peak, code = done.stdout.split()
    if int(code) not in (0, 3, 4):
        raise RuntimeError(f"{' '.join(arguments)} ended with {code}: {done.stderr[-2000:]}")
    return float(taken), float(peak)
