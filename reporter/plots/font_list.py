"""Where matplotlib keeps its list of the fonts of a machine, which takes seconds to make."""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import tempfile
from pathlib import Path

VARIABLE = "MPLCONFIGDIR"
"""Names the folder for matplotlib, before it is imported. Source: matplotlib, "matplotlib configuration and cache"."""


def keep_font_list(cache: Path | None) -> None:
    """Give matplotlib a folder of this program's where it has none that it can write to.

    A user without a home that can be written, as in a container, would see two lines of matplotlib's about it, and wait
    for the list in every run. A list that lies ready in a folder that can only be read, as in an image, is copied:
    matplotlib uses such a folder for nothing.

    Args:
        cache: the folder for what is kept between runs; None for none.
    """
    usual = _usual()
    if _writable(usual):
        return
    folder = cache and cache / "matplotlib"
    if folder is None or not _made(folder):
        folder = Path(tempfile.mkdtemp(prefix="ckpt-report-matplotlib-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with contextlib.suppress(OSError):  # it may be no folder, or closed
        for ready in usual.glob("fontlist-*.json") if usual else ():
            if not (folder / ready.name).exists():
                shutil.copyfile(ready, folder / ready.name)
    os.environ[VARIABLE] = str(folder)


def _usual() -> Path | None:
    """The folder that matplotlib uses on Linux; None for a user without a home."""
    if named := os.environ.get(VARIABLE):
        return Path(named)
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
