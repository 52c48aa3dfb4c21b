"""How much of a long series is shown checkpoint by checkpoint; its trend always speaks of all of them."""

from __future__ import annotations

from reporter.frozen import dataclass

FEW_SERIES = 20
"""Up to this number of series, one file holds the whole report, if it is not too large to be opened."""


@dataclass(frozen=True, slots=True)
class Shown:
    """Places in a series, ascending; in a short one every tuple holds all of them.

    Attributes:
        pages: checkpoints that get a page and pictures of their own.
        records: those whose tensors and layers are in report.json.
        rows: those whose tensors are in tensors.csv.
        drawn: those at which the distribution of every layer is drawn.
    """

    pages: tuple[int, ...]
    records: tuple[int, ...]
    rows: tuple[int, ...]
    drawn: tuple[int, ...]
