"""Updates larger than the weights themselves."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from reporter.frozen import dataclass
from reporter.model.columns import Floats
from reporter.model.comparison import per_step
from reporter.model.finding import Severity
from reporter.numerals import counted, integer, number
from reporter.rules.base import Check, Limit, Limits, Rule
from reporter.rules.timeline import Timeline, Track

STRANGE_MEANING = (
    "The checkpoints before and after are not successive states of one training: other weights were loaded, another "
    "run was saved into the same folder, or the layers were initialised anew."
)
STRANGE_NEXT = (
    "Find out which run wrote the files from there on, by their times and the log; compare either part on its own."
)


@dataclass(frozen=True, slots=True, eq=False)
class _Course:
    """The updates of one weight matrix that may be judged.

    Attributes:
        places: of the later checkpoint of each pair.
        size: ‖W − W′‖ / the larger norm of the two.
        loud: whether it is beyond the limit, and no growth from far below the usual scale.
        strange: whether the cosine is near 0 as well: the two have nothing in common.
        exact: whether compared value by value.
    """

    track: Track
    places: npt.NDArray[np.int64]
    size: Floats
    loud: npt.NDArray[np.bool_]
    strange: npt.NDArray[np.bool_]
    exact: npt.NDArray[np.bool_]


def check(timeline: Timeline, limits: Limits) -> Iterator[Check]:
    """One check per weight matrix: its first update beyond the limit, the first checkpoint's initialisation excepted.

    One finding where all of them turn into something else at once.
    """
    courses = [course for track in timeline.matrices if (course := _course(timeline, track, limits)) is not None]
    strange = _strange(courses, limits)
    for course in courses:
        at = np.flatnonzero(course.loud & ~np.isin(course.places, strange))
        if len(at):
            yield _violent(timeline, course, int(at[0]), limits)
        else:
            most = int(course.size.argmax())
            value = float(course.size[most])
            yield Check.of(course.track.info, value, value, place=int(course.places[most]))
    for place in strange:
        yield _not_one_training(timeline, courses, place, limits)


def _course(timeline: Timeline, track: Track, limits: Limits) -> _Course | None:
    """The updates of a matrix; None where none can be judged.

    As with the norm, growing from far below the usual scale is training, no violence. Nor is it violence to have gone
    far in many steps: over more than ``steps`` of them, an update has to stand out per step from the others, even if
    all its steps went one way.
    """
    updates = track.updates
    counted_ = np.isfinite(updates.against_larger) & timeline.trained((updates.places - 1).tolist())
    counted_ &= np.isin(updates.places, track.places)
    if not counted_.any():
        return None
    places, size = updates.places[counted_], updates.against_larger[counted_]
    rms = track.values("rms")[np.searchsorted(track.places, places)]
    steps = np.fmax(1.0, timeline.distances[places])
    pace = size / steps
    stands_out = pace >= limits["stands-out"] * np.median(pace) if len(pace) > 2 else np.zeros(len(pace), bool)
    loud = (size > limits["threshold"]) & (rms >= 0.5 * track.usual_rms) & ((steps <= limits["steps"]) | stands_out)
    strange = loud & (np.abs(updates.cosine[counted_]) < max(limits["cosine"], 3 / math.sqrt(track.info.size)))
    return _Course(track, places, size, loud, strange, updates.exact[counted_])


def _strange(courses: list[_Course], limits: Limits) -> list[int]:
    """Places at which nearly all values of all matrices turn into something that has nothing in common with before."""
    values: dict[int, list[int]] = {}
    for course in courses:
        for place, strange in zip(course.places.tolist(), course.strange.tolist(), strict=True):
            both = values.setdefault(place, [0, 0])
            both[0] += course.track.info.size * strange
            both[1] += course.track.info.size
    return [place for place, (strange, all_) in sorted(values.items()) if strange >= limits["most"] * all_]


def _violent(timeline: Timeline, course: _Course, at: int, limits: Limits) -> Check:
    """The check of a matrix whose update is beyond the limit on its own."""
    place, value = int(course.places[at]), float(course.size[at])
    pace = ""
    if timeline.distances[place] > 1 and timeline.counts_steps:
        steps = int(timeline.distances[place])
        low, high = per_step(value, steps)
        pace = f"; per step between {number(low, 2)} and {number(high, 2)} ({integer(steps)} steps apart)"
    return Check.of(
        course.track.info,
        value,
        float(course.size[course.loud].max()),
        Severity.WARN,
        place=place,
        good=place - 1,
        beyond=max(1.0, value / limits["threshold"]),
        message=f"{course.track.info.name} changed by {number(value, 3)} × its own norm between "
        f"{timeline.step(place - 1)} and {timeline.labels[place]}{pace}"
        f"{'' if course.exact[at] else '; estimated, ± 2.2 %'}",
    )


def _not_one_training(timeline: Timeline, courses: list[_Course], place: int, limits: Limits) -> Check:
    """The check of all matrices that turn into something else at once."""
    found = {
        course.track.info.name: float(course.size[course.places == place][0])
        for course in courses
        if course.strange[course.places == place].any()
    }
    value = max(found.values())
    return Check(
        value,
        1.0 + value,
        Severity.WARN,
        place,
        tensors=tuple(sorted(found, key=lambda name: -found[name])),
        good=place - 1,
        group="strange",
        beyond=value / limits["threshold"],
        message=f"the weights of {timeline.step(place)} do not come from those of {timeline.step(place - 1)}: "
        f"{counted(len(found), 'weight matrix has', 'weight matrices have')} nothing in common with before (cosine "
        f"near 0, changed by up to {number(value, 3)} × the norm)",
        meaning=STRANGE_MEANING,
        next_step=STRANGE_NEXT,
    )


VIOLENT_UPDATE = Rule(
    name="violent-update",
    title="Violent update",
    threshold=1.05,
    bad="more",
    limits=(
        Limit("steps", 1000, "training steps between two checkpoints over which any update has to stand out as well"),
        Limit("stands-out", 3.0, "times the series's median update per step at which one stands out"),
        Limit("cosine", 0.2, "|cosine| below which two states of a matrix have nothing in common"),
        Limit("most", 0.9, "share of all matrices' values at which the two are no states of one training"),
    ),
    formula="‖W − W′‖₂ / the larger of ‖W′‖₂ and ‖W‖₂ of a kernel or embedding against the checkpoint before, W′; per "
    "step it lies between R / k (all steps one way) and R / √k (random directions) for k steps",
    source="CS231n: about 10⁻³ per step is healthy; between checkpoints our own proposal: 53 healthy runs stay below "
    "0.82, weights that are overwritten, reset or reversed reach 1.08 or more",
    check=check,
    follows=True,
    compares=True,
    many="changed by more than their own norm between neighbouring checkpoints",
    meaning="The learning rate is too high for these weights, or other weights were loaded in between.",
    next_step="Compare learning rate and loss at the two steps named; early in training this can be normal.",
)
