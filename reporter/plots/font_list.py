"""Where matplotlib keeps its list of the fonts of a machine, which takes seconds to make."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

VARIABLE = "MPLCONFIGDIR"
"""Names the folder for matplotlib, before it is imported. Source: matplotlib, "matplotlib configuration and cache"."""


def keep_font_list(cache: Path | None) -> None:
    """Give matplotlib a folder of this program's where it has none.

    A user without a home that can be written, as in a container, would see two lines of matplotlib's about it, and wait
    for the list in every run.

    Args:
        cache: the folder for what is kept between runs; None for none.
    """
    if os.environ.get(VARIABLE) or _writable(_usual()):
        return
    folder = cache and cache / "matplotlib"
    if folder is None or not _made(folder):
        folder = Path(tempfile.mkdtemp(prefix="ckpt-report-matplotlib-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ[VARIABLE] = str(folder)


def _usual() -> Path | None:
    """Matplotlib's own folder on Linux; None for a user without a home."""
    base = os.environ.get("XDG_CONFIG_HOME")
    try:
        return (Path(base) if base else Path.home() / ".config") / "matplotlib"
    except RuntimeError:
        return None


def _writable(folder: Path | None) -> bool:
    """Whether a folder can be written to, or made."""
    if folder is None:
        return False
    existing = next((parent for parent in (folder, *folder.parents) if os.path.lexists(parent)), folder)
    return os.access(existing, os.W_OK | os.X_OK)


def _made(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return _writable(folder)
