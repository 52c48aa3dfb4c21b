"""The child process of :mod:`reporter.readers.isolation.worker`: takes requests, and lets one parser answer them."""

from __future__ import annotations

import errno
import os
import socket
import traceback
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from reporter.errors import CheckpointError, NotExamined, RefusedCheckpoint, from_os, from_words, translated
from reporter.lifeline import die_with
from reporter.readers.isolation.frames import FrameError, receive_head, send
from reporter.readers.isolation.limits import give_up_files, limit_cpu, limit_memory

MISSING, DEFECT = "missing", "defect"
"""Kinds of failure beside the names of our own errors: the library is not there; the parser has a slip."""

NEED = "need"
"""In place of an answer: what the parser is about to read of its file, which has to be there before."""

READY = "ready"
"""First message: the library is loaded, the limits are set, and no byte of a file was seen yet."""


class Parsing(Protocol):
    """One open file or folder in the child. A parser is a module with ``open_parsing(files, **arguments)``."""

    def answer(self, question: str, **arguments: Any) -> tuple[Any, Any]:
        """JSON and raw bytes; may raise CheckpointError."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


def main(module: str, channel: int, lifeline: int, memory: int) -> None:
    """Answer requests until the other side is gone.

    Args:
        module: the parser.
        channel, lifeline: descriptors of a socket and of the reading end of a pipe.
        memory: bytes of address space beyond the libraries' own.
    """
    die_with(lifeline)
    failure: dict[str, str] | None = None
    opener: Callable[..., Parsing] | None = None
    try:
        opener = import_module(module).open_parsing
    except Exception as exc:
        failure = _not_loaded(exc, traceback.format_exc())
    give_up_files()  # not before: TensorFlow tries, while it is imported, whether it could write temporary files
    short = limit_memory(memory)
    with socket.socket(fileno=channel) as wire:
        send(wire, {"value": READY})
        _serve(wire, opener, failure, short)


def _not_loaded(error: Exception, trace: str) -> dict[str, str]:
    """Why the parser's library could not be imported: it is not there, or this machine does not let it be loaded."""
    try:
        known = translated(Path(), error) if isinstance(error, OSError | MemoryError) else from_words(Path(), trace)
    except MemoryError:
        known = translated(Path(), MemoryError())
    if known is not None:
        return {"error": NotExamined.__name__, "reason": known.reason}
    if isinstance(error, ImportError):
        return {"error": MISSING, "reason": str(error)}
    return {"error": DEFECT, "reason": trace}


def _serve(
    wire: socket.socket, opener: Callable[..., Parsing] | None, failure: dict[str, str] | None, short: str
) -> None:
    """Answer; ``short`` is the user's limit of memory where that is lower than ours."""
    opened: dict[int, tuple[Parsing, list[int]]] = {}
    while True:
        files: list[int] = []
        try:
            request, _ = receive_head(wire, files)
        except EOFError:
            return
        limit_cpu(request["cpu"])
        value: Any = None
        data: Any = b""
        try:
            number, question = request["session"], request["question"]
            if opener is not None and question == "open":
                by_need = {NEED: partial(_need, wire)} if request["by_need"] else {}
                opened[number] = opener(files, **request["arguments"], **by_need), files
                files = []
            elif question == "close":
                parsing, files = opened.pop(number)
                parsing.close()
            elif opener is not None:
                value, data = opened[number][0].answer(question, **request["arguments"])
            message: Any = failure or {"value": value}
        except CheckpointError as exc:
            message = {"error": type(exc).__name__, "reason": exc.reason}
        except MemoryError:
            message = _no_memory(short)
        except Exception as exc:
            message = {"error": DEFECT, "reason": traceback.format_exc(limit=-3)}
            if isinstance(exc, OSError) and exc.errno != errno.EFBIG:  # that is our own limit: parsers do not write
                known = from_os(Path(), exc)
                message = {"error": type(known).__name__, "reason": known.reason}
        for descriptor in files:
            os.close(descriptor)
        try:
            send(wire, message, data)
        except FrameError as exc:  # of the text, before anything is sent
            send(wire, {"error": RefusedCheckpoint.__name__, "reason": str(exc)})
        except MemoryError:
            send(wire, _no_memory(short))


def _need(wire: socket.socket, start: int, stop: int) -> None:
    """Have a range of the file put there; where it cannot be had, the other side ends this process."""
    send(wire, {NEED: [start, stop]})
    receive_head(wire)


def _no_memory(short: str) -> dict[str, str]:
    """Of a request that needs more memory than it may take: by our limit, or by the user's, which is lower."""
    if short:
        return {"error": NotExamined.__name__, "reason": short}
    return {"error": RefusedCheckpoint.__name__, "reason": ""}
