"""Report progress on standard error: with a bar on a terminal, else with a line per checkpoint."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from reporter.errors import CheckpointError
from reporter.model.checkpoint import CheckpointRef
from reporter.model.measured import Measured
from reporter.numerals import integer, number, size
from reporter.printable import visible


class Progress:
    """Tells how far a run is.

    Args:
        stream: where to print; standard error if None.
        quiet: print only failures.
    """

    def __init__(self, stream: TextIO | None = None, *, quiet: bool = False) -> None:
        self._stream = stream or sys.stderr
        self._quiet = quiet
        self._bar: Any = None

    @contextmanager
    def counting(self, checkpoints: int) -> Iterator[None]:
        """Show a progress bar for so many checkpoints while the context is open; on a terminal only."""
        if self._stream.isatty() and not self._quiet:
            from tqdm import tqdm

            self._bar = tqdm(total=checkpoints, unit="ckpt", file=self._stream, leave=False)
        try:
            yield
        finally:
            if self._bar is not None:
                self._bar.close()
                self._bar = None

    def measured(self, ref: CheckpointRef, numbers: Measured) -> None:
        """Report that a checkpoint was measured."""
        line = (
            f"measured  {visible(ref.name)}  step {ref.step}  {len(numbers.tensors)} tensors  "
            f"{integer(numbers.parameters)} values  {size(numbers.nbytes)}  {number(numbers.seconds, 2)} s"
        )
        self._line(line, ref)

    def known(self, ref: CheckpointRef) -> None:
        """Report that the numbers of a checkpoint come from an earlier run."""
        self._line(f"known     {visible(ref.name)}  step {ref.step}", ref)

    def failed(self, ref: CheckpointRef, error: CheckpointError) -> None:
        """Report that a checkpoint could not be measured; this is printed even if the run is quiet."""
        self._line(f"{error.state}  {visible(ref.name)}  {visible(error.reason)}", ref, always=True)

    def say(self, text: str) -> None:
        """Announce the next step of the run; on a terminal only."""
        if self._stream.isatty() and not self._quiet:
            print(f"{text} …", file=self._stream)

    def _line(self, line: str, ref: CheckpointRef, *, always: bool = False) -> None:
        if self._bar is not None:
            self._bar.update(1)
            self._bar.set_postfix_str(visible(ref.name)[-40:])
            if always:
                self._bar.write(line, file=self._stream)
        elif always or not self._quiet:
            print(line, file=self._stream, flush=True)
