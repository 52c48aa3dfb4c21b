"""Sentences about numbers, for alternative texts: some readers hear a picture instead of seeing it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from reporter.numerals import integer, number
from reporter.plots.lettering import one_line

NAME = 80
"""Most characters of a name in a sentence."""


def quoted(name: str) -> str:
    """A name from a checkpoint, on one line, or "(no name)" for an empty one.

    >>> quoted("conv\\n2d"), quoted("")
    ('conv 2d', '(no name)')
    """
    return one_line(name, NAME) or "(no name)"


def listing(names: Sequence[str], most: int = 3) -> str:
    """The first names of a list, and how many more there are.

    >>> listing(["a", "b"]), listing(["a", "b", "c", "d", "e"])
    ('a and b', 'a, b, c and 2 more')
    """
    shown = [quoted(name) for name in names[:most]]
    if len(names) > most:
        return f"{', '.join(shown)} and {integer(len(names) - most)} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def plural(count: int, noun: str) -> str:
    """A count with its noun.

    >>> plural(1, "layer"), plural(1200, "layer")
    ('1 layer', '1\\u202f200 layers')
    """
    return f"{integer(count)} {noun}{'' if count == 1 else 's'}"


def trend(labels: Sequence[str], values: Sequence[float | None], resolution: float = 0.0) -> str:
    """Describe the course of a number: its first and last value, and extremes between them that lie further out.

    Args:
        labels: of the checkpoints.
        values: the number at each checkpoint, None where there is none.
        resolution: the error of the numbers; smaller differences are not mentioned. 0 if they are exact.

    >>> trend(["1", "2", "3"], [0.5, 2.0, 1.0]), trend(["1", "2"], [4.0, None]), trend([], [])
    ('rises from 0.5 (1) to 1 (3), with a maximum of 2 (2)', 'is 4 (1)', 'has no number')
    >>> trend(["1", "2"], [0.5123, 0.5234], 0.1), trend(["1", "2"], [0.5123, 0.7234], 0.1)
    ('stays near 0.51, within 0.1, the width of a bin', 'rises from about 0.51 (1) to about 0.72 (2)')
    """

    known = [(v, quoted(label)) for label, v in zip(labels, values, strict=False) if v is not None and math.isfinite(v)]
    if not known:
        return "has no number"
    (first, at_first), (last, at_last) = known[0], known[-1]
    digits = 2 if resolution else digits_apart(first, last)

    def text(value: float) -> str:
        return "about " * bool(resolution) + number(value, digits)

    if len(known) == 1:
        return f"is {text(first)} ({at_first})"
    low, high = min(known, key=lambda k: k[0]), max(known, key=lambda k: k[0])
    if high[0] - low[0] < resolution:
        return f"stays near {number(first, 2)}, within {number(resolution)}, the width of a bin"
    if low[0] == high[0]:
        return f"stays at {number(first)}"
    ends = text(first), text(last)
    beyond = [
        f"a {word} of {text(value)} ({at})"
        for word, (value, at) in (("minimum", low), ("maximum", high))
        if text(value) not in ends
    ]
    between = f", with {' and '.join(beyond)}" if beyond else ""
    if ends[0] == ends[1]:
        return f"is {ends[0]} at both ends ({at_first} and {at_last}){between}"
    verb = "rises" if last > first else "falls"
    return f"{verb} from {ends[0]} ({at_first}) to {ends[1]} ({at_last}){between}"


def digits_apart(a: float, b: float) -> int:
    """How many significant digits are needed to tell two different numbers apart, at least 4.

    >>> digits_apart(2.0, 3.0), digits_apart(2.0, 2.000001)
    (4, 7)
    """
    return next((d for d in range(4, 17) if a == b or number(a, d) != number(b, d)), 17)


def some(shown: int, total: int, noun: str) -> str:
    """A count with its noun, and of how many, if not all are shown.

    >>> some(3, 3, "layer"), some(60, 300, "layer")
    ('3 layers', '60 of 300 layers')
    """
    return plural(total, noun) if shown == total else f"{integer(shown)} of {plural(total, noun)}"


def sentence(*parts: str) -> str:
    """Join the parts that are not empty, each with one full stop.

    >>> sentence("A rises", "", "B falls.")
    'A rises. B falls.'
    """
    return " ".join(p.rstrip(".") + "." for p in parts if p)
