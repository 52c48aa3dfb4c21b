"""Weights that moved and then stay the same up to the last checkpoint, while the step goes on."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence, Set
from dataclasses import replace

import numpy as np

from reporter.model.columns import Floats
from reporter.model.finding import Severity
from reporter.model.role import Role
from reporter.numerals import counted, number
from reporter.rules.base import Check, Limit, Limits, Rule
from reporter.rules.grouped import as_one
from reporter.rules.idle_biases import WHY, idle_biases
from reporter.rules.movement import Movement, equal_share, movements
from reporter.rules.nothing_moves import TWICE_MEANING, TWICE_NEXT
from reporter.rules.timeline import STILL, Timeline, Track


def check(timeline: Timeline, limits: Limits) -> Iterator[Check]:
    """One check per weight; failures when most parameters have stopped for two pairs of checkpoints or more."""
    moves = movements(timeline)
    learned = [(t, m) for t, m in moves if m.kind != "never"]
    moved = sum(t.info.size for t, _ in learned)
    ended = [(t, m) for t, m in learned if m.kind == "stopped" and not t.coarse]
    for_good = sum(t.info.size for t, m in ended if m.still >= limits["pairs"])
    most = bool(moved) and for_good / moved > limits["most"]
    rates = learning_rates(timeline)
    wound_down = _wound_down(moves, rates, limits["wound-down"])
    twice = bool(ended) and len(ended) == len(learned) and all(m.still == 1 for _, m in ended)
    if twice and not wound_down and not _at_zero(rates, ended[0][1]):
        yield from _saved_twice(timeline, ended)
        return
    clip, idle = _clip(timeline), idle_biases(timeline, moves)
    for track, how in learned:
        if how.kind != "stopped" or how.still <= limits["threshold"]:
            share = equal_share(track)
            yield Check.of(track.info, 0.0, share or 0.0, place=how.until)
            continue
        excuse = _excuse(track, how, rates, clip, idle) or (WOUND_DOWN if wound_down else "")
        severity = Severity.INFO if excuse else Severity.FAIL if most else Severity.WARN
        pairs, place = float(how.still), how.since + 1 if excuse else how.faded
        yield Check.of(
            track.info,
            pairs,
            1.0 + pairs,
            severity,
            place=place,
            good=place - 1,
            message=_message(timeline, track, how) + excuse,
        )


WOUND_DOWN = "; all weights stopped at once after their updates had become small, as at the end of a schedule"
"""What is added where a rate that falls to zero explains it, though no checkpoint stores the rate."""


def _excuse(track: Track, how: Movement, rates: Floats, clip: float | None, idle: Set[str]) -> str:
    """Why a weight that has stopped is no more than a remark, as a clause; "" where nothing excuses it.

    Args:
        rates: see :func:`learning_rates`.
        clip: see :func:`_clip`.
        idle: biases that have no gradient by theory.
    """
    if _at_zero(rates, how):
        return "; the learning rate that the checkpoints store is 0 since then"
    if clip is not None and _at_clip(track, clip):
        return f"; its values are at ± {number(clip)}, as where weights are clipped after every update"
    if track.coarse:
        return f"; in so few {track.few_values} small updates round away"
    if track.info.name in idle:
        return WHY
    return ""


CLIPPED = 0.999
"""RMS / largest |w| above which all values have one magnitude. In a normal sample it is about 0.3, in a uniform one
0.58; only the clipping of weights (M. Arjovsky et al., *Wasserstein GAN*, 2017) brings it near 1."""

MOST = 0.9
"""RMS / clip above which a weight stands at a clip that is known from others: 0.98 where 1 of 24 values does not."""

MANY = 16
"""Values that a matrix needs, so that they do not have one magnitude by chance, as the two of a 1 × 2 kernel may."""


def _clip(timeline: Timeline) -> float | None:
    """The magnitude at which all values of some matrix stand at the end, or to the bit the largest of several matrices.

    None where there is none.
    """
    reached: Counter[float] = Counter()
    for track in timeline.matrices:
        largest, rms = float(track.largest[-1]), float(track.values("rms")[-1])
        if track.info.size < MANY or not 0 < largest < math.inf:
            continue
        if rms / largest > CLIPPED:
            return largest
        reached[largest] += 1
    value, matrices = max(reached.items(), key=lambda item: item[1], default=(0.0, 0))
    return value if matrices > 1 else None


def _at_clip(track: Track, clip: float) -> bool:
    """Whether all values of a weight stand at the clip, or all but a few."""
    return float(track.values("rms")[-1]) > MOST * clip and float(track.largest[-1]) <= clip * (2 - CLIPPED)


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


def _wound_down(moves: Sequence[tuple[Track, Movement]], rates: Floats, limit: float) -> bool:
    """Whether all weights stopped at once after their updates had become small: the end of a learning-rate schedule.

    A rate that a checkpoint stores and that is not zero then says otherwise. Where the optimizer is not stepped any
    more, the last updates are as large as those before; half a cosine, or a line, leaves less than a tenth.
    """
    learned = [(t, m) for t, m in moves if m.kind != "never"]
    if len({m.since for _, m in learned if m.kind == "stopped"}) != 1 or any(m.kind != "stopped" for _, m in learned):
        return False
    if (rates[learned[0][1].since + 1 :] > 0).any():
        return False
    ratios = []
    for track, how in learned:
        updates = track.updates.relative[track.updates.places <= how.since]
        if len(updates) > 2 and np.isfinite(updates).all():
            ratios.append(updates[-1] / np.quantile(updates, 0.75))
    return bool(ratios) and float(np.median(ratios)) < limit


def _message(timeline: Timeline, track: Track, how: Movement) -> str:
    same = "equal to the bit" if how.to_the_bit else f"practically equal (relative update below {number(STILL)})"
    return (
        f"{track.info.name} has not moved since {timeline.step(how.since)}: it is {same} in "
        f"{counted(how.still, 'pair')} of neighbouring checkpoints, up to {timeline.step(how.until)}"
    ) + (f"; from {timeline.step(how.faded)} on it had hardly moved" if how.faded <= how.since else "")


def learning_rates(timeline: Timeline) -> Floats:
    """The largest learning rate that each checkpoint stores as a tensor; NaN where it stores none.

    There may be several: a wrapper that scales the loss has one of its own, which is 0 and means nothing, beside that
    of the optimizer inside; and two optimizers may train two parts of a model.
    """
    rates = np.full(len(timeline.labels), np.nan)
    for track in timeline.tracks:
        info = track.info
        if info.role != Role.HYPERPARAMETER or info.size != 1:
            continue
        if re.sub(r"_\d+$", "", re.split(r"[/.]", info.name)[-1].lower()) in ("learning_rate", "lr"):
            places = list(track.places)
            rates[places] = np.fmax(rates[places], track.values("mean"))
    return rates


def _at_zero(rates: Floats, how: Movement) -> bool:
    """Whether the learning rate is stored, and 0, in every checkpoint since a weight stopped."""
    return bool((rates[how.since + 1 : how.until + 1] == 0).all())


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
