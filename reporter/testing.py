"""For tests of a project that trains models: fail the build when the checkpoint of a branch is sick."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from reporter.engine import paths_of
from reporter.errors import SettingError
from reporter.judged import Judged, judged, listed
from reporter.model.finding import Severity
from reporter.recorder import Recorder
from reporter.settings.keywords import from_keywords
from reporter.settings.model import Settings

LEAST = {"info": Severity.INFO, "warn": Severity.WARN, "fail": Severity.FAIL}


def assert_healthy(
    what: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | Recorder, *,
    fail_on: Literal["info", "warn", "fail"] = "warn", config: str | os.PathLike[str] | None = None, **settings: Any,
) -> Judged:  # fmt: skip
    """Pass if no rule finds anything as bad in some checkpoints; no page and no picture is made.

    Args:
        what: a folder of checkpoints, a checkpoint, a recording, or several of these; or a :class:`reporter.Recorder`,
            of which all states count.
        fail_on: the least severity that fails.
        config, settings: as of :func:`reporter.report`, such as ``rules={"frozen": {"severity": "off"}}`` or
            ``accept="accept.toml"``. Nothing is kept for later calls unless a ``cache`` is given.

    Returns:
        What was measured, compared and judged, for further assertions.

    Raises:
        AssertionError: something was found; the message lists the findings, worst first. Also if a file could not be
            read, or nothing was there to measure: what nobody looked at is not healthy.
        reporter.SettingError: a setting that cannot be used, or a path that does not exist.

    >>> import numpy as np, tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "m.npz"
    >>> np.savez(path, **{"dense/kernel": np.float32([[1, 2], [3, np.nan]])})
    >>> assert_healthy(path)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    AssertionError: 1 finding in 1 checkpoint:
      FAIL non-finite: dense/kernel holds 1 NaN among 4 values...
    """
    __tracebackhide__ = True  # pytest shows the caller's line in its place
    if fail_on not in LEAST:
        raise SettingError(f"fail_on: {fail_on!r} is not one of {', '.join(LEAST)}")
    if isinstance(what, Recorder):
        result = judged(what.settings)
    else:
        made: Settings = from_keywords(settings, None if config is None else Path(config))
        result = judged(replace(made, roots=paths_of(what)))
    found = result.at_least(LEAST[fail_on])
    if found or result.harmful or not result.measured:
        raise AssertionError(_message(result, [*listed(found), *listed((), result.harmful)]))
    return result


def _message(result: Judged, lines: Sequence[str]) -> str:
    if not lines:
        return "no checkpoint was found, so that nothing is known to be healthy"
    n, of = len(lines), result.measured
    head = f"{n} finding{'s' if n > 1 else ''} in {of} checkpoint{'' if of == 1 else 's'}:"
    return "\n  ".join([head, *lines])
