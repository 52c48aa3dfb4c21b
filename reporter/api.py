"""The same numbers from Python: for a checkpoint path, a live Keras model or a ``tf.Module``."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from reporter.compare import difference, difference_of_reports
from reporter.derive.histograms import histogram
from reporter.derive.kinds import kinds_of
from reporter.errors import SettingError
from reporter.gather.catalog import only_checkpoint
from reporter.gather.layer_names import match, notes, renamed, under_names
from reporter.measuring.checkpoint import Plan, measure_checkpoint
from reporter.measuring.kinds import examine
from reporter.measuring.pairs import compare_recast
from reporter.model.defaults import QUANTILES
from reporter.model.difference import Difference
from reporter.model.histogram import Histogram
from reporter.model.measured import GroupMeasure, Measured, TensorMeasure
from reporter.model.neighbours import with_roles
from reporter.model.report import SCHEMA_VERSION
from reporter.model.summary import Summary
from reporter.model.tensor import Contents
from reporter.model.value import Absent, Quantiles, Statistics
from reporter.places import shown as shown_path
from reporter.readers.live import live_contents
from reporter.readers.opening import open_checkpoint
from reporter.readers.quantised import labelled
from reporter.settings.model import BINS, Settings


@dataclass(frozen=True, slots=True)
class Sample:
    """Numbers of one variable, one layer, or the whole model.

    Attributes:
        name: the variable's or layer's name; the selection for the whole.
        statistics: name -> number, None where there is no data or the statistic is not defined for it.
        quantiles: probability -> quantile of the finite values.
        quantiles_exact: True for single variables; else each order statistic is within 2⁻⁸ of its magnitude.
        histogram: exact counts in about ``bins`` bins over the full range, None without finite values.
        shape, dtype, role, trainable: of a variable; of layers and the whole: (), "", "", None.
        layer: the owning layer of a variable, "" if none.
        variables: names of the variables it speaks of.
    """

    name: str
    statistics: dict[str, float | int | None]
    quantiles: dict[float, float]
    quantiles_exact: bool
    histogram: Histogram | None
    variables: tuple[str, ...]
    layer: str = ""
    shape: tuple[int, ...] = ()
    dtype: str = ""
    role: str = ""
    trainable: bool | None = None


@dataclass(frozen=True, slots=True)
class Measurement:
    """What :func:`measure` returns.

    Attributes:
        variables: one sample per selected variable, in model order.
        layers: one per layer that owns selected variables, in model order.
        whole: all selected variables as one sample.
        step: training step where a checkpoint stores it.
        notes: what a reader of the numbers should know.
    """

    variables: tuple[Sample, ...]
    layers: tuple[Sample, ...]
    whole: Sample
    step: int | None = None
    notes: tuple[str, ...] = ()

    def variable(self, name: str) -> Sample:
        """The variable of that name; KeyError if there is none."""
        return _named(self.variables, name)

    def layer(self, name: str) -> Sample:
        """The layer of that name; KeyError if it owns no selected variable."""
        return _named(self.layers, name)


def measure(
    x: Any,
    *,
    variables: str = "model",
    bins: int = BINS,
    quantiles: Iterable[float] = QUANTILES,
) -> Measurement:
    """Statistics and histograms of weights, per variable, per layer and for the whole model.

    Args:
        x: the path of one checkpoint (a file, a folder, or a bundle's prefix), a built ``tf.keras.Model`` (Keras 2
            or 3; Sequential, functional, subclassed, nested) or a ``tf.Module``.
        variables: ``trainable``, ``model`` (all variables of the model) or ``all`` (optimizer state as well).
        bins: wanted number of histogram bins, 1 … 512; the nearest number for which the counts are exact is used.
        quantiles: probabilities in [0, 1].

    Raises:
        reporter.errors.SettingError: an argument that cannot be used.
        reporter.errors.CheckpointError: the checkpoint cannot be read.

    >>> import numpy as np, tempfile, pathlib
    >>> from safetensors.numpy import save_file
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "m.safetensors"
    >>> save_file({"dense.kernel": np.float32([[1, 2], [3, 4]])}, path)
    >>> result = measure(path, quantiles=(0.5,))
    >>> result.variable("dense.kernel").statistics["mean"], result.whole.quantiles[0.5]
    (2.5, 2.5)
    """
    probabilities = tuple(quantiles)
    settings = Settings(variables=variables, bins=bins, quantiles=probabilities)
    is_path = isinstance(x, str | os.PathLike)
    if x == "":
        raise SettingError("the path is empty")
    opened = _opened(Path(x), settings) if is_path else nullcontext(labelled(with_roles(live_contents(x))))
    with opened as contents:
        chosen = _selected(contents, variables)
        numbers, _ = measure_checkpoint(chosen, Plan(variables, settings.quantiles))
    return Measurement(
        variables=tuple(_variable(t, bins) for t in numbers.tensors),
        layers=tuple(_group(g, bins) for g in numbers.layers),
        whole=_group(numbers.whole, bins),
        step=contents.step,
        notes=numbers.notes,
    )


def inspect(path: Path, settings: Settings) -> tuple[Contents, Measured]:
    """Everything in one checkpoint, for ``ckpt-report inspect``.

    Raises:
        reporter.errors.SettingError, reporter.errors.CheckpointError: as :func:`measure`.
    """
    with _opened(path, settings) as contents:
        return contents, measure_checkpoint(contents, Plan(settings.variables, settings.quantiles, settings.threads))[0]


def diff(before: Path, after: Path, settings: Settings) -> Difference:
    """Two checkpoints, or two report.json, against each other, for ``ckpt-report diff``.

    Raises:
        reporter.errors.SettingError, reporter.errors.CheckpointError: as :func:`measure`.
    """
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
        a, _ = measure_checkpoint(old, plan)
        matched = match(a, new)
        shown = matched.tensors
        paired = under_names(old, {name: own for own, name in shown.items()})
        b, (own,) = measure_checkpoint(new, plan, [paired])
        recast = compare_recast(paired, new)
        known = own.with_further(recast, [t.info.name for t in b.tensors]) if recast else own
        b, changes = renamed(b, matched), known.renamed(shown)
        told = kinds_of(a, b, changes)
        kinds = examine(old, under_names(new, shown), told, changes, b.by_name, spectral=settings.spectral)
        return difference(a, b, changes, names, (*chosen, *notes([matched])), kinds)


def _report(path: Path) -> Any:
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


@contextmanager
def _opened(path: Path, settings: Settings) -> Iterator[Contents]:
    """The one checkpoint that a path names; its notes say which one that is where the path does not."""
    chosen = only_checkpoint(path, settings)
    with open_checkpoint(chosen.ref.format, chosen.ref.path) as contents:
        yield replace(contents, notes=(chosen.note, *contents.notes)) if chosen.note else contents


def _selected(contents: Contents, variables: str) -> Contents:
    """Without the tensors that the selection leaves out, so that they are not even read."""
    if variables == "all":
        return contents
    return replace(
        contents,
        tensors=tuple(
            t
            for t in contents.tensors
            if t.info.collection == "model" and (variables == "model" or t.info.trainable is not False)
        ),
    )


def _variable(tensor: TensorMeasure, bins: int) -> Sample:
    info = tensor.info
    common = _sample(info.name, tensor.summary, tensor.statistics, tensor.quantiles, (info.name,), bins)
    return replace(
        common, layer=info.layer, shape=info.shape, dtype=info.dtype, role=info.role, trainable=info.trainable
    )


def _group(group: GroupMeasure, bins: int) -> Sample:
    return _sample(group.name, group.summary, group.statistics, group.quantiles, group.tensors, bins)


def _sample(
    name: str, summary: Summary, statistics: Statistics, quantiles: Quantiles, variables: tuple[str, ...], bins: int
) -> Sample:
    return Sample(
        name=name,
        statistics={k: None if isinstance(v, Absent) else v for k, v in statistics.items()},
        quantiles=dict(quantiles.values),
        quantiles_exact=quantiles.exact,
        histogram=histogram(summary, bins),
        variables=variables,
    )


def _named(samples: Iterable[Sample], name: str) -> Sample:
    for sample in samples:
        if sample.name == name:
            return sample
    raise KeyError(name)
