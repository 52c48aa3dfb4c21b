"""The ids of the cards of layers, for the cards and for all that leads to them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from reporter.model.comparison import Comparison
from reporter.model.tensor import Collection
from reporter.printable import layer_name
from reporter.sections.base import Medium


def card_anchors(series: Comparison) -> Mapping[str, str]:
    """The id of the card of each layer.

    Layers whose names differ in nothing that an id can hold get their place behind it.
    """
    own = {name: re.sub("[^A-Za-z0-9_.-]+", "-", layer_name(name))[:120] for name in series.layers}
    often: dict[str, int] = {}
    for text in own.values():
        often[text.lower()] = often.get(text.lower(), 0) + 1
    return {
        name: f"layer-{series.slug[:60]}-{text}" + (f"-{i + 1}" if often[text.lower()] > 1 else "")
        for i, (name, text) in enumerate(own.items())
    }


def name_links(series: Comparison, medium: Medium) -> Mapping[str, str]:
    """From the name of each layer, and of each tensor, to where the layer is told.

    That is its card; on paper its row in the table of layers, and where it has none there is no link. The first page of
    a report over many series has neither.
    """
    if medium == "index":
        return {}
    ids, layers, wanted = card_anchors(series), dict[str, str](), set(series.tensors)
    for measured in reversed(series.measured):  # mostly the last one has them all
        if not wanted:
            break
        found = [info for info in measured.infos if info.name in wanted]
        layers |= {info.name: info.layer if info.collection == Collection.MODEL else "" for info in found}
        wanted -= layers.keys()
    links = {name: f"#{ids[layer]}" for name, layer in layers.items() if layer in ids}
    return links | {name: f"#{anchor}" for name, anchor in ids.items()}
