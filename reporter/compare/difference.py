"""The difference of any two checkpoints, from their values, or from what two reports say of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from reporter.compare.pairs import form, pair
from reporter.derive.histograms import shared
from reporter.derive.kinds import kinds_of
from reporter.derive.kinds_of_pair import of_pair
from reporter.model.change import Change
from reporter.model.changes import Changes
from reporter.model.difference import Difference, DifferenceState, TensorDifference, form_change, worst_first
from reporter.model.kind import KindOfChange
from reporter.model.measured import Measured, TensorMeasure
from reporter.model.tensor import Collection
from reporter.model.value import Absent
from reporter.numerals import counted

DRAWN = 12
"""How many of the tensors that changed most get a picture."""

BINS = 60
"""Wanted number of bins of such a picture."""

Record = Mapping[str, Any]
"""A JSON object of report.json."""


def difference(
    before: Measured,
    after: Measured,
    known: Changes,
    names: tuple[str, str],
    notes: tuple[str, ...] = (),
    kinds: Mapping[str, KindOfChange] | None = None,
) -> Difference:
    """The difference of two checkpoints that were measured; tensors are matched by name.

    Args:
        before: what was measured of the earlier checkpoint.
        after: what was measured of the later one.
        known: the exact change of every tensor that could be compared value by value, by name.
        names: how the two checkpoints are called on the page.
        notes: what a reader should know about how tensors were matched.
        kinds: what kind of change that of each tensor was, by name; None to tell it from what was measured.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # for the reason given in reporter.compare.compare
        compared = pair(0, 1, before, after, known, shifts=True)
        kinds = kinds_of(before, after, compared.tensors) if kinds is None else kinds
    tensors = []
    for name in dict.fromkeys([*before.by_name, *after.by_name]):
        old, new = before.by_name.get(name), after.by_name.get(name)
        info = (new or old).info  # type: ignore[union-attr]
        change = compared.tensors.get(name)
        tensors.append(
            TensorDifference(
                name=name,
                collection=info.collection,
                role=info.role,
                state=_state(_form(old), _form(new), change),
                before=_form(old),
                after=_form(new),
                norms=(_norm(old), _norm(new)),
                bad=(_bad(old), _bad(new)),
                change=change,
                shift=compared.tensor_shifts.get(name),
                kind=kinds.get(name),
            )
        )
    whole = of_pair(before, after, compared.tensors, kinds)
    worst = _with_histograms(worst_first(tensors), before, after)
    return Difference(*names, True, worst, compared.whole, compared.trained, compared.shift, notes, whole)


def _with_histograms(
    tensors: tuple[TensorDifference, ...], before: Measured, after: Measured
) -> tuple[TensorDifference, ...]:
    """The same tensors; the first of those that changed get their histograms."""
    found, room = [], DRAWN
    for tensor in tensors:
        if room and tensor.state is DifferenceState.CHANGED:
            samples = [of.by_name[tensor.name].summary for of in (before, after)]
            old, new = shared(samples, BINS)
            if old is not None and new is not None:
                tensor, room = replace(tensor, histograms=(old, new)), room - 1
        found.append(tensor)
    return tuple(found)


def difference_of_reports(before: Record, after: Record, names: tuple[str, str]) -> Difference:
    """The difference of two reports, from the last checkpoint of each series.

    Series are matched by name; if each report has a single one, these two are matched.

    Args:
        before: the earlier report.json.
        after: the later report.json.
        names: how the two reports are called on the page.

    Raises:
        KeyError, TypeError, ValueError: a record is no report.json.
    """
    old, new = _last(before), _last(after)
    if len(old) == len(new) == 1:
        new = dict(zip(old, new.values(), strict=True))
    several = len(old | new) > 1
    bare = [name for name in old | new if None in (old.get(name, {}), new.get(name, {}))]
    if bare and len(bare) == len(old | new):
        raise ValueError(
            "no series has the tensors of its last checkpoint in both: a report over fewer series has them"
        )
    tensors = [
        tensor
        for name in dict.fromkeys([*old, *new])
        if name not in bare
        for tensor in _recorded(f"{name}: " if several else "", old.get(name) or {}, new.get(name) or {})
    ]
    lonely = [name for name in old | new if name not in old or name not in new]
    notes = [f"series {name} is only in {names[0] if name in old else names[1]}" for name in lonely]
    if bare:
        which = bare[0] if len(bare) == 1 else f"{bare[0]} and {counted(len(bare) - 1, 'other')}"
        notes.append(f"not compared: series {which}, whose tensors a report over many series leaves out")
    note = "two reports hold statistics, not values: an update is the least that the norms allow"
    return Difference(*names, False, worst_first(tensors), notes=(note, *notes), uncompared=tuple(bare))


def _last(report: Record) -> dict[str, dict[str, Record] | None]:
    """The records of all tensors in the last checkpoint of each series, by series and tensor name.

    None for a series of which a report over many has left them out.
    """
    last = {str(series["name"]): series["checkpoints"][-1] for series in report["series"] if series["checkpoints"]}
    return {
        name: {str(t["name"]): t for t in checkpoint["tensors"]} if checkpoint["detailed"] else None
        for name, checkpoint in last.items()
    }


def _recorded(prefix: str, old: Mapping[str, Record], new: Mapping[str, Record]) -> Iterator[TensorDifference]:
    """The differences of all tensors of a series, given as records by name; ``prefix`` begins their names."""
    for name in dict.fromkeys([*old, *new]):
        a, b = old.get(name), new.get(name)
        known = b if b is not None else old[name]
        forms = _recorded_form(a), _recorded_form(b)
        state = _state(*forms, None)
        if state is DifferenceState.UNKNOWN and a is not None and b is not None and a["statistics"] != b["statistics"]:
            state = DifferenceState.CHANGED
        yield TensorDifference(
            name=prefix + name,
            collection=Collection(known["collection"]),
            role=str(known["role"]),
            state=state,
            before=forms[0],
            after=forms[1],
            norms=(_recorded_norm(a), _recorded_norm(b)),
            bad=(_recorded_bad(a), _recorded_bad(b)),
        )


def _state(before: str, after: str, change: Change | None) -> DifferenceState:
    """What became of a tensor, from its shape and dtype as text ("" where it is missing) and its change."""
    if not before:
        return DifferenceState.ADDED
    if not after:
        return DifferenceState.REMOVED
    if before != after:
        return form_change(before, after)
    if change is None:
        return DifferenceState.UNKNOWN
    return DifferenceState.EQUAL if change.unchanged else DifferenceState.CHANGED


def _form(tensor: TensorMeasure | None) -> str:
    return "" if tensor is None else form(tensor.info)


def _norm(tensor: TensorMeasure | None) -> float | None:
    value = None if tensor is None else tensor.statistics["l2_norm"]
    return None if value is None or isinstance(value, Absent) else float(value)


def _bad(tensor: TensorMeasure | None) -> int | None:
    return None if tensor is None else tensor.summary.non_finite


def _recorded_form(tensor: Record | None) -> str:
    return "" if tensor is None else f"{tuple(int(n) for n in tensor['shape'])} {tensor['dtype']}"


def _recorded_norm(tensor: Record | None) -> float | None:
    value = None if tensor is None else tensor["statistics"]["l2_norm"]
    return float(value) if isinstance(value, int | float) else None


def _recorded_bad(tensor: Record | None) -> int | None:
    counts = ("nan_count", "posinf_count", "neginf_count")
    return None if tensor is None else sum(int(tensor["statistics"][name]) for name in counts)
