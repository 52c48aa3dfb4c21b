"""Which links of a page may be followed: hrefs are data, and data never becomes a foreign address."""

from __future__ import annotations

import re
from dataclasses import dataclass

from reporter.model.page import Page, Table

_ANCHOR = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,199}")
_BESIDE = re.compile(r"(?:\.\./)?(?:[A-Za-z0-9_-][A-Za-z0-9_.-]*/)*[A-Za-z0-9_-][A-Za-z0-9_.-]*(?:#[A-Za-z0-9_.-]+)?")
"""A file of the same report, or of the one above it: no scheme, no root, no host."""


@dataclass(frozen=True, slots=True)
class Links:
    """``href in links`` decides whether a template prints a link or plain text.

    Attributes:
        anchors: the ids of the page's sections and rows; one that is no plain ASCII name is not printed, nor linked to.
        files: whether other files of the report can be reached (in HTML; a PDF travels alone).
    """

    anchors: frozenset[str]
    files: bool

    def __contains__(self, href: object) -> bool:
        """Whether ``href`` leads to a place on this page, or to a file beside it."""
        if not isinstance(href, str):
            return False
        if href.startswith("#"):
            return href[1:] in self.anchors
        return self.files and _BESIDE.fullmatch(href) is not None


def links_of(page: Page, *, files: bool) -> Links:
    """The links that ``page`` can keep.

    >>> links = links_of(Page("", "", ()), files=True)
    >>> [href in links for href in ("../index.html#top", "javascript:alert(1)", "//x.org/a", "/etc/passwd", "")]
    [True, False, False, False, False]
    """
    tables = (block for section in page.sections for block in section.blocks if isinstance(block, Table))
    anchors = [section.anchor for section in page.sections] + [row.anchor for table in tables for row in table.rows]
    return Links(frozenset(filter(_ANCHOR.fullmatch, anchors)), files)
