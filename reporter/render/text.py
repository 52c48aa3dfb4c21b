"""Make text fit to be shown: of bounded length, with deceptive characters written as escape sequences."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from markupsafe import Markup

from reporter.numerals import NARROW

_DECEPTIVE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters other than tab and newline
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # they reorder the text around them (CVE-2021-42574)
    "\u200b\u2028\u2029\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"  # invisible characters
    "\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"  # surrogates, which UTF-8 lacks, and noncharacters, which HTML forbids
)

_UNIT = re.compile(r"(?<=\d) (?=(?:%|dB|[kMGTP]?B)(?!\w))")
"""The space between a number and its unit, at which no line may end."""

LONGEST = 1_500
"""Most characters of one text. WeasyPrint's time grows with the square of an unbreakable text: 3 s for 10,000."""


def clip(text: str, length: int) -> str:
    """Shorten a text to about ``length`` characters by leaving out its middle, as names differ at their ends.

    >>> clip("encoder/block_11/attention/query/kernel", 20)
    'encoder/bl…ery/kernel'
    """
    half = length // 2
    return text if len(text) <= length else f"{text[:half]}…{text[-half:]}"


def apart(texts: Iterable[str], length: int) -> dict[str, str]:
    """Those of some texts that :func:`clip` would make look alike, each shortened so that it shows where it differs.

    >>> long = "a" * 30
    >>> apart([f"{long}1{long}", f"{long}2{long}", "short"], 20)["a" * 30 + "1" + "a" * 30]
    'aaaa…aa1aa…aaaa'
    """
    alike: dict[str, set[str]] = {}
    for text in texts:
        if len(text) > length:
            alike.setdefault(clip(text, length), set()).add(text)
    shown = {text: _about(text, others, length) for others in alike.values() if len(others) > 1 for text in others}
    often = Counter(shown.values())
    return {text: short if often[short] == 1 else text for text, short in shown.items()}


def _about(text: str, others: Iterable[str], length: int) -> str:
    """The ends of a text, and what is about the place at which it begins to differ from the one most like it."""
    first = max(_common(text, other) for other in others if other != text)
    quarter = length // 4
    low = max(first - quarter // 2, quarter - 1)
    return f"{text[: quarter - 1]}…{text[low : low + quarter]}…{text[-quarter + 1 :]}"


def _common(a: str, b: str) -> int:
    """How many characters two texts have in common at their beginning."""
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def visible(value: object) -> object:
    r"""Bound the length of a text, and write characters that deceive or cannot be encoded as escape sequences.

    Anything that is no text, or is markup already, is returned unchanged.

    >>> visible("a\u202eb\udc80\n")
    'a\\u202eb\\udc80\n'
    """
    if isinstance(value, str) and not isinstance(value, Markup):
        text = clip(value, LONGEST)
        if not text.isprintable():  # whatever deceives is not printable to Python either, which knows sooner
            text = _DECEPTIVE.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)
        return _UNIT.sub(NARROW, text) if " " in text else text
    return value
