"""Lifeline: a pipe that a child process holds on to, so that it never outlives this program, however that ends.

Linux's PR_SET_PDEATHSIG would end the child when the *thread* ends that started it.
"""

from __future__ import annotations

import fcntl
import os
import select


def die_with(lifeline: int) -> None:
    """End when the other end of a pipe is closed, even inside native code: SIGIO's default is to terminate.

    Args:
        lifeline: the end for reading, in the child; the parent keeps the other one, and hands it to nobody.
    """
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETFL, os.O_RDONLY | os.O_ASYNC)
    if select.select([lifeline], [], [], 0)[0]:  # it was closed before there could be a signal
        os._exit(0)
