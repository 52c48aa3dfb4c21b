"""The roots that a user gave: folders, files and prefixes of checkpoints, and what lies below all of them, once."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from reporter.discover.listing import Row, absolute, place, trouble
from reporter.discover.walk import MAX_DEPTH, Walk
from reporter.errors import SettingError
from reporter.frozen import dataclass
from reporter.model.checkpoint import Claim, State
from reporter.model.reader import Reader
from reporter.places import shown
from reporter.storage import local


@dataclass(frozen=True, slots=True)
class Below:
    """What lies below the roots.

    Attributes:
        base: the folder that all names are relative to.
        rows: what no reader claimed.
    """

    base: Path
    claims: list[Claim]
    rows: list[Row]

    def shown(self, path: Path) -> str:
        """A path as it is listed: below the base; by its own name where it is the base."""
        whole = absolute(path)
        if whole != self.base and whole.is_relative_to(self.base):
            return whole.relative_to(self.base).as_posix()
        if shown(whole) != str(whole):  # in a store, beside roots elsewhere
            return shown(whole)
        return whole.name or path.name


def look_below(
    roots: Sequence[Path], readers: Sequence[Reader], cache: Path | None = None, max_depth: int = MAX_DEPTH
) -> Below:
    """Everything below the roots. Files that are given one by one belong together as they would in their folder.

    Args:
        cache: this program's folder of what earlier runs measured, which is left out.
        max_depth: folders nested deeper than this are not entered.

    Raises:
        SettingError: a root does not exist.
    """
    folders: list[Path] = []
    named: dict[Path, list[Path]] = {}
    unreadable: list[Row] = []
    for given in dict.fromkeys(roots):
        root, problems = local(given)
        unreadable += [Row(one.path, State.UNREADABLE, one.reason) for one in problems]
        try:
            is_folder = stat.S_ISDIR(root.stat().st_mode)
        except (FileNotFoundError, NotADirectoryError):
            is_folder = False  # a bundle is named by its prefix, which is no file
        except OSError as error:
            unreadable.append(trouble(root, error, "it cannot be looked at"))
            continue
        except ValueError as error:
            raise SettingError(f"{root}: {error}") from error
        folders += [root] if is_folder else []
        if not is_folder:
            named.setdefault(root.parent, []).append(root)
    walk = Walk(readers, [file for files in named.values() for file in files], cache, max_depth)
    for folder in sorted(folders, key=lambda f: len(absolute(f).parts)):  # an outer one before those in it
        walk.below(folder)
    for folder, files in named.items():
        walk.beside(folder, [file.name for file in files])
        for file in files:
            if not os.path.lexists(file) and not any(_is_prefix(file, claim) for claim in walk.claims):
                raise SettingError(f"{shown(file)}: no such folder or checkpoint; give a folder that holds checkpoints")
    base = _common([*folders, *named, *(row.path.parent for row in unreadable)])
    return Below(base, walk.claims, [*unreadable, *walk.rows])


def _is_prefix(path: Path, claim: Claim) -> bool:
    """Whether a path names a claim, maybe through another spelling of its folder."""
    return claim.path.name == path.name and place(claim.path.parent) == place(path.parent)


def _common(folders: Sequence[Path]) -> Path:
    return Path(os.path.commonpath([absolute(folder) for folder in folders])) if folders else Path("/")
