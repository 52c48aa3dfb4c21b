"""The engine behind the commands, for Python: :func:`report`, :func:`scan` and :func:`open_checkpoint`."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reporter.errors import SettingError
from reporter.gather import catalog
from reporter.gather.still_open import StillOpen
from reporter.model.checkpoint import Found
from reporter.opened import OpenCheckpoint
from reporter.pipeline import Outcome, run
from reporter.places import standing_for
from reporter.readers.live_objects import step_of
from reporter.settings.keywords import from_keywords
from reporter.settings.model import Settings
from reporter.settings.options import default_cache
from reporter.terminal.progress import Progress

LONGEST_NAME = 60
"""Characters of a model's name that name a folder."""

if TYPE_CHECKING:
    Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


def report(
    paths: Paths | Any, out: str | os.PathLike[str] = "reports", *,
    progress: bool = False, config: str | os.PathLike[str] | None = None, **settings: Any,
) -> Outcome:  # fmt: skip
    """Make a report: what ``ckpt-report report`` makes, with the same settings.

    Args:
        paths: a folder of checkpoints, a checkpoint, a recording (see :class:`reporter.Recorder`), or several of these;
            or one live model: a Keras model (2 or 3), a ``tf.Module``, a ``tf.train.Checkpoint`` or a mapping of names
            to arrays, as it is now.
        out: the folder that receives ``runs/<id>/`` and ``latest``.
        progress: whether to tell on standard error how far it is.
        config: a ckpt-report.toml or pyproject.toml with settings. Nothing is read from the working folder or the
            environment unless it is named here.
        settings: as in ckpt-report.toml, with ``_`` for ``-``: ``fail_on="warn"``, ``pdf=False``, ``max_age="26h"``,
            ``rules={"frozen": {"severity": "info"}}``. ``cache=None`` measures everything anew.

    Returns:
        What was published: ``outcome.page`` is the path to open, ``outcome.report`` the data, with its ``verdict`` and
        ``judgement.findings``.

    Raises:
        reporter.SettingError: a setting that there is not, with the nearest name; a value it cannot have; a path that
            does not exist.
        reporter.errors.OutputError: the report cannot be written.

    >>> import numpy as np, tempfile, pathlib
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> for step in (1, 2):
    ...     np.savez(folder / f"step-{step}.npz", **{"dense/kernel": np.float32([[step, 2], [3, 4]])})
    >>> outcome = report(folder, folder / "reports", pdf=False, cache=None)
    >>> outcome.report.checkpoints, str(outcome.report.verdict), outcome.page.name
    (2, 'PASS', 'index.html')
    """
    roots = _roots(paths)
    if roots is None:
        return _of_live(paths, out, progress=progress, config=config, **settings)
    made = from_keywords({"cache": default_cache(), **settings}, None if config is None else Path(config))
    return run(replace(made, roots=roots, out=Path(out)), Progress(quiet=not progress))


def _of_live(
    model: Any, out: str | os.PathLike[str], *, progress: bool, config: str | os.PathLike[str] | None, **settings: Any
) -> Outcome:
    """The report of a model as it is now: recorded once, in a folder that nobody needs to hear of."""
    from reporter.recorder import Recorder, called

    name = called(model)
    with tempfile.TemporaryDirectory(prefix="ckpt-report-") as folder, standing_for(Path(folder), "memory: "):
        below = Path(folder) / (re.sub(r"[^\w.-]+", "-", name).strip("-.")[:LONGEST_NAME] or "model")
        recorder = Recorder(out, optimizer=True, folder=below, progress=progress, config=config, **settings)
        if not recorder.settings.title:
            recorder.settings = replace(recorder.settings, title=f"Weights of {name}")
        recorder.record(model, step_of(model) or 0)
        return recorder.report()


def scan(path: Paths, *, settle: float | None = None) -> Found:
    """List what is in a folder, without reading a weight: what ``ckpt-report scan`` prints.

    Args:
        path: a folder of checkpoints, a checkpoint, or several of these.
        settle: seconds; an unsound checkpoint that is younger counts as being written. 120 unless given.

    Returns:
        ``found.series``, each with its ``checkpoints`` in order (``name``, ``path``, ``step`` …), and ``found.files``,
        which says what became of everything, a ``state`` and a ``reason`` each.

    Raises:
        reporter.SettingError: a path does not exist.

    >>> import numpy as np, tempfile, pathlib
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> np.savez(folder / "step-7.npz", **{"dense/kernel": np.zeros((2, 2))})
    >>> found = scan(folder)
    >>> [(one.name, [str(ref.step) for ref in one.checkpoints]) for one in found.series]
    [('step-*', ['7'])]
    """
    given = {} if settle is None else {"settle": settle}
    return catalog.scan(replace(from_keywords(given), roots=paths_of(path)))


@contextmanager
def open_checkpoint(path: str | os.PathLike[str]) -> Iterator[OpenCheckpoint]:
    """Open a checkpoint of any format to read its tensors, without building the model or executing anything.

    Args:
        path: a file, a folder, the prefix of a TensorFlow bundle, or a folder that holds one checkpoint only.

    Raises:
        reporter.SettingError: there is no checkpoint at the path, or more than one.
        reporter.CheckpointError: it cannot be read; also from reading a tensor, if it is damaged.

    >>> import numpy as np, tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "m.npz"
    >>> np.savez(path, **{"dense/kernel": np.float32([[1, 2], [3, 4]])})
    >>> with open_checkpoint(path) as checkpoint:
    ...     checkpoint.shapes, checkpoint.read("dense/kernel").sum().item()
    ({'dense/kernel': (2, 2)}, 10.0)
    """
    where = _one_path(path)
    with StillOpen() as last:
        chosen = catalog.only_checkpoint(where, Settings(), last.peek)
        yield OpenCheckpoint(chosen.ref.path, last.contents(chosen.ref))


def paths_of(paths: Any) -> tuple[Path, ...]:
    """The paths that were given, at least one.

    Raises:
        SettingError: it is something else.
    """
    found = _roots(paths)
    if found is None:
        raise SettingError(f"{type(paths).__name__} is no path, and no list of paths")
    return found


def _roots(paths: Any) -> tuple[Path, ...] | None:
    """The paths that were given; None where it is something else.

    Raises:
        SettingError: there is none.
    """
    if isinstance(paths, str | os.PathLike):
        return (_one_path(paths),)
    if isinstance(paths, Mapping) or not isinstance(paths, Sequence):
        return None
    if not paths:
        raise SettingError("no path was given")
    wrong = [one for one in paths if not isinstance(one, str | os.PathLike)]
    if wrong:
        raise SettingError(
            f"{type(wrong[0]).__name__} is no path; several models are several reports, and several states of one "
            "model are recorded by reporter.Recorder"
        )
    return tuple(_one_path(one) for one in paths)


def _one_path(path: str | os.PathLike[str]) -> Path:
    if not os.fspath(path):
        raise SettingError("the path is empty")  # mostly a variable that is not set; it would be the working folder
    return Path(path)
