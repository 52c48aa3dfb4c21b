"""Every open, read and write of a run fails in turn: ``python -m tests.faults.injected [HOW MANY]``.

Python's own implementation of files (``_pyio``) stands in for that in C, so that whatever is opened, read or written
goes through :mod:`os`, where the fault is put in. Only files of the test count.
"""

from __future__ import annotations

import _pyio
import builtins
import errno
import io
import json
import os
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from itertools import zip_longest
from pathlib import Path
from typing import Any

from tests.faults.warm import Small

CALLS = (
    "open",
    "read",
    "pread",
    "preadv",
    "write",
    "fsync",
    "mkdir",
    "rename",
    "replace",
    "symlink",
    "scandir",
    "stat",
)
"""Of :mod:`os`; the first argument is a path or a descriptor."""

Case = tuple[int, str, int]
"""Which call of the run, its name, and the error's number."""

_FULL = ("write", "mkdir", "symlink", "rename", "replace", "fsync")

ERRORS = dict.fromkeys(CALLS, (errno.EIO,)) | dict.fromkeys(_FULL, (errno.ENOSPC, errno.EIO))
ERRORS |= {"open": (errno.EMFILE, errno.EIO, errno.ENOSPC), "scandir": (errno.EMFILE, errno.EIO)}


class Injector:
    """Counts calls that concern a folder, and lets one of them fail."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        self._real: dict[str, Callable[..., Any]] = {name: getattr(os, name) for name in CALLS}
        self._readlink = os.readlink
        self.seen: list[str] = []
        self.fail_at, self.number = -1, 0

    def install(self) -> None:
        for name in CALLS:
            setattr(os, name, self._failing(name))
        io.open = builtins.open = _pyio.open  # type: ignore[assignment]
        tempfile._io = _pyio  # type: ignore[attr-defined]

    def start(self, fail_at: int = -1, number: int = 0) -> None:
        self.seen, self.fail_at, self.number = [], fail_at, number

    def _failing(self, name: str) -> Callable[..., Any]:
        real = self._real[name]

        def call(what: Any, *arguments: Any, **options: Any) -> Any:
            if self._concerns(what):
                self.seen.append(name)
                if len(self.seen) - 1 == self.fail_at:
                    path = what if not isinstance(what, int) else None
                    raise OSError(self.number, os.strerror(self.number), *([os.fspath(path)] if path else []))
            return real(what, *arguments, **options)

        return call

    def _concerns(self, what: Any) -> bool:
        try:
            path = self._readlink(f"/proc/self/fd/{what}") if isinstance(what, int) else os.fspath(what)
        except (OSError, TypeError):
            return False
        return str(path).startswith(self._folder)


def chosen(cases: list[Case], limit: int | None) -> list[Case]:
    """So many of the cases: of each kind in turn, early and late ones."""
    if limit is None:
        return cases
    kinds: dict[tuple[str, int], list[Case]] = {}
    for case in cases:
        kinds.setdefault(case[1:], []).append(case)
    chance = random.Random(limit)
    for of_kind in kinds.values():
        chance.shuffle(of_kind)
    order = list(kinds.values())
    chance.shuffle(order)
    return [case for turn in zip_longest(*order) for case in turn if case is not None][:limit]


def run(limit: int | None) -> dict[str, Any]:
    """Let so many of the calls fail, or all of them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        small, injector = Small(folder), Injector(folder)
        injector.install()
        counts: Counter[str] = Counter()
        wrong: list[str] = []
        injector.start()
        small.wrong(small.report())
        calls = Counter(injector.seen)
        cases = [(at, call, number) for at, call in enumerate(injector.seen) for number in ERRORS[call]]
        for at, call, number in chosen(cases, limit):
            injector.start(at, number)
            ended = small.report()
            injector.start()
            counts[f"exit code {ended.code}"] += 1
            problem = small.wrong(ended)
            if problem:
                wrong.append(f"{call} {at} {errno.errorcode[number]}: {problem}")
        return {"calls": calls, "cases": len(cases), "counts": counts, "wrong": wrong}


if __name__ == "__main__":
    print(json.dumps(run(int(sys.argv[1]) if len(sys.argv) > 1 else None)))
