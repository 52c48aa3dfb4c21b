"""The user's own look of a report: a note, a logo, a colour, and templates in place of the program's."""

from __future__ import annotations

from typing import Literal

from reporter.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Logo:
    """A picture for the head of every page and of the PDF.

    Attributes:
        data: the bytes of the file.
        kind: its media type.
        width, height: in pixels.
    """

    data: bytes
    kind: Literal["image/png", "image/jpeg"]
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Templates:
    """A folder of templates, style sheets and scripts that replace those of the program that have the same path.

    Attributes:
        folder: its path.
        digest: of all files in it, so that whatever is kept of a page is made again when one of them changes.
    """

    folder: str
    digest: str


@dataclass(frozen=True, slots=True)
class Look:
    """Everything about the look of a report that the user chose.

    Attributes:
        note: a text below the heading, "" for none.
        logo: beside the heading, None for none.
        accent: a colour as ``#rrggbb`` for the lines of the head, "" for the program's.
        templates: the user's own, None for the program's.
    """

    note: str = ""
    logo: Logo | None = None
    accent: str = ""
    templates: Templates | None = None


PLAIN = Look()
"""The program's own look."""
