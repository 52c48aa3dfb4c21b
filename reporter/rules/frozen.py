"""Trainable tensors that do not change between checkpoints while other weights do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set

from reporter.model.finding import Severity
from reporter.numerals import counted, integer
from reporter.rules.base import Check, Limit, Limits, Rule, Unit
from reporter.rules.idle_biases import WHY, idle_biases
from reporter.rules.movement import Movement, equal_share, movements
from reporter.rules.timeline import Timeline, Track


def check(timeline: Timeline, limits: Limits) -> Iterator[Check]:
    """One check per weight; where the format does not say what is trainable, what never moves may be meant so."""
    moves = movements(timeline, limits["threshold"])
    known = sum(t.info.size for t, _ in moves if t.trainable)
    never = sum(t.info.size for t, m in moves if t.trainable and m.kind == "never" and not t.coarse)
    most = bool(known) and never / known > limits["most"]
    few, idle = _few(moves), idle_biases(timeline, moves)
    for track, how in moves:
        share = equal_share(track)
        long = how.compared + 1 >= limits["checkpoints"]
        if how.kind in ("moving", "stopped"):
            yield Check.of(track.info, share, share or 0.0, place=how.until)
        elif how.kind == "never":
            severity, group, why = _never(track, idle, most=most and long, few=few and long)
            yield Check.of(
                track.info,
                1.0,
                1.0,
                severity,
                place=how.since,
                group=group,
                message=f"{track.info.name} never changes from {timeline.step(how.since)} to "
                f"{timeline.labels[how.until]} while other weights do{why}",
            )
        else:
            sure = track.trainable is True and how.kind == "paused" and not track.coarse
            yield Check.of(
                track.info,
                1.0,
                1.0,
                Severity.WARN if sure else Severity.INFO,
                place=how.since + 1,
                good=how.since,
                last=how.until,
                group=how.kind,
                message=f"{track.info.name} {_paused(timeline, how)}",
            )


def _paused(timeline: Timeline, how: Movement) -> str:
    """What is said of a weight that is still for a while only."""
    if how.kind == "started":
        return f"does not move before {timeline.step(how.until)}, and does from then on"
    span = f"({timeline.step(how.since)} to {timeline.labels[how.until]})"
    pairs = f"{integer(how.still)} of {counted(how.compared, 'pair')} of neighbouring checkpoints"
    if how.kind == "recurring":
        return (
            f"moves now and then only: it is the same in {pairs} {span} and moves in between, as a copy does that is "
            "brought up to date at intervals"
        )
    return f"stays the same in {pairs} {span} while other weights move"


def _few(moves: Sequence[tuple[Track, Movement]]) -> bool:
    """Whether what never moves is less than half of the layers and of the parameters: no backbone that was frozen."""
    still = [t for t, m in moves if m.kind == "never"]
    layers, still_layers = {t.info.layer for t, _ in moves}, {t.info.layer for t in still}
    size, still_size = sum(t.info.size for t, _ in moves), sum(t.info.size for t in still)
    return 2 * len(still_layers) < len(layers) and 2 * still_size < size


def _never(track: Track, idle: Set[str], *, most: bool, few: bool) -> tuple[Severity, str, str]:
    """Severity, group, and what is to be added, for a weight that never moves."""
    if track.coarse:
        return Severity.INFO, "coarse", f"; in so few {track.few_values} small updates round away"
    if track.info.name in idle:
        return Severity.INFO, "idle", WHY
    if track.trainable is None:
        loud = few and track.info.role != "embedding"
        why = "; the format does not say whether it is meant to be trained"
        return Severity.WARN if loud else Severity.INFO, "unknown", why
    return Severity.FAIL if most else Severity.WARN, "never", ", although it is trainable"


FROZEN = Rule(
    name="frozen",
    title="Frozen weights",
    threshold=1.0,
    unit=Unit.SHARE,
    limits=(
        Limit("most", 0.5, "share of the trainable parameters; when more never move, it is a failure"),
        Limit("checkpoints", 3, "checkpoints that have to agree before it is a failure"),
    ),
    formula="share of values of a weight that are equal to the bit in neighbouring checkpoints, while others move; "
    "variables known not to be trainable are left out",
    source="SageMaker Debugger, unchanged tensor; to the bit instead of allclose",
    check=check,
    follows=True,
    compares=True,
    many="do not change while other weights do",
    meaning="No gradient reaches them, or one too small to change them (vanishing gradients, as behind saturated "
    "units): their layer or one behind it is dead, or the optimizer was not given them. Or they are frozen on purpose, "
    "as in fine-tuning.",
    next_step="Check that they are among the trainable variables that the optimizer was given; if they are, look at "
    "their gradients and at the activations of their layer.",
    evidence="certain: every value was compared with the checkpoint before",
    covers=("dead-units", "untrained", "no-gradient"),
)
