"""The plain blocks of a page: pictures, texts, facts and the verdict."""

from __future__ import annotations

from typing import Literal

from reporter.frozen import dataclass
from reporter.model.reading import Area
from reporter.model.table import Level


@dataclass(frozen=True, slots=True)
class Figure:
    """A PNG at its natural size in CSS pixels is ``width`` × ``height``; the bitmap may be denser.

    Attributes:
        name: of its file, without suffix.
        png: the bytes of the picture.
        width, height: in CSS pixels.
        alt: the alternative text.
        caption: the text below it.
        shaded: whether its colours stand for numbers, so that light and dark must never be exchanged.
        reading: the areas of it that tell their numbers to whoever points at them.
    """

    name: str
    png: bytes
    width: int
    height: int
    alt: str
    caption: str
    shaded: bool = False
    reading: tuple[Area, ...] = ()


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures side by side where there is room.

    Attributes:
        items: the pictures.
        order: places of all of them, what matters most first; () if that is their own order. If there is no room for
            all, the last of these are left out.
    """

    items: tuple[Figure, ...]
    order: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Plain text; a "note" is set smaller, a "warning" stands out.

    Attributes:
        text: what is printed.
        kind: ``note`` is set smaller, ``warning`` stands out.
    """

    text: str
    kind: Literal["text", "note", "warning"] = "text"


@dataclass(frozen=True, slots=True)
class Facts:
    """Terms and their values.

    Attributes:
        items: terms and their values.
        kind: ``tiles`` are key figures, ``list`` is a list such as of settings, ``terms`` are definitions, to which
            tables link.
    """

    items: tuple[tuple[str, str], ...]
    kind: Literal["tiles", "list", "terms"] = "list"


@dataclass(frozen=True, slots=True)
class Banner:
    """A verdict in one word and one sentence.

    Attributes:
        level: how it is marked.
        word: the verdict.
        sentence: why.
    """

    level: Level
    word: str
    sentence: str
