"""Which number of a name is the step, and what is left as the stem of a series."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from reporter.discover.tokens import COUNTER, Kind, Name, moment, split
from reporter.frozen import dataclass

_RUN = re.compile(
    r"(?<![A-Za-z])(?:runs?|seeds?|folds?|kfold|cv|trials?|exp(?:eriment)?|rank|worker|replica|client|member)[-_.= ]*$",
    re.IGNORECASE,
)
"""A number that directly follows one of these words tells trainings apart wherever another number is the step."""

_STEP = re.compile(r"(?:step|iter)", re.IGNORECASE)
"""Of ``epoch=3-step=200`` the step says more."""

Value = int | str


@dataclass(frozen=True, slots=True)
class Numbered:
    """A label's place in its series.

    Attributes:
        stem: of the series, with ``#`` in the place of the step and ``*`` for what else varies.
        number: the step; None if the name holds none.
        key: what orders the names: the step, or a time, or epoch and batch; empty where nothing does.
        moment: the time in the name as a number that rises with it.
    """

    stem: str
    number: int | None
    key: tuple[int, ...] = ()
    moment: int | None = None


def number_labels(labels: Sequence[str]) -> list[Numbered]:
    """Stems and step numbers of the labels of one folder and format, told from how they differ.

    Labels that differ only in numbers, times and hashes belong together. The step is the whole number after a word
    such as ``epoch``, else the first one that tells the files apart. Metrics, times and hashes never are. A number
    before it (or after a word such as ``run``) names different runs, unless the steps go on over it: then it is a
    coarser count, such as the epoch beside the step, or the day.

    >>> [(n.stem, n.number) for n in number_labels(["fer2013_x.9-0.55", "fer2013_x.10-nan"])]
    [('fer2013_x.#', 9), ('fer2013_x.#', 10)]
    >>> [(n.stem, n.number) for n in number_labels(["model", "run1_e3", "run2_e3", "run2_e4"])]
    [('model', None), ('run1_e#', 3), ('run2_e#', 3), ('run2_e#', 4)]
    """
    names = split(labels)
    groups: dict[tuple[object, ...], list[int]] = {}
    for i, name in enumerate(names):
        groups.setdefault(name.pattern, []).append(i)
    result = [Numbered(label, None) for label in labels]
    for members in groups.values():
        group = _Group([names[i] for i in members])
        for i, numbered in zip(members, group.numbered(), strict=True):
            if numbered is not None:
                result[i] = numbered
    return result


class _Group:
    """Names of one pattern, place by place.

    Attributes:
        varying: places whose values differ.
        times: places that hold times.
        runs: varying places that tell trainings apart.
    """

    def __init__(self, names: Sequence[Name]) -> None:
        self.names = names
        first = names[0]
        self.kinds = [token.kind for token in first.tokens]
        self.texts = first.texts
        self.times = [i for i, kind in enumerate(self.kinds) if kind is Kind.TIME or self._seconds(i)]
        self.columns = [self._column(i) for i in range(len(self.kinds))]
        self.varying = [i for i, column in enumerate(self.columns) if len(set(column)) > 1]
        self.whole = [i for i, kind in enumerate(self.kinds) if kind is Kind.WHOLE and i not in self.times]
        runs = [i for i in self.varying if _RUN.search(self.texts[i])]
        rest = [i for i in self.varying if i not in runs and (i in self.whole or i in self.times)]
        self.runs = runs if rest else []

    def _seconds(self, place: int) -> bool:
        """Whether all are whole seconds or milliseconds since 1970, by their size, and no count by their word."""
        return (
            self.kinds[place] is Kind.WHOLE
            and not COUNTER.search(self.texts[place])
            and all(moment(name.tokens[place].text) is not None for name in self.names)
        )

    def _column(self, place: int) -> list[Value]:
        texts = [name.tokens[place].text for name in self.names]
        if place in self.times:
            return [moment(text) or 0 for text in texts]
        return [int(text) for text in texts] if self.kinds[place] is Kind.WHOLE else list(texts)

    def _rows(self, places: Sequence[int]) -> list[tuple[Value, ...]]:
        return [tuple(self.columns[i][row] for i in places) for row in range(len(self.names))]

    def _tells_apart(self, places: Sequence[int]) -> bool:
        return len(set(self._rows(places))) == len(self.names)

    def _counter(self, place: int) -> bool:
        return place in self.whole and COUNTER.search(self.texts[place]) is not None

    def numbered(self) -> Iterator[Numbered | None]:
        """Of each name; None for all where nothing orders them."""
        step = self._step()
        time = next((i for i in [*(i for i in self.times if i in self.varying), *self.times]), None)
        place = step if step is not None else time
        if place is None:
            yield from [None] * len(self.names)
            return
        ids, order = self._ids(place) if step is not None else (list(self.runs), [place])
        for name, key in zip(self.names, self._rows(order), strict=True):
            yield Numbered(
                stem=self._stem(name, ids, order),
                number=int(name.tokens[order[0]].text) if step is not None and len(order) == 1 else None,
                key=tuple(int(v) for v in key),
                moment=None if time is None else moment(name.tokens[time].text),
            )

    def _step(self) -> int | None:
        after_word = [i for i in self.whole if self._counter(i)]
        if len(self.names) == 1:
            # Alone, a number counts only after a word, or where it ends the name (model.ckpt-700000, -3801, 00000123).
            if after_word:
                return after_word[-1]
            last = len(self.kinds) - 1
            apart = last in self.whole and self.texts[-1] == "" and self.texts[-2][-1:] in ("", *"-_. ")
            return last if apart else None
        counted = [i for i in after_word if i in self.varying and i not in self.runs]
        counted.sort(key=lambda i: not _STEP.search(self.texts[i]))
        plain = [i for i in self.whole if i in self.varying and i not in (*self.runs, *counted)]
        for candidates in (counted, plain):
            for place in candidates:
                if self._tells_apart([*(i for i in self.varying if i < place or i in self.runs), place]):
                    return place
            if candidates and (candidates is counted or not self._timed()):
                return max(candidates, key=lambda i: len(set(self.columns[i])))
        return after_word[-1] if after_word and not self._timed() else None

    def _timed(self) -> bool:
        return any(i in self.varying for i in self.times)

    def _ids(self, step: int) -> tuple[list[int], list[int]]:
        """Places that tell runs apart, and those that order the names of one run."""
        ids = list(self.runs)
        loose: list[int] = []
        for i in self.varying:
            if i == step or i in ids or (i > step and self.kinds[i] in (Kind.WHOLE, Kind.METRIC)):
                continue
            word = self.texts[i][-1:].isalpha() and not self._counter(i)
            (ids if i in self.whole and word else loose).append(i)  # units32_e5: no count
        if self._goes_on(ids, step, [i for i in loose if i in self.whole or i in self.times]):
            return ids, [step]
        counts = [i for i in loose if self._counter(i) and self._counter(step)]
        if counts and self._tells_apart([*ids, *counts, step]):
            return ids, [*counts, step]  # the batch begins again with every epoch
        once = [i for i in loose if i in self.times and len(set(self.columns[i])) == len(self.names)]
        return sorted({*ids, *loose} - {*once, *counts}), [step]

    def _goes_on(self, ids: Sequence[int], step: int, coarser: Sequence[int]) -> bool:
        """Whether every step is there once in its run, and no coarser count falls while the steps rise."""
        if not self._tells_apart([*ids, step]):
            return False
        rows = sorted(zip(self._rows(ids), self.columns[step], self._rows(coarser), strict=True), key=lambda r: r[:2])
        return all(
            a[0] != b[0] or all(x <= y for x, y in zip(a[2], b[2], strict=True))  # type: ignore[operator]
            for a, b in pairwise(rows)
        )

    def _stem(self, name: Name, ids: Sequence[int], order: Sequence[int]) -> str:
        parts = []
        for i, (text, token) in enumerate(zip(name.texts, name.tokens, strict=False)):
            behind = i > order[-1] and i not in ids
            if behind and not any(c.isalpha() for c in text):
                continue
            kept = i in ids or (not behind and i not in self.varying)
            parts.append(text + ("#" if i in order else token.text if kept else "*"))
        last = name.texts[-1]
        return "".join(parts) + (last if any(c.isalpha() for c in last) else "")
