"""Lengths and places that kernels and those who call them agree on."""

from __future__ import annotations

RAW = 1 << 16
"""Length of the dense tables that kernels count into, by raw (not ordered) cell number."""

NEGATIVE_ZERO = 0x7FFF
"""Raw cell in which −0.0 lands (its bits minus one); no finite value shares it."""

LANES = 1 << 12
"""Values per inner loop over a pattern of scales: 32 KiB of float64 each for the scales and their inverses."""

FORMATS: tuple[str, ...] = ("float16", "bfloat16", "float8_e4m3fn", "float8_e5m2")
"""The narrower floats of :func:`cast32`, in its order; the names are those of numpy and ml_dtypes."""
