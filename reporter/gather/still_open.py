"""A checkpoint that was looked into stays open until the next one is, and so the only one of a path is opened once."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from reporter.gather.catalog import peeked
from reporter.model.checkpoint import CheckpointRef, Claim, Peek
from reporter.model.tensor import Contents
from reporter.readers.opening import open_checkpoint


class StillOpen(ExitStack):
    """The last checkpoint that was looked into; as a context, it is open until the end of that at the longest."""

    _last: tuple[Path, Contents] | None = None

    def peek(self, claim: Claim) -> Peek:
        """What a checkpoint says of itself.

        Raises:
            reporter.errors.CheckpointError: it cannot be read.
        """
        self._forget()
        with ExitStack() as stack:  # which closes what cannot be read
            contents = stack.enter_context(open_checkpoint(claim.format, claim.path))
            seen = peeked(contents)
            self._last = claim.path, contents
            self.enter_context(stack.pop_all())
        return seen

    def contents(self, ref: CheckpointRef) -> Contents:
        """What is in a checkpoint, which is opened now if it is another one than the last.

        Raises:
            reporter.errors.CheckpointError: it cannot be read.
        """
        if self._last is None or self._last[0] != ref.path:
            self._forget()
            self._last = ref.path, self.enter_context(open_checkpoint(ref.format, ref.path))
        return self._last[1]

    def _forget(self) -> None:
        self._last = None
        self.close()
