"""Keep those definitions of a page that something on it uses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

from reporter.derive.statistics import STATISTICS
from reporter.model.blocks import Facts
from reporter.model.page import Page, Section, field_names
from reporter.model.table import Table

GLOSSARY = "glossary"
"""Anchor of the section of definitions."""

_TITLES = frozenset(statistic.title for statistic in STATISTICS)
"""Terms that are ordinary words as well, such as "Count": these count only where they stand alone, as over a column."""

_WORD = re.compile(r"[^\W_]+(?:[-:][^\W_]+)*|/|—", re.UNICODE)


def only_used(page: Page, rows: int | None = None) -> Page:
    """The same page with only those definitions of whose terms one occurs in another section.

    A term such as "Kernel, bias, embedding" is used where any of its parts is: in singular or plural, in any case.

    Args:
        page: the page.
        rows: so many rows of each table are looked through, since the others are like them; all if None.
    """
    if not any(s.anchor == GLOSSARY for s in page.sections):
        return page
    looked = [_beginning(s, rows) for s in page.sections if s.anchor != GLOSSARY]
    texts = [text for s in looked for text in _texts(s)]
    told, whole = _words(" ".join(texts)), frozenset(texts)
    return replace(page, sections=tuple(_kept(s, told, whole) if s.anchor == GLOSSARY else s for s in page.sections))


def _beginning(section: Section, rows: int | None) -> Section:
    blocks = (replace(b, rows=b.rows[:rows]) if isinstance(b, Table) else b for b in section.blocks)
    return section if rows is None else replace(section, blocks=tuple(blocks))


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
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _texts(item)
    else:
        kind: Any = type(value)
        for name in _seen(kind):
            yield from _texts(getattr(value, name))


@cache
def _seen(kind: Any) -> tuple[str, ...]:
    return tuple(name for name in field_names(kind) if name not in _UNSEEN)


_UNSEEN = frozenset({"anchor", "href", "level", "kind", "png", "name", "definition", "order", "mark", "alt"})
