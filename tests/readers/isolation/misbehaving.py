"""A parser for tests that does on request what a native library must not do. Runs in a child process only."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import time
from pathlib import Path
from typing import Any

import numpy as np

from reporter.errors import PartialCheckpoint, UnsupportedCheckpoint


def open_parsing(files: list[int], **arguments: Any) -> Misbehaving:
    if arguments.get("refuse"):
        raise UnsupportedCheckpoint(Path(), "a kind that is not read")
    return Misbehaving(files, arguments)


class Misbehaving:
    def __init__(self, files: list[int], arguments: dict[str, Any]) -> None:
        self.files = files
        self.arguments = arguments
        self.calls = 0

    def answer(self, question: str, **arguments: Any) -> tuple[Any, Any]:
        return getattr(self, question)(**arguments)

    def close(self) -> None:
        pass

    def calls_so_far(self) -> tuple[Any, Any]:
        self.calls += 1
        return [os.getpid(), self.calls, self.arguments], b""

    def content(self) -> tuple[Any, Any]:
        return [os.pread(file, 100, 0).decode() for file in self.files], b""

    def descriptors(self) -> tuple[Any, Any]:
        return len(list(Path("/proc/self/fd").iterdir())), b""

    def numbers(self, count: int, start: int = 0) -> tuple[Any, Any]:
        return None, np.arange(start, start + count, dtype=np.int64)

    def processor_time(self) -> tuple[Any, Any]:
        return time.process_time(), b""

    def crash(self) -> tuple[Any, Any]:
        ctypes.string_at(0)
        raise AssertionError

    def leave(self, saying: str = "") -> tuple[Any, Any]:
        for line in saying.splitlines(keepends=True):
            with contextlib.suppress(BlockingIOError):
                os.write(2, line.encode())
        os._exit(3)

    def loop(self) -> tuple[Any, Any]:
        while True:
            pass

    def sleep(self, seconds: float = 3600) -> tuple[Any, Any]:
        ctypes.PyDLL(None).usleep(int(seconds * 1e6))  # with the interpreter's lock held, as in native code
        return None, b""

    def allocate(self, size: int) -> tuple[Any, Any]:
        return np.zeros(size, np.uint8).size, b""

    def write(self, path: str) -> tuple[Any, Any]:
        Path(path).write_bytes(b"x")
        return None, b""

    def core(self) -> tuple[Any, Any]:
        return resource.getrlimit(resource.RLIMIT_CORE), b""

    def stdin(self) -> tuple[Any, Any]:
        return os.read(0, 10).decode(), b""

    def talk(self, size: int) -> tuple[Any, Any]:
        return "x" * size, b""

    def partial(self) -> tuple[Any, Any]:
        raise PartialCheckpoint(Path("elsewhere"), "its end is missing")

    def slip(self) -> tuple[Any, Any]:
        raise ZeroDivisionError("a slip of the parser")
