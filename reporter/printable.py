"""Make names from checkpoints safe to print: characters that would control a terminal are written as escapes."""

from __future__ import annotations

from reporter.numerals import NARROW


def visible(text: str) -> str:
    """A name on one line, in which every character that cannot be printed is written as an escape sequence.

    >>> visible("a\\nb\\x1b[31m")
    'a\\\\nb\\\\x1b[31m'
    """
    return "".join(c if c.isprintable() or c == NARROW else c.encode("unicode_escape").decode() for c in text)


def brief(path: str, most: int = 100) -> str:
    """A path as :func:`visible` shows it, with at most ``most`` characters; of a longer one the middle is left out.

    >>> brief("a/" + "b" * 200 + "/c.keras", 20)
    'a/bbbbb…bbbb/c.keras'
    """
    text = visible(path)
    end = most * 3 // 5
    return text if len(text) <= most else f"{text[: most - end - 1]}…{text[-end:]}"


def layer_name(name: str) -> str:
    """What the layer of variables is called that no layer owns.

    >>> layer_name("dense"), layer_name("")
    ('dense', '(no layer)')
    """
    return name or "(no layer)"
