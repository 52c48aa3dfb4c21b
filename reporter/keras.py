"""A callback for ``fit``: record the model while it trains, and make the report at the end.

One class serves Keras 3 and tf_keras, although it derives from neither's ``Callback``: which of the two a program uses
is known only when ``fit`` calls, and importing either takes seconds. Both call their callbacks by the names of methods
and never look at their class, so that having the methods is enough.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from functools import partial
from types import FrameType, TracebackType
from typing import Any, Literal

from reporter.errors import ReportError, SettingError
from reporter.model.finding import Finding, Severity
from reporter.pipeline import Outcome
from reporter.places import shown
from reporter.readers.live_objects import step_of
from reporter.recorder import Recorder

LOGGER = logging.getLogger("ckpt_report")
"""Where findings and errors are logged: warnings and errors are on standard error unless logging is configured."""

STOPS: tuple[str | None, ...] = (None, "fail", "warn")


def _nothing(*arguments: Any, **keywords: Any) -> None:
    """A hook of no interest."""


class Report:
    """A Keras callback that measures the live weights, and renders the report when training ends.

    No checkpoint is needed or written: what is kept of each state are summaries, see :class:`reporter.Recorder`, which
    says what stays in memory, too. A finding is logged once, when it shows first: a NaN in the epoch in which it
    appears, with the layer's name. Training is never broken: an error of this callback is logged, and training goes on.

    On Ctrl-C the report of what was recorded is made before the ``KeyboardInterrupt`` goes on; a second Ctrl-C skips
    that. Where anything else may end ``fit``, use the callback as a context, which reports when it is left::

        with reporter.keras.Report("reports") as report:
            model.fit(data, epochs=10, callbacks=[report])

    Where several workers train one model (``tf.distribute``), give it to all of them: all read the variables, and the
    chief records and reports.

    Attributes:
        model: given by ``fit``.
        recorder: what it records with.
        outcome: the last report, None before it is made or if it could not be.
    """

    _supports_tf_logs = True  # asked by tf_keras, which else converts the logs of every batch

    def __init__(
        self, out: str | os.PathLike[str] = "reports", every: int | Literal["epoch"] = "epoch", *,
        save: str | os.PathLike[str] | None = None, stop_on: Literal["fail", "warn"] | None = None,
        initial: bool = True, optimizer: bool = False, config: str | os.PathLike[str] | None = None, **settings: Any,
    ) -> None:  # fmt: skip
        """Check the arguments; nothing is written before training begins.

        Args:
            out: the folder that receives the report.
            every: when a state is recorded: at the end of each epoch, or every so many batches.
            save: the folder that keeps the summaries, so that a training that is resumed continues its trend;
                ``out/recorded`` unless given.
            stop_on: the severity of a finding that stops training (``model.stop_training``); None: none does. Where
                several workers train, nothing is stopped, as all would have to stop at once.
            initial: whether the state before the first step is recorded as well.
            optimizer: whether the optimizer's state is recorded as well, as checkpoints hold it.
            config, settings: as of :func:`reporter.report`.

        Raises:
            reporter.SettingError: an argument that cannot be used.
        """
        if every != "epoch" and (isinstance(every, bool) or not isinstance(every, int) or every < 1):
            raise SettingError(f"every: {every!r} is neither 'epoch' nor a number of batches, 1 or more")
        if stop_on not in STOPS:
            raise SettingError(f"stop_on: {stop_on!r} is not one of None, 'fail', 'warn'")
        self.every, self.stop_on, self.initial = every, stop_on, initial
        self.recorder = Recorder(out, optimizer=optimizer, folder=save, config=config, **settings)
        self.model: Any = None
        self.params: Mapping[str, Any] = {}
        self.outcome: Outcome | None = None
        self._last: int | None = None
        self._batches = self._before_epoch = 0
        self._complaints: set[str] = set()
        self._busy = False
        self._handler: Any = None
        self._interruption: Callable[[], object] | None = None

    # What fit calls

    def set_params(self, params: Mapping[str, Any] | None) -> None:
        """Called by ``fit`` with epochs, steps and verbosity."""
        self.params = params or {}

    def set_model(self, model: Any) -> None:
        """Called by ``fit`` with the model that it trains."""
        self.model = model

    def on_train_begin(self, logs: Any = None) -> None:
        """Record the state before the first step, and listen for Ctrl-C."""
        self._batches = self._before_epoch = 0
        if is_chief(self.model):
            self._listen()
        if self.stop_on and _workers() > 1:
            self._complain("stop_on has no effect where several workers train one model")
        if self.initial and getattr(self.model, "built", False):
            self._record("initial")

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Note how many batches the epochs before had."""
        self._before_epoch = self._batches

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Record a state where one is due; ``batch`` may be the last of several that ran as one."""
        before, self._batches = self._batches, self._before_epoch + batch + 1
        if self.every != "epoch" and self._batches // self.every > before // self.every:
            self._record(f"batch-{self._batches}", logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Record the state at the end of an epoch, or its metrics alone."""
        if self.every == "epoch":
            self._record(f"epoch-{epoch + 1:04}", logs)
        elif self._last is not None and logs and is_chief(self.model):
            self._safely(lambda: self.recorder.log(self._step(), logs))

    def on_train_end(self, logs: Any = None) -> None:
        """Make the report."""
        self.finish()

    def __getattr__(self, name: str) -> Callable[..., None]:
        """Every other hook, of this version of Keras or a later one, does nothing."""
        if name.startswith("on_"):
            return _nothing
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def _implements_train_batch_hooks(self) -> bool:
        """Asked by tf_keras, which then leaves out what a batch would cost."""
        return self.every != "epoch"

    def _implements_test_batch_hooks(self) -> bool:
        return False

    def _implements_predict_batch_hooks(self) -> bool:
        return False

    # What it does

    def finish(self) -> None:
        """Make the report of what was recorded since the last one, if anything was; errors are logged."""
        self._silence()
        if self.recorder.unreported and not self._busy:
            self._safely(self._report)

    def __enter__(self) -> Report:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.finish()

    def _report(self) -> None:
        self.outcome = self.recorder.report()
        for problem in (*self.outcome.problems, self.outcome.pdf_problem):
            if problem:
                LOGGER.warning("%s", problem)
        LOGGER.info("verdict %s: %s", self.outcome.report.verdict, shown(self.outcome.page))

    def _record(self, name: str, logs: Mapping[str, Any] | None = None) -> None:
        self._safely(lambda: self._recorded(name, logs))

    def _recorded(self, name: str, logs: Mapping[str, Any] | None) -> None:
        if (synchronise := getattr(self.model, "jax_state_sync", None)) is not None:
            synchronise()  # with JAX, weights are not in the model while an epoch lasts
        step = self._step()
        if step == self._last:
            return  # fit was called again
        contents = self.recorder.snapshot(self.model)
        self._last = step
        if is_chief(self.model):
            for finding in self.recorder.keep(contents, self.model, step, name=name, logs=logs):
                self._tell(finding, name)

    def _step(self) -> int:
        """The steps of the optimizer, which a checkpoint would hold; batches where it has none."""
        known = step_of(self.model)
        return self._batches if known is None else known

    def _tell(self, finding: Finding, name: str) -> None:
        """Log a finding, and stop training if it is one to stop at."""
        if finding.severity is Severity.INFO:
            return
        level = logging.ERROR if finding.severity is Severity.FAIL else logging.WARNING
        LOGGER.log(level, "%s: %s %s: %s", name, finding.severity.name, finding.rule.name, finding.message)
        if self.stop_on and finding.severity >= Severity[self.stop_on.upper()] and _workers() == 1:
            LOGGER.error("%s: training is stopped, as stop_on=%r asks for", name, self.stop_on)
            self.model.stop_training = True

    def _safely(self, work: Callable[[], None]) -> None:
        """Do something whose errors must not break training: each is logged once."""
        self._busy = True
        try:
            work()
        except ReportError as error:
            self._complain(f"{error}; training goes on")
        except Exception as error:
            self._complain(f"a defect of ckpt-report ({type(error).__name__}: {error}); training goes on", error)
        finally:
            self._busy = False
        if (interruption := self._interruption) is not None:
            self._interruption = None
            self.finish()
            interruption()

    def _complain(self, text: str, error: Exception | None = None) -> None:
        if text not in self._complaints:
            self._complaints.add(text)
            LOGGER.error("%s", text, exc_info=error)

    # Ctrl-C

    def _listen(self) -> None:
        """Have the report made at Ctrl-C: ``fit`` calls no callback then."""
        if threading.current_thread() is threading.main_thread() and self._handler is None:
            before = signal.getsignal(signal.SIGINT)
            if callable(before):  # else it is ignored, or not Python's
                self._handler = before
                signal.signal(signal.SIGINT, self._interrupted)

    def _silence(self) -> None:
        if self._handler is None or threading.current_thread() is not threading.main_thread():
            return
        if signal.getsignal(signal.SIGINT) == self._interrupted:
            signal.signal(signal.SIGINT, self._handler)
        self._handler = None

    def _interrupted(self, number: int, frame: FrameType | None) -> None:
        """The handler of Ctrl-C: the report first, then whatever would have happened."""
        before = self._handler or signal.default_int_handler
        self._silence()
        if self._busy:  # the state that is just being measured is finished first
            self._interruption = partial(before, number, frame)
            return
        if self.recorder.unreported:
            LOGGER.warning("interrupted: making the report of what was recorded; Ctrl-C again skips it")
            self.finish()
        before(number, frame)


def is_chief(model: Any) -> bool:
    """Whether this process is the one that writes checkpoints: TensorFlow says so; True without ``tf.distribute``.

    TensorFlow is not imported for that: where a strategy is in use, it is there.
    """
    strategy = getattr(model, "distribute_strategy", None)
    if strategy is None and (tensorflow := sys.modules.get("tensorflow")) is not None:
        strategy = tensorflow.distribute.get_strategy()
    return bool(getattr(getattr(strategy, "extended", None), "should_checkpoint", True))


def _workers() -> int:
    """How many processes train one model, by the variable that ``tf.distribute`` reads."""
    try:
        cluster = json.loads(os.environ.get("TF_CONFIG", "{}")).get("cluster", {})
        return max(1, sum(len(cluster.get(job, ())) for job in ("chief", "worker")))
    except (ValueError, AttributeError, TypeError):
        return 1
