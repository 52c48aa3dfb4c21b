"""Printable: names that somebody else gave are shown, never obeyed, wherever text is written."""

from __future__ import annotations


def visible(text: str) -> str:
    """A name on one line of a terminal: control characters are shown, not obeyed.

    >>> visible("a\\nb\\x1b[31m")
    'a\\\\nb\\\\x1b[31m'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def brief(path: str, most: int = 100) -> str:
    """A path, visible and of bearable length: the middle of a longer one is left out.

    >>> brief("a/" + "b" * 200 + "/c.keras", 20)
    'a/bbbbb…bbbb/c.keras'
    """
    text = visible(path)
    end = most * 3 // 5
    return text if len(text) <= most else f"{text[: most - end - 1]}…{text[-end:]}"
