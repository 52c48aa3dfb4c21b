"""Parts of a model that no gradient has ever reached, told by the state of the optimizer that holds them."""

from __future__ import annotations

from collections.abc import Iterator

from reporter.model.finding import Severity
from reporter.numerals import integer
from reporter.rules.base import Check, Limits, Rule, Unit
from reporter.rules.slots import Owners, moments
from reporter.rules.timeline import Timeline, Track


def check(timeline: Timeline, limits: Limits) -> Iterator[Check]:
    """One check per weight with moments: are all of its layer zero in every checkpoint, while those of others are not?

    Warnings only where it is so of a large share of the slots: an expert that no token chose, or a branch that is not
    in use, is zero as well. Where all are zero it is the optimizer that is not in use, which another rule says.
    """
    owners = Owners(timeline)
    layers: dict[str, list[tuple[Track, Track]]] = {}
    for slot in moments(timeline):
        weight = owners.of(slot)
        if weight is not None and any(map(timeline.had_gradients, slot.places)):
            layers.setdefault(weight.info.layer, []).append((slot, weight))
    zero = {layer for layer, pairs in layers.items() if all(_always_zero(slot) for slot, _ in pairs)}
    slots = sum(len(pairs) for pairs in layers.values())
    untouched = sum(len(layers[layer]) for layer in zero)
    value = untouched / slots if slots else 0.0
    loud = limits["threshold"] <= value < 1.0
    last = len(timeline.labels) - 1
    for layer, pairs in layers.items():
        for info in {weight.info.name: weight.info for _, weight in pairs}.values():
            yield Check.of(
                info,
                value if layer in zero else 0.0,
                value if layer in zero else 0.0,
                Severity.WARN if loud and layer in zero else None,
                place=pairs[0][0].places[0],
                message=f"no gradient has reached {info.name} up to {timeline.step(last)}: its moments in the "
                f"optimizer are all zero, as are {integer(untouched)} of all {integer(slots)}",
            )


def _always_zero(slot: Track) -> bool:
    return bool((slot.values("zero_count") == slot.values("count")).all())


NO_GRADIENT = Rule(
    name="no-gradient",
    title="Parts that were never trained",
    threshold=0.5,
    unit=Unit.SHARE,
    bad="more",
    formula="slots of first and second moments of layers all of whose slots are zero in every checkpoint / all slots",
    source="seen in a published model: 48 of 60 slots are zero, of four of its five parts",
    check=check,
    many="have moments that are zero in every checkpoint, so that no gradient has ever reached them",
    meaning="The loss does not depend on these parts, or only one of several losses was used: they still are what they "
    "were initialised or loaded as.",
    next_step="Check which outputs the loss is computed from, and whether anything between them and these parts stops "
    "gradients.",
    evidence="certain: every value of the moments is zero, which they are before the first gradient only",
    covers=("frozen", "untrained"),
)
