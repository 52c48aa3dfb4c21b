"""Trainable tensors that do not change between checkpoints while other weights do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set

from reporter.model.finding import Severity
from reporter.model.role import NEVER_TRAINABLE, Role
from reporter.model.tensor import Collection
from reporter.numerals import counted, integer
from reporter.rules.base import Check, Limit, Limits, Rule, Unit
from reporter.rules.idle_biases import WHY, idle_biases
from reporter.rules.movement import Movement, equal_share, movements
from reporter.rules.slots import Owners, moments, unheld
from reporter.rules.timeline import Timeline, Track


def check(timeline: Timeline, limits: Limits) -> Iterator[Check]:
    """One check per weight; where the file does not say what is trained, what never moves may be meant so."""
    frozen = unheld(timeline)
    moves = [(t, how) for t, how in movements(timeline, limits["threshold"]) if t.info.name not in frozen]
    trained = _trained(timeline)
    known = sum(t.info.size for t, _ in moves if t.info.name in trained)
    never = sum(t.info.size for t, m in moves if t.info.name in trained and m.kind == "never" and not t.coarse)
    most = bool(known) and never / known > limits["most"]
    torn, idle = _torn(moves), idle_biases(timeline, moves)
    for track, how in moves:
        share = equal_share(track)
        long = how.compared + 1 >= limits["checkpoints"]
        if how.kind in ("moving", "stopped"):
            yield Check.of(track.info, share, share or 0.0, place=how.until)
        elif how.kind == "never":
            severity, group, why = _never(
                track,
                idle,
                trained=track.info.name in trained,
                most=most and long,
                torn=long and track.info.layer in torn,
            )
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
            sure = track.info.name in trained and how.kind == "paused" and not track.coarse
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


def _trained(timeline: Timeline) -> frozenset[str]:
    """Names of the weights that are known to be meant to be trained.

    The optimizer keeps moments of them, unless it is L1 that holds them at zero, as FTRL does; or a flag says so where
    flags mean something. Every variable of TensorFlow and every layer of Keras is trainable unless somebody says
    otherwise, and whoever leaves variables out of an optimizer need not. So flags that are all the same count in the
    checkpoints of a training only, which hold an optimizer.
    """
    owners = Owners(timeline)
    given = {
        weight.info.name
        for slot in moments(timeline)
        if (weight := owners.of(slot)) is not None and (weight.largest.any() or not slot.largest.any())
    }
    told = any(t.info.collection == Collection.OPTIMIZER for t in timeline.tracks) or any(
        t.fixed and t.info.collection == Collection.MODEL and t.info.role not in NEVER_TRAINABLE
        for t in timeline.tracks
    )
    return frozenset(
        t.info.name
        for t in timeline.tracks
        if t.trainable is not False and (t.info.name in given or (told and t.trainable is True))
    )


def _torn(moves: Sequence[tuple[Track, Movement]]) -> frozenset[str]:
    """Layers of which some weights never move though others do, where most of the model learns.

    Whoever freezes a part on purpose freezes layers, however many of them; or everything but some kind of weights, as
    with adapters and biases alone, which are few.
    """
    still, learning = ({t.info.layer for t, m in moves if (m.kind == "never") is kind} for kind in (True, False))
    size = sum(t.info.size for t, _ in moves)
    still_size = sum(t.info.size for t, m in moves if m.kind == "never")
    layers = still | learning
    few = 2 * len(still) < len(layers) and 2 * still_size < size
    return frozenset(still & learning) if few else frozenset()


def _never(track: Track, idle: Set[str], *, trained: bool, most: bool, torn: bool) -> tuple[Severity, str, str]:
    """Severity, group, and what is to be added, for a weight that never moves.

    Args:
        idle: see :func:`idle_biases`.
        trained: whether it is known to be meant to be.
        most: whether that is so of most weights that never move.
        torn: whether it is of a layer that learns.
    """
    if track.coarse:
        return Severity.INFO, "coarse", f"; in so few {track.few_values} small updates round away"
    if track.info.name in idle:
        return Severity.INFO, "idle", WHY
    if not trained:
        why = "; nothing in the file says whether it is meant to be trained"
        loud = torn and track.info.role != Role.EMBEDDING
        return Severity.WARN if loud else Severity.INFO, "unknown", why + (", but its layer is" if torn else "")
    if track.trainable:
        return Severity.FAIL if most else Severity.WARN, "never", ", although it is trainable"
    return Severity.WARN, "given", ", although the optimizer keeps moments of it"


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
    "variables known not to be trainable are left out, and those that the optimizer in the file was not given",
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
