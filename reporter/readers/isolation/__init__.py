"""Native libraries parse untrusted files in a child process that has limits; only plain data come back.

What starts and asks a child is imported when one is needed: readers say here what they would need one for.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from reporter.readers.isolation.kind import Kind
from reporter.readers.isolation.limits import GIB, Limits

if TYPE_CHECKING:
    from reporter.readers.isolation.worker import Session, session

__all__ = ["GIB", "Kind", "Limits", "Session", "end_children", "session"]


def end_children() -> None:
    """End all children, if any was started, and give back their memory; whoever asks later starts new ones."""
    if worker := sys.modules.get(f"{__name__}.worker"):
        worker.end_children()


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.worker"), name)
