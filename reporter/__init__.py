"""ckpt-report: what happened to my weights?

From Python::

    import reporter

    result = reporter.measure("ckpts/model.keras")      # or a live tf.keras.Model, or a tf.Module
    result.whole.statistics["std"]

Names are loaded when they are first used, so that ``import reporter`` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reporter.api import Measurement, Sample, measure
    from reporter.errors import CheckpointError, ReportError, SettingError

__version__ = "0.2.0"
"""The one place that states it: the build, the command line and the reports read it here."""

__all__ = ["CheckpointError", "Measurement", "ReportError", "Sample", "SettingError", "__version__", "measure"]

_HOMES = {
    "measure": "reporter.api",
    "Measurement": "reporter.api",
    "Sample": "reporter.api",
    "CheckpointError": "reporter.errors",
    "ReportError": "reporter.errors",
    "SettingError": "reporter.errors",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'reporter' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
