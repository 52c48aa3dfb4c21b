"""A measured checkpoint in its series: under the names in its file, as the cache has it, and the series' own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

from reporter.gather.kept_open import KeptOpen
from reporter.gather.layer_names import Match, renamed, under_names
from reporter.model.changes import NO_CHANGES, Changes
from reporter.model.checkpoint import CheckpointRef
from reporter.model.measured import Measured
from reporter.model.tensor import Contents


@dataclass(frozen=True, slots=True)
class CheckpointInSeries:
    """One checkpoint.

    Attributes:
        ref: where it lies.
        identity: in the cache; "" without one.
        own: its numbers under the names in the file.
        matched: the series' names where those are others.
        changes: by the path of an earlier checkpoint, the exact changes since it.
    """

    ref: CheckpointRef
    identity: str
    own: Measured
    matched: Match
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

    def pair_key(self, earlier: CheckpointInSeries) -> str:
        """What the cache knows the pair with an earlier checkpoint by: who is paired, and under which names."""
        if not earlier.identity or not (earlier.matched.tensors or self.matched.tensors):
            return earlier.identity
        names = (sorted(earlier.matched.tensors.items()), sorted(self.matched.tensors.items()))
        return sha256(f"{earlier.identity} {names}".encode("utf-8", "surrogateescape")).hexdigest()[:40]

    def contents(self, opened: KeptOpen, under: Match) -> Contents:
        """Its tensors under the names that the series' names have in another file.

        Raises:
            reporter.errors.CheckpointError: it cannot be opened.
        """
        back = {shown: file for file, shown in under.tensors.items()}
        names = {t.info.name: self.matched.tensors.get(t.info.name, t.info.name) for t in self.own.tensors}
        names = {file: back.get(shown, shown) for file, shown in names.items()}
        return under_names(opened.contents(self.ref), {a: b for a, b in names.items() if a != b})
