"""The folder ``plots``: every picture of a report as a file of its own, for slides and documents of others."""

from __future__ import annotations

import re
from collections.abc import Iterable

from reporter.model.page import Page, figures_of
from reporter.writers.aside import Content

FOLDER = "plots"

LONGEST = 120
"""Most characters of a file name, without suffix and number."""


Picture = tuple[str, Content]
"""The name of a picture's file, without its suffix and a number that it may get; and its content."""


def pictures_of(page: Page) -> tuple[tuple[str, bytes], ...]:
    """The pictures of a page, and the names of their files as in :data:`Picture`."""
    return tuple((safe(figure.name), figure.png) for figure in figures_of(page.sections))


class Plots:
    """Collects the pictures of pages.

    A picture that several pages show is one file, with the bytes that are embedded in them, so the folder is never
    larger than what the pages hold anyway.
    """

    def __init__(self) -> None:
        self._files: dict[str, Content] = {}
        self._taken: dict[str, Content] = {}

    def add(self, pictures: Iterable[Picture]) -> None:
        """Take up the pictures of a page."""
        for name, png in pictures:
            self._add(name, png)

    def _add(self, name: str, png: Content) -> None:
        number, tried = 1, name
        # Names that differ in capitals alone are one name on the file systems of macOS and Windows.
        while (known := self._taken.get(tried.lower())) is not None:
            if known == png:
                return
            number += 1
            tried = f"{name}-{number}"
        self._taken[tried.lower()] = png
        self._files[f"{FOLDER}/{tried}.png"] = png

    @property
    def files(self) -> dict[str, Content]:
        """The content of each file, by its path in the folder of the report."""
        return dict(self._files)


def safe(name: str) -> str:
    """A picture's name as that of a file on any system; a long one keeps both of its ends.

    >>> safe("net-distribution-encoder/block_1 (a)"), safe("..")
    ('net-distribution-encoder-block_1-a', 'picture')
    """
    text = re.sub("[^A-Za-z0-9_.]+", "-", name).strip("-.")
    if len(text) > LONGEST:
        text = f"{text[: LONGEST // 2]}-{text[-LONGEST // 2 + 1 :]}"
    return text or "picture"
