"""What is derived of a report's numbers, as bytes and back: its histograms, and the thumbnails of its tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from reporter.frozen import dataclass
from reporter.model.histogram import Histogram, SeriesHistograms
from reporter.model.table import Thumbnail

Several = tuple[Histogram | None, ...]
"""Histograms on the same edges; None for samples without a finite value."""

Thumbnails = tuple[Mapping[str, Thumbnail], ...]
"""Those of the tensors of every series, by their names."""


@dataclass(frozen=True, slots=True)
class _Counted:
    """Histograms with their edges written once, which are as long as the counts.

    Attributes:
        edges: empty where there is no histogram.
        counts: of each, with the numbers of values below and above.
    """

    edges: tuple[float, ...]
    counts: tuple[tuple[tuple[int, ...], int, int] | None, ...]

    @classmethod
    def of(cls, some: Several) -> _Counted:
        edges = next((one.edges for one in some if one is not None), ())
        return cls(edges, tuple(None if one is None else (one.counts, one.below, one.above) for one in some))

    @property
    def histograms(self) -> Several:
        edges = self.edges
        return tuple(None if one is None else Histogram(edges, *one) for one in self.counts)


@dataclass(frozen=True, slots=True)
class _Series:
    """See :class:`reporter.model.histogram.SeriesHistograms`."""

    whole: _Counted
    trained: _Counted
    shown: tuple[int, ...]
    layers: dict[bytes, _Counted]


def histograms_to_bytes(every: Sequence[SeriesHistograms]) -> bytes:
    """The histograms of all series."""
    counted = _Counted.of
    return msgspec.msgpack.encode(
        [
            _Series(
                counted(of.whole),
                counted(of.trained),
                of.shown,
                {_bytes(name): counted(layer) for name, layer in of.layers.items()},
            )
            for of in every
        ]
    )


def histograms_from_bytes(data: bytes) -> tuple[SeriesHistograms, ...]:
    """The inverse.

    Raises:
        ValueError: they are none.
    """
    return tuple(
        SeriesHistograms(
            of.whole.histograms,
            of.trained.histograms,
            of.shown,
            {_name(written): layer.histograms for written, layer in of.layers.items()},
        )
        for of in msgspec.msgpack.decode(data, type=list[_Series])
    )


def thumbnails_to_bytes(every: Thumbnails) -> bytes:
    """The thumbnails of all series."""
    return msgspec.msgpack.encode([{_bytes(name): small for name, small in of.items()} for of in every])


def thumbnails_from_bytes(data: bytes) -> Thumbnails:
    """The inverse.

    Raises:
        ValueError: they are none.
    """
    every = msgspec.msgpack.decode(data, type=list[dict[bytes, Thumbnail]])
    return tuple({_name(written): small for written, small in of.items()} for of in every)


def _bytes(name: str) -> bytes:
    """A name as it is: that of a file's tensor need not be UTF-8."""
    return name.encode("utf-8", "surrogatepass")


def _name(written: bytes) -> str:
    return written.decode("utf-8", "surrogatepass")
