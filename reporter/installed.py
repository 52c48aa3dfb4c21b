"""What installed packages add to this program, by entry point: rules, sections, statistics and readers.

An entry point runs the code of its package, as an import does. Nothing of this comes from a checkpoint.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from enum import StrEnum
from functools import cache, lru_cache
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING

from reporter.errors import SettingError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


class Group(StrEnum):
    """The groups of entry points that are looked at."""

    RULES = "ckpt_report.rules"
    SECTIONS = "ckpt_report.sections"
    STATISTICS = "ckpt_report.statistics"
    READERS = "ckpt_report.readers"


def installed(group: Group) -> Iterator[tuple[str, str, object]]:
    """What packages offer in a group, in the order of the names of their entry points.

    An entry point may lead to one thing, or to a tuple or list of them.

    Yields:
        The entry point in words, for messages; the package with its version, such as ``mine 1.2``; and the thing.

    Raises:
        SettingError: an entry point cannot be loaded.
    """
    for point in sorted(_points(group), key=lambda point: point.name):
        where = f"entry point {group}: {point.name} = {point.value}"
        try:
            loaded = point.load()
        except (Exception, SystemExit) as error:
            raise SettingError(f"{where}: cannot be loaded: {type(error).__name__}: {error}") from error
        package = f"{point.dist.name} {point.dist.version}" if point.dist is not None else point.name
        for thing in loaded if isinstance(loaded, tuple | list) else (loaded,):
            yield where, package, thing


@cache
def packages() -> tuple[str, ...]:
    """The packages, with their versions, on whose code it depends what is measured: with another version of them, what
    was kept is not used."""
    points = {point for group in (Group.READERS, Group.STATISTICS) for point in _points(group)}
    return tuple(sorted(f"{p.dist.name} {p.dist.version}" if p.dist is not None else p.value for p in points))


def _points(group: Group) -> tuple[EntryPoint, ...]:
    return _of_all_groups(tuple(sys.path)).get(group, ())


@lru_cache(maxsize=1)
def _of_all_groups(path: tuple[str, ...]) -> dict[Group, tuple[EntryPoint, ...]]:
    """What is found on a path for imports, once."""
    others = any(hasattr(finder, "find_distributions") for finder in sys.meta_path if finder is not PathFinder)
    if not (others or any(_may_offer(folder or ".") for folder in path)):
        return {}
    from importlib.metadata import entry_points

    found = entry_points()
    return {group: tuple(found.select(group=group)) for group in Group}


_HEAD = b"[ckpt_report."
"""How the heads of all groups begin in the files in which packages list their entry points."""


def _may_offer(folder: str) -> bool:
    """Whether a package in a folder may offer something; an archive always may.

    Hardly any does, and to ask ``importlib.metadata`` takes a tenth of a second: it imports half of the standard
    library, and parses what all packages offer to anybody.
    """
    try:
        names = os.listdir(folder)  # noqa: PTH208 (hundreds of names, at every start)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return any(_mentions(f"{folder}/{name}") for name in names if name.endswith((".dist-info", ".egg-info", ".egg")))


def _mentions(information: str) -> bool:
    """Whether a package lists such a group, by the folder with what it says of itself."""
    if information.endswith(".egg"):
        return True
    try:
        with open(f"{information}/entry_points.txt", "rb") as file:  # noqa: PTH123
            return _HEAD in file.read()
    except OSError:
        return False
