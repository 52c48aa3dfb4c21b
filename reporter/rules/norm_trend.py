"""Norms that grow or shrink without end, and norms that leave their own past."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from reporter.model.columns import Floats
from reporter.model.finding import Severity
from reporter.numerals import counted, number
from reporter.rules.base import Check, Limit, Limits, Rule
from reporter.rules.timeline import Timeline, Track

POINTS = 5
"""Checkpoints that a trend needs (popmon's rolling reference is of this order)."""


def check(timeline: Timeline, limits: Limits) -> Iterator[Check]:
    """Two checks per weight matrix of five checkpoints or more: the slope of log ‖W‖, and the last step's pull."""
    for track in timeline.matrices:
        norms = track.values("l2_norm")
        trained = timeline.trained(track.places)
        usable = np.isfinite(norms) & (norms > 0) & (track.bad == 0) & trained
        if usable.sum() < POINTS:
            continue
        places = np.array(track.places)[usable]
        gaps = np.diff(np.cumsum(timeline.gaps)[places])
        logs = np.log(norms[usable])
        yield _slope(timeline, track, places, gaps, logs, limits)
        yield _pull(timeline, track, places, gaps, logs, limits)


BEGINS = 0.25
"""Share of the limit that a step has to reach to belong to the stretch: a norm that grows by a hundredth at each
checkpoint before it explodes has not been exploding all the time."""


def _slope(
    timeline: Timeline, track: Track, places: npt.NDArray[np.int64], gaps: Floats, logs: Floats, limits: Limits
) -> Check:
    """Five points in a row: do they all go one way, and how far in a usual save distance?

    Judged are the first five that do, though the norm may have come to rest since, else the last five. Of saves that
    get further and further apart only the last five tell: what grows with the number of steps grows evenly in them.
    """
    going = _going(logs, gaps, limits)

    def one_way(end: int) -> bool:
        start = end - POINTS
        return bool(going[start]) and _one_way(track, logs[start:end], gaps[start : end - 1], limits)

    ends = (e for e in range(POINTS, len(logs) + 1) if one_way(e))
    end = next((e for e in ends if e == len(logs) or _even(timeline, places[e - POINTS : e])), 0)
    fired, end = bool(end), end or len(logs)
    while fired and end < len(logs) and one_way(end + 1):
        end += 1
    slope, along = _pace(logs[:end], gaps[: end - 1])
    slow = np.flatnonzero(along < BEGINS * math.log(limits["threshold"]))
    begin = int(slow[-1]) + 1 if fired and len(slow) else 0 if fired else end - POINTS
    first, last = int(places[begin]), int(places[end - 1])
    whole = float(logs[end - 1] - logs[begin])
    failed = abs(whole) >= math.log(limits["failure"])
    return Check.of(
        track.info,
        math.exp(slope),
        abs(slope),
        (Severity.FAIL if failed else Severity.WARN) if fired else None,
        place=int(places[begin + 1]),
        good=first,
        group="slope",
        beyond=max(1.0, math.exp(min(abs(whole), 700.0)) / limits["threshold"]),
        message=f"the norm of {track.info.name} {'grows' if slope > 0 else 'shrinks'} steadily, × "
        f"{number(math.exp(whole), 3)} over {counted(end - begin, 'checkpoint')} ({timeline.step(first)} to "
        f"{timeline.labels[last]})",
    )


def _even(timeline: Timeline, places: npt.NDArray[np.int64]) -> bool:
    """Whether checkpoints are about as far apart from each other, as far as their steps are known."""
    steps = [timeline.series.refs[place].step.value for place in places.tolist()]
    apart = np.diff([math.nan if step is None else float(step) for step in steps])
    return not np.isfinite(apart).all() or bool(apart.max() < EVEN * apart.min())


EVEN = 2.0
"""Largest distance between two saves, in the smallest one, at which saves are about as far apart."""


def _pace(logs: Floats, gaps: Floats) -> tuple[float, Floats]:
    """The slope of the last five points in a usual save distance, and each step of all of them along its way."""
    slope = float(np.polyfit(np.concatenate([[0.0], np.cumsum(gaps[1 - POINTS :])]), logs[-POINTS:], 1)[0])
    pace = np.diff(logs) / gaps
    return slope, pace if slope > 0 else -pace


def _going(logs: Floats, gaps: Floats, limits: Limits) -> npt.NDArray[np.bool_]:
    """From which points on the next steps go one way, each far enough: what is needed before a slope is fitted.

    Few do, and to fit a slope to five points takes a tenth of a millisecond.
    """
    steps, least = np.diff(logs) / gaps, BEGINS * math.log(limits["threshold"])
    windows = np.lib.stride_tricks.sliding_window_view(steps, POINTS - 1)
    return np.logical_or((windows >= least).all(axis=1), (windows <= -least).all(axis=1))


def _one_way(track: Track, logs: Floats, gaps: Floats, limits: Limits) -> bool:
    """Whether five points go one way, each step of them, and by more than the limit on the whole.

    Growth up to a usual size is training, and a single jump among steps that hardly move is no trend.
    """
    slope, along = _pace(logs, gaps)
    usual = 0.5 * math.log(track.info.size) + math.log(track.usual_rms)
    small = slope > 0 and float(logs[-1]) < usual
    bound = math.log(limits["threshold"])
    return bool((along >= BEGINS * bound).all()) and abs(slope) > bound and not small


def _pull(
    timeline: Timeline, track: Track, places: npt.NDArray[np.int64], gaps: Floats, logs: Floats, limits: Limits
) -> Check:
    """Each step of log ‖W‖ in a usual save distance against those before it.

    A change of less than a quarter is none, however quiet the past.
    """
    steps = np.diff(logs) / gaps
    past, least = steps[:-1], math.log(1.0 + limits["change"])
    spread = max(float(past.std()), least / limits["pull"])
    pull = (float(steps[-1]) - float(past.mean())) / spread
    ratio = math.exp(float(logs[-1] - logs[-2]))
    severity = None
    if abs(steps[-1]) > least:
        severity = Severity.WARN if abs(pull) > limits["red"] else Severity.INFO if abs(pull) > limits["pull"] else None
    before, after = int(places[-2]), int(places[-1])
    return Check.of(
        track.info,
        abs(pull),
        0.0 if severity is None else abs(pull),
        severity,
        place=after,
        good=before,
        group="pull",
        limit="red" if severity is Severity.WARN else "pull",
        beyond=max(1.0, abs(pull) / limits["red"]),
        message=f"the norm of {track.info.name} changed × {number(ratio, 3)} from {timeline.step(before)} to "
        f"{timeline.labels[after]}, {number(abs(pull), 3)} standard deviations off its earlier changes",
    )


NORM_TREND = Rule(
    name="norm-trend",
    title="Norm trend",
    threshold=1.5,
    limits=(
        Limit("failure", 1000.0, "factor of a steady growth or shrinkage at which it is a failure"),
        Limit("pull", 4.0, "standard deviations off the earlier changes at which the last one is remarked on"),
        Limit("red", 7.0, "standard deviations at which it is a warning"),
        Limit("change", 0.25, "relative change of the norm below which a pull is not considered"),
    ),
    formula="factor per usual save distance (in steps) fitted to log ‖W‖₂ of five checkpoints in a row, all going one "
    "way (above 1.5 or below ⅔); pull (x − μ) / σ of the last change of log ‖W‖₂ against the earlier ones, each in a "
    "usual save distance",
    source="popmon (pull, yellow at 4, red at 7); the slope is our own proposal",
    check=check,
    follows=True,
    many="grow or shrink out of proportion",
    meaning="The training is drifting to divergence (growth) or the weights are dying (decay).",
    next_step="Look at the trend of the layer's norm, at loss and learning rate, and at the weight decay.",
    evidence="an estimate from few points: norms are exact, the trend is judged on at least five checkpoints",
)
