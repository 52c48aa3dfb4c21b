"""What a child process may use, and how it binds itself to that before it sees the first byte of a file."""

from __future__ import annotations

import math
import resource
from pathlib import Path

from reporter.frozen import dataclass

GIB = 1 << 30

CPU_SECONDS = 60
"""For one request. A loop in a damaged structure never ends; the largest honest request is the structure of 200,000
HDF5 objects, the most that are read, which was measured to take 56 s where five processes shared each core. Real
models have some thousand objects: 1 s."""

WALL_SECONDS = 600.0
"""For one request, the start of the child included: the CPU limit on a busy machine, and a slow disk or network."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What parsing may use.

    Attributes:
        memory: bytes of address space beyond what the loaded libraries take.
        cpu: seconds of processor time per request.
        wall: seconds per request.
    """

    memory: int
    cpu: int = CPU_SECONDS
    wall: float = WALL_SECONDS


def give_up_files() -> None:
    """No core dump, which would hold weights, and no byte written to any file."""
    for what in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE):
        resource.setrlimit(what, (0, 0))


def limit_memory(room: int) -> str:
    """Allow that many bytes of address space more than there are now, or what the user's own limit leaves of them.

    Returns:
        The user's limit where that is the lower one, as in a batch queue; else "".
    """
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except OSError:  # not Linux, where RLIMIT_AS is not enforced either
        return ""
    wanted = pages * resource.getpagesize() + room
    allowed = min(resource.getrlimit(resource.RLIMIT_AS), key=_height)
    if _height(allowed) < wanted:
        return f"there are {allowed / GIB:.3g} GiB of address space (raise `ulimit -v`)"
    resource.setrlimit(resource.RLIMIT_AS, (wanted, wanted))
    return ""


def limit_cpu(seconds: int) -> None:
    """Allow that many seconds of processor time from now on, or what is left of the user's own limit.

    SIGXCPU then ends the process, SIGKILL where the user's limit is the lower one.
    """
    usage = resource.getrusage(resource.RUSAGE_SELF)
    wanted = int(usage.ru_utime + usage.ru_stime) + seconds + 1
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (min(wanted, hard, key=_height), hard))


def memory_limited() -> bool:
    """Whether the user has a limit of address space, under which native code crashes rather than says so."""
    return min(resource.getrlimit(resource.RLIMIT_AS), key=_height) != resource.RLIM_INFINITY


def user_limit(seconds: int) -> str:
    """The user's limit of processor time where that is lower than ours, else ""; of this process and its children."""
    allowed = min(resource.getrlimit(resource.RLIMIT_CPU), key=_height)
    return f"{allowed} s of processor time are allowed (raise `ulimit -t`)" if _height(allowed) <= seconds else ""


def _height(limit: int) -> float:
    """To compare limits by: RLIM_INFINITY is -1."""
    return math.inf if limit == resource.RLIM_INFINITY else limit
