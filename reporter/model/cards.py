"""The cards of layers."""

from __future__ import annotations

from reporter.frozen import dataclass
from reporter.model.blocks import Banner, Figure, Paragraph
from reporter.model.hero import Link
from reporter.model.table import Cell, Level, Table


@dataclass(frozen=True, slots=True)
class Card:
    """One layer: a line that is always seen, and what unfolds below it.

    Attributes:
        anchor: the element's id.
        name: of the layer.
        kind: its class, or "".
        chips: short facts, such as shapes.
        badges: findings about it, each with its level and a link.
        marks: small pictures, each with what it shows and one number.
        blocks: what unfolds.
        level: the worst finding.
        short: the name without what the names of all layers begin with, "" where that is nothing.
        beside: the layers before and after it, where there are any.
    """

    anchor: str
    name: str
    kind: str
    chips: tuple[str, ...]
    badges: tuple[Cell, ...]
    marks: tuple[tuple[str, Cell], ...]
    blocks: tuple[Table | Figure | Paragraph | Banner, ...]
    level: Level = ""
    short: str = ""
    beside: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True)
class CardGroup:
    """Cards of layers whose names begin alike; one without a ``name`` is not folded.

    Attributes:
        name: what the names begin with, "" for no group.
        items: the cards.
        level: the worst among them.
    """

    name: str
    items: tuple[Card, ...]
    level: Level = ""


@dataclass(frozen=True, slots=True)
class Cards:
    """The layers of a model in its order.

    Attributes:
        groups: in the order of the model.
        order: anchors of the cards, what matters most first: the last ones lose their pictures where there is no room.
    """

    groups: tuple[CardGroup, ...]
    order: tuple[str, ...] = ()
