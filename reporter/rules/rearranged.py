"""Weight matrices that are transposed, negated, reordered or those of another layer: no update, but a mistake."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from reporter.derive.kinds import same_values
from reporter.frozen import dataclass
from reporter.model.columns import Floats
from reporter.model.finding import Severity
from reporter.model.measured import TensorMeasure
from reporter.numerals import number
from reporter.rules.base import Check, Limit, Limits, Rule
from reporter.rules.copies import stem
from reporter.rules.timeline import Timeline, Track


@dataclass(frozen=True, slots=True)
class _Likeness:
    """What a tensor resembles that it is not.

    Attributes:
        cosine: with that.
        what: in words that follow "holds".
        group: what kind of mistake it was.
    """

    cosine: float
    what: str
    group: str


NONE = _Likeness(0.0, "", "")


def check(timeline: Timeline, limits: Limits) -> Iterator[Check]:
    """One check per weight matrix: wherever it turns away from itself, what it resembles instead.

    Updates of less than their own norm leave a cosine above one half, so most tensors are not looked at any further.
    The others are compared with what is kept of all tensors: sketches, which hold small tensors whole.
    """
    for track in timeline.matrices:
        updates = track.updates
        found, place = NONE, track.places[-1]
        for at in updates.places[updates.finite & (updates.relative >= limits["update"])].tolist():
            if at in track.places and at - 1 in track.places:
                likeness = _nearest(timeline, track, at)
                if likeness.cosine > found.cosine:
                    found, place = likeness, at
                if found.cosine > limits["threshold"]:
                    break
        fired = found.cosine > limits["threshold"]
        yield Check.of(
            track.info,
            found.cosine,
            found.cosine,
            Severity.WARN if fired else None,
            place=place,
            good=place - 1 if fired else None,
            group=found.group,
            until=place,
            message=f"{track.info.name} holds {found.what} at {timeline.step(place)} (cosine "
            f"{number(found.cosine, 3)}), and no longer resembles itself at {timeline.step(place - 1)}",
        )


def _nearest(timeline: Timeline, track: Track, place: int) -> _Likeness:
    """What a tensor resembles most, other than itself as it was.

    An average and a target come from their original, and so does whatever they turn into.
    """
    before, after = (timeline.series.measured[i].by_name for i in (place - 1, place))
    old, new = before[track.info.name], after[track.info.name]
    earlier = timeline.step(place - 1)
    own = _cosine(old, new)
    found = [_Likeness(-own, f"its own negative of {earlier}", "negated"), *_reordered(old, new, earlier)]
    for other in timeline.matrices:
        if other is track or place - 1 not in other.places or other.info.dtype != track.info.dtype:
            continue
        if other.info.shape == track.info.shape and stem(other.info)[1] != stem(track.info)[1]:
            cosine = _cosine(before[other.info.name], new)
            found.append(_Likeness(cosine, f"the weights that {other.info.name} had at {earlier}", "taken"))
    return max(found, key=lambda one: one.cosine)


def _cosine(before: TensorMeasure, after: TensorMeasure) -> float:
    """Of two sketches, which is that of the tensors: ± 0.03 for more than 1,024 values. 0 where one is missing."""
    if before.sketch is None or after.sketch is None:
        return 0.0
    return _between(before.sketch.values, after.sketch.values)


def _reordered(before: TensorMeasure, after: TensorMeasure, earlier: str) -> Iterator[_Likeness]:
    """The same tensor with its axes exchanged, or with its slices along one of them in another order.

    A tensor that the sketch does not hold can only be told to have the same values in some order, to the bit.
    """
    info = before.info
    if before.sketch is None or after.sketch is None or not before.sketch.exact:
        if same_values(before, after):
            yield _Likeness(1.0, f"its own values of {earlier} in another order", "reordered")
        return
    a, b = (t.sketch.values.reshape(info.shape) for t in (before, after) if t.sketch is not None)
    if len(info.shape) == 2 and info.shape[0] == info.shape[1]:
        cosine = _between(np.swapaxes(a, 0, 1), b)
        yield _Likeness(cosine, f"its own transpose of {earlier}", "transposed")
    for axis in range(a.ndim):
        what = "output units" if axis == info.output_axis % a.ndim else "inputs"
        yield _Likeness(
            _matched(a, b, axis), f"its own values of {earlier} with its {what} in another order", "reordered"
        )


def _between(a: Floats, b: Floats) -> float:
    """The cosine of two arrays of one shape; 0 where one is zero or not finite."""
    unit = np.abs(a).max(initial=0.0), np.abs(b).max(initial=0.0)
    if not all(0.0 < largest < math.inf for largest in unit):
        return 0.0
    a, b = a / unit[0], b / unit[1]  # so that no square under- or overflows
    return float(np.vdot(a, b)) / math.sqrt(float(np.vdot(a, a)) * float(np.vdot(b, b)))


def _matched(a: Floats, b: Floats, axis: int) -> float:
    """The cosine after the slices of ``a`` were put in the order in which they resemble those of ``b``, else 0."""
    rows, wanted = (np.moveaxis(x, axis, 0).reshape(x.shape[axis], -1) for x in (a, b))
    if len(rows) < 2 or rows.shape[1] < 2:
        return 0.0
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    order = np.argmax(wanted @ (rows / np.where(lengths > 0, lengths, 1.0)).T, axis=1)
    if len(set(order.tolist())) < len(order) or (order == np.arange(len(order))).all():
        return 0.0
    return _between(rows[order], wanted)


REARRANGED = Rule(
    name="rearranged",
    title="Rearranged weights",
    threshold=0.9,
    bad="more",
    limits=(Limit("update", 0.8, "relative update from which on a tensor is looked at: cosines below about 0.7"),),
    formula="of a kernel or embedding that turned away from itself: its cosine with its own negative, its transpose, "
    "itself with inputs or outputs in another order, and other tensors of its shape, as they were in the checkpoint "
    "before; of more than 1,024 values, whether counts in all cells are equal",
    source="own proposal: 0.999 where weights were ported the wrong way",
    check=check,
    follows=True,
    compares=True,
    many="hold what they held before in another form, or what another tensor held",
    meaning="Weights were loaded or converted the wrong way: a kernel transposed, layers exchanged, classes or words "
    "in another order. It is no matter of the learning rate.",
    next_step="Look at what was loaded between the two steps named, and at the order of layers, classes and axes in "
    "it.",
    evidence="very likely: what it holds is there in the checkpoint before",
    covers=("violent-update",),
)
