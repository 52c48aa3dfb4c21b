"""Colours that a colour-blind reader can tell apart, on a white card."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt

PAPER = "#FFFFFF"
INK = "#222222"
"""Text: 15.9 : 1 on white."""
FAINT_INK = "#555555"
"""Second-rank text: 7.5 : 1 on white."""
AXIS = "#888888"
GRID = "#E4E4E4"

BLUE = "#0072B2"
VERMILLION = "#D55E00"

OKABE_ITO = (BLUE, VERMILLION, "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9", "#666666")
"""M. Okabe and K. Ito, *Color universal design* (2008); their yellow, too pale for a line on white, is grey here."""

MISSING, STRIPE = "#DEDEDE", "#969696"
"""Ground and stripes of what has no number."""
STRIPES = 12
"""Bitmap pixels from one stripe to the next."""

Pixels = npt.NDArray[np.uint8]


def ramp(fractions: npt.ArrayLike) -> Pixels:
    """Cividis from dark blue (0) to yellow (1); J. Nuñez et al., *PLOS ONE* 13(7), 2018.

    Args:
        fractions: any shape; values outside 0 … 1 get the nearer end.

    Returns:
        RGB, shape ``fractions.shape + (3,)``.
    """
    place = np.clip(np.asarray(fractions, np.float64), 0.0, 1.0) * 255.0
    return _cividis()[np.rint(place).astype(np.intp)]


def tint(colour: str, strength: float) -> str:
    """A colour mixed with white; strength 1 leaves it as it is.

    >>> tint("#0072B2", 0.5)
    '#80b8d8'
    """
    return "#" + "".join(f"{round(255 + (p - 255) * strength):02x}" for p in rgb(colour))


def rgb(colour: str) -> tuple[int, int, int]:
    """Red, green and blue of ``#rrggbb``.

    >>> rgb("#0072B2")
    (0, 114, 178)
    """
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def text_of(parts: npt.NDArray[Any]) -> str:
    """``#rrggbb`` of red, green and blue."""
    return "#" + "".join(f"{int(c):02x}" for c in parts)


def stripes(height: int, width: int) -> Pixels:
    """Diagonal stripes, shape (height, width, 3): there is no number here, which is not the number 0."""
    rows, columns = np.ogrid[:STRIPES, :STRIPES]
    dark = (rows + columns) % STRIPES < STRIPES // 3
    tile = np.where(dark[..., None], np.array(rgb(STRIPE), np.uint8), np.array(rgb(MISSING), np.uint8))
    return np.tile(tile, (height // STRIPES + 1, width // STRIPES + 1, 1))[:height, :width]


@lru_cache(maxsize=1)
def _cividis() -> Pixels:
    table = matplotlib.colormaps["cividis"](np.arange(256), bytes=True)
    return np.ascontiguousarray(table[:, :3])
