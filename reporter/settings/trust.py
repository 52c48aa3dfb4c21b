"""Trust: which settings of a working folder are honoured. It may be somebody else's, such as an unpacked archive.

What a file there says must not execute or send anything, nor have anything written outside of that folder. Whoever
wants that says so on the command line, in a file named with ``--config``, or in a file of the user's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reporter.places import address

OWN = Path("ckpt-report", "ckpt-report.toml")


def user_file(environment: Mapping[str, str]) -> Path | None:
    """The user's own settings: ``ckpt-report/ckpt-report.toml`` in ``$XDG_CONFIG_HOME``, else in ``~/.config``.

    Source: XDG Base Directory Specification, which wants relative paths ignored. None where the user has no home.
    """
    base = Path(environment.get("XDG_CONFIG_HOME", ""))
    try:
        return (base if base.is_absolute() else Path.home() / ".config") / OWN
    except RuntimeError:
        return None


def refused(
    table: Mapping[str, Any], folder: Path, executed: Sequence[str], written: Sequence[str], sent: Sequence[str] = ()
) -> dict[str, str]:
    """The settings of a working folder's file that are not honoured, and why.

    Args:
        table: what the file says.
        folder: in which it stands.
        executed, written, sent: names of the settings that have files executed, folders written to, and messages sent.
    """
    no: dict[str, str] = {}
    for name, value in table.items():
        # As they are read later: a text may hold several paths, and a path joins its slashes.
        texts = [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)]
        if any(address(Path(part)) for one in texts for part in one.split(",")):
            no[name] = "a file in the working folder must not have anything fetched from elsewhere"
    no |= {name: "a file in the working folder must not have anything executed" for name in executed if name in table}
    no |= {name: "a file in the working folder must not have anything sent" for name in sent if name in table}
    for name in written:
        if name in table and not _inside(folder, table[name]):
            no[name] = f"a file in the working folder must not have {table[name]!r} written, which lies outside"
    return {name: f"{why}; say so with --config FILE, or in ~/.config/{OWN}" for name, why in no.items()}


def _inside(folder: Path, value: Any) -> bool:
    """Whether a path that stands in a folder's file leads into that folder, links resolved."""
    try:
        return not isinstance(value, str) or (folder / value).resolve().is_relative_to(folder.resolve())
    except (OSError, ValueError, RuntimeError):  # a loop of links, a null byte
        return False
