"""Every open, read and write of a run fails in turn: ``python -m tests.faults.injected [HOW MANY]``.

Python's own implementation of files (``_pyio``) stands in for that in C, so that whatever is opened, read or written
goes through :mod:`os`, where the fault is put in, in the parsers' child processes as well. Only files of the test
count. A run with a warm cache reads what was measured; one that has to measure again reads the weights.
"""

from __future__ import annotations

import _pyio
import builtins
import errno
import io
import json
import mmap
import os
import random
import struct
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

from reporter.readers.isolation import end_children
from tests.faults.forked import fork_parsers
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

CREATE = "create"
"""An ``open`` for writing, which a full disk can refuse."""

SEEN = (*CALLS, CREATE)

Case = tuple[bool, int, str, int]
"""Whether the run measures again, which of its calls it is, the call's name, and the error's number."""

MAX_CALLS = 20_000
"""In one run; it has some hundreds."""

_COUNT = struct.Struct("=Q")

_FULL = ("write", "mkdir", "symlink", "rename", "replace", "fsync")

ERRORS = dict.fromkeys(CALLS, (errno.EIO,)) | dict.fromkeys(_FULL, (errno.ENOSPC, errno.EIO))
ERRORS |= {"open": (errno.EMFILE, errno.EIO), CREATE: (errno.EMFILE, errno.EIO, errno.ENOSPC)}
ERRORS |= {"scandir": (errno.EMFILE, errno.EIO)}


class Injector:
    """Counts calls that concern a folder, in this process and in those forked from it, and lets one of them fail."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        self._real: dict[str, Callable[..., Any]] = {name: getattr(os, name) for name in CALLS}
        self._readlink = os.readlink
        self._shared = mmap.mmap(-1, _COUNT.size + MAX_CALLS)  # how many calls there were, and a byte for each
        self._counting = threading.Lock()  # files are made durable by threads
        self._fail_at, self._number = -1, 0
        self.failed = False
        self.refused = ""
        """The path of the call of this process that has failed."""

    def install(self) -> None:
        for name in CALLS:
            setattr(os, name, self._failing(name))
        io.open = builtins.open = _pyio.open  # type: ignore[assignment]
        tempfile._io = _pyio  # type: ignore[attr-defined]

    def start(self, fail_at: int = -1, number: int = 0) -> None:
        self._fail_at, self._number, self.refused = fail_at, number, ""
        _COUNT.pack_into(self._shared, 0, 0)

    def stop(self) -> None:
        """From now on nothing fails; notes whether anything did."""
        self.failed = 0 <= self._fail_at < len(self.seen())
        self._fail_at = -1

    def seen(self) -> list[str]:
        """The calls since the start."""
        (count,) = _COUNT.unpack_from(self._shared)
        return [SEEN[which] for which in self._shared[_COUNT.size : _COUNT.size + count]]

    def _failing(self, name: str) -> Callable[..., Any]:
        real = self._real[name]

        def call(what: Any, *arguments: Any, **options: Any) -> Any:
            which = SEEN.index(CREATE if name == "open" and arguments[0] & os.O_ACCMODE else name)
            if self._concerns(what) and self._counted(which) == self._fail_at:
                self.refused = self._path(what)
                named = [] if isinstance(what, int) else [self.refused]
                raise OSError(self._number, os.strerror(self._number), *named)
            return real(what, *arguments, **options)

        return call

    def _counted(self, which: int) -> int:
        with self._counting:
            (at,) = _COUNT.unpack_from(self._shared)
            self._shared[_COUNT.size + at] = which
            _COUNT.pack_into(self._shared, 0, at + 1)
        return int(at)

    def _concerns(self, what: Any) -> bool:
        try:
            return self._path(what).startswith(self._folder)
        except (OSError, TypeError):
            return False

    def _path(self, what: Any) -> str:
        return str(self._readlink(f"/proc/self/fd/{what}") if isinstance(what, int) else os.fspath(what))


def chosen(cases: list[Case], limit: int | None) -> list[Case]:
    """So many of the cases: of each kind in turn, early and late ones."""
    if limit is None:
        return cases
    kinds: dict[tuple[bool, str, int], list[Case]] = {}
    for case in cases:
        again, _, *what = case
        kinds.setdefault((again, *what), []).append(case)
    chance = random.Random(limit)
    for of_kind in kinds.values():
        chance.shuffle(of_kind)
    order = list(kinds.values())
    chance.shuffle(order)
    return [case for turn in zip_longest(*order) for case in turn if case is not None][:limit]


def cases_of(small: Small, injector: Injector) -> Iterator[Case]:
    """Every call of either kind of run, with every error; one more run first, which keeps what the first could not."""
    small.wrong(small.report())
    for again in (False, True):
        if again:
            small.forget()
        small.forget_runs()
        injector.start()
        small.wrong(small.report())
        yield from ((again, at, call, number) for at, call in enumerate(injector.seen()) for number in ERRORS[call])


def run(limit: int | None) -> dict[str, Any]:
    """Let so many of the calls fail, or all of them; progress goes to standard error."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        injector = Injector(folder)
        fork_parsers()
        small = Small(folder)
        injector.install()
        end_children()
        small.over = injector.stop  # type: ignore[method-assign]
        counts: Counter[str] = Counter()
        wrong: list[str] = []
        cases = list(cases_of(small, injector))
        todo = chosen(cases, limit)
        for done, (again, at, call, number) in enumerate(todo):
            if again:
                small.forget()
            small.forget_runs()
            injector.start(at, number)
            ended = small.report()
            failed = injector.failed
            if kept := [left for left in small.leftovers() if left in injector.refused]:
                injector.start()  # what this run was refused to delete, the next one does
                small.wrong(ended)
                ended = small.report()
                counts["of these, with something left that could not be deleted, and then was"] += len(kept)
            problem = small.wrong(ended)
            counts["wrong" if problem else small.outcome(ended) if failed else "no such call this time"] += 1
            if problem:
                where = "measuring again" if again else "from the cache"
                wrong.append(f"{where}: {call} {at} {errno.errorcode[number]}: {problem}")
                print(wrong[-1], file=sys.stderr, flush=True)
            if done % 100 == 99:
                print(f"{done + 1} of {len(todo)}: {dict(counts)}", file=sys.stderr, flush=True)
        calls = Counter(call for _, _, call, _ in cases)
        return {"calls": calls, "cases": len(cases), "counts": counts, "wrong": wrong}


if __name__ == "__main__":
    print(json.dumps(run(int(sys.argv[1]) if len(sys.argv) > 1 else None)))
