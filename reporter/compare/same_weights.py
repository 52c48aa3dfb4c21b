"""Find checkpoints that hold the same weights under two names, such as a best save, or epochs saved in two formats."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from reporter.model.comparison import Comparison
from reporter.model.measured import Measured

# Statistics that two formats of the same weights give to the bit; they take the place of a comparison of all values.
_COMPARED = ("mean", "std", "min", "max", "l2_norm", "nan_count", "posinf_count", "neginf_count")


def with_twins(series: Sequence[Comparison]) -> tuple[Comparison, ...]:
    """Add a note to every series whose checkpoints repeat those of a longer series in the same folder."""
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
    """A hash of the shapes and statistics of all model tensors: equal for equal weights, whatever format and names."""
    rows = sorted(
        f"{t.info.shape} {t.info.dtype} {[str(t.statistics[name]) for name in _COMPARED]}"
        for t in numbers.tensors
        if t.info.collection == "model"
    )
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()


def _folder(name: str) -> str:
    return name.rpartition("/")[0]


def _note(repeated: Sequence[tuple[str, str]], checkpoints: int) -> str:
    name, other = (full.rpartition("/")[2] for full in repeated[0])  # without the folder, which is the same
    how = "shapes, means, standard deviations, extremes and norms of all model tensors are equal"
    if len(repeated) == 1:
        return f"{name} holds the same weights as {other}: {how}."
    which = f"{len(repeated)} of {checkpoints} checkpoints hold the same weights as others in the folder"
    return f"{which}, such as {name} and {other}: {how}."
