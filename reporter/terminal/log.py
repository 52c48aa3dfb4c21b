"""What a run says on standard error: lines for people, or one JSON object a line for machines."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TextIO

from reporter.printable import visible


class Loudness(StrEnum):
    """How much is said: nothing while all is well, the usual, or everything."""

    QUIET = "quiet"
    USUAL = "usual"
    VERBOSE = "verbose"


class Log:
    """Prints lines, each at once, so that nothing is lost when a run is killed.

    Args:
        stream: where to print; standard error if None.
        loudness: how much.
        as_json: whether each line is a JSON object with ``time``, ``level``, ``event``, ``message`` and more.
    """

    def __init__(
        self, stream: TextIO | None = None, loudness: Loudness = Loudness.USUAL, *, as_json: bool = False
    ) -> None:
        self.stream = stream or sys.stderr
        self.loudness = loudness
        self.as_json = as_json

    @property
    def live(self) -> bool:
        """Whether a line that changes can be shown: on a terminal, to people."""
        return self.loudness is not Loudness.QUIET and not self.as_json and self.stream.isatty()

    def line(self, event: str, message: str, *, level: str = "info", **facts: Any) -> None:
        """Print a line, unless the run is quiet.

        Args:
            event: what happened, in one word; machines filter by it.
            message: the same as a sentence for people.
            level: ``info``, ``warning`` or ``error``.
            facts: further keys of the JSON object.
        """
        if self.loudness is not Loudness.QUIET:
            self.always(event, message, level=level, **facts)

    def always(self, event: str, message: str, *, level: str = "info", **facts: Any) -> None:
        """Print a line, even if the run is quiet."""
        text = message
        if self.as_json:
            now = datetime.now(UTC).isoformat(timespec="milliseconds")
            record = {"time": now, "level": level, "event": event, "message": message, **facts}
            text = json.dumps(record, default=str)
        print(text if self.as_json else visible(text), file=self.stream, flush=True)
