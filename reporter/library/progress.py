"""How far ``reporter.measure`` is, told to a function or on standard error."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from reporter.errors import SettingError
from reporter.model.tensor import Contents, Tensor, TensorSource

Told = Callable[[int, int], object]
"""Called with the number of tensors that were read, and that of all."""


def told(contents: Contents, progress: Any) -> Contents:
    """The same contents, whose tensors tell when they have been read for the first time.

    Args:
        contents: what is going to be measured.
        progress: False for silence, True for a line on standard error, or a function of (read, all), which is called
            from the threads that measure, one call at a time.

    Raises:
        SettingError: it is none of these.
    """
    if progress is False or progress is None:
        return contents
    if progress is not True and not callable(progress):
        raise SettingError(f"progress: {progress!r} is neither True, False nor a function of (read, all)")
    count = _Count(_line if progress is True else progress, len(contents.tensors))
    return replace(contents, tensors=tuple(count.watched(source) for source in contents.tensors))


class _Count:
    def __init__(self, tell: Told, of: int) -> None:
        self._tell, self._of = tell, of
        self._lock = threading.Lock()
        self._read: set[str] = set()

    def watched(self, source: TensorSource) -> TensorSource:
        return Tensor(source.info, partial(self._blocks, source))

    def _blocks(self, source: TensorSource) -> Iterator[npt.NDArray[np.generic]]:
        yield from source.blocks()
        with self._lock:
            if source.info.name not in self._read:  # large tensors are read twice
                self._read.add(source.info.name)
                self._tell(len(self._read), self._of)


def _line(read: int, of: int) -> None:
    """One line that changes where somebody is looking, and none in a log."""
    if sys.stderr.isatty():
        print(f"\rmeasured {read} of {of} tensors", end="\n" if read == of else "", file=sys.stderr, flush=True)
