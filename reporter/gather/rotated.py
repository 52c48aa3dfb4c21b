"""Checkpoints that rotation has deleted since an earlier run measured them, and that belong into the trend still.

``CheckpointManager(max_to_keep=3)`` leaves three files; the cache knows the others. One is brought back only if it
stands before what is there: never with a later step than the newest file, never under a name or step that is taken,
never if its layers had other names or shapes, and never if times tell of an earlier training: a file of a later step
is older, one of an earlier step is younger, or a name that was known was written anew since.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from reporter.cache import Cache
from reporter.discover.series import slug
from reporter.frozen import dataclass
from reporter.measuring.checkpoint import Plan
from reporter.model.checkpoint import CheckpointRef, Series, Step
from reporter.model.measured import Measured
from reporter.places import shown
from reporter.storage import mirrored


@dataclass(frozen=True, slots=True)
class Rotated:
    """A checkpoint whose files are gone, or that never had any: see :mod:`reporter.gather.recording`.

    Attributes:
        ref: where it stood; it has no files.
        identity: what the cache knows it by.
        own: its numbers, under the names that it had in its file.
    """

    ref: CheckpointRef
    identity: str
    own: Measured


def key(series: Series) -> str:
    """What a series is known by from run to run: its folder, the stem of its names, its format."""
    stem = _last(series.name.removesuffix(f" ({series.format})"), series.levels)
    folder = series.checkpoints[0].path.parents[series.levels]
    return "\0".join((shown(folder.resolve()), stem, series.format))


def remember(cache: Cache, series: Series, ref: CheckpointRef, known: str) -> None:
    """Note where a measured checkpoint stands, for the time when it is gone."""
    base = _last(ref.name, series.levels)
    place = {
        "name": base,
        "identity": known,
        "members": [shown(member.resolve()) for member in ref.members],
        "ordered_by": series.ordered_by,
        "step": ref.step.value,
        "detail": ref.step.detail,
        "bytes": ref.nbytes,
        "mtime_ns": ref.mtime_ns,
    }
    cache.keep_place(key(series), base, place)


def rotated(cache: Cache, series: Series, plan: Plan) -> list[Rotated]:
    """What is gone and belongs before the checkpoints that are there, in step order."""
    known = list(cache.places(key(series)))
    gone = _forget_earlier_trainings(cache, series, known)
    places = list(_before(gone, series))
    result: list[Rotated] = []
    for place in reversed(places):
        numbers = cache.measured(place["identity"], plan, all_quantiles=False)
        if numbers is not None:
            ref = _ref(place, series, cache.measured_on(place["identity"]))
            result.append(Rotated(ref, place["identity"], numbers))
    return result


def same_structure(a: Measured, b: Measured) -> bool:
    """Whether the model's tensors have the same names and shapes."""
    return _structure(a) == _structure(b)


def _structure(numbers: Measured) -> dict[str, tuple[int, ...]]:
    return {t.info.name: t.info.shape for t in numbers.tensors if t.info.collection == "model"}


def _forget_earlier_trainings(
    cache: Cache, series: Series, places: Sequence[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """The places but those that were noted before a checkpoint was written anew under its old name."""
    there = {_last(ref.name, series.levels): ref.mtime_ns for ref in series.checkpoints}
    rewritten = [there[p["name"]] for p in places if p["name"] in there and there[p["name"]] != p["mtime_ns"]]
    begin = max(rewritten, default=0)
    for place in places:
        if place["mtime_ns"] < begin and place["name"] not in there:
            cache.drop_place(key(series), place["name"])
    return [p for p in places if p["mtime_ns"] >= begin]


def _before(places: Sequence[Mapping[str, Any]], series: Series) -> Iterator[Mapping[str, Any]]:
    """The places that come before those that are there, latest first."""
    there = series.checkpoints
    names = {_last(ref.name, series.levels) for ref in there}
    taken = {ref.step.value for ref in there}
    newest = max((ref.step.value for ref in there if ref.step.value is not None), default=None)
    gone = [
        p
        for p in places
        if p["ordered_by"] == series.ordered_by
        and p["step"] is not None
        and newest is not None
        and p["step"] < newest
        and p["step"] not in taken
        and p["name"] not in names
        and not any(_may_exist(Path(member)) for member in p["members"])
    ]
    kept: list[int] = []
    for place in sorted(gone, key=lambda p: (-p["step"], -p["mtime_ns"])):
        later = [ref.mtime_ns for ref in there if ref.step.value is not None and ref.step.value > place["step"]]
        earlier = [ref.mtime_ns for ref in there if ref.step.value is not None and ref.step.value < place["step"]]
        in_time = max(earlier, default=0) <= place["mtime_ns"] <= min(later + kept)
        if in_time and place["step"] not in taken:
            taken.add(place["step"])
            kept.append(place["mtime_ns"])
            yield place


def _may_exist(path: Path) -> bool:
    """Whether a file is there, or cannot be looked at: what lies in a closed folder was not deleted."""
    try:
        mirrored(path).stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def _last(name: str, levels: int) -> str:
    """The last part of a name, and the folders before it that a series spans."""
    return "/".join(name.split("/")[-1 - levels :])


def _ref(place: Mapping[str, Any], series: Series, measured_on: str) -> CheckpointRef:
    first = series.checkpoints[0]
    folder = "/".join(first.name.split("/")[: -1 - series.levels])
    name = f"{folder}/{place['name']}" if folder else place["name"]
    return CheckpointRef(
        name=name,
        slug=slug(name),
        path=first.path.parents[series.levels] / place["name"],
        format=series.format,
        members=(),
        step=Step(place["step"], series.ordered_by, place["detail"]),
        nbytes=place["bytes"],
        mtime_ns=place["mtime_ns"],
        rotated=measured_on[:10],
    )
