"""Embeddings whose rows are all nearly the same: whatever is looked up, the model sees one vector."""

from __future__ import annotations

from collections.abc import Iterator

from reporter.model.finding import Severity
from reporter.numerals import integer, share
from reporter.rules.base import Check, Limit, Limits, Rule, Unit
from reporter.rules.timeline import Timeline


def check(timeline: Timeline, limits: Limits) -> Iterator[Check]:
    """One check per embedding of the last checkpoint: the share of its rows' energy that is in their mean."""
    last = len(timeline.labels) - 1
    for track in timeline.matrices:
        ready = timeline.series.readiness.get(track.info.name)
        if ready is None or ready.common is None or track.places[-1] != last:
            continue
        rows = track.info.shape[track.info.output_axis]
        value = ready.common
        fired = value > limits["threshold"] and rows >= limits["rows"] and not timeline.initial(last)
        yield Check.of(
            track.info,
            value,
            value,
            None if not fired else Severity.INFO if track.info.trainable is False else Severity.WARN,
            place=last,
            message=f"the {integer(rows)} rows of {track.info.name} are nearly the same vector at "
            f"{timeline.step(last)}: {share(value)} of their energy is in their mean",
        )


EMBEDDING_COLLAPSE = Rule(
    name="embedding-collapse",
    title="Embedding that has collapsed",
    threshold=0.95,
    unit=Unit.SHARE,
    bad="more",
    limits=(Limit("rows", 8, "rows that a table needs for their likeness to be no chance"),),
    formula="‖mean row‖² / mean ‖row‖² of an embedding in the last checkpoint; rows that are all zero are left out",
    source="own proposal: at most 0.32 in healthy runs, 0.99999 in sick ones",
    check=check,
    many="have rows that are nearly all the same vector",
    meaning="Different inputs give the same vector: the model can no longer tell them apart, as with a contrastive "
    "loss without negatives, or a learning rate that is too high.",
    next_step="Find the checkpoint in which the rows begin to agree; look at the loss that shapes the embedding, and "
    "at its learning rate.",
    evidence="certain: every row was looked at",
    covers=("rank-collapse", "duplicate-outputs"),
)
