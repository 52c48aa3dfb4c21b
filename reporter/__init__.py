"""ckpt-report: what happened to my weights?

From Python::

    import reporter

    result = reporter.measure("ckpts/model.keras")      # or a live tf.keras.Model, or a tf.Module
    result["dense/kernel"].statistics["std"]
    reporter.diff("ckpts/model-1.keras", "ckpts/model-2.keras").to_pandas()

    reporter.report("ckpts", "reports")                 # what the command makes
    model.fit(data, callbacks=[reporter.keras.Report("reports")])   # without any checkpoint
    reporter.testing.assert_healthy("ckpts")            # in a test

Names are loaded when they are first used, so that ``import reporter`` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reporter.api import Diff, Measurement, Sample, SampleHistogram, VariableDiff, measure
    from reporter.api import difference_of as diff
    from reporter.engine import open_checkpoint, report, scan
    from reporter.errors import CheckpointError, MissingPackage, ReportError, SettingError, UnknownName
    from reporter.pipeline import Outcome
    from reporter.recorder import Recorder

__version__ = "0.2.0"
"""The one place that states it: the build, the command line and the reports read it here."""

__all__ = [
    "CheckpointError",
    "Diff",
    "Measurement",
    "MissingPackage",
    "Outcome",
    "Recorder",
    "ReportError",
    "Sample",
    "SampleHistogram",
    "SettingError",
    "UnknownName",
    "VariableDiff",
    "__version__",
    "diff",
    "measure",
    "open_checkpoint",
    "report",
    "scan",
]

_HOMES = {
    "diff": "reporter.api",
    "measure": "reporter.api",
    "Measurement": "reporter.api",
    "Sample": "reporter.api",
    "report": "reporter.engine",
    "scan": "reporter.engine",
    "open_checkpoint": "reporter.engine",
    "Recorder": "reporter.recorder",
    "Outcome": "reporter.pipeline",
    "SampleHistogram": "reporter.api",
    "Diff": "reporter.api",
    "VariableDiff": "reporter.api",
    "MissingPackage": "reporter.errors",
    "UnknownName": "reporter.errors",
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
    if name == "diff":  # of live models as well; reporter.api.diff is the command's
        return import_module("reporter.api").difference_of
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES, *_MODULES])
