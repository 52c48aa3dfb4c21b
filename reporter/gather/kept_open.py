"""Checkpoints that stay open while later ones are read beside them, value by value."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from reporter.gather.stable_read import unchanged
from reporter.model.checkpoint import CheckpointRef
from reporter.model.tensor import Contents
from reporter.readers.opening import open_checkpoint


class KeptOpen:
    """Open checkpoints by path, each opened when it is first needed."""

    def __init__(self) -> None:
        self._open: dict[Path, tuple[ExitStack, Contents]] = {}

    def __enter__(self) -> KeptOpen:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.keep(())

    def contents(self, ref: CheckpointRef) -> Contents:
        """What is in a checkpoint, for as long as it is kept.

        Raises:
            reporter.errors.CheckpointError: it cannot be opened, or is not the one that discovery saw.
        """
        if ref.path not in self._open:
            unchanged(ref)
            stack = ExitStack()
            contents = stack.enter_context(open_checkpoint(ref.format, ref.path))
            self._open[ref.path] = stack, contents
        return self._open[ref.path][1]

    def keep(self, refs: Iterable[CheckpointRef]) -> None:
        """Close all others."""
        kept = {ref.path for ref in refs}
        self._close([path for path in self._open if path not in kept])

    def drop(self, refs: Iterable[CheckpointRef]) -> None:
        """Close these."""
        self._close({ref.path for ref in refs} & self._open.keys())

    def _close(self, paths: Iterable[Path]) -> None:
        for path in paths:
            stack, _ = self._open.pop(path)
            stack.close()
