"""Ahead: copies of this process work on what it comes to later, and leave what they make in files.

Most of the time for a small checkpoint, a picture or a page is Python's own, which threads cannot share. So this
process goes through its work from the front while forked copies go through the same work from the back, until they
meet. Nothing depends on the copies: what they did not get to, or failed at, is done as if they had never been. They
need no start-up time and no protocol, as they know all that this process knows. What they make is found in the cache,
or in a folder of files, see :func:`made_ahead`.
"""

from __future__ import annotations

import fcntl
import gc
import mmap
import os
import pickle
import signal
import stat
import struct
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import IO, Any, TypeVar

from reporter.frozen import dataclass
from reporter.lifeline import die_with

T = TypeVar("T")
R = TypeVar("R")

_NUMBER = struct.Struct("<q")
_ASKING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGXCPU)
"""Signals that ask a process to end."""
_STANDARD = range(3)
"""File descriptors of standard input, output and error."""
_UNFINISHED = ".unfinished"
"""End of the name of a file that a copy is writing, locked meanwhile."""
_LONGEST = 120.0
"""Seconds for which a copy is waited for, if it neither ends nor comes to an end."""
_PATIENCE = 1.0
"""Seconds in which a copy that was asked to end can remove the file that it is just writing."""


class Front:
    """How far this process is, for its copies to see; and what they have to tell."""

    def __init__(self) -> None:
        self._number = mmap.mmap(-1, _NUMBER.size)  # anonymous and shared: a copy sees what is written here
        self._listening, self._saying = os.pipe()
        os.set_blocking(self._listening, False)
        os.set_blocking(self._saying, False)
        self._unfinished = b""
        self._told: set[str] = set()

    @property
    def reached(self) -> int:
        """The number of items that the process itself has begun."""
        return int(_NUMBER.unpack(self._number[:])[0])

    def advance(self) -> None:
        """The process itself begins another item."""
        self._number[:] = _NUMBER.pack(self.reached + 1)

    def tell(self, line: str) -> None:
        """In a copy: say a line, if there is room for it. Lines of up to PIPE_BUF bytes arrive whole."""
        with suppress(BlockingIOError):
            os.write(self._saying, line.encode() + b"\n")

    @property
    def told(self) -> set[str]:
        """All lines that the copies said so far."""
        with suppress(BlockingIOError):
            while data := os.read(self._listening, 1 << 16):
                *lines, self._unfinished = (self._unfinished + data).split(b"\n")
                self._told.update(line.decode() for line in lines)
        return self._told

    def close(self) -> None:
        """Release the pipe."""
        os.close(self._listening)
        os.close(self._saying)

    def keep_only(self, *others: int) -> None:
        """In a copy: close all files but these, so that a pipe or lock ends when the process itself lets it go."""
        kept = {*_STANDARD, self._saying, *others}
        nothing = os.open(os.devnull, os.O_RDWR)
        for standard in _STANDARD:
            os.dup2(nothing, standard)
        for entry in list(Path("/proc/self/fd").iterdir()):
            if int(entry.name) not in kept:
                with suppress(OSError):  # the one through which the folder was listed
                    os.close(int(entry.name))


_THREADED = frozenset({"jax", "tensorflow", "torch"})
"""Libraries with threads of their own, which Python does not count. No command loads one into this process."""


def possible() -> bool:
    """Whether a copy of this process can be trusted to work: on Linux, and with no other thread.

    A thread that is not copied may hold a lock that the copy would wait for.
    """
    alone = threading.active_count() == 1 and not _THREADED & sys.modules.keys()
    return sys.platform == "linux" and alone and Path("/proc/self/fd").is_dir()


@contextmanager
def worked_ahead(
    items: Sequence[tuple[int, T]], work: Callable[[T, Callable[[str], None]], object], copies: int
) -> Iterator[Front]:
    """While the context is open, copies of this process do the work on the items, the last ones first.

    Args:
        items: each with the number that :attr:`Front.reached` has when this process comes to it, in rising order.
        work: must leave what it makes in files, and be harmless if it is done twice. Its second argument says a line,
            which :attr:`Front.told` then has.
        copies: how many; 0 where it is not worth it.

    Yields:
        The front, which the caller advances with every item that it begins.
    """
    front = Front()
    lifeline, held = os.pipe()
    children: list[int] = []
    wanted = copies if possible() else 0
    if wanted:
        gc.freeze()  # a collection would write to all objects, and so copy the memory that is shared with the copies
    try:
        for number in range(wanted):
            # No signal may reach a copy before it is on its own way: it would end this process's work a second time.
            blocked = signal.pthread_sigmask(signal.SIG_BLOCK, _ASKING)
            try:
                with warnings.catch_warnings(), suppress(OSError):  # where no more processes may be started
                    # Python 3.12 counts the threads of libraries too; OpenBLAS ends its own at a fork.
                    warnings.simplefilter("ignore", DeprecationWarning)
                    child = -1
                    child = os.fork()
                if child == 0:
                    _work_backwards(front, items[::-1][number::wanted], work, lifeline)
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
            if child > 0:
                children.append(child)
        yield front
    finally:
        _end(children)
        if wanted:
            gc.unfreeze()
        for end in (lifeline, held):
            os.close(end)
        front.close()


@dataclass(frozen=True, slots=True)
class Copies:
    """How many copies of this process may make something ahead, and where they leave it.

    Attributes:
        number: 0 where this process makes everything itself.
        folder: in which a folder for their files is made, and removed again; None: in the system's own.
        prefix: of its name, by which a later run knows what a killed one has left.
    """

    number: int = 0
    folder: Path | None = None
    prefix: str = ""


NONE = Copies()


@contextmanager
def made_ahead(
    items: Sequence[T], make: Callable[[T], R], copies: Copies = NONE, remembered: dict[Any, Any] | None = None
) -> Iterator[Iterator[R]]:
    """What is made of each item, in their order; copies of this process make the last ones while the context is open.

    Args:
        items: known to the copies, so they need not be passed to them; what is made of them has to be picklable.
        make: gives the same, whoever calls it.
        copies: none is made for fewer than two items.
        remembered: what making adds to this dictionary is handed over as well: this process remembers what its copies
            found out. Keys and values have to be picklable.

    Yields:
        An iterator, which makes whatever no copy has made until its turn comes.
    """
    memory = {} if remembered is None else remembered
    with ExitStack() as stack:
        folder: Path | None = None
        with suppress(OSError):  # a full disk: then this process makes everything
            if copies.number and len(items) > 1:
                made = tempfile.TemporaryDirectory(
                    prefix=copies.prefix, dir=_private(copies.folder), ignore_cleanup_errors=True
                )
                folder = Path(stack.enter_context(made))

        def leave(at: int, tell: object) -> None:
            assert folder is not None
            unfinished, before = folder / f"{at}{_UNFINISHED}", set(memory)
            with unfinished.open("xb") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                made = make(items[at])
                news = {key: value for key, value in memory.items() if key not in before}
                pickle.dump((made, news), file, pickle.HIGHEST_PROTOCOL)
                file.flush()
                unfinished.replace(folder / str(at))

        def made_of(at: int) -> R:
            front.advance()
            left = None if folder is None else _left(folder / str(at))
            if left is None:
                return make(items[at])
            result: R = left[0]
            memory.update(left[1])
            return result

        places = range(len(items))
        number = copies.number if folder is not None else 0
        front = stack.enter_context(worked_ahead(list(enumerate(places)), leave, number))
        yield map(made_of, places)


def _private(folder: Path | None) -> Path | None:
    """A folder in which nobody else can put another in the place of one that is made there; None: the system's own.

    What copies leave is unpickled, which executes whatever stands in its place. The system's own has the sticky bit.
    """
    if folder is None:
        return None
    mode = folder.stat().st_mode
    return None if mode & (stat.S_IWGRP | stat.S_IWOTH) and not mode & stat.S_ISVTX else folder


def _left(file: Path) -> tuple[Any, dict[Any, Any]] | None:
    """What a copy has made of an item, and what it remembers of it; None where no copy has come to it.

    A copy that is just making it is waited for: two of a large page would take both processors twice as long.
    """
    with suppress(OSError), file.with_name(file.name + _UNFINISHED).open() as unfinished:
        _wait_for_lock(unfinished, _LONGEST)
    with suppress(OSError):
        data = file.read_bytes()
        file.unlink()
        # Of a copy of this process, from a folder that no other user can write to.
        made: tuple[Any, dict[Any, Any]] = pickle.loads(data)
        return made
    return None


def _wait_for_lock(file: IO[Any], seconds: float) -> None:
    """Wait until nobody else has a file locked, not longer than this; the lock of a process ends with it."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return
        time.sleep(0.002)


def _work_backwards(
    front: Front,
    items: Sequence[tuple[int, T]],
    work: Callable[[T, Callable[[str], None]], object],
    lifeline: int,
) -> None:
    """The life of a copy. What goes wrong in it goes wrong again in the process itself, which tells."""
    try:
        front.keep_only(lifeline)
        for number in _ASKING:
            signal.signal(number, _stop)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ASKING)
        die_with(lifeline)
        for begins, item in items:
            if begins < front.reached:
                break
            work(item, front.tell)
    finally:
        os._exit(0)


def _stop(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _end(children: Sequence[int]) -> None:
    """Ask the copies to end, and end those that do not."""
    for child in children:
        os.kill(child, signal.SIGTERM)
    until = time.monotonic() + _PATIENCE
    for child in children:
        while os.waitpid(child, os.WNOHANG) == (0, 0):
            if time.monotonic() > until:
                os.kill(child, signal.SIGKILL)
            time.sleep(0.002)
