"""Decide which links of a page are printed as links: only those to a place in the same report.

Addresses contain names from checkpoints. They must never lead to another host or run a script.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field

from reporter.frozen import dataclass
from reporter.model.blocks import Facts
from reporter.model.cards import Cards
from reporter.model.finding_list import FindingList
from reporter.model.page import Page, every_block
from reporter.model.table import Table

_ANCHOR = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,199}")
_BESIDE = re.compile(r"(?:\.\./)?(?:[A-Za-z0-9_-][A-Za-z0-9_.-]*/)*[A-Za-z0-9_-][A-Za-z0-9_.-]*(?:#[A-Za-z0-9_.-]+)?")
"""A relative path to a file of the same report, at most one folder up: without scheme, host or leading slash."""


@dataclass(frozen=True, slots=True)
class Links:
    """The addresses that a page may link to; templates test ``href in links``, and print plain text otherwise.

    Attributes:
        anchors: the ids of sections, rows, cards and findings of the page. Ids that are no plain ASCII names are
            left out, and are not printed either.
        files: whether other files of the report can be linked to: yes in HTML, no in a PDF, which is sent on alone.
        terms: the ids of the terms that the page defines, by each of their names.
    """

    anchors: frozenset[str]
    files: bool
    terms: Mapping[str, str] = field(default_factory=dict)

    def __contains__(self, href: object) -> bool:
        """Whether ``href`` leads to a place on this page or, if allowed, to a file of the same report."""
        if not isinstance(href, str):
            return False
        if href.startswith("#"):
            return href[1:] in self.anchors
        return self.files and _BESIDE.fullmatch(href) is not None


def links_of(page: Page, *, files: bool) -> Links:
    """The addresses that ``page`` may link to.

    >>> links = links_of(Page("", "", ()), files=True)
    >>> [href in links for href in ("../index.html#top", "javascript:alert(1)", "//x.org/a", "/etc/passwd", "")]
    [True, False, False, False, False]
    """
    anchors = [section.anchor for section in page.sections]
    for block in every_block(page):
        if isinstance(block, Table):
            anchors += [row.anchor for row in block.rows if row.anchor]
        elif isinstance(block, Cards):
            anchors += [card.anchor for group in block.groups for card in group.items]
        elif isinstance(block, FindingList):
            anchors += [item.anchor for item in (*block.items, *block.remarks)]
    blocks = (block for block in every_block(page) if isinstance(block, Facts) and block.kind == "terms")
    whole = {term: f"term-{at}" for at, (term, _) in enumerate((i for block in blocks for i in block.items), 1)}
    # "NaN" has a definition of its own, and is one of the parts of "—, n/a, NaN".
    terms = {part: anchor for term, anchor in whole.items() for part in term.split(", ")} | whole
    return Links(frozenset([*filter(_ANCHOR.fullmatch, anchors), *terms.values()]), files, terms)
