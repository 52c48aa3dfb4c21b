"""Stretches of series that copies of this process measure ahead of it, see :mod:`reporter.ahead`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from reporter.measuring.threads import available
from reporter.model.checkpoint import Found, Series
from reporter.settings.model import Settings

if TYPE_CHECKING:
    from reporter.cache import Cache

LENGTH = 8
"""Checkpoints in a stretch. One more is read at its begin, to be compared with, and the first of the series."""

FEW = 8
"""So many unknown checkpoints are measured before a copy of this process has done anything of use."""

LARGE = 32 << 20
"""Bytes of a checkpoint beyond which threads keep all processors busy, and copies would only compete with them."""


def stretches(found: Sequence[Series], length: int = LENGTH, *, doubtful: bool = False) -> list[tuple[int, Series]]:
    """Each as a series of its own, which begins with what its checkpoints are compared with; in order.

    Recorded ones are left out, which are measured already.

    Args:
        found: all series.
        length: checkpoints in a stretch.
        doubtful: whether series count of which it is in doubt what follows what.

    Returns:
        Each with the number of checkpoints before it.
    """
    result: list[tuple[int, Series]] = []
    before = 0
    for series in found:
        refs = series.checkpoints
        of_use = (doubtful or series.doubt is None) and refs[0].is_there
        for at in range(0, len(refs) if of_use else 0, length):
            partners = dict.fromkeys((0, at - 1)) if at else {}
            chosen = (*(refs[i] for i in partners), *refs[at : at + length])
            result.append((before + at, replace(series, checkpoints=chosen, doubt=None)))
        before += len(refs)
    return result


def copies(found: Found, settings: Settings, cache: Cache) -> int:
    """How many copies of this process are worth it: one for every further processor, where there is enough to do."""
    refs = [ref for series in found.series for ref in series.checkpoints]
    if not cache.keeps or cache.unknown < FEW or sum(ref.nbytes for ref in refs) > LARGE * len(refs):
        return 0
    return further_processors(settings)


def further_processors(settings: Settings) -> int:
    """How many processors may work beside the one that this process keeps busy."""
    return (settings.threads or available()) - 1
