"""A checkpoint that was looked into stays open until the next one is, and so the only one of a path is opened once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType

from reporter.gather.catalog import peeked
from reporter.model.checkpoint import CheckpointRef, Claim, Peek
from reporter.model.tensor import Contents
from reporter.readers.opening import open_checkpoint


class StillOpen:
    """The last checkpoint that was looked into."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._open: tuple[Path, Contents] | None = None

    def __enter__(self) -> StillOpen:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def peek(self, claim: Claim) -> Peek:
        """What a checkpoint says of itself.

        Raises:
            reporter.errors.CheckpointError: it cannot be read.
        """
        self._close()
        with ExitStack() as stack:  # which closes what cannot be read
            contents = stack.enter_context(open_checkpoint(claim.format, claim.path))
            seen = peeked(contents)
            self._stack, self._open = stack.pop_all(), (claim.path, contents)
        return seen

    @contextmanager
    def opened(self, ref: CheckpointRef) -> Iterator[Contents]:
        """A checkpoint, which is opened now if it is another one than the last; afterwards it is closed.

        Raises:
            reporter.errors.CheckpointError: it cannot be read.
        """
        if self._open is None or self._open[0] != ref.path:
            with open_checkpoint(ref.format, ref.path) as contents:
                yield contents
        else:
            with self._stack:
                yield self._open[1]

    def _close(self) -> None:
        self._open = None
        self._stack.close()
