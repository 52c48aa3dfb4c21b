"""What earlier runs measured: numbers of checkpoints, exact changes between two, and records of any other kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from reporter.cache import container, pairs
from reporter.cache.container import Container, Unusable
from reporter.cache.entry import Entry, Shelf, encode
from reporter.cache.folder import MALFORMED, Folder
from reporter.cache.identity import identity, is_certain
from reporter.cache.joined import joined
from reporter.errors import ReportError
from reporter.measuring.checkpoint import Plan, assembled
from reporter.model.changes import Changes
from reporter.model.checkpoint import CheckpointRef, Peek
from reporter.model.measured import Measured
from reporter.model.tensor import Contents

GRID: tuple[float, ...] = (
    0.001, 0.01, 0.05, 0.0668, 0.1, 0.1587, 0.25, 0.3085, 0.5, 0.6915, 0.75, 0.8413, 0.9, 0.9332, 0.95, 0.99, 0.999,
)  # fmt: skip
"""Probabilities whose quantiles are kept of everything, so that asking for others among them reads no weights.

Among them those of TensorBoard's distribution bands: ±0.5, ±1 and ±1.5 σ of a normal sample.
"""

T = TypeVar("T")


class CacheDamaged(ReportError):
    """A cache file that had been relied on turned out to be unusable; it is gone, and the run has to start again."""


class Cache:
    """What earlier runs measured; without a folder nothing is known, and nothing is kept."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = None if folder is None else Folder(folder)
        self._shelf = Shelf()
        self.unknown = 0
        """How many checkpoints :meth:`peek` did not know."""

    @property
    def problem(self) -> str:
        """Why nothing can be kept, "" if all is well."""
        return self._folder.problem if self._folder else ""

    def identity(self, format_: str, members: Sequence[Path]) -> str:
        """Of files as they are now, see :func:`reporter.cache.identity.identity`; "" where one is gone."""
        try:
            return identity(format_, members)
        except OSError:
            return ""

    # Checkpoints

    def peek(self, format_: str, members: Sequence[Path]) -> Peek | None:
        """What a checkpoint that was measured before says of itself; else None."""
        entry = self._entry(self.identity(format_, members))
        if entry is None:
            self.unknown += 1
            return None
        try:
            facts, alike = entry.structure.facts, entry.structure.alike
        except MALFORMED:
            return None
        step, source = entry.header["step"], entry.header["step_source"]
        counter = entry.header["save_counter"]
        return Peek(step, source, facts.integrity, len(facts.missing_layers), alike, counter)

    def measured_on(self, known: str) -> str:
        """When a checkpoint was measured, "" if it was not: a date and time in UTC, by ISO 8601."""
        header = self._header(known)
        return "" if header is None else header["measured"]

    def plan(self, known: str, wanted: Plan) -> Plan:
        """What to measure now so that later runs need not: the common quantiles, and those of an earlier run."""
        if self._folder is None:
            return wanted
        entry = self._entry(known)
        earlier = entry.probabilities if entry else ()
        return replace(wanted, quantiles=tuple(sorted({*GRID, *wanted.quantiles, *earlier})))

    def measured(self, known: str, plan: Plan, *, all_quantiles: bool = True) -> Measured | None:
        """The numbers of a checkpoint, None where it has to be measured.

        Args:
            all_quantiles: False: those of ``plan`` that are known are enough.
        """
        entry = self._entry(known)
        if entry is None or (all_quantiles and not set(plan.quantiles) <= set(entry.probabilities)):
            return None
        try:
            to_be_kept = not (self._folder is None or self._folder.problem or entry.has_all_statistics)
            if to_be_kept or plan.variables not in entry.selections:
                entry = self._completed(known, entry, plan.variables)
            return entry.measured(plan.variables, plan.quantiles)
        except MALFORMED:
            return None

    def keep(self, known: str, ref: CheckpointRef, contents: Contents, full: Plan, numbers: Measured,
             plan: Plan) -> Measured:  # fmt: skip
        """Keep what was measured, and return it as the next run will see it: with the quantiles of ``plan`` only.

        Args:
            contents: of the open checkpoint.
            full: what was measured, from :meth:`plan`.
        """
        if self._folder is None:
            return numbers
        header = {
            "identity": known,
            "name": ref.name,
            "step": contents.step,
            "step_source": contents.step_source,
            "save_counter": contents.save_counter,
            "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        content = encode(header, contents, {full.variables: numbers})
        entry = self._written(known if is_certain(ref.mtime_ns) else "", content)
        try:
            return entry.measured(plan.variables, plan.quantiles)
        except MALFORMED:  # the disk does not give back what was just written: that says nothing of the checkpoint
            return self._opened(container.opened(content)).measured(plan.variables, plan.quantiles)

    def forget(self, known: str) -> None:
        """Delete everything that is kept of a checkpoint."""
        if self._folder is not None and known:
            self._folder.forget(known)

    def _completed(self, known: str, entry: Entry, selection: str) -> Entry:
        """The same checkpoint with all statistics of today, grouped for this selection too; no weight is read."""
        facts, full = entry.structure.facts, entry.probabilities
        groups = {s: entry.measured(s, full) for s in entry.selections}
        if selection not in groups:
            plan, seconds = Plan(selection, full), float(entry.header["seconds"])
            groups[selection] = assembled(facts, entry.structure.infos, entry.tensors(full), plan, seconds)
        header = {k: entry.header[k] for k in ("identity", "name", "step", "step_source", "save_counter", "measured")}
        return self._written(known, encode(header, facts, groups))

    # Pairs

    def changes(self, before: str, after: str, numbers: Measured) -> Changes | None:
        """The exact changes between two checkpoints, None where they have to be paired.

        Args:
            numbers: of the later one.
        """
        if self._folder is None or not before or not after:
            return None
        path = self._folder.path(after, f"{before}.changes")
        return self._folder.read(path, lambda c: pairs.decode(c, numbers.layout))

    def keep_changes(self, before: str, after: str, numbers: Measured, changes: Changes) -> Changes:
        """Keep the exact changes between two checkpoints, and return them in small."""
        if self._folder is None or not before or not after:
            return changes
        content = pairs.encode({"before": before, "after": after}, changes, numbers.layout.places)
        self._folder.write(self._folder.path(after, f"{before}.changes"), content)
        return pairs.decode(container.opened(content), numbers.layout)

    # Handed on

    def files(self, known: str) -> dict[str, bytes]:
        """All that is kept of a checkpoint, by the ends of the files' names; for :meth:`adopt`."""
        return {} if self._folder is None or not known else self._folder.files(known)

    def adopt(self, known: str, files: Mapping[str, bytes]) -> None:
        """Keep what another cache has kept of the same checkpoint."""
        if self._folder is not None and known:
            for suffix, content in files.items():
                self._folder.write(self._folder.path(known, suffix), content)

    def adopt_parts(self, known: str, parts: Sequence[Mapping[str, bytes]]) -> list[int]:
        """Keep what other caches have kept of the parts of a checkpoint; how many tensors each has.

        Raises:
            Unusable: they are no parts of one checkpoint.
        """
        files, counts = joined(known, parts)
        self.adopt(known, files)
        return counts

    # Records

    def known_as(self, ref: CheckpointRef) -> str:
        """What a checkpoint is known by: of its files as they are now, or what its recording says."""
        return ref.recorded or self.identity(ref.format, ref.members)

    def record(self, ref: CheckpointRef, kind: str, version: int) -> Any | None:
        """Anything else that was worked out of a checkpoint: what :meth:`keep_record` was given, or None.

        Args:
            kind: letters and dashes.
            version: of the code that works it out.
        """
        known = self.known_as(ref)
        if self._folder is None or not known:
            return None
        return self._folder.read(self._folder.path(known, f"{kind}.{version}.record"), lambda c: c.header["record"])

    def keep_record(self, ref: CheckpointRef, kind: str, version: int, record: Any) -> None:
        """Keep something that JSON can hold, worked out of a checkpoint."""
        known = self.known_as(ref)
        if self._folder is not None and known and is_certain(ref.mtime_ns):
            content = container.build({"kind": "record", "record": record}, {})
            self._folder.write(self._folder.path(known, f"{kind}.{version}.record"), content)

    # Places in a series

    def places(self, series: str) -> Iterator[Mapping[str, Any]]:
        """Everything noted by :meth:`keep_place` for a series."""
        if self._folder is not None:
            for path in self._folder.in_folder(_series(series), "place"):
                place = self._folder.read(path, lambda c: c.header["place"])
                if isinstance(place, dict):
                    yield place

    def number_of_places(self, series: str) -> int:
        """How many notes there are, whether they can be read or not."""
        return 0 if self._folder is None else len(self._folder.in_folder(_series(series), "place"))

    def keep_place(self, series: str, name: str, place: Mapping[str, Any]) -> None:
        """Note where in its series a checkpoint stands; the latest note under a name counts."""
        if self._folder is None:
            return
        path = self._folder.beside(_series(series), f"{_hash(name)}.place")
        if self._folder.read(path, lambda c: c.header["place"]) != dict(place):
            self._folder.write(path, container.build({"kind": "place", "place": dict(place)}, {}))

    def drop_place(self, series: str, name: str) -> None:
        """Forget a note."""
        if self._folder is not None:
            self._folder.discard(self._folder.beside(_series(series), f"{_hash(name)}.place"))

    # Renderings

    @property
    def keeps(self) -> bool:
        """Whether there is a folder to keep anything in."""
        return self._folder is not None

    def rendering(self, kind: str, key: str, decode: Callable[[bytes], T]) -> T | None:
        """What :meth:`keep_rendering` was given under this key, decoded; None if nothing, or nothing usable.

        Args:
            kind: letters and dashes.
            key: a hexadecimal hash of everything that decides about the bytes.
        """
        if self._folder is None:
            return None
        return self._folder.read(self._folder.path(key, f"{kind}.rendering"), lambda c: decode(c.block("data")))

    def keep_rendering(self, kind: str, key: str, data: bytes) -> None:
        """Keep a picture or a page."""
        if self._folder is not None:
            # In parts, which are stored as they are: pictures are compressed already.
            content = container.build({"kind": "rendering"}, {"data": [data]})
            self._folder.write(self._folder.path(key, f"{kind}.rendering"), content)

    # Files

    def _header(self, known: str) -> Any | None:
        entry = self._entry(known)
        return None if entry is None else entry.header

    def _entry(self, known: str) -> Entry | None:
        if self._folder is None or not known:
            return None
        return self._folder.read(self._folder.path(known, "checkpoint"), self._opened)

    def _written(self, known: str, content: bytes) -> Entry:
        """What was just written, read from the file where that worked, so that it does not fill the memory."""
        if self._folder is not None and known:
            path = self._folder.path(known, "checkpoint")
            if self._folder.write(path, content):
                entry = self._folder.read(path, self._opened)
                if entry is not None:
                    return entry
        return self._opened(container.opened(content))

    def _opened(self, opened: Container) -> Entry:
        def damaged(error: Unusable) -> Exception:
            if self._folder is not None and isinstance(opened.source, Path):
                self._folder.discard(opened.source)
            return CacheDamaged(f"a cache file is damaged ({error}): {opened.header.get('name')}")

        return Entry(opened, self._shelf, damaged)


def _hash(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:40]


def _series(key: str) -> str:
    return "series-" + _hash(key)
