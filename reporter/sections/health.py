"""The health of a series: the worst that the findings say of each layer at each checkpoint."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from enum import IntEnum
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from reporter.frozen import dataclass
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

_PARTING = re.compile("[/._]")
"""What parts the words of a name."""


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
    """Put names into ``most`` groups of neighbours, each with a name: by their prefixes, as long as these may be.

    Where more prefixes begin the names than there is room for, neighbours are put together in equal numbers. Fewer
    names are a group each.

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
    >>> parted([*(f"a/{i}/{part}" for i in range(4) for part in "xy"), "b/x", "b/y"], 3)
    [('a/0 to 1/…', (0, 1, 2, 3)), ('a/2 to 3/…', (4, 5, 6, 7)), ('b/…', (8, 9))]
    >>> parted(["conv1", "conv2_block1_bn", "conv2_block1_conv", "conv2_block2_bn", "conv3_bn"], 4)
    [('conv1', (0,)), ('conv2_block1_…', (1, 2)), ('conv2_block2_bn', (3,)), ('conv3_bn', (4,))]
    >>> parted(["a/x", "a/y", "a/z", "b/x", "b/y"], 4, apart=[1])
    [('a/x', (0,)), ('a/y', (1,)), ('a/z', (2,)), ('b/…', (3, 4))]
    """
    parts = [_PARTING.split(name) for name in names]
    alone = frozenset(apart)
    stretches = _runs([(str(i),) if i in alone else () for i in range(len(names))])
    if len(stretches) > most:
        stretches = [tuple(range(len(names)))]
    found = [
        group
        for stretch, room in zip(stretches, _shared_out([len(s) for s in stretches], most), strict=True)
        for group in _by_prefix(names, parts, stretch, room)
    ]
    often = Counter(label for label, _ in found)
    # The same prefix may stand before and after other names: these are called by their first and last name.
    return [
        (label if often[label] == 1 else _span([names[i] for i in members], range(len(members))), members)
        for label, members in found
    ]


def _by_prefix(
    names: Sequence[str], parts: Sequence[Sequence[str]], members: tuple[int, ...], most: int, depth: int = 1
) -> list[tuple[str, tuple[int, ...]]]:
    """The groups of some neighbours, as many as there may be.

    Args:
        names: all names.
        parts: what each of them consists of.
        members: indices of the neighbours.
        most: how many groups there may be.
        depth: of the prefixes that part them first; all prefixes above are equal.
    """
    if len(members) <= most:
        return [(names[i], (i,)) for i in members]
    if most == 1:
        return [(_prefix(names, parts, members), members)]
    groups = [tuple(members[i] for i in run) for run in _runs([tuple(parts[i][:depth]) for i in members])]
    if len(groups) > most:
        labels = [_prefix(names, parts, group) for group in groups]
        ends = [-(-len(groups) * at // most) for at in range(most + 1)]
        chunks = [range(*between) for between in pairwise(ends)]
        return [(_span(labels, chunk), tuple(i for at in chunk for i in groups[at])) for chunk in chunks]
    return [
        found
        for group, room in zip(groups, _shared_out([len(group) for group in groups], most), strict=True)
        for found in _by_prefix(names, parts, group, room, depth + 1)
    ]


def _shared_out(sizes: Sequence[int], room: int) -> list[int]:
    """How many of so many rows each group gets: one, and each further row goes where the most share one.

    >>> _shared_out([8, 2], 3), _shared_out([1, 1], 5)
    ([2, 1], [1, 1])
    """
    rows = [1] * len(sizes)
    for _ in range(min(room, sum(sizes)) - len(sizes)):
        rows[max(range(len(sizes)), key=lambda i: (sizes[i] > rows[i], sizes[i] / rows[i]))] += 1
    return rows


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


def _prefix(names: Sequence[str], parts: Sequence[Sequence[str]], group: tuple[int, ...]) -> str:
    """What the names of a group begin with, part by part; of a single one the name."""
    if len(group) == 1:
        return names[group[0]]
    first = parts[group[0]]
    depth = next((d for d in range(len(first)) if any(parts[i][d : d + 1] != first[d : d + 1] for i in group)), None)
    if not depth:
        return _span(names, group)
    return names[group[0]][: len("/".join(first[:depth])) + 1] + "…"


def _span(names: Sequence[str], group: Sequence[int]) -> str:
    """The first and the last name of a group, and between them once what both begin and end with.

    What only ends alike, or with the same number, stays whole: a name without its end may be another one's.

    >>> _span(["e_01/…", "e_02/…"], range(2)), _span(["e_01_…", "e_02_…"], range(2)), _span(["a_3", "b_3"], range(2))
    ('e_01 to 02/…', 'e_01 to 02_…', 'a_3 to b_3')
    """
    first, last = names[group[0]], names[group[-1]]
    if first == last:
        return first
    head, tail = common_ends([first, last])
    whole = tail[:1] in tuple("/.") or tail.endswith("…") or any(map(str.isalpha, tail))
    tail = tail if head and whole else ""
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
