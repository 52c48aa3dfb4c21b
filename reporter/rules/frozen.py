"""Trainable tensors that do not change between checkpoints while other weights do."""

from __future__ import annotations

from collections.abc import Iterator

from reporter.model.finding import Severity
from reporter.numerals import integer
from reporter.rules.base import Check, Limit, Limits, Rule
from reporter.rules.history import History, Track
from reporter.rules.movement import Movement, equal_share, movements

Moves = dict[str, tuple[Track, Movement]]


def check(history: History, limits: Limits) -> Iterator[Check]:
    """One check per weight. What never moves may be meant so; a kernel that stays while its bias learns is not."""
    moves: Moves = {track.info.name: (track, how) for track, how in movements(history)}
    known = sum(t.info.size for t, _ in moves.values() if t.info.trainable)
    never = sum(t.info.size for t, m in moves.values() if t.info.trainable and m.kind == "never" and not t.coarse)
    most = bool(known) and never / known > limits["most"]
    starved = _starved(history, moves)
    before = _before(history, starved, moves)
    for track, how in moves.values():
        share = equal_share(track)
        long = how.compared + 1 >= limits["checkpoints"]
        if how.kind in ("moving", "stopped"):
            yield Check.of(track.info, share, share or 0.0, place=how.until)
        elif how.kind == "never":
            severity, group, why = _never(track, most=most and long, starved=starved, before=before)
            yield Check.of(
                track.info,
                1.0,
                1.0 + (group == "starved"),
                severity,
                place=how.since,
                group=group,
                message=f"{track.info.name} never changes from {history.step(how.since)} to "
                f"{history.labels[how.until]} while other weights do{why}",
            )
        else:
            sure = track.info.trainable is True and how.kind == "paused" and not track.coarse
            what = (
                f"does not move before {history.step(how.until)}, and does from then on"
                if how.kind == "started"
                else f"stays the same in {integer(how.still)} of {integer(how.compared)} pairs of checkpoints "
                f"({history.step(how.since)} to {history.labels[how.until]}) while other weights move"
            )
            yield Check.of(
                track.info,
                1.0,
                1.0,
                Severity.WARN if sure else Severity.INFO,
                place=how.since + 1,
                good=how.since,
                group=how.kind,
                message=f"{track.info.name} {what}",
            )


def _never(track: Track, *, most: bool, starved: frozenset[str], before: frozenset[str]) -> tuple[Severity, str, str]:
    """Severity, group, and what is to be added, for a weight that never moves."""
    layer = track.info.layer
    if track.coarse:
        return Severity.INFO, "coarse", f"; in so few values of {track.info.dtype} small updates round away"
    if layer in starved:
        return (
            Severity.FAIL if track.info.trainable else Severity.WARN,
            "starved",
            ", although the bias of its own layer learns: only zeros reach this layer, so what comes before it is dead",
        )
    if layer in before:
        return (
            Severity.FAIL if track.info.trainable else Severity.WARN,
            "starved",
            ", and the layer after it receives only zeros: its units are dead",
        )
    if track.info.trainable is None:
        return Severity.INFO, "unknown", "; the format does not say whether it is meant to be trained"
    return Severity.FAIL if most else Severity.WARN, "never", ", although it is trainable"


def _starved(history: History, moves: Moves) -> frozenset[str]:
    """Layers whose kernel never moves although their bias does.

    The gradient of a kernel is input × error, that of its bias the error alone; so the input is always zero. Where many
    layers look so, only biases are trained on purpose (E. Ben Zaken et al., *BitFit*, 2022).
    """
    found, both = [], 0
    for layer, tracks in history.by_layer.items():
        kinds = {t.info.role: moves[t.info.name][1] for t in tracks if t.info.name in moves and not t.coarse}
        kernel, bias = kinds.get("kernel"), kinds.get("bias")
        if kernel is None or bias is None or kernel.compared < 2 or bias.kind == "never":
            continue
        if kernel.kind == "never":
            found.append(layer)
        else:
            both += 1
    return frozenset(found if len(found) <= both else ())


def _before(history: History, starved: frozenset[str], moves: Moves) -> frozenset[str]:
    """The still layers that lead up to each starved one."""
    order = list(history.by_layer)
    found: set[str] = set()
    for layer in starved:
        for earlier in reversed(order[: order.index(layer)]):
            known = [moves[t.info.name][1] for t in history.by_layer[earlier] if t.info.name in moves]
            if any(m.kind != "never" for m in known):
                break
            found.add(earlier)
    return frozenset(found)


FROZEN = Rule(
    name="frozen",
    title="Frozen weights",
    threshold=1.0,
    limits=(
        Limit("most", 0.5, "share of the trainable parameters; when more never move, it is a failure"),
        Limit("checkpoints", 3, "checkpoints that have to agree before it is a failure"),
    ),
    formula="share of values of a weight that are equal to the bit in neighbouring checkpoints, while others move; "
    "variables known not to be trainable are left out",
    source="SageMaker Debugger, unchanged tensor; to the bit instead of allclose",
    check=check,
    many="do not change while other weights do",
    meaning="No gradient reaches them: the units of their layer are dead, the optimizer was not given them, or they "
    "are frozen on purpose (fine-tuning).",
    next_step="Check that they are among the trainable variables that the optimizer was given; if they are, look at "
    "their gradients and at the activations of their layer.",
    evidence="certain: every value was compared with the checkpoint before",
    covers=("dead-units",),
)
