"""The numbers that a page embeds for its scripts: one block of JSON, in which all arrays are one deflated text.

Every array is embedded once, however many pictures and tables speak of it. In JSON an array is its place in the list
of all arrays, and a list of names its place in the list of all lists. ``templates/js/data.js`` reads it, and describes
what it reads.
"""

from __future__ import annotations

import json
import struct
import zlib
from base64 import b64encode
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from reporter.model.blocks import Figure
from reporter.model.histogram import Histogram
from reporter.model.numbers import SeriesNumbers
from reporter.model.reading import Area, BinsArea, CellsArea, Number
from reporter.printable import layer_name
from reporter.render.text import clip, visible

TYPES = ("u1", "<u2", "<u4", "<f8")
"""How arrays are stored: whole numbers as small as they all fit, others as float64. Their order is a contract with the
script."""

ALIGNED = 8
"""Every array begins at a multiple of this many bytes, so that a script can look at it without copying it."""

NAME = 160
"""Most characters of a name."""

ID = 250
"""Most characters of the id of a card; none is as long."""


class PageData:
    """Collects what pictures and tables of one page need, while the page is written."""

    def __init__(self) -> None:
        self._arrays: list[tuple[int, bytes]] = []
        self._places: dict[Hashable, int] = {}
        self._lists: list[list[str]] = []
        self._pictures: list[list[dict[str, Any]]] = []
        self._series: dict[str, dict[str, Any]] = {}

    def picture(self, figure: Figure) -> int | None:
        """The place of a picture's numbers; None if it has none to tell."""
        if not figure.reading:
            return None
        self._pictures.append([self._area(area) for area in figure.reading])
        return len(self._pictures) - 1

    def series(self, numbers: SeriesNumbers) -> str:
        """The name of a series whose numbers are embedded."""
        if numbers.slug not in self._series:
            self._series[numbers.slug] = self._numbers(numbers)
        return numbers.slug

    def json(self) -> Markup:
        """Everything as JSON, "" if there is nothing. It holds no character that could end a ``script`` element."""
        if not self._pictures and not self._series:
            return Markup()
        record = {
            "numbers": b64encode(zlib.compress(self._packed(), 9)).decode("ascii"),
            "lists": self._lists,
            "pictures": self._pictures,
            "series": self._series,
        }
        text = json.dumps(record, allow_nan=False, separators=(",", ":"))
        return Markup(text.replace("<", "\\u003c").replace("&", "\\u0026"))

    def _packed(self) -> bytes:
        """All arrays one after the other; before them, for each its type and its number of bytes."""
        heads = struct.pack(f"<{1 + 2 * len(self._arrays)}I", len(self._arrays), *self._heads())
        return b"".join(map(_padded, (heads, *(data for _, data in self._arrays))))

    def _heads(self) -> Iterable[int]:
        for kind, data in self._arrays:
            yield kind
            yield len(data)

    def _array(self, values: npt.ArrayLike) -> int:
        """The place of an array of numbers, of any shape, row by row."""
        array = np.asarray(values)
        kind = len(TYPES) - 1
        if array.size == 0 or np.issubdtype(array.dtype, np.integer):
            most, least = (int(array.max()), int(array.min())) if array.size else (0, 0)
            kind = next((i for i in range(3) if least >= 0 and most < 256 ** (1 << i)), kind)
        data = array.astype(TYPES[kind]).tobytes()
        place = self._places.setdefault((kind, data), len(self._arrays))
        if place == len(self._arrays):
            self._arrays.append((kind, data))
        return place

    def _rows(self, rows: Iterable[Sequence[int] | None]) -> int:
        """The place of an array of places, each of an array of counts and plus 1; 0 where there are none."""
        return self._array([0 if row is None else 1 + self._array(np.array(row, np.int64)) for row in rows])

    def _names(self, names: Iterable[str], longest: int = NAME) -> int:
        """The place of a list of names."""
        shown = [str(visible(clip(name, longest))) for name in names]
        place = self._places.setdefault(tuple(shown), len(self._lists))
        if place == len(self._lists):
            self._lists.append(shown)
        return place

    def _area(self, area: Area) -> dict[str, Any]:
        found: dict[str, Any] = {"box": [round(side, 2) for side in area.box]}
        if isinstance(area, BinsArea):
            return found | {
                "kind": "bins",
                "labels": self._names(map(layer_name, area.labels)),
                "low": area.low,
                "high": area.high,
                "upright": area.upright,
                "edges": self._array(np.array(area.edges, np.float64)),
                "counts": self._rows(area.counts),
                "outside": self._array(np.array(area.outside, np.int64)),
            }
        if isinstance(area, CellsArea):
            return found | {
                "kind": "cells",
                "rows": self._names(map(layer_name, area.rows)),
                "columns": self._names(area.columns),
                "values": self._array(_floats(area.values)),
                "unit": area.unit,
            }
        return found | {
            "kind": "lines",
            "places": self._array(np.round(np.array(area.places, np.float64), 2)),
            "labels": self._names(area.labels),
            "names": self._names(name for name, _ in area.lines),
            "values": [self._array(_floats(values)) for _, values in area.lines],
            "share": area.share,
        }

    def _numbers(self, numbers: SeriesNumbers) -> dict[str, Any]:
        known = [next((h for h in of if h), None) for of in numbers.histograms]
        return {
            "labels": self._names(numbers.labels),
            "names": self._names(numbers.names),
            "layers": self._names(map(layer_name, numbers.layers)),
            "cards": self._names(numbers.cards, ID),
            "statistics": [
                {
                    "name": course.name,
                    "title": course.title,
                    "share": course.unit == "share",
                    "reference": course.reference,
                    "values": self._array(course.values),
                }
                for course in numbers.courses
            ],
            "edges": [self._array(np.array(h.edges, np.float64)) if h else -1 for h in known],
            "counts": self._rows(h.counts if h else None for of in numbers.histograms for h in of),
            "outside": self._array(np.array([_outside(h) for of in numbers.histograms for h in of], np.int64)),
            "changes": [
                {"before": c.before, "after": c.after, "exact": c.exact, "updates": self._array(c.updates)}
                for c in numbers.changes
            ],
            "presets": [[preset.title, preset.before, preset.after] for preset in numbers.presets],
        }


def _outside(histogram: Histogram | None) -> tuple[int, int]:
    return (histogram.below, histogram.above) if histogram else (0, 0)


def _floats(values: Sequence[Number]) -> npt.NDArray[np.float64]:
    """Numbers with NaN for those that are none."""
    return np.array([np.nan if value is None else value for value in values], np.float64)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % ALIGNED)
