"""What readers share: the protocol they implement, and how much they hand on at a time."""

from __future__ import annotations

from reporter.model.reader import Reader

__all__ = ["BLOCK_BYTES", "CHECK_BYTES", "MAX_TENSORS", "Reader"]

BLOCK_BYTES = 4 << 20
"""Bytes a reader hands on at a time: large enough to amortise a call, small enough to stay in cache."""

CHECK_BYTES = 1 << 20
"""Bytes that are read or inflated at a time for a checksum."""

MAX_TENSORS = 131_072
"""In one checkpoint: what each takes here, some 2 kB and 0.1 ms before a value is read, is not in proportion to the
bytes that a hostile file spends on it. The largest published indices list 100,000."""
