"""Numbers in file names: which of them is the step, and what is left as the stem of a series."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_NUMBER = re.compile(r"\d+\.\d+|\d+")

_KEYWORD = re.compile(
    r"(?<![A-Za-z])(?:epochs?|ep|steps?|iter(?:ation)?s?|ckpt|checkpoint|cp|batch|e|s|k)[-_.=]?$", re.IGNORECASE
)
"""A number that directly follows one of these words is a step."""


@dataclass(frozen=True, slots=True)
class Name:
    """A label split at its numbers: ``texts[0] numbers[0] texts[1] …``."""

    texts: tuple[str, ...]
    numbers: tuple[str, ...]

    @classmethod
    def of(cls, label: str) -> Name:
        """Split a label.

        >>> Name.of("weights.05-1.23")
        Name(texts=('weights.', '-', ''), numbers=('05', '1.23'))
        """
        return cls(tuple(_NUMBER.split(label)), tuple(_NUMBER.findall(label)))


@dataclass(frozen=True, slots=True)
class Numbered:
    """A label's place: the stem of its series, and its number there (None if it has none)."""

    stem: str
    number: int | None


def number_labels(labels: Sequence[str]) -> list[Numbered]:
    """Stems and step numbers of the labels of one folder and format, told from how they differ.

    Labels that differ only in numbers belong together. Among the whole numbers of their names the step is the one
    after a word such as ``epoch``, else the one with most different values; decimals (a loss) never are. Whole
    numbers that vary *before* it name different runs; those after it are metrics.

    >>> [(n.stem, n.number) for n in number_labels(["fer2013_x.9-0.55", "fer2013_x.10-0.58"])]
    [('fer2013_x.#', 9), ('fer2013_x.#', 10)]
    >>> [(n.stem, n.number) for n in number_labels(["model", "run1_e3", "run2_e3", "run2_e4"])]
    [('model', None), ('run1_e#', 3), ('run2_e#', 3), ('run2_e#', 4)]
    """
    names = [Name.of(label) for label in labels]
    groups: dict[tuple[object, ...], list[int]] = {}
    for i, name in enumerate(names):
        shape = tuple("." if "." in n else "" for n in name.numbers)
        groups.setdefault((name.texts, shape), []).append(i)
    result: list[Numbered] = [Numbered(label, None) for label in labels]
    for members in groups.values():
        group = [names[i] for i in members]
        place = _step_place(group)
        if place is None:
            continue
        for i in members:
            name = names[i]
            stem = "".join(t + n for t, n in zip(name.texts[:place], name.numbers[:place], strict=True))
            result[i] = Numbered(f"{stem}{name.texts[place]}#", int(name.numbers[place]))
    return result


def _step_place(group: Sequence[Name]) -> int | None:
    first = group[0]
    whole = [i for i, number in enumerate(first.numbers) if "." not in number]
    if not whole:
        return None
    after_word = [i for i in whole if _KEYWORD.search(first.texts[i])]
    values = {i: len({name.numbers[i] for name in group}) for i in whole}
    varying = [i for i in whole if values[i] > 1]
    if len(group) == 1:
        # Alone, a number counts only after a word, or where it ends the name (model.ckpt-700000, -3801, 00000123).
        if after_word:
            return after_word[-1]
        return whole[-1] if first.texts[-1] == "" and whole[-1] == len(first.numbers) - 1 and _ends(first) else None
    for candidates in ([i for i in after_word if i in varying], varying):
        if candidates:
            most = max(values[i] for i in candidates)
            return next(i for i in candidates if values[i] == most)
    return after_word[-1] if after_word else None


def _ends(name: Name) -> bool:
    return name.texts[-2] == "" or name.texts[-2][-1] in "-_. "


def natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key in which 9 comes before 10.

    >>> sorted(["ckpt-10", "ckpt-9"], key=natural)
    ['ckpt-9', 'ckpt-10']
    """
    return tuple(
        (0, int(part), "") if part.isdigit() and part.isascii() else (1, 0, part)
        for part in re.split(r"(\d+)", text)
        if part
    )
