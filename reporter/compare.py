"""Compare: a pure function from the measured checkpoints of a series to what changed between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from reporter.model.change import Change, merge
from reporter.model.checkpoint import CheckpointRef, Series
from reporter.model.comparison import Comparison, Pair
from reporter.model.measured import Measured
from reporter.model.tensor import COLLECTIONS, TensorInfo


def compare(
    series: Series,
    refs: Sequence[CheckpointRef],
    measured: Sequence[Measured],
    changes: Sequence[Mapping[str, Change]],
    notes: Sequence[str] = (),
) -> Comparison:
    """Line up the checkpoints of a series.

    Args:
        refs: the readable checkpoints of ``series``, in step order.
        measured: their numbers, same length.
        changes: paired changes by tensor name between each and the one before it; one fewer.
        notes: put behind those of the series.
    """
    pairs = tuple(
        _pair(i, measured[i], measured[i + 1], change) for i, change in enumerate(changes[: max(0, len(measured) - 1)])
    )
    layers = _in_order([[g.name for g in m.layers] for m in measured])
    by_collection = [
        _in_order([[t.info.name for t in m.tensors if t.info.collection == c] for m in measured]) for c in COLLECTIONS
    ]
    return Comparison(
        name=series.name,
        slug=series.slug,
        format=series.format,
        ordered_by=series.ordered_by,
        refs=tuple(refs),
        measured=tuple(measured),
        pairs=pairs,
        layers=layers,
        tensors=tuple(name for names in by_collection for name in names),
        notes=(*series.notes, *notes),
    )


def _pair(place: int, before: Measured, after: Measured, changes: Mapping[str, Change]) -> Pair:
    old = {name: t.info for name, t in before.by_name.items()}
    new = {name: t.info for name, t in after.by_name.items()}
    selected = set(after.whole.tensors)
    return Pair(
        before=place,
        after=place + 1,
        tensors=dict(changes),
        layers={
            g.name: merge(changes[name] for name in g.tensors if name in changes)
            for g in after.layers
            if any(name in changes for name in g.tensors)
        },
        whole=merge(change for name, change in changes.items() if name in selected),
        added=tuple(name for name in new if name not in old),
        removed=tuple(name for name in old if name not in new),
        reshaped=tuple(
            (name, form(old[name]), form(new[name]))
            for name in new
            if name in old and (old[name].shape, old[name].dtype) != (new[name].shape, new[name].dtype)
        ),
    )


def form(info: TensorInfo) -> str:
    """Shape and dtype as text.

    >>> form(TensorInfo("a/b", "a", "bias", (3,), "float32", None, "model"))
    '(3,) float32'
    """
    return f"{info.shape} {info.dtype}"


def _in_order(lists: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """Names of all lists, each list's order kept: a new name goes behind the one it follows in its own list.

    >>> _in_order([["a", "c"], ["a", "b", "c", "d"]])
    ('a', 'b', 'c', 'd')
    """
    merged: list[str] = []
    known: set[str] = set()
    for names in lists:
        if known.issuperset(names):
            continue
        place = 0
        for name in names:
            if name in known:
                place = merged.index(name) + 1
            else:
                merged.insert(place, name)
                known.add(name)
                place += 1
    return tuple(merged)
