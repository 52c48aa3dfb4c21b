"""What a run is described by: the version of the program, a title, an identity, and the seconds of each stage."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from reporter.discover.listing import absolute
from reporter.model.checkpoint import Found
from reporter.numerals import integer
from reporter.settings.model import Settings
from reporter.settings.options import described

NAMED = 5
"""Folders named in the title of a report that was given none."""


def title(settings: Settings) -> str:
    """The heading that was asked for, else one that names the folders.

    >>> title(Settings(roots=tuple(Path(f"/runs/{i}") for i in range(7))))
    'Checkpoints of 0, 1, 2, 3, 4 and 2 more'
    """
    return settings.title or _named(settings.roots)


def _named(roots: Sequence[Path]) -> str:
    names = [absolute(root).name or str(root) for root in roots]
    more = f" and {integer(len(names) - NAMED)} more" if len(names) > NAMED else ""
    return f"Checkpoints of {', '.join(names[:NAMED])}{more}"


def identity(found: Found, settings: Settings) -> str:
    """Eight characters that depend on what is reported, and on every setting that the report tells of."""
    facts = [repr(sorted(described(settings).items()))]
    facts += [f"{r.name}\0{r.nbytes}\0{r.mtime_ns}" for s in found.series for r in s.checkpoints]
    return hashlib.sha256("\n".join(facts).encode("utf-8", "backslashreplace")).hexdigest()[:8]


class Clock:
    """Adds up the seconds of each stage.

    >>> clock = Clock()
    >>> with clock("draw"):
    ...     pass
    >>> list(clock.seconds)
    ['draw']
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._started = time.perf_counter()

    @property
    def elapsed(self) -> float:
        """Seconds since it was made."""
        return time.perf_counter() - self._started

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """A context whose time counts as that of the stage."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - start
