"""Reports that several tests look at: each is built once in a process, also for processes that are forked from it."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TypeVar

import pytest

from reporter.model.report import Report
from reporter.plots.canvas import Canvas
from tests.make import rich as _rich
from tests.make import story as _story
from tests.make.rich import Rich


def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="ckpt-report-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder / "made"


_PAINT = Canvas._draw

T = TypeVar("T")


def _painted(build: Callable[[Path], T]) -> T:
    """What is built has its pictures, whichever test is the first to ask, also one that leaves its own blank."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Canvas, "_draw", _PAINT)
        return build(_folder())


@cache
def rich() -> Rich:
    """See :mod:`tests.make.rich`."""
    return _painted(_rich.build)


@cache
def story() -> Report:
    """See :mod:`tests.make.story`."""
    return _painted(_story.build)
