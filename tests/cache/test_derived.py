"""What is derived of a report comes back from the cache as it was, to the bit."""

from __future__ import annotations

import math

import pytest

from reporter.cache.derived import (
    histograms_from_bytes,
    histograms_to_bytes,
    thumbnails_from_bytes,
    thumbnails_to_bytes,
)
from reporter.model.histogram import Histogram, SeriesHistograms
from reporter.model.table import Thumbnail
from reporter.sections.layer_cards import thumbnails
from tests.make import built

ODD = SeriesHistograms(
    (None,),
    (),
    (0, 7),
    {"": (None, Histogram((-0.0, 5e-324, 2.0**128), (0, 2**62), 3, 4), None), "\udc80": (Histogram((1.0, 2.0), (5,)),)},
)
"""Nothing at all, numbers of every extreme, and a name that is no UTF-8."""


def test_histograms_come_back() -> None:
    for every in (built.rich().report.histograms, built.story().histograms, (ODD,), ()):
        back = histograms_from_bytes(histograms_to_bytes(every))
        assert repr(back) == repr(every)
        for of in back:
            assert len({id(one.edges) for one in of.trained if one is not None}) <= 1, "edges are held once"


def test_thumbnails_come_back() -> None:
    report = built.rich().report
    every = tuple(map(thumbnails, report.series))
    assert any(small.first for of in every for small in of.values())
    for some in (every, ({"\udc80": Thumbnail((), (0.1, math.ulp(0.0)))}, {}), ()):
        assert repr(thumbnails_from_bytes(thumbnails_to_bytes(some))) == repr(some)


@pytest.mark.parametrize("read", [histograms_from_bytes, thumbnails_from_bytes])
@pytest.mark.parametrize("data", [b"", b"\x01", b"\x91\xc0", b"\x91\x81\xa1a\xa1b"])
def test_what_is_none_is_refused(read: object, data: bytes) -> None:
    assert callable(read)
    with pytest.raises(ValueError, match=r"truncated|Expected|required"):
        read(data)
