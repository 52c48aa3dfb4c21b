"""Group the cards of many layers by how their names begin, so that a reader finds a block before its layers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby

from reporter.model.cards import Card, CardGroup
from reporter.model.table import Level

MOST = 60
"""Up to this number, cards are one list."""

LARGEST = 40
"""A group with more cards is split where their names differ next; without such a place, it stays as it is."""

_RANK: dict[Level, int] = {"fail": 3, "warn": 2, "info": 1, "": 0, "pass": 0}


def grouped(cards: Sequence[Card]) -> tuple[CardGroup, ...]:
    """The cards in their order, in groups of neighbours whose names begin alike."""
    if len(cards) <= MOST:
        return (CardGroup("", tuple(cards), _worst(cards)),)
    groups: list[CardGroup] = []
    alone: list[Card] = []
    for name, items in _split(list(cards), 0):
        if len(items) == 1:
            alone += items
            continue
        groups += _gathered(alone)
        alone = []
        groups.append(CardGroup(name, tuple(items), _worst(items)))
    return (*groups, *_gathered(alone))


def _gathered(alone: Sequence[Card]) -> list[CardGroup]:
    """Neighbours that share nothing, named by the first and the last of them, :data:`LARGEST` at most."""
    parts = [alone[i : i + LARGEST] for i in range(0, len(alone), LARGEST)]
    return [
        CardGroup(" … ".join(dict.fromkeys(c.short or c.name for c in (part[0], part[-1]))), tuple(part), _worst(part))
        for part in parts
    ]


def _split(cards: list[Card], depth: int) -> list[tuple[str, list[Card]]]:
    """Runs of neighbours with the same first ``depth + 1`` parts of their names; long ones are split again."""
    found: list[tuple[str, list[Card]]] = []
    for key, run in groupby(cards, key=lambda card: _prefix(card.name, depth)):
        items = list(run)
        deeper = any(_prefix(card.name, depth + 1) != key for card in items)
        if len(items) > LARGEST and deeper:
            found += _split(items, depth + 1)
        else:
            found.append((key, items))
    return found


def _prefix(name: str, depth: int) -> str:
    """The first parts of a name.

    >>> _prefix("encoder/block_1/attention", 0), _prefix("encoder/block_1/attention", 1), _prefix("conv2_block1_bn", 1)
    ('encoder', 'encoder/block_1', 'conv2_block1')
    """
    parts = re.split(r"(?=[/.])" if re.search("[/.]", name) else "(?=_)", name)
    return "".join(parts[: depth + 1]) if len(parts) > 1 else name


def _worst(cards: Sequence[Card]) -> Level:
    return max((card.level for card in cards), key=lambda level: _RANK[level], default="")
