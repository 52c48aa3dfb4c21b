"""Keep those definitions of a page that something on it uses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

from reporter.derive.statistics import STATISTICS
from reporter.model.blocks import Facts
from reporter.model.histogram import Histogram
from reporter.model.page import Page, Section, field_names
from reporter.model.table import Cell, Row

GLOSSARY = "glossary"
"""Anchor of the section of definitions."""

_TITLES = frozenset(statistic.title for statistic in STATISTICS)
"""Terms that are ordinary words as well, such as "Count": these count only where they stand alone, as over a column."""

_WORD = re.compile(r"[^\W_]+(?:[-:][^\W_]+)*|/|—", re.UNICODE)


def only_used(page: Page) -> Page:
    """The same page with only those definitions of whose terms one occurs in another section.

    A term such as "Kernel, bias, embedding" is used where any of its parts is: in singular or plural, in any case.
    """
    if not any(s.anchor == GLOSSARY for s in page.sections):
        return page
    texts = [text for s in page.sections if s.anchor != GLOSSARY for text in _texts(s)]
    told, whole = _words(" ".join(texts)), frozenset(texts)
    return replace(page, sections=tuple(_kept(s, told, whole) if s.anchor == GLOSSARY else s for s in page.sections))


def _kept(section: Section, told: str, whole: frozenset[str]) -> Section:
    blocks = tuple(
        Facts(
            tuple(item for item in block.items if (item[0] in whole if item[0] in _TITLES else _used(item[0], told))),
            block.kind,
        )
        if isinstance(block, Facts)
        else block
        for block in section.blocks
    )
    return replace(section, blocks=blocks)


def _used(term: str, told: str) -> bool:
    return any(
        f" {words} " in told or f" {words}s " in told for part in term.split(", ") if (words := _words(part).strip())
    )


def _words(text: str) -> str:
    """The words of a text in lower case, with a space around each."""
    return " " + " ".join(_WORD.findall(text.lower())) + " "


def _texts(value: Any) -> Iterator[str]:
    """Every text that a reader of a section sees."""
    left = [value]  # the next one last, as in figures_of
    while left:
        one = left.pop()
        kind: Any = type(one)
        if isinstance(one, str):
            yield one
        elif isinstance(one, tuple):
            left.extend(reversed(one))
        elif kind is Row or kind is Cell:  # rows are nearly all that there is
            for cell in one.cells if kind is Row else (one,):
                if cell.sort is None:  # no number
                    yield cell.text
                    yield cell.title
        elif kind is not Histogram:  # which holds no text
            left.extend(getattr(one, name) for name in reversed(_seen(kind)))


@cache
def _seen(kind: Any) -> tuple[str, ...]:
    return tuple(name for name in field_names(kind) if name not in _UNSEEN)


_UNSEEN = frozenset({"anchor", "href", "level", "kind", "png", "name", "definition", "order", "mark", "alt", "reading"})
