"""Checkpoints that hold the same weights under two names: a final save, a best one, the same epochs in two formats."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from reporter.model.comparison import Comparison
from reporter.model.measured import Measured

_COMPARED = ("mean", "std", "min", "max", "l2_norm", "nan_count", "posinf_count", "neginf_count")


def with_twins(series: Sequence[Comparison]) -> tuple[Comparison, ...]:
    """The series, with a note in each whose checkpoints repeat those of a longer one in the same folder."""
    folders = Counter(folder for one in series for folder in {_folder(ref.name) for ref in one.refs})
    places: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for at, one in enumerate(series):
        for ref, numbers in zip(one.refs, one.measured, strict=True):
            folder = _folder(ref.name)
            if folders[folder] > 1 and numbers.model_infos:
                places.setdefault((folder, fingerprint(numbers)), []).append((at, ref.name))
    found: dict[int, list[tuple[str, str]]] = {}
    for same in places.values():
        first, first_name = min(same, key=lambda s: (-len(series[s[0]].refs), s[0]))
        for at, name in same:
            if at != first:
                found.setdefault(at, []).append((name, first_name))
    return tuple(
        replace(one, notes=(*one.notes, _note(found[at], len(one.refs)))) if at in found else one
        for at, one in enumerate(series)
    )


def fingerprint(numbers: Measured) -> str:
    """Equal for equal weights, whatever the format and the names: shape and statistics of every model tensor."""
    rows = sorted(
        f"{t.info.shape} {t.info.dtype} {[str(t.statistics[name]) for name in _COMPARED]}"
        for t in numbers.tensors
        if t.info.collection == "model"
    )
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()


def _folder(name: str) -> str:
    return name.rpartition("/")[0]


def _note(twins: Sequence[tuple[str, str]], checkpoints: int) -> str:
    name, other = (full.rpartition("/")[2] for full in twins[0])  # both in one folder
    how = "shapes, means, standard deviations, extremes and norms of all model tensors are equal"
    if len(twins) == 1:
        return f"{name} holds the same weights as {other}: {how}."
    which = f"{len(twins)} of {checkpoints} checkpoints hold the same weights as others in the folder"
    return f"{which}, such as {name} and {other}: {how}."
