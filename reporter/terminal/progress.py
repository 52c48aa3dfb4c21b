"""The progress of a run on standard error: on a terminal one line that changes, else a line per checkpoint."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from reporter.errors import CheckpointError
from reporter.model.checkpoint import CheckpointRef
from reporter.model.measured import Measured
from reporter.numerals import integer, size, time_taken
from reporter.printable import visible
from reporter.terminal.log import Log, Loudness

STAGES = ("looking", "measuring", "judging", "drawing", "writing", "PDF", "publishing")
"""Of a run, in order, as they are called on the terminal."""

OFTEN = 0.1
"""Least seconds between two changes of the line."""

_CLEAR = "\r\x1b[2K"


class Progress:
    """Tells how far a run is.

    Args:
        log: where to.
        quiet: in place of ``log``: print nothing.
    """

    def __init__(self, log: Log | None = None, *, quiet: bool = False) -> None:
        self._log = log or Log(loudness=Loudness.QUIET if quiet else Loudness.USUAL)
        self._live = self._log.live
        self._stage = ""
        self._done, self._of = 0, 0
        self._started = time.monotonic()
        self._stage_started = self._started
        self._shown = 0.0

    @contextmanager
    def shown(self) -> Iterator[None]:
        """A context for the whole run, at whose end the line is removed."""
        try:
            yield
        finally:
            self._finish_stage()
            self._clear()

    def stage(self, name: str) -> None:
        """Begin a stage, one of :data:`STAGES`."""
        self._finish_stage()
        self._stage, self._stage_started = name, time.monotonic()
        self._done, self._of = 0, 0
        self._show(at_once=True)

    @contextmanager
    def counting(self, checkpoints: int) -> Iterator[None]:
        """While the context is open, the checkpoints that are done are counted, out of so many."""
        self._done, self._of = 0, checkpoints
        yield

    def tick(self) -> None:
        """One more picture or page is made."""
        self._done += 1
        self._show()

    def compiling(self) -> None:
        """Tell why a first run takes longer."""
        self._clear()
        self._log.line("compiling", "compiling kernels once, a few seconds; later runs load them")
        self._show(at_once=True)

    def measured(self, ref: CheckpointRef, numbers: Measured) -> None:
        """Report that a checkpoint was measured."""
        line = (
            f"measured  {visible(ref.name)}  step {ref.step}  {len(numbers.tensors)} tensors  "
            f"{integer(numbers.parameters)} values  {size(numbers.nbytes)}  {time_taken(numbers.seconds)}"
        )
        self._checkpoint("measured", line, ref, bytes=numbers.nbytes, seconds=round(numbers.seconds, 3))

    def known(self, ref: CheckpointRef) -> None:
        """Report that the numbers of a checkpoint come from an earlier run."""
        self._checkpoint("known", f"known     {visible(ref.name)}  step {ref.step}", ref)

    def failed(self, ref: CheckpointRef, error: CheckpointError) -> None:
        """Report that a checkpoint could not be measured; on a terminal, too, where other checkpoints get no line."""
        self._done += 1
        self._clear()
        line = f"{error.state}  {visible(ref.name)}  {visible(error.reason)}"
        self._log.line(
            "failed", line, level="warning", checkpoint=ref.name, state=str(error.state), reason=error.reason
        )
        self._show(at_once=True)

    def say(self, text: str, *, event: str = "note", level: str = "warning") -> None:
        """A line that stays."""
        self._clear()
        self._log.line(event, text, level=level)
        self._show(at_once=True)

    def _checkpoint(self, event: str, line: str, ref: CheckpointRef, **facts: Any) -> None:
        self._done += 1
        if not self._live or self._log.loudness is Loudness.VERBOSE:
            self._clear()
            self._log.line(event, line, checkpoint=ref.name, step=ref.step.value, **facts)
        self._show(visible(ref.name)[-40:])

    def _finish_stage(self) -> None:
        """Tell the seconds of the stage that ends, where everything is told."""
        if self._stage and self._log.loudness is Loudness.VERBOSE:
            seconds = time.monotonic() - self._stage_started
            self._clear()
            self._log.line(
                "stage", f"{self._stage}: {time_taken(seconds)}", stage=self._stage, seconds=round(seconds, 3)
            )
        self._stage = ""

    def _show(self, detail: str = "", *, at_once: bool = False) -> None:
        """Write the line anew, but not more often than anybody can read."""
        now = time.monotonic()
        if not self._live or not self._stage or (not at_once and now - self._shown < OFTEN):
            return
        self._shown = now
        text = self._text(detail, round(now - self._started))
        self._log.stream.write(f"{_CLEAR}{text[: shutil.get_terminal_size().columns - 1]}")
        self._log.stream.flush()

    def _text(self, detail: str, seconds: int) -> str:
        place = f"[{STAGES.index(self._stage) + 1}/{len(STAGES)}]" if self._stage in STAGES else "[ ]"
        count = f" {self._done} of {self._of}" if self._of else f" {self._done}" if self._done else ""
        clock = f"{seconds // 60}:{seconds % 60:02}"
        return f"{place} {clock}  {self._stage}{count}  {detail}".rstrip()

    def _clear(self) -> None:
        if self._live:
            self._log.stream.write(_CLEAR)
            self._log.stream.flush()
