"""Text in pictures: its font, its width, and names from checkpoints made fit to print."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import matplotlib
from matplotlib.ft2font import FT2Font
from PIL import Image, ImageDraw, ImageFont

from reporter.frozen import dataclass

DENSITY = 2
"""Bitmap pixels per CSS pixel, so that pictures are crisp on dense screens, and have 192 dpi in print."""

SIZES = {False: 11.0, True: 12.0}
"""Size of ordinary and of bold text in CSS pixels; 8.25 and 9 pt."""

LONGEST = 200
"""Most characters of a text that are looked at: a picture of 720 CSS pixels has no room for more."""

ELLIPSIS = "…"


def one_line(text: str, longest: int = LONGEST) -> str:
    """A text on one line: white space becomes one space, and characters that cannot be printed become ``?``.

    >>> one_line("a\\tb\\n\\x00c"), one_line("kernel" * 9, 11)
    ('a b ?c', 'kerne…ernel')
    """
    flat = " ".join(_cut(text, 4 * longest).split())
    return _cut("".join(c if c.isprintable() else "?" for c in flat), longest)


@lru_cache(maxsize=4096)
def width(text: str, bold: bool = False) -> float:
    """The width of a text in CSS pixels; it must be :func:`drawable`."""
    return font(bold).getlength(text) / DENSITY


def drawable(text: str, bold: bool = False) -> str:
    """A text on one line in which characters that the font does not have are replaced by ``?``.

    >>> drawable("dense_1/µ 层 $x$")
    'dense_1/µ ? $x$'
    """
    glyphs = _glyphs(bold)
    return "".join(c if ord(c) in glyphs else "?" for c in one_line(text))


def shorten(text: str, room: float, bold: bool = False) -> str:
    """A drawable text at most ``room`` CSS pixels wide. Its middle is left out, as names of layers differ at their
    ends.

    >>> shorten("encoder/block_12/attention/query/kernel", 120)
    'encoder/bl…ry/kernel'
    """
    whole = drawable(text, bold)
    if width(whole, bold) <= room:
        return whole
    fits, fails = 0, len(whole)
    while fails - fits > 1:
        middle = (fits + fails) // 2
        if width(_cut(whole, middle), bold) <= room:
            fits = middle
        else:
            fails = middle
    return _cut(whole, fits) if fits else ""


def shorten_apart(texts: Sequence[str], room: float) -> list[str]:
    """Several texts, each at most ``room`` CSS pixels wide, so that those that differ still do.

    Those that would look alike without their middles lose what they have in common at their beginning instead.

    >>> long = "a_rather_long_common_name_of_a_block_"
    >>> shorten_apart([long + "1/" + long + "end", long + "2/" + long + "end", "b"], 100)
    ['…lock_1/a_rath…', '…lock_2/a_rath…', 'b']
    """
    shown = [shorten(text, room) for text in texts]
    for short, count in Counter(shown).items():
        alike = [i for i, one in enumerate(shown) if one == short]
        for i in alike if count > 1 else ():
            others = [_common(texts[i], texts[j]) for j in alike if texts[j] != texts[i]]
            if others:
                shown[i] = _from(drawable(texts[i]), max(0, max(others) - KEPT), room)
    return shown


KEPT = 5
"""Characters before the first difference that stay."""


def _common(a: str, b: str) -> int:
    """How many characters two texts have in common at their beginning."""
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def _from(text: str, begin: int, room: float) -> str:
    """What begins in the middle of a text, as much of it as there is room for."""
    rest = ELLIPSIS + text[begin:] if begin else text
    while width(rest) > room and len(rest) > 2:
        rest = rest[:-2] + ELLIPSIS
    return rest


def _cut(text: str, longest: int) -> str:
    """At most ``longest`` characters, with an ellipsis in place of the middle."""
    if len(text) <= longest:
        return text
    tail = (longest - 1) // 2
    return text[: longest - 1 - tail] + ELLIPSIS + text[len(text) - tail :]


@dataclass(frozen=True, slots=True)
class Stamp:
    """A line of text as a bitmap of how much of each pixel it covers.

    Attributes:
        mask: of 8 bits a pixel.
        left, top: of the bitmap, in bitmap pixels from the left end of the text's baseline.
    """

    mask: Image.Image
    left: int
    top: int


@lru_cache(maxsize=2048)
def stamp(text: str, bold: bool) -> Stamp:
    """A line of text to be painted in any colour; names of layers and steps stand in most pictures of a series."""
    left, top, right, bottom = map(int, font(bold).getbbox(text, anchor="ls"))
    mask = Image.new("L", (max(right - left, 1), max(bottom - top, 1)))
    ImageDraw.Draw(mask).text((-left, -top), text, fill=255, font=font(bold), anchor="ls")
    return Stamp(mask, left, top)


@lru_cache(maxsize=2)
def font(bold: bool) -> ImageFont.FreeTypeFont:
    """The font DejaVu Sans that comes with matplotlib, so that pictures do not depend on the fonts of a machine."""
    # Basic layout, since Pillow comes with or without the library Raqm, which would place glyphs differently.
    return ImageFont.truetype(_file(bold), SIZES[bold] * DENSITY, layout_engine=ImageFont.Layout.BASIC)


@lru_cache(maxsize=2)
def _glyphs(bold: bool) -> frozenset[int]:
    return frozenset(FT2Font(_file(bold)).get_charmap())


def _file(bold: bool) -> str:
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name)
