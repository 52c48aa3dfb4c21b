"""Reports that several tests look at: each is built once in a process, also for processes that are forked from it."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from reporter.model.report import Report
from tests.make import rich as _rich
from tests.make import story as _story
from tests.make.rich import Rich


def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="ckpt-report-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder / "made"


@cache
def rich() -> Rich:
    """See :mod:`tests.make.rich`."""
    return _rich.build(_folder())


@cache
def story() -> Report:
    """See :mod:`tests.make.story`."""
    return _story.build(_folder())
