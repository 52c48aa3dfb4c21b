"""A case: a training run of which it is known whether something is wrong with it, and what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Case:
    """One training run, and what the report must say of it.

    Attributes:
        name: of its folder, and in the table.
        story: what happens in it, in a few words.
        make: trains a model, and saves its checkpoints into a folder.
        rules: the first finding must be of one of these rules; none for a healthy run.
        epoch: the number, in the file names, of the first bad checkpoint; None if all are bad.
        layers: the first finding must name one of these layers; none if the whole model is concerned.
        remark: if it says nothing against the training, so that the finding is a remark about using the model.
        state: if the defect is in a file and not in the weights, the state in which the file must be listed.
        unseen: whether no rule was ever changed because of it, nor before it was built.
    """

    name: str
    story: str
    make: Callable[[Path], None]
    rules: tuple[str, ...] = ()
    epoch: int | None = None
    layers: tuple[str, ...] = ()
    remark: bool = False
    state: str = ""
    unseen: bool = False

    @property
    def healthy(self) -> bool:
        """Whether nothing is wrong with the run."""
        return not self.rules and not self.state
