"""Weight matrices that have lost their rank: a wide layer that passes a few directions on."""

from __future__ import annotations

from collections.abc import Iterator

from reporter.model.finding import Severity
from reporter.numerals import integer, number, share
from reporter.rules.base import Check, Limit, Limits, Rule
from reporter.rules.timeline import Timeline


def check(timeline: Timeline, limits: Limits) -> Iterator[Check]:
    """One check per weight matrix of the last checkpoint: effective rank, or the share of channels that repeat others.

    Either is measured when the last checkpoint is read for its readiness; the rank of a part of a large matrix, which
    is at least the same share of the part's side.
    """
    last = len(timeline.labels) - 1
    for track in timeline.matrices:
        ready = timeline.series.readiness.get(track.info.name)
        if ready is None or ready.rank is None or track.places[-1] != last or timeline.initial(last):
            continue
        fixed = track.info.trainable is False
        severity = Severity.INFO if fixed else Severity.WARN
        channels = ready.channels or 0
        repeated = ready.duplicates / channels if ready.duplicates and channels >= limits["side"] else 0.0
        if repeated >= limits["duplicates"]:
            yield Check.of(
                track.info,
                repeated,
                1.0 + repeated,
                severity,
                place=last,
                limit="duplicates",
                message=f"{integer(ready.duplicates or 0)} of the {integer(channels)} output channels of "
                f"{track.info.name} repeat others up to scale at {timeline.step(last)} ({share(repeated)})",
            )
            continue
        fired = ready.rank < limits["threshold"]
        yield Check.of(
            track.info,
            ready.rank,
            1.0 - ready.rank,
            severity if fired else None,
            place=last,
            message=f"{track.info.name} has lost its rank: at {timeline.step(last)} its effective rank is "
            f"{number(ready.rank, 2)} of the smaller side of its matrix",
        )


RANK_COLLAPSE = Rule(
    name="rank-collapse",
    title="Rank that has collapsed",
    threshold=0.15,
    limits=(
        Limit("duplicates", 0.9, "share of output channels that repeat others at which the rank is said to be lost"),
        Limit("side", 8, "output channels that a matrix needs for their share to mean anything"),
    ),
    formula="exp(−Σ p log p) / smaller side, p the singular values divided by their sum, of a kernel in the last "
    "checkpoint (or of 256 of its inputs and outputs), its outputs brought to one length; output channels with "
    "|cos| > 0.999 to an earlier one / all",
    source="effective rank (O. Roy, M. Vetterli, 2007); the limit is our own proposal: at least 0.51 in healthy runs, "
    "0.016 in sick ones",
    check=check,
    many="have lost their rank",
    meaning="The layer passes only a few directions on, so most of its units do the same: training has collapsed, or "
    "an adapter or a strong decay left nothing else.",
    next_step="Look at the activations of the layer and at its weight decay; if the matrix was factorised on purpose, "
    "accept the finding.",
    evidence="very likely: singular values of the matrix, or of an evenly chosen part of a large one",
    covers=("duplicate-outputs",),
)
