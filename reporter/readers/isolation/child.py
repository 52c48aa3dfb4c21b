"""The child process of :mod:`reporter.readers.isolation.worker`: takes requests, and lets one parser answer them."""

from __future__ import annotations

import os
import socket
import traceback
from collections.abc import Callable
from importlib import import_module
from typing import Any, Protocol

from reporter.errors import CheckpointError
from reporter.readers.isolation.frames import FrameError, receive_head, send
from reporter.readers.isolation.limits import die_with, give_up_files, limit_cpu, limit_memory

MISSING, DEFECT = "missing", "defect"
"""Kinds of failure beside the names of our own errors: the library is not there; the parser has a slip."""


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
    except ImportError as exc:
        failure = {"error": MISSING, "reason": str(exc)}
    except Exception:
        failure = {"error": DEFECT, "reason": traceback.format_exc(limit=-3)}
    give_up_files()  # not before: TensorFlow tries, while it is imported, whether it could write temporary files
    limit_memory(memory)
    with socket.socket(fileno=channel) as wire:
        _serve(wire, opener, failure)


def _serve(wire: socket.socket, opener: Callable[..., Parsing] | None, failure: dict[str, str] | None) -> None:
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
                opened[number] = opener(files, **request["arguments"]), files
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
            message = {"error": "RefusedCheckpoint", "reason": ""}
        except Exception:
            message = {"error": DEFECT, "reason": traceback.format_exc(limit=-3)}
        for descriptor in files:
            os.close(descriptor)
        try:
            send(wire, message, data)
        except (FrameError, MemoryError) as exc:  # of the text, before anything is sent
            send(wire, {"error": "RefusedCheckpoint", "reason": str(exc)})
