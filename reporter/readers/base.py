"""What readers share: the protocol they implement, and how much they hand on at a time."""

from __future__ import annotations

from reporter.model.reader import Reader

__all__ = ["BLOCK_BYTES", "Reader"]

BLOCK_BYTES = 4 << 20
"""Bytes a reader hands on at a time: large enough to amortise a call, small enough to stay in cache."""
