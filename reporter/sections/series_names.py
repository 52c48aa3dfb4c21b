"""Short names of series, which are paths: those parts of each that tell it from the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

TELLING = 4
"""Fewest letters and digits of what a path is called by: a ``*`` or a number tells nobody which model it is."""


def endings(names: Sequence[str], room: int) -> list[str]:
    """Each name, if it is longer than there is room for by the last parts of its path that no other name ends with.

    If these are too long still, and the folder tells enough, the pattern of the files' names is left out. A name of
    which no end tells enough stays whole.

    >>> endings(["a/tests/conv_1x1/ckpt-*", "a/tests/conv_3x3/ckpt-*", "b/model_of_words.h5", "c/d"], 14)
    ['…/conv_1x1/…', '…/conv_3x3/…', '…/model_of_words.h5', 'c/d']
    >>> endings(["some/long/folder/1/*", "some/long/folder/2/*"], 12)
    ['…/folder/1/*', '…/folder/2/*']
    """
    paths = [name.split("/") for name in names]
    wholes, folders = (Counter(_tails(paths, end)) for end in (None, -1))
    return [
        name if len(name) <= room else _ending(path, room, wholes, folders)
        for name, path in zip(names, paths, strict=True)
    ]


def _tails(paths: Sequence[Sequence[str]], end: int | None) -> list[str]:
    """Every ending of every path, or of the folders that they are in."""
    return ["/".join(path[at:end]) for path in paths for at in range(len(path[:end]))]


def _ending(path: Sequence[str], room: int, wholes: Counter[str], folders: Counter[str]) -> str:
    for at in reversed(range(1, len(path))):
        whole, folder = "/".join(path[at:]), "/".join(path[at:-1])
        if wholes[whole] > 1 or _letters(whole) < TELLING:
            continue
        enough = folders[folder] == 1 and _letters(folder) >= TELLING
        return f"…/{folder}/…" if enough and len(whole) + 2 > room else f"…/{whole}"
    return "/".join(path)


def _letters(text: str) -> int:
    return sum(map(str.isalnum, text))
