"""Kinds of change in words: a few for a table, a sentence with the evidence, and one line for two checkpoints."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping

from reporter.model.kind import ChangeKind, Extent, KindOfChange, KindsOfPair
from reporter.numerals import counted, integer, number, share

_AXES: tuple[str, ...] = ("rows", "columns")
"""What the slices along the axes of a matrix are called."""

SPREAD = 30.0
"""Updates whose largest is less than this many times the smallest are "by about" one number."""


def short(kind: KindOfChange) -> str:
    """A few words, the same for tensors to be counted together.

    >>> short(KindOfChange(ChangeKind.SCALED, factor=1.1000004)), short(KindOfChange(ChangeKind.LOW_RANK, rank=8))
    ('× 1.1', 'of rank 8')
    """
    return _SHORT[kind.kind](kind)


_SHORT: dict[ChangeKind, Callable[[KindOfChange], str]] = {
    ChangeKind.NON_FINITE: lambda _: "gained NaN/Inf",
    ChangeKind.TAKEN: lambda _: "taken from another tensor",
    ChangeKind.TRANSPOSED: lambda kind: "transposed" + _negated(kind),
    ChangeKind.RESHAPED: lambda kind: "reshaped" + _negated(kind),
    ChangeKind.REORDERED: lambda kind: "reordered" + _negated(kind),
    ChangeKind.NEGATED: lambda _: "negated",
    ChangeKind.SCALED: lambda kind: f"× {number(kind.factor, 3)}",
    ChangeKind.CAST: lambda kind: f"rounded to {kind.dtype}",
    ChangeKind.QUANTISED: lambda kind: f"quantised to {kind.levels} levels",
    ChangeKind.SPARSE: lambda _: "in few places",
    ChangeKind.LOW_RANK: lambda kind: f"of rank {kind.rank}",
    ChangeKind.REPLACED: lambda _: "replaced",
    ChangeKind.UPDATED: lambda kind: "by about " + _roughly(kind.update) if kind.update is not None else "updated",
}


def _roughly(update: float) -> str:
    """An update with one digit that counts; of a large one the zeros behind it are written out.

    >>> _roughly(0.0612), _roughly(784.0), _roughly(4e-7), _roughly(math.inf)
    ('0.06', '800', '4e-07', '+Inf')
    """
    return number(float(f"{update:.1g}"), 6)


def _negated(kind: KindOfChange) -> str:
    return " and negated" if kind.signs else ""


def evidence(kind: KindOfChange, shape: tuple[int, ...] = ()) -> str:
    """What happened and what shows it, as a sentence without its full stop.

    Args:
        kind: of a tensor.
        shape: of the tensor, for the names of its axes.

    >>> evidence(KindOfChange(ChangeKind.SCALED, factor=0.99, residual=3e-7))
    '× 0.99 (residual 3e-07): only weight decay acted, no gradient'
    >>> evidence(KindOfChange(ChangeKind.REORDERED, True, axes=(1,)), (64, 10))
    'the same values with the columns (axis 1, 10 of them) in another order'
    """
    return _EVIDENCE[kind.kind](kind, shape)


def remark(kind: KindOfChange | None, shape: tuple[int, ...]) -> str:
    """The evidence, "" where the update says all: nothing changed, or no more than in training is known."""
    if kind is None or (kind.kind == ChangeKind.UPDATED and kind.rank is None):
        return ""
    return evidence(kind, shape)


def _scaled(kind: KindOfChange, _: tuple[int, ...]) -> str:
    decayed = ": only weight decay acted, no gradient" if 0 < (kind.factor or 0) < 1 else ", every value alike"
    found = number(kind.residual, 1) if kind.residual else "below 1e-07"  # see derive.kinds.LEAST_RESIDUAL
    return f"× {number(kind.factor, 7)} (residual {found}){decayed}"


def _reordered(kind: KindOfChange, shape: tuple[int, ...]) -> str:
    signs = " and with the other sign" if kind.signs else ""
    if not kind.axes:
        unsure = "" if kind.proven else ", transposed or shuffled"
        return f"the same values in another order{signs}{unsure}"
    how = "in the opposite order" if kind.reversed else "in another order"
    if len(shape) < 2:
        return f"the same values {how}{signs}"
    return f"the same values with the {' and '.join(_slices(k, shape) for k in kind.axes)} {how}{signs}"


def _slices(axis: int, shape: tuple[int, ...]) -> str:
    """The slices along an axis: rows or columns of a matrix."""
    names = _AXES if len(shape) == 2 else ()
    name = names[axis] if names else "slices"
    return f"{name} (axis {axis}, {integer(shape[axis])} of them)"


def _transposed(kind: KindOfChange, _: tuple[int, ...]) -> str:
    axes = f" (axes {', '.join(map(str, kind.axes))})" if len(kind.axes) > 2 else ""
    return f"the same values transposed{axes}{' and with the other sign' if kind.signs else ''}: ported the wrong way?"


def _sparse(kind: KindOfChange, shape: tuple[int, ...]) -> str:
    where = ""
    if kind.slices is not None and kind.axes:
        name = _AXES[kind.axes[0]] if len(shape) == 2 else "slices"
        where = f", all in {integer(kind.slices[0])} of {integer(kind.slices[1])} {name}"
    return f"{counted(kind.changed or 0, 'value')} changed{where}; all others are equal to the bit"


def _quantised(kind: KindOfChange, _: tuple[int, ...]) -> str:
    return f"rounded to {kind.levels} levels at equal distances{', for each output unit' if kind.by_unit else ''}"


def _low_rank(kind: KindOfChange, _: tuple[int, ...]) -> str:
    return (
        f"the difference has {counted(kind.rank or 0, 'direction')} ({_nearly(kind.captured)} of its energy, stable "
        f"rank {number(kind.stable_rank, 3)}): a merged low-rank adapter, or very few steps"
    )


def _nearly(part: float | None) -> str:
    """A share up to rounding: 100 % where the rest is what float64 rounds."""
    return "all" if part is not None and part > 1 - 1e-12 else share(part)


def _updated(kind: KindOfChange, _: tuple[int, ...]) -> str:
    size = f"by {number(kind.update, 3)} of its norm" if kind.update is not None else "from all zero"
    if kind.rank is None:
        return size
    return f"{size}, in {counted(kind.rank, 'direction')} beyond noise ({_nearly(kind.captured)} of its energy)"


def _non_finite(kind: KindOfChange, _: tuple[int, ...]) -> str:
    before, after = kind.bad or (0, 0)
    return f"{counted(after, 'NaN or infinite value')}, {integer(before)} before"


_EVIDENCE: dict[ChangeKind, Callable[[KindOfChange, tuple[int, ...]], str]] = {
    ChangeKind.NON_FINITE: _non_finite,
    ChangeKind.TAKEN: lambda kind, _: (
        f"the values that {kind.origin} had before{', with the other sign' if kind.signs else ''}"
    ),
    ChangeKind.TRANSPOSED: _transposed,
    ChangeKind.RESHAPED: lambda *_: "the same values in the same order under another shape",
    ChangeKind.REORDERED: _reordered,
    ChangeKind.NEGATED: lambda *_: "every value has the other sign",
    ChangeKind.SCALED: _scaled,
    ChangeKind.CAST: lambda kind, _: f"every value was rounded to {kind.dtype}",
    ChangeKind.QUANTISED: _quantised,
    ChangeKind.SPARSE: _sparse,
    ChangeKind.LOW_RANK: _low_rank,
    ChangeKind.REPLACED: lambda kind, _: (
        f"other values, that have little in common with those before (update {number(kind.update, 3)})"
    ),
    ChangeKind.UPDATED: _updated,
}


def line(pair: KindsOfPair) -> str:
    """What kind of change two checkpoints make, without a full stop.

    >>> kinds = {"a": KindOfChange(ChangeKind.SCALED, factor=1.1), "b": KindOfChange(ChangeKind.UPDATED, update=1e-3)}
    >>> line(KindsOfPair("all", 5, 3, 0, kinds))
    '2 of 5 changed: 1 × 1.1, 1 by about 0.001; 3 equal'
    """
    changed = len(pair.kinds)
    of = "model tensors " if pair.beside[1] else ""
    text = f"{integer(changed)} of {integer(pair.shared)} {of}changed"
    if changed:
        text += ": " + ", ".join(_counted(pair.kinds))
    parts = [text, *_remaining(pair)]
    if pair.extent is not None:
        parts.insert(1, _extent(pair))
    return "; ".join(parts)


def _remaining(pair: KindsOfPair) -> Iterator[str]:
    if pair.kinds and pair.equal:
        yield f"{integer(pair.equal)} equal"
    if pair.unknown:
        yield f"{integer(pair.unknown)} not to be compared"
    slots, of = pair.beside
    if of:
        yield f"{integer(slots)} of {integer(of)} tensors of the optimizer changed"


def _counted(kinds: Mapping[str, KindOfChange]) -> Iterator[str]:
    """How many of each kind, those first that say most."""
    for kind in ChangeKind:
        some = [one for one in kinds.values() if one.kind == kind]
        if some:
            yield from _by_size(some) if kind == ChangeKind.UPDATED else _alike(some)


def _alike(some: Iterable[KindOfChange]) -> Iterator[str]:
    counts: dict[str, int] = {}
    for one in some:
        counts[short(one)] = counts.get(short(one), 0) + 1
    yield from (f"{integer(n)} {text}" for text, n in counts.items())


def _by_size(some: list[KindOfChange]) -> Iterator[str]:
    """Updates, by their typical size where they are of one size."""
    sizes = sorted(one.update for one in some if one.update is not None and 0 < one.update < math.inf)
    if sizes and sizes[-1] < SPREAD * sizes[0]:
        yield f"{integer(len(sizes))} by about {_roughly(sizes[len(sizes) // 2])}"
    elif sizes:
        yield f"{integer(len(sizes))} by {_roughly(sizes[0])} to {_roughly(sizes[-1])}"
    if others := len(some) - len(sizes):
        yield f"{integer(others)} from zero"


def _extent(pair: KindsOfPair) -> str:
    texts = {
        Extent.HEAD: f"only the head, {pair.layer}",
        Extent.LAYER: f"only the layer {pair.layer}",
        Extent.VECTORS: "only tensors of one axis",
        Extent.MATRICES: "only tensors of two or more axes",
        Extent.OPTIMIZER: "only the optimizer's state",
    }
    assert pair.extent is not None
    return texts[pair.extent]
