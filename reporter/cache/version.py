"""Which code measured: cached numbers of an earlier version of it are not used."""

from __future__ import annotations

import hashlib
from pathlib import Path

MEASURING_VERSION = 3
"""Raised whenever the same file would give other numbers, names or roles than before."""

SOURCES = (
    "measuring",
    "readers",
    "statistics.py",
    "model/cells.py",
    "model/change.py",
    "model/role.py",
    "model/sketch.py",
    "model/summary.py",
    "model/tensor.py",
)
"""Everything that decides about them, below ``reporter``."""

RECORDED = "3d91779b0e43678e"
"""Of :func:`fingerprint` when the version was last looked at; ``tests/cache/test_version.py`` compares the two."""


def fingerprint() -> str:
    """Sixteen characters that change with any of the sources."""
    package = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for source in SOURCES:
        path = package / source
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            digest.update(file.relative_to(package).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
