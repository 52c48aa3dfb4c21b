"""Native libraries parse untrusted files in a child process that has limits; only plain data come back."""

from reporter.readers.isolation.kind import Kind
from reporter.readers.isolation.limits import GIB, Limits
from reporter.readers.isolation.worker import Session, end_children, session

__all__ = ["GIB", "Kind", "Limits", "Session", "end_children", "session"]
