"""The same numbers from Python: for a path, a live model or layer, arrays, and mappings of them.

What compares is imported by the functions that do: importing takes longer than measuring a small model.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reporter.errors import SettingError
from reporter.gather.catalog import only_checkpoint
from reporter.library.bins import SampleHistogram, whole_bins
from reporter.library.diff import Diff, VariableDiff
from reporter.library.measurement import Measurement
from reporter.library.progress import told
from reporter.library.sample import Sample
from reporter.library.single import inspect
from reporter.library.subject import opened
from reporter.measuring.checkpoint import Plan, measure_checkpoint
from reporter.model.defaults import QUANTILES
from reporter.places import shown as shown_path
from reporter.readers.opening import open_checkpoint
from reporter.settings.model import BINS, Settings

if TYPE_CHECKING:
    from reporter.model.difference import Difference

__all__ = [
    "Diff",
    "Measurement",
    "Sample",
    "SampleHistogram",
    "VariableDiff",
    "diff",
    "difference_of",
    "inspect",
    "measure",
]

Progress = bool | Callable[[int, int], object]


def measure(
    x: Any,
    *,
    variables: str = "model",
    bins: int = BINS,
    quantiles: Iterable[float] = QUANTILES,
    progress: Progress = False,
) -> Measurement:
    """Statistics and histograms of weights, per variable, per layer and for the whole model.

    Args:
        x: the path of one checkpoint (a file, a folder, or a bundle's prefix); a built ``tf.keras.Model`` or layer
            (Keras 2 or 3; Sequential, functional, subclassed, nested) or a ``tf.Module``; a variable or an array, of
            any shape; or a mapping of names such as ``dense/kernel`` to variables, arrays, or such mappings.
        variables: ``trainable``, ``model`` (all variables of the model) or ``all`` (optimizer state as well).
        bins: number of histogram bins, 1 … 512. Counts are exact, for which edges are moved a little; where that many
            bins are not possible, the histogram's ``note`` says so.
        quantiles: probabilities in [0, 1].
        progress: True for a line on the terminal, or a function that is called with (tensors read, all tensors).

    Returns:
        A mapping from names to :class:`Sample`, with ``layers``, ``whole``, ``to_pandas()``, ``plot()`` and more.

    Raises:
        reporter.errors.SettingError: an argument that cannot be used.
        reporter.errors.CheckpointError: the checkpoint cannot be read.

    >>> import numpy as np, tempfile, pathlib
    >>> from safetensors.numpy import save_file
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "m.safetensors"
    >>> save_file({"dense.kernel": np.float32([[1, 2], [3, 4]])}, path)
    >>> result = measure(path, quantiles=(0.5,))
    >>> result["dense.kernel"].statistics["mean"], result.whole.quantiles[0.5]
    (2.5, 2.5)
    """
    settings = _settings(variables, bins, quantiles)
    with opened(x, settings) as contents:
        numbers, _ = measure_checkpoint(told(contents, progress), Plan(settings.variables, settings.quantiles))
    return Measurement.of(numbers, settings.bins, contents.step)


def difference_of(
    a: Any,
    b: Any,
    *,
    variables: str = "model",
    bins: int = BINS,
    quantiles: Iterable[float] = QUANTILES,
    progress: Progress = False,
) -> Diff:
    """The exact change from ``a`` to ``b``, value by value, and the numbers of both: ``reporter.diff``.

    Variables are matched by name. Where names differ only in numbers that Keras gave, or in a scope around all of
    them, those of ``a`` are shown, and the result's notes say so.

    Args:
        a: the earlier one: anything that :func:`measure` takes.
        b: the later one, of any of these kinds.
        variables: as in :func:`measure`.
        bins: as in :func:`measure`.
        quantiles: as in :func:`measure`.
        progress: as in :func:`measure`; what is counted are the tensors of ``a``, then those of ``b``.

    Raises:
        reporter.errors.SettingError: an argument that cannot be used.
        reporter.errors.CheckpointError: a checkpoint cannot be read.

    >>> import numpy as np
    >>> found = difference_of({"w": np.array([1.0, 2.0, 2.0])}, {"w": np.array([1.0, 2.0, 2.3])})
    >>> f"{found['w'].change.relative_update:.3f}", found["w"].change.equal, str(found["w"].state)
    ('0.100', 2, 'changed')
    """
    from reporter.gather.layer_names import notes
    from reporter.library.pair import measured_pair

    settings = _settings(variables, bins, quantiles)
    with opened(a, settings) as old, opened(b, settings) as new:
        pair = measured_pair(told(old, progress), told(new, progress), Plan(settings.variables, settings.quantiles))
        before = Measurement.of(pair.before, settings.bins, old.step)
        after = Measurement.of(pair.after, settings.bins, new.step)
        return Diff.of(before, after, pair.changes, notes([pair.matched]))


def _settings(variables: Any, bins: Any, quantiles: Any) -> Settings:
    """What was asked for, checked."""
    try:
        if isinstance(quantiles, str):
            raise TypeError
        probabilities = tuple(float(p) for p in quantiles)
    except (TypeError, ValueError):
        raise SettingError(f"quantiles: {quantiles!r} is not a list of probabilities such as (0.05, 0.5)") from None
    return Settings(variables=variables, bins=whole_bins(bins), quantiles=probabilities)


def diff(before: Path, after: Path, settings: Settings) -> Difference:
    """Two checkpoints, or two report.json, against each other, for ``ckpt-report diff``.

    Raises:
        reporter.errors.SettingError, reporter.errors.CheckpointError: as :func:`measure`.
    """
    from reporter.compare import difference, difference_of_reports
    from reporter.derive.kinds import kinds_of
    from reporter.gather.layer_names import notes, under_names
    from reporter.library.pair import measured_pair
    from reporter.measuring.kinds import examine

    names = shown_path(before), shown_path(after)
    if before.suffix == after.suffix == ".json":
        records = _report(before), _report(after)
        try:
            return difference_of_reports(*records, names)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            what = f"{type(error).__name__}: {error}"
            raise SettingError(f"{before} and {after}: not two report.json of ckpt-report ({what})") from error
    plan = Plan(settings.variables, settings.quantiles)
    one, other = only_checkpoint(before, settings), only_checkpoint(after, settings)
    chosen = (choice.note for choice in (one, other) if choice.note)
    with open_checkpoint(one.ref.format, one.ref.path) as old, open_checkpoint(other.ref.format, other.ref.path) as new:
        pair = measured_pair(old, new, plan)
        a, b, changes, shown = pair.before, pair.after, pair.changes, pair.shown
        known = kinds_of(a, b, changes)
        kinds = examine(old, under_names(new, shown), known, changes, b.by_name, spectral=settings.spectral)
        return difference(a, b, changes, names, (*chosen, *notes([pair.matched])), kinds)


def _report(path: Path) -> Any:
    from reporter.model.report import SCHEMA_VERSION

    try:
        record = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SettingError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:  # RecursionError: nested a thousand times
        raise SettingError(f"{path}: is no JSON: {error}") from error
    version = record.get("schema_version") if isinstance(record, dict) else None
    if version != SCHEMA_VERSION:
        raise SettingError(f"{path}: not a report.json of ckpt-report with schema version {SCHEMA_VERSION}")
    return record
