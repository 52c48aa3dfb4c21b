"""ckpt-report: what happened to my weights?

From Python::

    import reporter

    result = reporter.measure("ckpts/model.keras")      # or a live tf.keras.Model, or a tf.Module
    result.whole.statistics["std"]

    reporter.report("ckpts", "reports")                 # what the command makes
    model.fit(data, callbacks=[reporter.keras.Report("reports")])   # without any checkpoint
    reporter.testing.assert_healthy("ckpts")            # in a test

Names are loaded when they are first used, so that ``import reporter`` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reporter.api import Measurement, Sample, measure
    from reporter.engine import open_checkpoint, report, scan
    from reporter.errors import CheckpointError, ReportError, SettingError
    from reporter.pipeline import Outcome
    from reporter.recorder import Recorder

__version__ = "0.2.0"
"""The one place that states it: the build, the command line and the reports read it here."""

__all__ = [
    "CheckpointError",
    "Measurement",
    "Outcome",
    "Recorder",
    "ReportError",
    "Sample",
    "SettingError",
    "__version__",
    "measure",
    "open_checkpoint",
    "report",
    "scan",
]

_HOMES = {
    "measure": "reporter.api",
    "Measurement": "reporter.api",
    "Sample": "reporter.api",
    "report": "reporter.engine",
    "scan": "reporter.engine",
    "open_checkpoint": "reporter.engine",
    "Recorder": "reporter.recorder",
    "Outcome": "reporter.pipeline",
    "CheckpointError": "reporter.errors",
    "ReportError": "reporter.errors",
    "SettingError": "reporter.errors",
}


_MODULES = ("keras", "testing")
"""Modules with public names of their own."""


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in _MODULES:
        return import_module(f"reporter.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'reporter' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES, *_MODULES])
