"""Make text fit to be shown: of bounded length, with deceptive characters written as escape sequences."""

from __future__ import annotations

import re

from markupsafe import Markup

_DECEPTIVE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters other than tab and newline
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # they reorder the text around them (CVE-2021-42574)
    "\u200b\u2028\u2029\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"  # invisible characters
    "\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"  # surrogates, which UTF-8 lacks, and noncharacters, which HTML forbids
)

LONGEST = 1_500
"""Most characters of one text. WeasyPrint's time grows with the square of an unbreakable text: 3 s for 10,000."""


def clip(text: str, length: int) -> str:
    """Shorten a text to about ``length`` characters by leaving out its middle, as names differ at their ends.

    >>> clip("encoder/block_11/attention/query/kernel", 20)
    'encoder/bl…ery/kernel'
    """
    half = length // 2
    return text if len(text) <= length else f"{text[:half]}…{text[-half:]}"


def visible(value: object) -> object:
    r"""Bound the length of a text, and write characters that deceive or cannot be encoded as escape sequences.

    Anything that is no text, or is markup already, is returned unchanged.

    >>> visible("a\u202eb\udc80\n")
    'a\\u202eb\\udc80\n'
    """
    if isinstance(value, str) and not isinstance(value, Markup):
        return _DECEPTIVE.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), clip(value, LONGEST))
    return value
