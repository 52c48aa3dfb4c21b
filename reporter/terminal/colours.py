"""Colours on a terminal: where one is, unless NO_COLOR says otherwise; FORCE_COLOR has them everywhere.

Sources: https://no-color.org, https://force-color.org; both count where they are set to anything but nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TextIO

_CODES = {"FAIL": "1;31", "WARN": "1;33", "PASS": "1;32", "INFO": "36", "dim": "2", "bold": "1"}


class Paint:
    """Writes text in colours, or as it is.

    >>> Paint(True)("WARN", "WARN"), Paint(False)("WARN", "WARN")
    ('\\x1b[1;33mWARN\\x1b[0m', 'WARN')
    """

    def __init__(self, wanted: bool) -> None:
        self.wanted = wanted

    @classmethod
    def of(cls, stream: TextIO, environment: Mapping[str, str]) -> Paint:
        """For a stream."""
        if environment.get("NO_COLOR"):
            return cls(False)
        return cls(bool(environment.get("FORCE_COLOR")) or (stream.isatty() and environment.get("TERM") != "dumb"))

    def __call__(self, kind: str, text: str) -> str:
        """Text in the colour of a verdict or severity, ``dim`` or ``bold``."""
        return f"\x1b[{_CODES[kind]}m{text}\x1b[0m" if self.wanted else text
