"""Measurements and findings as JSON objects. Their keys are a contract: scripts of others rely on them.

They are described in ``report.schema.json``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from reporter.model.sketch import DISTANCE_ERROR
from reporter.model.value import Absent, Quantiles, Statistics, Value

if TYPE_CHECKING:  # of all that can be a record, a command has a part
    from reporter.model.change import Change
    from reporter.model.checkpoint import CheckpointRef, FileEntry
    from reporter.model.deployment import Cast, Readiness
    from reporter.model.finding import Accepted, Finding, Outcome
    from reporter.model.histogram import Histogram
    from reporter.model.layout import GroupInfo
    from reporter.model.measured import GroupMeasure, Measured, Measures, TensorMeasure
    from reporter.model.spectrum import Spectrum
    from reporter.model.tensor import TensorInfo

Record = dict[str, Any]
"""A JSON object."""

Each = Callable[[Iterable[Record]], Any]
"""Makes a list of objects."""


def plain(value: Value | None) -> float | int | str | None:
    """A number in a form that JSON can hold: NaN and infinities as strings, and null where there is no number.

    >>> plain(float("nan")), plain(float("-inf")), plain(None), plain(2)
    ('NaN', '-Infinity', None, 2)
    """
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    return None if isinstance(value, Absent) else value


def statistics(values: Statistics, quantiles: Quantiles) -> Record:
    """Statistics by name, and under ``quantiles`` the quantiles by probability."""
    known = all_plain(values.values())
    record: Record = dict(values) if known else {name: plain(value) for name, value in values.items()}
    found = quantiles.values
    of_keys = found.values() if all_plain(found.values()) else map(plain, found.values())
    record["quantiles"] = dict(zip(map(_key, found), of_keys, strict=True))
    record["quantiles_exact"] = quantiles.exact
    missing = () if known else values.items()
    record["not_applicable"] = [name for name, value in missing if value is Absent.NOT_APPLICABLE]
    return record


def all_plain(values: Collection[Value | None]) -> bool:
    """Whether JSON can hold all of them as they are. Their sum tells at once: to look at each takes four times as long.

    >>> all_plain([1.0, 2]), all_plain([math.inf]), all_plain([Absent.NO_DATA])
    (True, False, False)
    """
    try:
        return math.isfinite(sum(values))  # type: ignore[arg-type]
    except TypeError:  # something is absent
        return False


@lru_cache(maxsize=256)
def _key(probability: float) -> str:
    return f"{probability:g}"


def tensor(info: TensorInfo, values: Statistics, quantiles: Quantiles) -> Record:
    """What was measured of one tensor, and where it belongs."""
    return {
        "name": info.name,
        "layer": info.layer,
        "role": info.role,
        "trainable": info.trainable,
        "collection": info.collection,
        "shape": list(info.shape),
        "dtype": info.dtype,
        "bytes": info.nbytes,
        "key": info.key,
        "statistics": statistics(values, quantiles),
    }


def group(info: GroupInfo, values: Statistics, quantiles: Quantiles) -> Record:
    """What was measured of a group of tensors: of a layer, a role or the whole."""
    return {
        "name": info.name,
        "kind": info.kind,
        "tensors": list(info.tensors),
        "parameters": info.parameters,
        "trainable_parameters": info.trainable,
        "bytes": info.nbytes,
        "statistics": statistics(values, quantiles),
    }


def _tensors(of: Measures[TensorMeasure]) -> list[Record]:
    return [tensor(one.info, values, quantiles) for one, values, quantiles in of.each()]


def _one(of: GroupMeasure) -> Record:
    return group(of.info, of.statistics, of.quantiles)


def _every(of: Measures[GroupMeasure]) -> list[Record]:
    return [group(one.info, values, quantiles) for one, values, quantiles in of.each()]


def histogram(counts: Histogram | None) -> Record | None:
    """The edges and exact counts of a histogram, and how many values lie outside its edges."""
    if counts is None:
        return None
    return {"edges": list(counts.edges), "counts": list(counts.counts), "below": counts.below, "above": counts.above}


def measured(numbers: Measured, *, detailed: bool = True) -> Record:
    """What was measured of a checkpoint.

    Args:
        numbers: what was measured.
        detailed: whether tensors, layers and roles are included, and the names of the tensors of each group.
    """
    whole, optimizer = _one(numbers.whole), _one(numbers.optimizer) if numbers.optimizer else None
    adjusted = _one(numbers.trained)
    if not detailed:
        whole["tensors"] = adjusted["tensors"] = []
        optimizer = optimizer and optimizer | {"tensors": []}
    return {
        "tensors": _tensors(numbers.tensors) if detailed else [],
        "layers": _every(numbers.layers) if detailed else [],
        "layers_in_model_order": numbers.layers_ordered,
        "roles": _every(numbers.roles) if detailed else [],
        "global": whole,
        "trained": adjusted,
        "trained_parts": _every(numbers.trained_parts) if detailed else [],
        "optimizer": optimizer,
        "skipped": [
            {"name": s.name, "dtype": s.dtype, "shape": list(s.shape), "reason": s.reason} for s in numbers.skipped
        ],
        "missing_layers": list(numbers.missing_layers),
        "missing_weights": numbers.missing_weights,
        "own_names": dict(numbers.own_names),
        "integrity": numbers.integrity,
        "framework": numbers.framework,
        "model": numbers.model,
        "notes": list(numbers.notes),
    }


def reference(ref: CheckpointRef) -> Record:
    """The name of a checkpoint, its format, step and size."""
    return {
        "name": ref.name,
        "format": ref.format,
        "step": ref.step.value,
        "step_source": ref.step.source,
        "file_bytes": ref.nbytes,
        "rotated_away": ref.rotated or None,
    }


def change(paired: Change) -> Record:
    """A change that was computed, or estimated from sketches, value by value."""
    return {
        "count": paired.count,
        "relative_update": plain(paired.relative_update),
        "cosine": plain(paired.cosine),
        "equal_share": plain(paired.equal_share),
        "non_finite_before": paired.bad_before,
        "non_finite_after": paired.bad_after,
        "finite_pairs": paired.finite,
        "largest": plain(paired.largest) if paired.exact else None,
        "exact": paired.exact,
        "relative_error": 0.0 if paired.exact else DISTANCE_ERROR,
    }


def changes(by_name: Mapping[str, Change]) -> Record:
    """The change of each layer or tensor, by its name."""
    return {name: change(paired) for name, paired in by_name.items()}


def readiness(ready: Readiness) -> Record:
    """What narrower formats would cost a tensor, and what could be left out of it."""
    return {
        "int8_sqnr_per_tensor": plain(ready.int8_tensor),
        "int8_sqnr_per_channel": plain(ready.int8_channel),
        "int8_coarse_channels": ready.coarse,
        "advice": ready.advice,
        "non_finite": ready.non_finite,
        "casts": {cast.format: _cast(cast) for cast in ready.casts},
        "pattern_2_4": plain(ready.pattern_2_4),
        "distinct": ready.distinct,
        "channels": ready.channels,
        "prunable_channels": ready.prunable,
        "duplicate_outputs": ready.duplicates,
    }


def _cast(cast: Cast) -> Record:
    return {
        "overflow": cast.overflow,
        "flushed": cast.flushed,
        "subnormal": cast.subnormal,
        "sqnr": plain(cast.sqnr),
    }


def spectrum(measured: Spectrum) -> Record:
    """The spectral measures of a weight matrix, or the reason why it has none."""
    fit = measured.power_law
    return {
        "rows": measured.rows,
        "columns": measured.columns,
        "norm": plain(measured.norm),
        "stable_rank": plain(measured.stable_rank),
        "effective_rank": plain(measured.effective_rank),
        "alpha": plain(fit.alpha if fit else None),
        "alpha_ks_distance": plain(fit.distance if fit else None),
        "alpha_tail": fit.tail if fit else None,
        "effective_rank_error": plain(measured.rank_error) if measured.effective_rank is not None else None,
        "alpha_error": plain(fit.error if fit else None),
        "exact": measured.exact,
        "left_out": measured.left_out,
    }


def spectral_numbers(measured: Spectrum) -> Record:
    """What of the spectral measures of a weight matrix has a course over training."""
    fit = measured.power_law
    return {
        "norm": plain(measured.norm),
        "stable_rank": plain(measured.stable_rank),
        "effective_rank": plain(measured.effective_rank),
        "alpha": plain(fit.alpha if fit else None),
    }


def finding(found: Finding) -> Record:
    """A finding: where and since when it was seen, its numbers, and what it means."""
    return {
        "rule": found.rule.name,
        "severity": found.severity.name,
        "series": found.series,
        "checkpoint": found.checkpoint,
        "layer": found.layer,
        "tensor": found.tensor,
        "value": plain(found.value),
        "threshold": plain(found.threshold),
        "previous": plain(found.previous),
        "parameter_share": plain(found.weight),
        "message": found.message,
        "tensors": list(found.tensors),
        "layers": list(found.layers),
        "checkpoints": list(found.checkpoints),
        "first_bad": found.first_bad,
        "last_good": found.last_good,
        "evidence": found.evidence,
        "meaning": found.meaning,
        "next_step": found.next_step,
        "explains": [{"title": also.rule.title, "count": also.count} for also in found.explains],
        "note": found.note,
    }


def accepted(entry: Accepted) -> Record:
    """A finding that was reviewed and accepted, with the reason and the date until which it is."""
    return {"finding": finding(entry.finding), "reason": entry.reason, "until": entry.until}


def outcome(seen: Outcome) -> Record:
    """How a rule judged a series, whether it fired or not: how much it checked, and its worst value."""
    return {
        "rule": seen.rule.name,
        "title": seen.rule.title,
        "series": seen.series,
        "checked": seen.checked,
        "fired": seen.fired,
        "explained": seen.explained,
        "worst": plain(seen.worst),
        "where": seen.where,
        "threshold": plain(seen.threshold),
        "formula": seen.rule.formula,
        "source": seen.rule.source,
    }


def file_entry(entry: FileEntry) -> Record:
    """A file or folder that was met, and what became of it."""
    return {
        "path": entry.path,
        "format": entry.format,
        "state": entry.state,
        "reason": entry.reason,
        "step": entry.step,
        "series": entry.series,
        "integrity": entry.integrity,
    }
