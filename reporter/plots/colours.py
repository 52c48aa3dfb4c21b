"""Colours on a white ground that colour-blind readers can tell apart."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt

PAPER = "#FFFFFF"
INK = "#222222"
"""Colour of text; its contrast on white is 15.9 : 1."""
FAINT_INK = "#555555"
"""Colour of less important text; its contrast on white is 7.5 : 1."""
AXIS = "#888888"
GRID = "#E4E4E4"

BLUE = "#0072B2"
VERMILLION = "#D55E00"

OKABE_ITO = (BLUE, VERMILLION, "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9", "#666666")
"""Colours of lines, after M. Okabe and K. Ito, *Color universal design* (2008). Their yellow, which is too pale for a
line on white, is replaced by grey."""

MISSING, STRIPE = "#DEDEDE", "#969696"
"""The two colours of the stripes that stand for a missing number."""
STRIPES = 12
"""Distance of two stripes in bitmap pixels."""

Pixels = npt.NDArray[np.uint8]
"""Red, green and blue along the last axis."""


def ramp(fractions: npt.ArrayLike) -> Pixels:
    """Colours of the map cividis, from dark blue for 0 to yellow for 1.

    It looks nearly the same to readers with and without colour blindness: J. Nuñez et al., *PLOS ONE* 13(7), 2018.

    Args:
        fractions: any shape; a number outside 0 to 1 gets the colour of the nearer end.

    Returns:
        RGB, shape ``fractions.shape + (3,)``.
    """
    place = np.clip(np.asarray(fractions, np.float64), 0.0, 1.0) * 255.0
    return _cividis()[np.rint(place).astype(np.intp)]


def tint(colour: str, strength: float) -> str:
    """A colour mixed with white: 1 gives the colour itself, and 0 gives white.

    >>> tint("#0072B2", 0.5)
    '#80b8d8'
    """
    return "#" + "".join(f"{round(255 + (p - 255) * strength):02x}" for p in rgb(colour))


def rgb(colour: str) -> tuple[int, int, int]:
    """Red, green and blue, 0 to 255, of a colour given as ``#rrggbb``.

    >>> rgb("#0072B2")
    (0, 114, 178)
    """
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def text_of(parts: npt.NDArray[Any]) -> str:
    """A colour as ``#rrggbb``, from red, green and blue, 0 to 255."""
    return "#" + "".join(f"{int(c):02x}" for c in parts)


def stripes(height: int, width: int) -> Pixels:
    """A bitmap of diagonal stripes, which stand for a missing number, as opposed to 0; shape (height, width, 3)."""
    rows, columns = np.ogrid[:STRIPES, :STRIPES]
    dark = (rows + columns) % STRIPES < STRIPES // 3
    tile = np.where(dark[..., None], np.array(rgb(STRIPE), np.uint8), np.array(rgb(MISSING), np.uint8))
    return np.tile(tile, (height // STRIPES + 1, width // STRIPES + 1, 1))[:height, :width]


@lru_cache(maxsize=1)
def _cividis() -> Pixels:
    table = matplotlib.colormaps["cividis"](np.arange(256), bytes=True)
    return np.ascontiguousarray(table[:, :3])
