"""Weights that moved and then stay the same up to the last checkpoint, while the step goes on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from reporter.model.finding import Severity
from reporter.numerals import counted, integer, number
from reporter.rules.base import Check, Limit, Limits, Rule
from reporter.rules.grouped import as_one
from reporter.rules.movement import Movement, equal_share, movements
from reporter.rules.nothing_moves import TWICE_MEANING, TWICE_NEXT
from reporter.rules.timeline import STILL, Timeline, Track


def check(timeline: Timeline, limits: Limits) -> Iterator[Check]:
    """One check per weight; failures when most parameters have stopped for two pairs of checkpoints or more."""
    moves = movements(timeline)
    moved = sum(t.info.size for t, m in moves if m.kind != "never")
    ended = [(t, m) for t, m in moves if m.kind == "stopped" and not t.coarse]
    for_good = sum(t.info.size for t, m in ended if m.still >= limits["pairs"])
    most = bool(moved) and for_good / moved > limits["most"]
    rate = learning_rate(timeline)
    wound_down = _wound_down(moves, limits["wound-down"])
    learned = [(t, m) for t, m in moves if m.kind != "never"]
    if rate != 0.0 and not wound_down and ended and len(ended) == len(learned) and all(m.still == 1 for _, m in ended):
        yield from _saved_twice(timeline, ended)
        return
    for track, how in learned:
        if how.kind != "stopped" or how.still <= limits["threshold"]:
            share = equal_share(track)
            yield Check.of(track.info, 0.0, share or 0.0, place=how.until)
            continue
        remark = track.coarse or rate == 0.0
        severity = Severity.INFO if remark else Severity.FAIL if most and not wound_down else Severity.WARN
        pairs = float(how.still)
        yield Check.of(
            track.info,
            pairs,
            1.0 + pairs,
            severity,
            place=how.since,
            good=how.since - 1,
            message=_message(timeline, track, how, rate, wound_down=wound_down),
        )


def _saved_twice(timeline: Timeline, ended: Sequence[tuple[Track, Movement]]) -> Iterator[Check]:
    """One finding where the last checkpoint repeats the one before: a single pair is no layer that has stopped."""
    how = ended[0][1]
    checks = [Check.of(t.info, 1.0, 1.0, place=m.until, good=m.since, group="twice") for t, m in ended]
    values = sum(t.info.size for t, _ in ended)
    message = (
        f"the last checkpoint holds the weights of the one before: all {counted(values, 'value')} of the "
        f"{counted(len(ended), 'tensor')} that moved until then are the same at {timeline.step(how.since)} and "
        f"{timeline.labels[how.until]}"
    )
    severity = Severity.WARN if how.until in timeline.advancing else Severity.INFO
    for check in as_one(checks, checks, severity, message):
        yield replace(check, meaning=TWICE_MEANING, next_step=TWICE_NEXT) if check.severity else check


def _wound_down(moves: Sequence[tuple[Track, Movement]], limit: float) -> bool:
    """Whether all weights stopped at once after their updates had become small: the end of a learning-rate schedule."""
    learned = [(t, m) for t, m in moves if m.kind != "never"]
    if len({m.since for _, m in learned if m.kind == "stopped"}) != 1 or any(m.kind != "stopped" for _, m in learned):
        return False
    ratios = []
    for track, how in learned:
        updates = track.updates.relative[track.updates.places <= how.since]
        if len(updates) > 2 and np.isfinite(updates).all():
            ratios.append(updates[-1] / np.quantile(updates, 0.75))
    return bool(ratios) and float(np.median(ratios)) < limit


def _message(timeline: Timeline, track: Track, how: Movement, rate: float | None, *, wound_down: bool) -> str:
    same = "equal to the bit" if how.to_the_bit else f"practically equal (relative update below {number(STILL)})"
    text = (
        f"{track.info.name} stopped moving at {timeline.step(how.since)}: it is {same} in every later checkpoint, "
        f"up to {timeline.step(how.until)} ({integer(how.still)} pair{'s' if how.still > 1 else ''})"
    )
    if rate == 0.0:
        text += "; the learning rate stored in the last checkpoint is 0"
    elif wound_down:
        text += (
            "; all weights stopped at once after their updates had become small, as when a learning-rate schedule ends"
        )
    elif track.coarse:
        text += f"; in so few values of {track.info.dtype} small updates round away"
    return text


def learning_rate(timeline: Timeline) -> float | None:
    """The learning rate in the last checkpoint, where it is stored as a tensor."""
    for track in timeline.tracks:
        info = track.info
        last = info.name.rsplit("/", 1)[-1].rsplit(".", 1)[-1].lower()
        if info.role == "hyperparameter" and last in ("learning_rate", "lr") and info.size == 1:
            return float(track.values("mean")[-1])
    return None


STOPPED = Rule(
    name="stopped",
    title="Stopped layers",
    threshold=0.0,
    limits=(
        Limit("most", 0.5, "share of the parameters that once moved; when more have stopped, it is a failure"),
        Limit("pairs", 2, "pairs of checkpoints since the stop that a failure needs"),
        Limit("wound-down", 0.25, "last update / usual update below which a common stop is the end of a schedule"),
    ),
    formula="pairs of neighbouring checkpoints at the end of the series in which a weight that moved before is equal "
    "to the bit (or differs by less than 10⁻⁸ of its norm)",
    source="seen in a real run: LSTM layers stopping one after another while the head still trained",
    check=check,
    follows=True,
    compares=True,
    many="moved at first and then stopped for good",
    meaning="No gradient reaches these weights any more: the units before or after them are dead or saturated, "
    "updates have become too small for the dtype, the schedule ended at zero, or they were frozen on purpose.",
    next_step="Look at activations and gradients of the layers that stopped first, at the step named; compare with the "
    "learning-rate schedule; a checkpoint from before that step is the last one in which they learned.",
    evidence="certain: every value was compared with the checkpoint before",
    covers=("frozen", "dead-units", "fading"),
)
