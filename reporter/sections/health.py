"""The health of a series: the worst that the findings say of each layer at each checkpoint."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from reporter.model.comparison import Comparison
from reporter.model.finding import Finding, Severity


class State(IntEnum):
    """What is known of a layer at a checkpoint; the larger is the worse."""

    NO_DATA = 0
    FINE = 1
    REMARK = 2
    WARNING = 3
    FAILURE = 4


STATE_OF = {Severity.INFO: State.REMARK, Severity.WARN: State.WARNING, Severity.FAIL: State.FAILURE}
"""The state that a finding leads to."""

NOBODY = -1
"""In the place of the finding that led to a state, where none did."""


@dataclass(frozen=True, slots=True, eq=False)
class Health:
    """The states of a series.

    Attributes:
        layers: those of the series in model order, then what findings name beside them.
        states: :class:`State` of each layer at each checkpoint; shape (layers, checkpoints).
        causes: index of the first finding that led to each of these states, else :data:`NOBODY`; the same shape.
        whole: the worst state of each checkpoint, whatever it is about; shape (checkpoints,).
        whole_causes: as ``causes``, of these.
        doubtful: whether it is not known that a checkpoint is free of failures, although none is dated to it: it lies
            between the last good one and the first bad one; shape (checkpoints,).
    """

    layers: tuple[str, ...]
    states: npt.NDArray[np.int64]
    causes: npt.NDArray[np.int64]
    whole: npt.NDArray[np.int64]
    whole_causes: npt.NDArray[np.int64]
    doubtful: npt.NDArray[np.bool_]

    def last_below(self, state: State) -> int | None:
        """The last checkpoint of which nothing as bad as a state is known or to be feared; None where there is none."""
        sound = np.flatnonzero((self.whole < state) & ~self.doubtful)
        return int(sound[-1]) if len(sound) else None

    @property
    def turns(self) -> tuple[int, ...]:
        """Checkpoints at which any state is another one than before, and those before them."""
        table = np.vstack([self.states, self.whole])
        turned = np.flatnonzero((table[:, 1:] != table[:, :-1]).any(axis=0)) + 1
        return tuple(sorted({*turned.tolist(), *(turned - 1).tolist()}))


def health(series: Comparison, findings: Sequence[Finding]) -> Health:
    """The states that findings lead to.

    Args:
        series: the series.
        findings: those that count, of this series and of others, worst first; causes are indices into these.
    """
    own = [(i, f) for i, f in enumerate(findings) if f.series == series.name]
    layers = tuple(dict.fromkeys([*series.layers, *(s.layer for _, f in own for s in f.spots if s.layer)]))
    row_of = {name: i for i, name in enumerate(layers)}
    found = Health(
        layers,
        _without_findings(series, row_of),
        np.full((len(layers), len(series.refs)), NOBODY),
        np.full(len(series.refs), int(State.FINE)),
        np.full(len(series.refs), NOBODY),
        np.zeros(len(series.refs), bool),
    )
    for index, finding in own:
        state = STATE_OF[finding.severity]
        for spot in finding.spots:
            span = slice(spot.first, spot.last + 1)
            _raise(found.whole[span], found.whole_causes[span], state, index)
            if spot.layer:
                row = row_of[spot.layer]
                _raise(found.states[row, span], found.causes[row, span], state, index)
            if state is State.FAILURE and spot.good is not None:
                found.doubtful[spot.good + 1 : spot.first] = True
    return found


def _without_findings(series: Comparison, row_of: dict[str, int]) -> npt.NDArray[np.int64]:
    states = np.full((len(row_of), len(series.refs)), int(State.NO_DATA))
    for place, measured in enumerate(series.measured):
        states[[row_of[name] for name in measured.layer_by_name], place] = State.FINE
    return states


def _raise(states: npt.NDArray[np.int64], causes: npt.NDArray[np.int64], state: State, cause: int) -> None:
    """Raise states to one, in place, with their causes, where they are not as bad already."""
    better = states < state
    states[better] = state
    causes[better] = cause


def parted(names: Sequence[str], most: int, apart: Collection[int] = ()) -> list[tuple[str, tuple[int, ...]]]:
    """Put names into at most so many groups of neighbours, each with a name: by as long prefixes as possible.

    Where even the shortest prefixes are too many, neighbours of these are put together in equal numbers.

    Args:
        names: in the order in which they are shown.
        most: how many groups there may be.
        apart: indices of names that stay alone, if there is room for them.

    >>> parted(["a/x", "a/y", "b/x"], 3)
    [('a/x', (0,)), ('a/y', (1,)), ('b/x', (2,))]
    >>> parted(["a/x", "a/y", "b/x"], 2)
    [('a/…', (0, 1)), ('b/x', (2,))]
    >>> parted(["e_01/x", "e_02/x", "e_03/x"], 2)
    [('e_01 to 02/x', (0, 1)), ('e_03/x', (2,))]
    >>> parted([f"e_{i}/{part}" for i in range(3) for part in "xy"], 2)
    [('e_0 to 1/…', (0, 1, 2, 3)), ('e_2/…', (4, 5))]
    >>> parted(["a/x", "a/y", "a/z", "b/x", "b/y"], 4, apart=[1])
    [('a/x', (0,)), ('a/y', (1,)), ('a/z', (2,)), ('b/…', (3, 4))]
    """
    if len(names) <= most:
        return [(name, (i,)) for i, name in enumerate(names)]
    if apart and (kept := _with_some_alone(names, most, frozenset(apart))):
        return kept
    parts = [name.replace(".", "/").split("/") for name in names]
    deepest = max(map(len, parts))
    for depth in range(deepest, 0, -1):
        groups = _runs([tuple(part[:depth]) for part in parts])
        if 1 < len(groups) <= most:
            return [(_prefix(names, parts, group, depth), group) for group in groups]
    by_depth = ((depth, _runs([tuple(part[:depth]) for part in parts])) for depth in range(1, deepest + 1))
    each: tuple[int, list[tuple[int, ...]]] = (deepest, [(i,) for i in range(len(names))])
    depth, groups = next((found for found in by_depth if len(found[1]) > most), each)
    labels = [_prefix(names, parts, group, depth) for group in groups]
    size = -(-len(groups) // most)
    chunks = [range(i, min(i + size, len(groups))) for i in range(0, len(groups), size)]
    return [(_span(labels, chunk), tuple(i for at in chunk for i in groups[at])) for chunk in chunks]


def _with_some_alone(names: Sequence[str], most: int, alone: frozenset[int]) -> list[tuple[str, tuple[int, ...]]]:
    """The groups where some names stay alone, and what lies between them is put together; none without room for all.

    The room is shared out among the stretches between by their lengths.
    """
    stretches = _runs([(str(i),) if i in alone else ("",) for i in range(len(names))])
    between = [stretch for stretch in stretches if stretch[0] not in alone]
    room = most - len(alone) - len(between)
    if room < 0:
        return []
    count, seen, found = sum(map(len, between)), 0, list[tuple[str, tuple[int, ...]]]()
    for stretch in stretches:
        if stretch[0] in alone:
            found.append((names[stretch[0]], stretch))
            continue
        share = room * (seen + len(stretch)) // count - room * seen // count  # all of the room, in whole numbers
        seen += len(stretch)
        own = parted([names[i] for i in stretch], 1 + share)
        found += [(label, tuple(stretch[i] for i in members)) for label, members in own]
    often = Counter(label for label, _ in found)
    # The same prefix may stand before and after a name that stays alone: these are called by their first and last name.
    return [
        (label if often[label] == 1 else _span([names[i] for i in members], range(len(members))), members)
        for label, members in found
    ]


def _runs(keys: Iterable[tuple[str, ...]]) -> list[tuple[int, ...]]:
    """Indices of neighbours with equal keys, together."""
    runs: list[list[int]] = []
    last: tuple[str, ...] | None = None
    for i, key in enumerate(keys):
        if key != last:
            runs.append([])
        runs[-1].append(i)
        last = key
    return [tuple(run) for run in runs]


def _prefix(names: Sequence[str], parts: Sequence[Sequence[str]], group: tuple[int, ...], depth: int) -> str:
    if len(group) == 1:
        return names[group[0]]
    return names[group[0]][: len("/".join(parts[group[0]][:depth]))] + ("/…" if len(parts[group[0]]) > depth else "")


def _span(names: Sequence[str], group: Sequence[int]) -> str:
    """The first and the last name of a group, and between them once what both begin and end with.

    What only ends alike, or with the same number, stays whole: a name without its end may be another one's.

    >>> _span(["e_01/…", "e_02/…"], range(2)), _span(["norm_3", "conv_3"], range(2))
    ('e_01 to 02/…', 'norm_3 to conv_3')
    """
    first, last = names[group[0]], names[group[-1]]
    if first == last:
        return first
    head, tail = common_ends([first, last])
    tail = tail if head and (tail[:1] in tuple("/.") or any(map(str.isalpha, tail))) else ""
    end = len(last) - len(tail)
    return f"{first[: len(first) - len(tail)]} to {last[len(head) : end]}{tail}"


def common_ends(names: Sequence[str]) -> tuple[str, str]:
    """What all names begin and end with, each up to a character that parts words.

    >>> common_ends(["a/b_1/c", "a/b_2/c"]), common_ends(["a/b", "a/b"])
    (('a/b_', '/c'), ('a/', ''))
    """
    head = _to_boundary(_beginning(names))
    rest = [name[len(head) :] for name in names]
    return head, _to_boundary(_beginning([name[::-1] for name in rest]))[::-1]


def _beginning(names: Sequence[str]) -> str:
    """What all names begin with: what the first and the last of them in order have in common."""
    first, last = min(names), max(names)
    return first[: next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))]


def _to_boundary(text: str) -> str:
    """A beginning of names, up to and with the last character that parts words."""
    return text[: max(text.rfind(c) for c in "/._") + 1]


def thinned(count: int, telling: Sequence[int], most: int) -> list[int]:
    """At most so many of some checkpoints: the ends, the telling ones, and others evenly spread between.

    >>> thinned(4, [], 9), thinned(100, [49, 50], 6), thinned(9, [1, 2, 3, 4, 5], 4)
    ([0, 1, 2, 3], [0, 33, 49, 50, 66, 99], [0, 1, 2, 8])
    """
    if count <= most:
        return list(range(count))
    wanted = list(dict.fromkeys([0, count - 1, *telling]))[:most]
    left = [i for i in range(count) if i not in wanted]
    room = most - len(wanted)
    others = [left[round((k + 1) * (len(left) - 1) / (room + 1))] for k in range(room)]
    return sorted({*wanted, *others})
