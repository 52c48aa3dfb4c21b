"""A measured checkpoint in its series: under the names in its file, as the cache has it, and the series' own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from hashlib import sha256
from pathlib import Path

from reporter.frozen import dataclass
from reporter.gather.kept_open import KeptOpen
from reporter.gather.layer_names import Match, renamed, under_names
from reporter.model.changes import NO_CHANGES, Changes
from reporter.model.checkpoint import CheckpointRef
from reporter.model.measured import Measured
from reporter.model.tensor import Contents


@dataclass(frozen=True, slots=True)
class Partner:
    """A checkpoint of a series that another one is read beside.

    Attributes:
        ref: where it lies.
        identity: in the cache; "" without one.
        matched: the series' names where those are others.
    """

    ref: CheckpointRef
    identity: str
    matched: Match

    def key_in(self, later: Match) -> str:
        """What the cache knows the pair with a later checkpoint by: who is paired, and under which names."""
        if not self.identity or not (self.matched.tensors or later.tensors):
            return self.identity
        names = (sorted(self.matched.tensors.items()), sorted(later.tensors.items()))
        return sha256(f"{self.identity} {names}".encode("utf-8", "surrogateescape")).hexdigest()[:40]

    def contents(self, opened: KeptOpen, under: Match) -> Contents:
        """Its tensors under the names that the series' names have in another file.

        Raises:
            reporter.errors.CheckpointError: it cannot be opened.
        """
        found = opened.contents(self.ref)
        back = {shown: file for file, shown in under.tensors.items()}
        names = {t.info.name: self.matched.tensors.get(t.info.name, t.info.name) for t in found.tensors}
        names = {file: back.get(shown, shown) for file, shown in names.items()}
        return under_names(found, {a: b for a, b in names.items() if a != b})


@dataclass(frozen=True, slots=True)
class CheckpointInSeries(Partner):
    """One that was measured.

    Attributes:
        own: its numbers under the names in the file.
        changes: by the path of an earlier checkpoint, the exact changes since it.
    """

    own: Measured
    changes: Mapping[Path, Changes] = field(default_factory=dict)

    @property
    def measured(self) -> Measured:
        """Its numbers under the names of the series."""
        return renamed(self.own, self.matched)

    def matched_by(self, matched: Match) -> CheckpointInSeries:
        """The same checkpoint in another series."""
        return replace(self, matched=matched)

    def with_changes(self, changes: Mapping[Path, Changes]) -> CheckpointInSeries:
        """The same checkpoint with more changes, by the path of the earlier checkpoint."""
        return replace(self, changes={**self.changes, **changes})

    def changes_since(self, earlier: CheckpointRef) -> Changes:
        """The exact changes since an earlier checkpoint under the names of the series; none where it was gone."""
        return self.changes.get(earlier.path, NO_CHANGES).renamed(self.matched.tensors)

    def pair_key(self, earlier: Partner) -> str:
        """What the cache knows the pair with an earlier checkpoint by."""
        return earlier.key_in(self.matched)
