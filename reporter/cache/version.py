"""Which code measured: cached numbers of an earlier version of it are not used.

The version is a number that somebody raises, and no hash of the code: whoever installs a new version of the program
keeps what is cached unless the numbers are others, and with it what is known of checkpoints that are deleted by now.
"""

from __future__ import annotations

MEASURING_VERSION = 7
"""Raised whenever the same file would give other numbers, names or roles than before."""

RECORDED = "2eef06589e755d5a"
"""Of the code that decides about them, when the version was last looked at: see ``tests/cache/test_version.py``."""
