"""What a child process may use, and how it binds itself to that before it sees the first byte of a file."""

from __future__ import annotations

import fcntl
import os
import resource
from dataclasses import dataclass
from pathlib import Path

GIB = 1 << 30

CPU_SECONDS = 60
"""For one request. A loop in a damaged structure never ends; the largest honest request is the structure of 200,000
HDF5 objects, the most that are read, which took 56 s on a machine with five processes per core [X]. Real models have
some thousand objects: 1 s."""

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


def die_with(lifeline: int) -> None:
    """End when the other end of a pipe is closed, even inside native code: SIGIO's default is to terminate.

    Linux's PR_SET_PDEATHSIG would do so when the *thread* ends that started the child.
    """
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETFL, os.O_RDONLY | os.O_ASYNC)


def limit_memory(room: int) -> None:
    """Allow that many bytes of address space more than there are now; nothing where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except OSError:  # not Linux, where RLIMIT_AS is not enforced either
        return
    limit = pages * resource.getpagesize() + room
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def limit_cpu(seconds: int) -> None:
    """Allow that many seconds of processor time from now on; SIGXCPU then ends the process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (int(usage.ru_utime + usage.ru_stime) + seconds + 1, hard))
