"""Tensors that vanish, appear, or change their shape or dtype between checkpoints."""

from __future__ import annotations

from collections.abc import Iterator

from reporter.model.finding import Severity
from reporter.model.role import Role
from reporter.model.tensor import Collection, TensorInfo
from reporter.rules.base import Check, Limits, Rule
from reporter.rules.copies import stem
from reporter.rules.timeline import Timeline


def check(timeline: Timeline, limits: Limits) -> Iterator[Check]:
    """One check per pair of neighbours and kind of difference; a remark where no weight of the model is concerned.

    What an optimizer makes at its first step is no difference: before it, at step 0, there is no state yet.
    """
    series = timeline.series
    masks = {track.info.name for track in timeline.tracks if track.is_mask}
    for pair in series.pairs:
        before, after = series.measured[pair.before].by_name, series.measured[pair.after].by_name
        where = f"at {timeline.step(pair.after)} (previous: {timeline.labels[pair.before]})"
        forms = {name: f"{name}: {a} → {b}" for name, a, b in pair.reshaped}
        untrained = series.refs[pair.before].step.value == 0
        added = tuple(n for n in pair.added if not untrained or after[n].info.collection != "optimizer")
        kinds = (("gone", pair.removed, before), ("new", added, after), ("reshaped", tuple(forms), after))
        for kind, names, holder in kinds:
            if len(names) <= limits["threshold"]:
                continue
            of_model = [n for n in names if n not in masks and _weight(holder[n].info, new=kind == "new")]
            listed = [forms.get(n, n) for n in (of_model or names)]
            shown = ", ".join(listed[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
            what = "of another shape or dtype" if kind == "reshaped" else kind
            yield Check(
                value=float(len(names)),
                excess=float(len(names)),
                severity=Severity.WARN if of_model else Severity.INFO,
                place=pair.after,
                good=pair.before,
                last=pair.after,
                tensor=names[0] if len(names) == 1 else "",
                tensors=tuple(of_model or names),
                message=f"{len(names)} tensor{'s are' if len(names) > 1 else ' is'} {what} {where}: {shown}",
                previous=0.0,
                parameters=sum(holder[n].info.size for n in names),
                group=kind,
            )
        if not (added or pair.removed or pair.reshaped):
            yield Check(0.0, 0.0, place=pair.after)


def _weight(info: TensorInfo, *, new: bool) -> bool:
    """Whether a tensor is one that the model may lack, or has more than before.

    Not the optimizer's state, nor averages of weights, which are made with the first update and left out of what is
    served. What is new may be anything that is kept beside the weights, unless its name tells what it is for.
    """
    known = info.role != Role.OTHER or info.trainable is not None
    return info.collection == Collection.MODEL and not stem(info)[0] and (known or not new)


STRUCTURE = Rule(
    name="structure",
    title="Missing, new or reshaped tensors",
    threshold=0.0,
    formula="tensors of a checkpoint against those of the one before, by name, shape and dtype",
    source="the series against itself",
    check=check,
    follows=True,
    many="differ in structure from the one before",
    noun="checkpoints",
    meaning="The code that builds or saves the model changed between the two checkpoints, or they belong to different "
    "models.",
    next_step="Compare the versions of the code at the two steps; a checkpoint with other tensors may not load.",
    evidence="certain: names, shapes and dtypes are compared",
)
