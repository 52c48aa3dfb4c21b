"""ckpt-report: what happened to my weights?

From Python::

    import reporter

    result = reporter.measure("ckpts/model.keras")      # or a live tf.keras.Model, or a tf.Module
    result["dense/kernel"].statistics["std"]
    reporter.diff("ckpts/model-1.keras", "ckpts/model-2.keras").to_pandas()

Names are loaded when they are first used, so that ``import reporter`` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reporter.api import Diff, Measurement, Sample, SampleHistogram, VariableDiff, measure
    from reporter.api import difference_of as diff
    from reporter.errors import CheckpointError, MissingPackage, ReportError, SettingError, UnknownName

__all__ = [
    "CheckpointError",
    "Diff",
    "Measurement",
    "MissingPackage",
    "ReportError",
    "Sample",
    "SampleHistogram",
    "SettingError",
    "UnknownName",
    "VariableDiff",
    "diff",
    "measure",
]

_HOMES = {
    "diff": "reporter.api",
    "measure": "reporter.api",
    "Measurement": "reporter.api",
    "Sample": "reporter.api",
    "SampleHistogram": "reporter.api",
    "Diff": "reporter.api",
    "VariableDiff": "reporter.api",
    "MissingPackage": "reporter.errors",
    "UnknownName": "reporter.errors",
    "CheckpointError": "reporter.errors",
    "ReportError": "reporter.errors",
    "SettingError": "reporter.errors",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'reporter' has no attribute {name!r}")
    from importlib import import_module

    if name == "diff":  # of live models as well; reporter.api.diff is the command's
        return import_module("reporter.api").difference_of
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
