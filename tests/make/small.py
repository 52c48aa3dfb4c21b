"""Small checkpoints of two tensors, tensors of every extreme, and files that look like checkpoints."""

from __future__ import annotations

import struct

import ml_dtypes
import numpy as np

BAD_FILES = {
    "text.h5": b"this is text",
    "empty.h5": b"",
    "empty.keras": b"",
    "pointer.h5": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n",
    "cut.keras": b"PK\x03\x04" + b"\0" * 200,
    "cut.safetensors": struct.pack("<Q", 500) + b'{"a":',
    "cut.index": b"\0" * 30,
}
"""Files with the names of checkpoints that are none, or no whole ones."""

EXTREMES = {
    "scalar": np.float32(3.0).reshape(()),
    "nothing": np.empty((0, 4), "f4"),
    "one": np.array([7.0], "f4"),
    "nan": np.full((3, 3), np.nan, "f4"),
    "inf": np.array([np.inf, -np.inf], "f4"),
    "huge": np.array([1e38, -1e38, 1e38], "f4"),
    "huge64": np.array([1e308, -1e308]),
    "denormal": np.array([1e-45, 3e-42, -1e-40], "f4"),
    "integers": np.arange(-5, 100, dtype="i8"),
    "small": np.arange(-100, 100, dtype="i1"),
    "flags": np.array([True, False, True]),
    "brain": np.arange(50).astype(ml_dtypes.bfloat16),
    "half": np.array([65504, -65504, 6e-8], "f2"),
    "constant": np.full((50, 50), 0.1, "f4"),
    "<script>alert(1)</script>": np.ones(3, "f4"),
    "new\nline": np.ones(3, "f4"),
    "=cmd|' /C calc'!A0": np.ones(3, "f4"),
    "../../etc/passwd": np.ones(3, "f4"),
    "ünïcødé \u202e \x07 🙂": np.ones(3, "f4"),
    "x" * 5000: np.ones(3, "f4"),
    "": np.ones(2, "f4"),
}
"""Tensors of every kind of value, size and name that is hard to show."""


def weights(seed: int, scale: float = 1.0) -> dict[str, np.ndarray]:
    """A kernel that moves a little from seed to seed, and a bias that is another one."""
    start, rng = np.random.default_rng(0), np.random.default_rng(seed)
    return {
        "dense.kernel": ((start.standard_normal((30, 20)) + 0.1 * rng.standard_normal((30, 20))) * scale).astype("f4"),
        "dense.bias": rng.standard_normal(20).astype("f4"),
    }
