"""What every checkpoint format implements: claim a file by its content, then open it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from reporter.model.checkpoint import Claim, Probe
from reporter.model.tensor import Contents


class Reader(Protocol):
    """A checkpoint format. One file in ``reporter/readers``, one line in :data:`reporter.readers.READERS`."""

    @property
    def name(self) -> str:
        """Short name used in JSON and listings, such as ``tf-bundle``."""
        ...

    @property
    def title(self) -> str:
        """The format in words, such as ``TensorFlow checkpoint (V2 bundle)``."""
        ...

    def claim_folder(self, folder: Path, names: Mapping[str, Path]) -> Claim | None:
        """Claim a whole folder (its direct children by name), or None."""
        ...

    def claim_file(self, probe: Probe, siblings: Mapping[str, Path]) -> Claim | None:
        """Claim a file by its first and last bytes, or None; ``siblings`` are the files beside it by name."""
        ...

    def open(self, path: Path) -> AbstractContextManager[Contents]:
        """Open a claimed checkpoint; its tensors can be streamed until the context ends.

        Raises:
            reporter.errors.CheckpointError: it cannot be read; the message says why and what to do.
        """
        ...
