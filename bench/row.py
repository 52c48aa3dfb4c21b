"""A row of the table: our time beside a reference's in the same run, as the median of ratios."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

Work = Callable[[], object]


@dataclass(frozen=True)
class Row:
    """What was measured.

    Attributes:
        name: the work.
        ours: median seconds, or megabytes, of ours.
        reference: the median of the reference, 0 where there is none.
        against: what the reference is.
        ratio: ours / reference, the median over repeats that ran one after the other; 0 without a reference.
        goal: in words, as in the design; "" for rows that only inform.
        met: whether the goal is met, None without one.
        unit: of ``ours`` and ``reference``.
        rate: GB/s of ours where bytes are measured, else 0.
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
    """How thorough a run is, and where it may write."""

    full: bool
    folder: str
    repeats: int = field(default=5)


def seconds(work: Work) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def side_by_side(
    name: str, ours: Work, against: str, reference: Work, *, repeats: int, most: float = 0.0, least: float = 0.0,
    goal: str = "", nbytes: int = 0,
) -> Row:  # fmt: skip
    """Time both in turn, after one warm-up of each.

    Args:
        most: the goal is met if ours / reference is at most this.
        least: the goal is met if reference / ours is at least this.
    """
    ours(), reference()
    pairs = [(seconds(ours), seconds(reference)) for _ in range(repeats)]
    ratio = statistics.median(a / b for a, b in pairs)
    mine, theirs = (statistics.median(times) for times in zip(*pairs, strict=True))
    met = ratio <= most if most else 1 / ratio >= least if least else None
    return Row(name, mine, theirs, against, ratio, goal, met, rate=nbytes / mine / 1e9)


def timed(name: str, work: Work, *, most: float = 0.0, goal: str = "", nbytes: int = 0, repeats: int = 1) -> Row:
    """Time ours alone; the goal is met at ``most`` seconds."""
    taken = statistics.median(seconds(work) for _ in range(repeats))
    return Row(name, taken, goal=goal, met=taken <= most if most else None, rate=nbytes / taken / 1e9)


def command(*arguments: str) -> Sequence[str]:
    """The command line of this checkout."""
    return [sys.executable, "-m", "reporter", *arguments]


_RUN = """
import os, subprocess, sys, time
start = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
print(time.perf_counter() - start, usage.ru_maxrss / 1024, os.waitstatus_to_exitcode(status))
"""


def run(arguments: Sequence[str]) -> tuple[float, float]:
    """Run a command without its output; wall seconds, and its peak memory in MB.

    A small process starts it: the system counts a process's memory from before it became the command as well.

    Raises:
        RuntimeError: it failed; exit codes 3 and 4 are verdicts of ckpt-report, not failures.
    """
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}  # as users have it
    starter = [sys.executable, "-S", "-c", _RUN, *arguments]
    done = subprocess.run(starter, env=environment, capture_output=True, text=True, check=True)
    taken, peak, code = done.stdout.split()
    if int(code) not in (0, 3, 4):
        raise RuntimeError(f"{' '.join(arguments)} ended with {code}: {done.stderr[-2000:]}")
    return float(taken), float(peak)
