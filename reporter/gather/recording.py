"""A recording: what was measured of a model while it was trained, state by state, without a checkpoint.

::

    recorded/
      recording.json    marks the folder, and says what the model is called
      v1/…              a cache of its own: a file for each state, one for its change since the state before, and a note
                        of its place

No weights are kept. A recorded state is like a checkpoint whose files are deleted and whose numbers are known: it is in
the trend with what was measured of it, and nobody can read it again. Where it lies is known by what holds it:
``Recording(ref.path.parent)``.
"""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from reporter.cache import Cache
from reporter.cache.container import write
from reporter.discover.series import slug
from reporter.errors import OutputError, SettingError
from reporter.frozen import dataclass
from reporter.gather.checkpoint_in_series import CheckpointInSeries
from reporter.gather.layer_names import match
from reporter.gather.rotated import Rotated
from reporter.measuring.checkpoint import Plan, measure_checkpoint
from reporter.model.checkpoint import CheckpointRef, FileEntry, Found, Order, Series, State, Step
from reporter.model.measured import Measured
from reporter.model.output import RECORDING
from reporter.model.tensor import Contents, Integrity
from reporter.model.unique_names import UniqueNames
from reporter.numerals import counted

FORMAT = "recorded"
"""In place of a file format."""

_KIND = "ckpt-report recording"
_PLACES = "recorded"
"""The series whose places a recording's cache holds: there is only one."""


@dataclass(frozen=True, slots=True)
class InMemory:
    """A state that was just recorded, with its weights, so that the next one can be compared with it.

    Attributes:
        checkpoint: as the series sees it; its changes are in the recording.
        contents: copies of the values.
    """

    checkpoint: CheckpointInSeries
    contents: Contents


class Recording:
    """The folder of a recording, which is there, or begun by :meth:`begin`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cache = Cache(folder)
        self._known: list[Mapping[str, Any]] | None = None

    @classmethod
    def begin(cls, folder: Path, title: str) -> Recording:
        """Make the folder; one that is a recording already stays as it is.

        Args:
            folder: nothing of it is deleted, whatever it holds.
            title: what the model is called.

        Raises:
            OutputError: it cannot be written, or something else lies there.
        """
        marker = folder / RECORDING
        try:
            if not marker.exists():
                if folder.is_dir() and any(folder.iterdir()):
                    raise OutputError(f"{folder}: holds something else than a recording; name another folder")
                write(marker, json.dumps({"kind": _KIND, "title": title}).encode(), folder)
        except OSError as error:
            raise OutputError(f"{folder}: cannot be written ({error.strerror or error})") from error
        return cls(folder)

    @property
    def title(self) -> str:
        """What the model is called.

        Raises:
            SettingError: the folder is none of a recording.
        """
        try:
            facts = json.loads((self.folder / RECORDING).read_text("utf-8"))
            if facts["kind"] == _KIND:
                return str(facts["title"])
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            pass
        raise SettingError(f"{self.folder}: its {RECORDING} cannot be read, or is no recording of ckpt-report")

    @property
    def last_step(self) -> int | None:
        """The step of the last state, None where there is none yet."""
        return max((place["step"] for place in self._places()), default=None)

    def forget_from(self, step: int) -> None:
        """Forget all states of this step and later: the training has gone back, and is done over from there."""
        for place in self._places():
            if place["step"] >= step:
                self.cache.drop_place(_PLACES, place["name"])
                self.cache.forget(place["identity"])
        self._known = None

    def keep(self, name: str, step: int, contents: Contents, plan: Plan, before: InMemory | None) -> InMemory:
        """Measure a state, compare it with the one before, and keep what came of it.

        Args:
            name: what it is called; another state of that name gets a number.
            step: later than that of the state before.
            contents: the state; it must not change for as long as the next one is compared with it.
            plan: what to measure.
            before: the state before, None where its values are not in memory: the change is an estimate then.

        Raises:
            SettingError: the name cannot be that of a file.
            OutputError: it cannot be written.
        """
        if not _is_name(name):
            raise SettingError(f"record: {name!r} cannot be the name of a state")
        identity, now = uuid.uuid4().hex, time.time_ns()
        nbytes = sum(tensor.info.nbytes for tensor in contents.tensors)
        name = UniqueNames(known["name"] for known in self._places()).take(name)
        place = {"name": name, "identity": identity, "step": step, "bytes": nbytes, "at": now}
        ref = self._ref(self.title, place)
        contents = replace(contents, step=step, step_source="recorded")
        full = self.cache.plan(identity, plan)
        numbers, changes = measure_checkpoint(contents, full, [before.contents] if before else [])
        own = self.cache.keep(identity, ref, contents, full, numbers, plan)
        checkpoint = CheckpointInSeries(ref, identity, match(self._first(plan), own), own)
        if before is not None:
            self.cache.keep_changes(checkpoint.pair_key(before.checkpoint), identity, own, changes[0])
        self.cache.keep_place(_PLACES, name, place)
        self._require_kept()
        self._known = [*self._places(), place]
        return InMemory(checkpoint, contents)

    def _require_kept(self) -> None:
        """Raises OutputError if something could not be written; what is written next is tried anew."""
        if problem := self.cache.problem:
            self.cache = Cache(self.folder)
            raise OutputError(problem)

    def _first(self, plan: Plan) -> Measured | None:
        """The state that gives the series its names."""
        first = self._places()[:1]
        return self.cache.measured(first[0]["identity"], plan, all_quantiles=False) if first else None

    def series(self, title: str, last: int = 0) -> Series:
        """The states in the order of their steps.

        Args:
            title: what it is called in a run, unlike all others.
            last: so many of the last ones only, 0 for all.
        """
        refs = tuple(self._ref(title, place) for place in self._places()[-last:])
        return Series(title, slug(title), FORMAT, refs, Order.RECORDED)

    @property
    def damaged(self) -> int:
        """How many states there are whose place cannot be read."""
        return self.cache.number_of_places(_PLACES) - len(self._places())

    def _places(self) -> list[Mapping[str, Any]]:
        if self._known is None:
            usable = filter(_is_usable, self.cache.places(_PLACES))
            self._known = sorted(usable, key=lambda place: place["step"])
        return self._known

    def _ref(self, title: str, place: Mapping[str, Any]) -> CheckpointRef:
        name = f"{title}/{place['name']}"
        return CheckpointRef(
            name=name,
            slug=slug(name),
            path=self.folder / place["name"],
            format=FORMAT,
            members=(),
            step=Step(place["step"], Order.RECORDED),
            nbytes=place["bytes"],
            mtime_ns=place["at"],
            recorded=place["identity"],
        )


def _is_usable(place: Mapping[str, Any]) -> bool:
    """Whether a place is as :meth:`Recording.keep` notes it. A recording may come from somebody else: neither its names
    nor its identities may lead out of its folder."""
    numbers = (place.get("step"), place.get("bytes"), place.get("at"))
    name, identity = place.get("name"), place.get("identity")
    return (
        all(isinstance(number, int) for number in numbers)
        and isinstance(name, str)
        and _is_name(name)
        and isinstance(identity, str)
        and re.fullmatch("[0-9a-f]{32}", identity) is not None
    )


def _is_name(name: str) -> bool:
    """Whether it can be the last part of a path."""
    return name not in ("", ".", "..") and not re.search(r"[/\\\0]", name)


def cache_of(ref: CheckpointRef) -> Cache:
    """The cache that holds what was measured of a recorded state."""
    return Recording(ref.path.parent).cache


def recorded(series: Series, cache: Cache, plan: Plan) -> tuple[list[Rotated], list[CheckpointRef]]:
    """The states of a recorded series, and those of which the numbers cannot be read any more."""
    known: list[Rotated] = []
    lost: list[CheckpointRef] = []
    for ref in series.checkpoints:
        numbers = cache.measured(ref.recorded, plan, all_quantiles=False)
        if numbers is None:
            lost.append(ref)
        else:
            known.append(Rotated(ref, ref.recorded, numbers))
    return known, lost


def found_in(recordings: Sequence[Recording], last: int = 0) -> Found:
    """Recorded series, as discovery would find checkpoints.

    Args:
        recordings: each is a series.
        last: so many of the last states of each only, 0 for all.

    Raises:
        SettingError: one of them is no recording.
    """
    names = UniqueNames()
    series = [one.series(names.take(one.title), last) for one in recordings]
    files = [
        FileEntry(ref.name, FORMAT, State.FOUND, "", ref.step.value, one.name, Integrity.IN_MEMORY)
        for one in series
        for ref in one.checkpoints
    ]
    nothing = [
        FileEntry(one.name, FORMAT, State.EMPTY, "nothing has been recorded in it yet")
        for one in series
        if not one.checkpoints
    ]
    damaged = [
        FileEntry(f"{one.name}/{RECORDING}", FORMAT, State.CORRUPT, f"{counted(n, 'state')} of it cannot be placed")
        for one, recording in zip(series, recordings, strict=True)
        if (n := recording.damaged)
    ]
    roots = tuple(one.folder for one in recordings)
    return Found(roots, tuple(one for one in series if one.checkpoints), (*files, *nothing, *damaged))
