"""Everything in one checkpoint, for ``ckpt-report inspect``; it imports as little as possible."""

from __future__ import annotations

from pathlib import Path

from reporter.library.subject import opened_path
from reporter.measuring.checkpoint import Plan, measure_checkpoint
from reporter.model.measured import Measured
from reporter.model.tensor import Contents
from reporter.settings.model import Settings


def inspect(path: Path, settings: Settings) -> tuple[Contents, Measured]:
    """Everything in one checkpoint, for ``ckpt-report inspect``.

    Raises:
        reporter.errors.SettingError, reporter.errors.CheckpointError: as :func:`reporter.measure`.
    """
    with opened_path(path, settings) as contents:
        plan = Plan(settings.variables, settings.quantiles, settings.threads, comparable=False)
        return contents, measure_checkpoint(contents, plan)[0]
