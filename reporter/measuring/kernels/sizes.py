"""Constants that kernels and their callers share.

A *cell* is one of the 65,280 intervals of :mod:`reporter.model.cells`. Kernels number cells by bits that they get with
one subtraction and one shift, the *raw* cell. Everything else uses the *ordered* cell, which ascends with the values:

======  ==================  ===============  ============
value   bits of float32     raw cell         ordered cell
======  ==================  ===============  ============
 1.0    ``0x3F800000``      ``0x3F80``        ``0x3F80``
 0.0    ``0x00000000``      ``0``             ``0``
-0.0    ``0x80000000``      ``0x7FFF``        ``0``
-1.0    ``0xBF800000``      ``0xBF7F``       ``-0x3F80``
======  ==================  ===============  ============

The raw cell of a value is the upper half of its bits, from which 1 is subtracted first where the value is negative. The
ordered cell is the raw cell where that is below 0x7FFF, and ``0x7FFF - raw`` from there on.
"""

from __future__ import annotations

RAW = 1 << 16
"""Number of raw cells, and so the length of the tables that kernels count into."""

NEGATIVE_ZERO = 0x7FFF
"""Raw cell of −0.0: the upper half of 0x80000000 − 1. The only other floats in it are positive NaNs."""

FEW = 8
"""Wanted cells that :func:`reporter.measuring.kernels.ranks.collect32` compares whole chunks of values with."""

ROUNDING_BLOCK = 1 << 12
"""Values that a rounding kernel takes at a time. A pattern of int8 scales is repeated to this length, so that its loops
are long enough to vectorise; as float64 the scales and their inverses take 32 KiB each."""

TABLE, FLOAT16, BFLOAT16 = -3, -2, -1
"""How values follow from codes of 8 and 16 bits, see :mod:`reporter.measuring.kernels.codes`."""

SCRATCH = 1 << 16
"""Words of 8 bytes that a thread keeps for what kernels write down for themselves."""

FORMATS: tuple[str, ...] = ("float16", "bfloat16", "float8_e4m3fn", "float8_e5m2")
"""Formats that :func:`reporter.measuring.kernels.rounding.cast32` rounds to, in the order of its results. The names are
those of numpy and ml_dtypes."""
