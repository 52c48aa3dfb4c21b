"""Record a model while it is trained: measured in memory, state by state, and reported without any checkpoint."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from reporter.errors import OutputError, ReportError, SettingError
from reporter.gather.last_checkpoint import keep_readiness, keep_spectra
from reporter.gather.recording import InMemory, Recording, found_in
from reporter.judged import Judged, judged
from reporter.measuring.checkpoint import Plan
from reporter.model.finding import Finding
from reporter.model.neighbours import with_roles
from reporter.model.output import RECORDED
from reporter.model.tensor import Collection, Contents, Tensor
from reporter.pipeline import Outcome, run
from reporter.places import address
from reporter.readers.live import live_contents
from reporter.readers.live_arrays import array_contents
from reporter.readers.quantised import labelled
from reporter.settings.keywords import from_keywords
from reporter.settings.options import default_cache
from reporter.terminal.progress import Progress

METRICS = "metrics.jsonl"
"""File in a recording with what the training logged, an object a line: a source of metrics like any other."""

WINDOW = 2
"""States that are judged after each new one: it and the one before. Measured on the weights of a ResNet50: processor
time of 1.2 s for a state in all, of which 0.2 s copy it, 0.3 s measure it and 0.7 s judge it; with three states judged
it is 1.7 s, with thirty far more. The report at the end judges all, also by the rules that need more of them."""


class Recorder:
    """Records a model as it is trained, and makes the report of it; for custom loops.

    What is kept of each state are summaries, in ``out/recorded``: statistics, quantiles, histograms and the exact
    change since the state before. From these the report is made that checkpoints of the same states would have given,
    but for two things: the distance of a large tensor from the *first* state is an estimate, within about 2 %, and the
    readiness for deployment is that of the last state only if it was recorded by this object.

    The exact change needs the weights of the state before. So one copy of the weights stays in the host's memory from
    each state to the next, and while a state is measured there are two. ``optimizer=True`` records the optimizer's
    state as well, as a checkpoint would hold it: with Adam, that is three times the memory, the time and the summaries.

    A training that is started again with the same ``out`` goes on where it continues: states of the step that is
    recorded first, and later ones, are forgotten. If the process is killed, what was recorded stays, and
    ``ckpt-report report out/recorded`` reports it.

    Used as a context, it reports when the context is left, by an error or Ctrl-C as well::

        with reporter.Recorder("reports") as recorder:
            for step, batch in enumerate(batches):
                train(batch)
                if step % 100 == 0:
                    recorder.record(model, step)

    >>> import numpy as np, tempfile, pathlib
    >>> out = pathlib.Path(tempfile.mkdtemp()) / "reports"
    >>> recorder = Recorder(out, pdf=False, cache=None)
    >>> kernel = np.random.default_rng(0).standard_normal((20, 30), "f4")
    >>> for step in (10, 20, 30):
    ...     kernel *= 1.01
    ...     _ = recorder.record({"dense/kernel": kernel}, step)
    >>> recorder.report().report.checkpoints
    3
    """

    def __init__(
        self, out: str | os.PathLike[str] = "reports", *, optimizer: bool = False,
        folder: str | os.PathLike[str] | None = None, progress: bool = False,
        config: str | os.PathLike[str] | None = None, **settings: Any,
    ) -> None:  # fmt: skip
        """Check the settings; nothing is written before the first state.

        Args:
            out: the folder that receives the report.
            optimizer: whether the optimizer's state is recorded as well, as checkpoints hold it.
            folder: where the summaries are kept; ``out/recorded`` unless given.
            progress: whether :meth:`report` tells on standard error how far it is.
            config, settings: as of :func:`reporter.report`.

        Raises:
            SettingError: a setting that there is not, or a value it cannot have.
        """
        made = from_keywords({"cache": default_cache(), **settings}, None if config is None else Path(config))
        self._folder = Path(out) / RECORDED if folder is None else Path(folder)
        self.settings = replace(made, out=Path(out), roots=(self._folder,))
        if url := address(self._folder):
            raise SettingError(f"{url}: what is recorded has to lie on this machine: name a folder for it")
        self._plan = Plan(made.variables, made.quantiles, made.threads)
        self._optimizer, self._progress = optimizer, progress
        self._recording: Recording | None = None
        self._before: InMemory | None = None
        self._told: set[tuple[str, int, str]] = set()
        self._reported = 0
        self.recorded = 0
        """How many states this object has recorded."""
        self.judged: Judged | None = None
        """What the rules say of the last states, as of the last one that was recorded."""
        self.outcome: Outcome | None = None
        """The last report, None before there is one."""

    def record(
        self, model: Any, step: int, *, name: str = "", logs: Mapping[str, Any] | None = None
    ) -> tuple[Finding, ...]:
        """Measure the model as it is now, and judge it beside the states before.

        Args:
            model: a Keras model (2 or 3), a ``tf.Module``, a ``tf.train.Checkpoint`` of several such, or a mapping of
                names to arrays; the same for every state.
            step: the training step, greater than that of the state before.
            name: what the state is called; ``step-<step>`` unless given.
            logs: metrics at this step, such as ``{"loss": 0.3}``, for the report's curves.

        Returns:
            The findings that no state before had, worst first. They are the rules' on the last states
            (:data:`reporter.recorder.WINDOW`); the report judges all.

        Raises:
            SettingError: the model cannot be measured, or the step is not greater.
            OutputError: the summaries cannot be written; the next state is tried all the same.
        """
        return self.keep(self.snapshot(model), model, step, name=name, logs=logs)

    def snapshot(self, model: Any) -> Contents:
        """Copies of all values, as they are now. For :meth:`keep`: workers that train one model together all have to
        read it, as a variable that is spread over them is put together by all of them; one of them keeps it."""
        found = array_contents(model) if isinstance(model, Mapping) else live_contents(model)
        contents = labelled(with_roles(found))
        chosen = [one for one in contents.tensors if self._optimizer or one.info.collection != Collection.OPTIMIZER]
        return replace(contents, tensors=tuple(_copied(one) for one in chosen))

    def keep(
        self, contents: Contents, model: Any, step: int, *, name: str = "", logs: Mapping[str, Any] | None = None
    ) -> tuple[Finding, ...]:
        """What :meth:`record` does with a snapshot of the model."""
        recording = self._begun(model)
        if self._before is None:
            recording.forget_from(step)
            _forget_metrics(self._folder / METRICS, step)
        elif step <= (self._before.checkpoint.ref.step.value or 0):
            last = self._before.checkpoint.ref.step
            raise SettingError(f"record: step {step} does not come after step {last}, which was recorded before")
        # If this fails, the next state is compared with the one before this, which comes before it in the series.
        self._before = state = recording.keep(name or f"step-{step}", step, contents, self._plan, self._before)
        self.recorded += 1
        if self.settings.spectral:
            keep_spectra(state, self.settings.threads)
        self.log(step, logs or {})
        return self._judge(recording)

    def log(self, step: int, logs: Mapping[str, Any]) -> None:
        """Note metrics of a step at which no state is recorded.

        Raises:
            OutputError: they cannot be written.
        """
        row = {name: float(value) for name, value in logs.items() if np.ndim(value) == 0 and np.isreal(value)}
        if not row:
            return
        try:
            with (self._folder / METRICS).open("a", encoding="utf-8") as file:
                file.write(json.dumps({"step": step, **row}) + "\n")
        except OSError as error:
            raise OutputError(f"{self._folder / METRICS}: cannot be written ({error.strerror or error})") from error

    def report(self) -> Outcome:
        """Make the report of everything that was recorded.

        Raises:
            SettingError: nothing was recorded.
            OutputError: it cannot be written.
        """
        if self._before is not None and self.settings.deployment == "last":
            keep_readiness(self._before)
        if self.next_step == 0:
            raise SettingError("report: nothing was recorded yet")
        titled = self.settings.title or f"Training of {Recording(self._folder).title}"
        outcome = run(replace(self.settings, title=titled), Progress(quiet=not self._progress))
        self._reported, self.outcome = self.recorded, outcome
        return outcome

    @property
    def next_step(self) -> int:
        """The step after the last one that was recorded, by whomever; 0 where there is none."""
        last = Recording(self._folder).last_step
        return 0 if last is None else last + 1

    @property
    def folder(self) -> Path:
        """Where the summaries are kept."""
        return self._folder

    @property
    def unreported(self) -> int:
        """How many states were recorded since the last report."""
        return self.recorded - self._reported

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.unreported:
            return
        try:
            self.report()
        except ReportError as problem:
            if error is None:
                raise
            error.add_note(f"the report of what was recorded could not be made: {problem}")

    def _begun(self, model: Any) -> Recording:
        if self._recording is None:
            self._recording = Recording.begin(self._folder, called(model))
        return self._recording

    def _judge(self, recording: Recording) -> tuple[Finding, ...]:
        """The findings that nothing was told of yet."""
        settings = replace(self.settings, deployment="off", spectral=False)
        self.judged = judged(settings, found_in([recording], WINDOW))
        return tuple(finding for finding in self.judged.findings if self._is_news(finding))

    def _is_news(self, finding: Finding) -> bool:
        parts = finding.tensors or finding.layers or (finding.tensor or finding.layer,)
        keys = {(finding.rule.name, finding.severity.value, part) for part in parts}
        fresh = keys - self._told
        self._told |= fresh
        return bool(fresh)


def called(model: Any) -> str:
    """What a live model is called: by its name, else by its class.

    >>> called({"dense/kernel": 1})
    'model'
    """
    return "model" if isinstance(model, Mapping) else str(getattr(model, "name", None) or type(model).__name__)


def _copied(source: Any) -> Tensor:
    """A tensor with values of its own: those of a live variable change, and what it hands out may be a view of them."""
    blocks: list[npt.NDArray[Any]] = [np.array(block) for block in source.blocks()]

    def again() -> Iterator[npt.NDArray[Any]]:
        return iter(blocks)

    return Tensor(source.info, again)


def _forget_metrics(path: Path, step: int) -> None:
    """Leave out what an earlier training logged at this step and later."""
    try:
        lines = path.read_text("utf-8").splitlines()
        kept = [line for line in lines if json.loads(line)["step"] < step]
        if len(kept) < len(lines):
            path.write_text("".join(f"{line}\n" for line in kept), "utf-8")
    except FileNotFoundError:
        pass
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OutputError(f"{path}: what was logged there before cannot be gone over ({error})") from error
