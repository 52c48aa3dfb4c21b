"""A training run whose state of health is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Case:
    """One run.

    Attributes:
        name: of its folder and row.
        story: what happened in it, in a few words.
        make: trains and saves its checkpoints into a folder.
        rules: the rules of which one must come first; none for a healthy run.
        epoch: the first bad checkpoint, as numbered in the file names; None where all are bad.
        layers: layers of which the first finding must name one; none where it concerns the whole model.
        state: the state in which the bad file must be listed, where the defect is in the file and not in the weights.
    """

    name: str
    story: str
    make: Callable[[Path], None]
    rules: tuple[str, ...] = ()
    epoch: int | None = None
    layers: tuple[str, ...] = ()
    state: str = ""

    @property
    def healthy(self) -> bool:
        """Whether nothing is wrong with it."""
        return not self.rules and not self.state
