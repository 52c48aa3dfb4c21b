"""Look something up by its name, and name those that are alike where there is none."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TypeVar

from reporter.errors import UnknownName
from reporter.printable import visible

T = TypeVar("T")

MOST = 3
"""Most names that an error suggests."""


def looked_up(known: Mapping[str, T], name: object, what: str, hint: str = "") -> T:
    """What has a name.

    Args:
        known: all that there is, by name.
        what: what it is called in the error: "variable", "layer".
        hint: what else the error is to say.

    Raises:
        UnknownName: there is none of that name.

    >>> looked_up({"dense/kernel": 1, "dense/bias": 2}, "dense/kernal", "variable")
    Traceback (most recent call last):
        ...
    reporter.errors.UnknownName: there is no variable 'dense/kernal'; did you mean dense/kernel?
    """
    if isinstance(name, str) and name in known:
        return known[name]
    raise UnknownName(f"there is no {what} {name!r}{hint or _near(known, name)}")


def _near(known: Mapping[str, T], name: object) -> str:
    if not known:
        return ": there is none at all"
    close = difflib.get_close_matches(str(name)[:200], known, n=MOST, cutoff=0.7)
    if not close:
        inside = [one for one in known if str(name) and str(name).lower() in one.lower()]
        close = inside[:MOST]
    if close:
        return f"; did you mean {' or '.join(visible(one) for one in close)}?"
    some = ", ".join(visible(one) for one in list(known)[:MOST])
    return f"; there are {some}" + (f" and {len(known) - MOST} more" if len(known) > MOST else "")
