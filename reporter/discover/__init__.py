"""Discover: from a folder to series of checkpoints, by names, sizes and headers alone."""

from reporter.discover.find import find
from reporter.discover.settling import last_written, settled
from reporter.discover.walk import MAX_DEPTH

__all__ = ["MAX_DEPTH", "find", "last_written", "settled"]
