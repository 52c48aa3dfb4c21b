"""What the names of all layers begin with: told once, and left out of every row."""

from __future__ import annotations

from collections.abc import Sequence

SHORT = 12
"""Characters of a common beginning that are worth a sentence."""


def common_folder(names: Sequence[str]) -> str:
    """What all of several names begin with, up to a stroke; "" where there is nothing or it is short.

    >>> common_folder(["encoder_of_the_model/a/x", "encoder_of_the_model/b/x"]), common_folder(["e/a", "e/b"])
    ('encoder_of_the_model/', '')
    >>> common_folder([])  # of a file that holds a count of steps alone
    ''
    """
    if len(names) < 2:
        return ""
    first, last = min(names), max(names)  # what these two share, all between them do as well
    length = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    folder = first[: first.rfind("/", 0, length) + 1]
    return folder if len(folder) >= SHORT else ""
