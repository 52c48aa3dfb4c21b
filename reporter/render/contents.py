"""The contents of a page: its sections, those of a series together, as a menu that can be folded."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from reporter.frozen import dataclass
from reporter.model.page import Section
from reporter.render.links import Links

UNFOLDED = 3
"""Up to this number, groups and lists are not folded."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the contents.

    Attributes:
        text: what it says.
        href: where it leads, "" for the name of a group.
        below: the lines below it.
        folded: whether these are shown only on demand.
    """

    text: str
    href: str = ""
    below: tuple[Entry, ...] = ()
    folded: bool = False


def contents(sections: Sequence[Section], links: Links) -> tuple[Entry, ...]:
    """The contents of a page. A section of a group is listed there even if it would not be by itself.

    >>> moved = Section("a", "What moved: x", (), group="x")
    >>> (entry,) = contents([moved, Section("b", "Trend: x", (), group="x")], Links(frozenset("ab"), files=False))
    >>> entry.text, [below.text for below in entry.below]
    ('x', ['What moved', 'Trend'])
    """
    linked = [section for section in sections if (section.listed or section.group) and section.anchor in links.anchors]
    many = len({section.group for section in linked if section.group}) > UNFOLDED
    entries: list[Entry] = []
    for group, members in groupby(linked, lambda section: section.group):
        if group:
            below = tuple(Entry(s.title.removesuffix(f": {group}"), f"#{s.anchor}") for s in members)
            entries.append(Entry(group, "", below, many))
        else:
            entries += [_entry(section, links) for section in members]
    return tuple(entries)


def _entry(section: Section, links: Links) -> Entry:
    below = tuple(Entry(text, href) for text, href in section.parts if href in links)
    return Entry(section.title, f"#{section.anchor}", below, len(below) > UNFOLDED)
