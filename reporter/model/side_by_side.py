"""Blocks that hold checkpoints against each other."""

from __future__ import annotations

from reporter.frozen import dataclass
from reporter.model.histogram import Histogram
from reporter.model.numbers import SeriesNumbers
from reporter.model.table import Table


@dataclass(frozen=True, slots=True)
class LayerCourses:
    """A table of a statistic of every layer over the checkpoints, which scripts fill with any other statistic.

    Attributes:
        table: of the first of the statistics; a row per layer, in the order of the numbers.
        columns: the places of its columns, after the one with the names, among the checkpoints of the numbers.
        numbers: what scripts fill it with.
    """

    table: Table
    columns: tuple[int, ...]
    numbers: SeriesNumbers


@dataclass(frozen=True, slots=True)
class CompareView:
    """Any two checkpoints of a series, layer by layer, which scripts fill.

    Attributes:
        numbers: what scripts fill it with.
        otherwise: what is read where no script runs.
        href, link: address and text of the place with the numbers that need no script.
    """

    numbers: SeriesNumbers
    otherwise: str
    href: str
    link: str


@dataclass(frozen=True, slots=True)
class HistogramPair:
    """A sample before and after, as two histograms on the same edges.

    Attributes:
        before, after: the histograms.
        title: what the sample is.
        text: what happened to it, in a few words.
    """

    title: str
    text: str
    before: Histogram
    after: Histogram


@dataclass(frozen=True, slots=True)
class HistogramPairs:
    """Small pictures of samples before and after, each laid over the other.

    Attributes:
        items: the pairs.
    """

    items: tuple[HistogramPair, ...]
