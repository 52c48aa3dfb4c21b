"""The norms of the output units of weight matrices over the checkpoints of a series."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from reporter.rules.timeline import Timeline, Track

Norms = npt.NDArray[np.float64]

AT_ONCE = 4 << 20
"""Norms that are read before they are handed on: those of several matrices from one checkpoint after the other. The
cache has a file for each checkpoint, and to open each of them again for each matrix takes several times as long."""


def with_norms(timeline: Timeline) -> Iterator[tuple[Track, list[int], Norms]]:
    """Each weight matrix with units, the places at which its units were measured, and their norms there.

    Norms are over finite values: a checkpoint in which some are not is left out, since a unit of NaN alone would seem
    to be one of zeros.

    Yields:
        The matrix, ascending places, and the L2 norm of every unit, shape (places, units).
    """
    for tracks in _batches(timeline):
        found: list[dict[int, Norms]] = [{} for _ in tracks]
        finite = [{place for place, bad in zip(t.places, t.bad.tolist(), strict=True) if not bad} for t in tracks]
        for place, measured in enumerate(timeline.series.measured):
            here = [i for i, places in enumerate(finite) if place in places]
            for i, units in zip(here, measured.units(tracks[i].info.name for i in here), strict=True):
                if units is not None and len(units.norms) > 1:
                    first = next(iter(found[i].values()), units.norms)
                    if len(first) == len(units.norms):
                        found[i][place] = units.norms
        for track, rows in zip(tracks, found, strict=True):
            if rows:
                yield track, list(rows), np.stack(list(rows.values()))


def _batches(timeline: Timeline) -> Iterator[list[Track]]:
    """The weight matrices, so many at a time that they have about :data:`AT_ONCE` norms in all checkpoints."""
    tracks: list[Track] = []
    norms = 0
    for track in timeline.matrices:
        tracks.append(track)
        norms += track.info.shape[track.info.output_axis] * len(track.places) if track.info.shape else 0
        if norms >= AT_ONCE:
            yield tracks
            tracks, norms = [], 0
    yield tracks
