"""One child process: started with its limits, listened to, ended."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path

from reporter.errors import NotExamined
from reporter.readers.isolation.child import READY
from reporter.readers.isolation.frames import FrameError, receive_head
from reporter.readers.isolation.kind import Kind
from reporter.readers.isolation.limits import user_limit

_BOOT = """
import sys
sys.path[:] = sys.argv[5:]
from reporter.readers.isolation.child import main
main(sys.argv[1], *map(int, sys.argv[2:5]))
"""
_KEPT, _LINE = 4096, 200
"""Bytes that are kept of what a child says on its standard error, and characters of its last line that are shown."""

_FRUGAL = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
"""Threads and their heaps reserve address space by the GiB, which is what is limited."""


class ChildProcess:
    """A child that runs.

    Attributes:
        channel: what it is asked through, and answers through.
    """

    def __init__(self, kind: Kind, path: Path) -> None:
        """Start it.

        Args:
            kind: which parser it runs.
            path: what it is started for, for messages.

        Raises:
            NotExamined: it cannot be started.
        """
        self._kind = kind
        self._said = b""
        with ExitStack() as ours, ExitStack() as theirs:
            try:
                self.channel, far = socket.socketpair()
                ours.callback(self.channel.close)
                theirs.callback(far.close)
                lifeline, self._lifeline = _pipe(theirs, ours)
                self._heard, said = _pipe(ours, theirs)
                os.set_blocking(self._heard, False)
                os.set_blocking(said, False)  # what nobody listens to is lost, rather than waited for
                # A fresh interpreter, not a fork: other threads of this program may hold locks.
                numbers = (far.fileno(), lifeline, kind.limits.memory)
                command = [sys.executable, "-P", "-c", _BOOT, kind.module, *map(str, numbers)]
                self._process = subprocess.Popen(
                    command + [entry or str(Path.cwd()) for entry in sys.path],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=said,
                    pass_fds=numbers[:2],
                    env={**os.environ, **_FRUGAL, **dict(kind.environment)},
                    start_new_session=True,  # Ctrl-C ends this program, which then ends the child
                )
            except OSError as exc:
                raise NotExamined(path, f"{kind.library} cannot be started: {exc.strerror}") from exc
            ours.pop_all()
        try:
            answer, _ = receive_head(self.channel, until=time.monotonic() + kind.limits.wall)
        except (EOFError, OSError, FrameError) as exc:
            code = self.end()
            raise NotExamined(path, f"{kind.library} cannot be started: {self.ending(code)}") from exc
        except BaseException:
            self.end()
            raise
        assert answer == {"value": READY}

    @property
    def runs(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def wait(self, seconds: float) -> None:
        """Wait for it to end by itself, not longer than this."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)

    def end(self) -> int:
        """End it; its exit code."""
        self.channel.close()
        os.close(self._lifeline)
        with suppress(ProcessLookupError):
            self._process.kill()
        code = self._process.wait()
        self.listen()
        os.close(self._heard)
        return code

    def leave(self) -> None:
        """In a process that was forked from its parent: it is not ours, and two must not share its channel."""
        self._process.returncode = 0  # which says that there is nothing to wait for
        self.channel.close()
        os.close(self._lifeline)
        os.close(self._heard)

    def listen(self) -> None:
        """Take what it has said on its standard error, of which the end is kept."""
        with suppress(BlockingIOError):
            while said := os.read(self._heard, 1 << 16):
                self._said = (self._said + said)[-_KEPT:]

    def ending(self, code: int) -> str:
        """How it ended, with the last line that it said."""
        if code == -signal.SIGKILL or code == -signal.SIGXCPU:
            reason = user_limit(self._kind.limits.cpu) or "it was killed, probably because there was not enough memory"
        elif code < 0:
            reason = f"signal {-code}, {signal.Signals(-code).name}"
        else:
            reason = f"exit code {code}"
        lines = self._said.decode(errors="backslashreplace").strip().splitlines()
        return f"{reason}; it said: {lines[-1].strip()[-_LINE:]}" if lines else reason


def _pipe(reading: ExitStack, writing: ExitStack) -> tuple[int, int]:
    """The two ends of a pipe, each closed with a stack of its own."""
    ends = os.pipe()
    for stack, end in zip((reading, writing), ends, strict=True):
        stack.callback(os.close, end)
    return ends
