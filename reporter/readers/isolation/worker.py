"""The parent's side: one child per kind of parser, started when needed, used for many files, replaced if it dies.

A crash, a loop, or too much memory costs the file that caused it, and nothing else: other files that the child had
open are opened again in its successor when they are next asked about.
"""

from __future__ import annotations

import atexit
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

from reporter import errors
from reporter.errors import (
    CheckpointError,
    CorruptCheckpoint,
    NotExamined,
    RefusedCheckpoint,
    UnsupportedCheckpoint,
    from_os,
)
from reporter.readers.isolation.child import DEFECT, MISSING, NEED
from reporter.readers.isolation.frames import FrameError, receive_head, receive_into, send
from reporter.readers.isolation.kind import Kind
from reporter.readers.isolation.limits import GIB, memory_limited, user_limit
from reporter.readers.isolation.process import ChildProcess
from reporter.storage import complete, provider

Provider = Callable[[int, int], None]
"""Fetches a range of a file."""


@contextmanager
def session(
    kind: Kind, path: Path, files: Sequence[int] = (), *, lazily: bool = False, whole: bool = True, **arguments: Any
) -> Iterator[Session]:
    """Let the parser open a file or folder.

    Args:
        kind: which parser.
        path: the checkpoint, for messages.
        files: descriptors that the parser reads from; they stay open at least as long as the session.
        lazily: whether the parser opens it only when it is asked something.
        whole: whether objects of a store are fetched as a whole; False: what the parser needs of the one file that
            there is, see :attr:`Kind.by_need`.
        arguments: what else ``open_parsing`` takes; anything JSON can write.

    Raises:
        CheckpointError: it cannot be opened.
        UnsupportedCheckpoint: the parser's library is not installed.
    """
    need = None if whole or not kind.by_need else provider(files[0])
    opened = Session(_worker(kind), path, tuple(files), arguments, need)
    try:
        if not lazily:
            opened.ask("")
        yield opened
    finally:
        opened.close()


class Session:
    """One file or folder that a parser has open."""

    _numbers = count()

    def __init__(
        self, worker: _Worker, path: Path, files: tuple[int, ...], arguments: dict[str, Any], need: Provider | None
    ) -> None:
        self._worker = worker
        self.path = path
        self.files = files
        self.arguments = arguments
        self.need = need
        self.number = next(self._numbers)
        self.child: ChildProcess | None = None

    def ask(self, question: str, *, into: Any = b"", tensor: str = "", **arguments: Any) -> Any:
        """Ask the parser.

        Args:
            question: which of its answers; "" only makes sure that the file is open.
            into: a writable buffer that the raw bytes of the answer must fill exactly.
            tensor: for messages.

        Returns:
            The answer's JSON, which is as untrusted as the file.

        Raises:
            CheckpointError: the parser says so, or it crashed, or reached a limit.
        """
        return self._worker.exchange(self, question, into, tensor, arguments)

    def close(self) -> None:
        """Close the file in the child; whatever happens to the child there is no harm to what was read."""
        with suppress(CheckpointError):
            self._worker.close(self)


class _Worker:
    """One child; requests of several threads queue up."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._lock = threading.Lock()
        self._child: ChildProcess | None = None
        atexit.register(self._end)
        os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        """In a process that was forked from this one: it starts a child of its own."""
        self._lock = threading.Lock()
        if self._child is not None:
            self._child.leave()
        self._child = None

    def exchange(self, asked: Session, question: str, into: Any, tensor: str, arguments: dict[str, Any]) -> Any:
        """One question and its answer, see :meth:`Session.ask`."""
        with self._lock:
            if self._child is not None and not self._child.runs:
                self._end()
            if self._child is None:
                self._child = ChildProcess(self._kind, asked.path)
            if asked.child is not self._child:
                if asked.need is None:
                    _complete(asked)
                self._talk(asked, "open", asked.arguments, asked.files, b"", tensor)
                asked.child = self._child
            return self._talk(asked, question, arguments, (), into, tensor) if question else None

    def close(self, asked: Session) -> None:
        """Close a session if the child that knows it still lives."""
        with self._lock:
            if asked.child is not None and asked.child is self._child:
                self._talk(asked, "close", {}, (), b"", "")
            asked.child = None

    def end(self) -> None:
        """End the child; the next question starts another."""
        with self._lock:
            self._end()

    def _end(self) -> int:
        """End the child; its exit code."""
        child, self._child = self._child, None
        return child.end() if child is not None else 0

    def _talk(self, asked: Session, question: str, arguments: Any, files: Sequence[int], into: Any, tensor: str) -> Any:
        child, limits = self._child, self._kind.limits
        assert child is not None
        channel = child.channel
        request = {
            "session": asked.number,
            "question": question,
            "arguments": arguments,
            "cpu": limits.cpu,
            "by_need": asked.need is not None,
        }
        try:
            until = time.monotonic() + limits.wall
            channel.settimeout(limits.wall)
            send(channel, request, files=files)
            answer, following = receive_head(channel, until=until)
            while asked.need is not None and isinstance(answer, dict) and NEED in answer:
                until += _provide(asked, answer[NEED])
                send(channel, {"value": NEED})
                answer, following = receive_head(channel, until=until)
            if not isinstance(answer, dict) or following != (0 if "error" in answer else len(into)):
                raise FrameError(f"an answer of {following:,} bytes instead of {len(into):,}")
            if following:
                receive_into(channel, into, until)
            child.listen()
        except TimeoutError as exc:
            self._end()  # it had not used up its processor time: a slow disk or network, or a busy machine
            reason = f"{self._kind.library} did not come to an end within {limits.wall:g} s"
            raise NotExamined(asked.path, reason, tensor=tensor) from exc
        except (EOFError, OSError, FrameError) as exc:
            raise self._died(child, asked.path, tensor, exc) from exc
        except BaseException:
            self._end()
            raise
        if "error" in answer:
            raise self._failure(asked.path, tensor, str(answer["error"]), str(answer.get("reason")))
        return answer.get("value")

    def _died(self, child: ChildProcess, path: Path, tensor: str, exc: Exception) -> CheckpointError:
        """The error that goes with how the child ended."""
        library, limits = self._kind.library, self._kind.limits
        if not isinstance(exc, FrameError):
            child.wait(1)  # its end of the channel is closed: it is about to end by itself
        code = self._end()
        if isinstance(exc, FrameError):
            return CorruptCheckpoint(path, f"{library} gave nonsense back: {exc}", tensor=tensor)
        if code == -signal.SIGXCPU and not user_limit(limits.cpu):
            return RefusedCheckpoint(path, f"{library} worked on it for {limits.cpu} s", tensor=tensor)
        if code in (-signal.SIGKILL, -signal.SIGXCPU) or memory_limited():
            return NotExamined(path, f"{library} came to an end: {child.ending(code)}", tensor=tensor)
        if code < 0:
            reason = f"{library} crashed on it ({child.ending(code)})"
            return CorruptCheckpoint(path, reason, tensor=tensor)
        return CorruptCheckpoint(path, f"{library} ended the process ({child.ending(code)})", tensor=tensor)

    def _failure(self, path: Path, tensor: str, error: str, reason: str) -> Exception:
        if error == MISSING:
            return UnsupportedCheckpoint(path, self._kind.missing)
        if error == DEFECT:
            return RuntimeError(f"in the child process: {reason}")
        kind = getattr(errors, error, None)
        if not (isinstance(kind, type) and issubclass(kind, CheckpointError)):
            kind = CorruptCheckpoint
        if not reason:
            reason = f"{self._kind.library} needs more than {self._kind.limits.memory / GIB:g} GiB of memory for it"
        return kind(path, reason, tensor=tensor)


def _provide(asked: Session, said: Any) -> float:
    """Fetch what the parser is about to read, and say how many seconds that took.

    Raises:
        FrameError: it asks for no range.
        CheckpointError: the store does not give it, or there is no room.
    """
    assert asked.need is not None
    if not (isinstance(said, list) and len(said) == 2 and all(type(n) is int for n in said)):
        raise FrameError("it needs what is no range")
    began = time.monotonic()
    try:
        asked.need(*said)
    except OSError as exc:
        raise from_os(asked.path, exc) from exc
    return time.monotonic() - began


def _complete(asked: Session) -> None:
    """Objects of a store as whole local files, which is what a parser can read.

    Raises:
        CheckpointError: the store does not give them, or there is no room.
    """
    try:
        for descriptor in asked.files:
            complete(descriptor)
    except OSError as exc:
        raise from_os(asked.path, exc) from exc


_workers: dict[Kind, _Worker] = {}
_registry = threading.Lock()


def _worker(kind: Kind) -> _Worker:
    with _registry:
        return _workers.setdefault(kind, _workers.get(kind) or _Worker(kind))


def end_children() -> None:
    """End all children, and give back their memory; whoever asks later starts new ones."""
    with _registry:
        workers = tuple(_workers.values())
    for worker in workers:
        worker.end()
