"""Rows of a log: numbers by name, of which some are the step or the epoch, and the others metrics."""

from __future__ import annotations

from collections.abc import Mapping

from reporter.metrics.logged import Log, Unit

STEPS = ("step", "global_step", "_step", "iteration", "iterations", "iter", "train/global_step", "trainer/global_step")
"""Names of columns that count steps; the first that a row has does."""

EPOCHS = ("epoch", "epochs")

NO_METRICS = frozenset({"_runtime", "_timestamp", "time", "timestamp", "wall_time", "date", *STEPS, *EPOCHS})
"""Columns that say when, not how well."""


class Rows:
    """Adds rows to a log.

    Epochs are counted from 0 by Keras (``CSVLogger`` writes 0 after the first), and from 1 by others: where the first
    row has epoch 1, the numbers are those of completed epochs, else one more is completed than the number says.

    Args:
        log: what they are added to.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self._completed: float | None = None
        self._count = 0

    def add(self, row: Mapping[str, float]) -> None:
        """Add a row. One that has neither a step nor an epoch counts as an epoch."""
        self._count += 1
        lower = {name.strip().lower(): value for name, value in row.items()}
        step = next((lower[name] for name in STEPS if name in lower), None)
        epoch = next((lower[name] for name in EPOCHS if name in lower), None)
        if epoch is not None and self._completed is None:
            self._completed = 0.0 if epoch == 1 or epoch != int(epoch if abs(epoch) < 1e15 else 0) else 1.0
        done = float(self._count) if epoch is None else epoch + (self._completed or 0.0)
        if step is not None and epoch is not None and done == round(done, 6):
            self._log.steps_of_epochs[done] = step
        unit, position = (Unit.EPOCH, done) if step is None else (Unit.STEP, step)
        for name, value in row.items():
            if name.strip().lower() not in NO_METRICS:
                self._log.add(name, unit, position, value)


def numbers(row: Mapping[str, object]) -> dict[str, float]:
    """What of a row is a number; texts, lists and truth values are none.

    >>> numbers({"loss": 0.5, "step": 3, "ok": True, "note": "x", "bad": float("nan"), "huge": 10**400})
    {'loss': 0.5, 'step': 3.0, 'bad': nan, 'huge': inf}
    """
    found: dict[str, float] = {}
    for name, value in row.items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            try:
                found[name] = float(value)
            except OverflowError:  # a whole number beyond float64
                found[name] = float("inf") if value > 0 else float("-inf")
    return found
