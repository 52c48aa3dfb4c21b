"""Parsers that are forked from the process that asks for them, which has loaded their libraries already.

A child of :mod:`reporter.readers.isolation` is a new interpreter, which takes most of a second to start. Where hundreds
of runs follow each other, it is forked instead: a process of its own all the same, with the same channel, lifeline and
limits, which signals end and which outlives nobody.
"""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

from reporter.readers.isolation import child, process
from reporter.readers.keras import hdf5_parsing

PARSERS = (hdf5_parsing.__name__,)
"""Imported here, so that a forked child has them at once."""


class Forked:
    """A child as :class:`subprocess.Popen` would give it."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        stderr: int,
        pass_fds: Sequence[int],
        before: Callable[[], None] = lambda: None,
        **_: Any,
    ) -> None:
        """Fork it; ``before`` is called in the child."""
        boot, module, *numbers = command[3:8]
        assert boot == process._BOOT and module in PARSERS
        self.returncode: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            try:
                before()
                _detach(stderr, pass_fds)
                child.main(module, *map(int, numbers))
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)

    def poll(self) -> int | None:
        """Its exit code, None while it lives."""
        return self._waited(os.WNOHANG)

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, once it has ended; it is about to, so that a timeout would not matter."""
        code = self._waited(0)
        assert code is not None
        return code

    def kill(self) -> None:
        """End it."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)

    def _waited(self, options: int) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, options)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode


def _detach(stderr: int, kept: Sequence[int]) -> None:
    """What a new program would not inherit: the session, open files, what the parent does on signals."""
    os.setsid()
    gc.disable()  # garbage of the parent is not this process's to finalise
    null = os.open(os.devnull, os.O_RDWR)
    for number, to in ((null, 0), (null, 1), (stderr, 2)):
        os.dup2(number, to)
    sys.stderr = os.fdopen(2, "w", closefd=False)
    low = 3
    for number in sorted(kept):
        os.closerange(low, number)
        low = number + 1
    os.closerange(low, os.sysconf("SC_OPEN_MAX"))
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGXCPU, signal.SIGIO):
        signal.signal(number, signal.SIG_DFL)


def fork_parsers(before: Callable[[], None] = lambda: None) -> None:
    """From now on parsers of this process are forked from it; ``before`` is called in each."""

    def forked(command: Sequence[str], **options: Any) -> Forked:
        return Forked(command, before=before, **options)

    assert vars(process)["subprocess"] is subprocess  # or what is put in its place would change nothing
    process.subprocess = SimpleNamespace(  # type: ignore[assignment, attr-defined]
        Popen=forked, DEVNULL=subprocess.DEVNULL, TimeoutExpired=subprocess.TimeoutExpired
    )
