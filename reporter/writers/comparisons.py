"""The comparisons within a series as JSON objects. Their keys are a contract, as in :mod:`reporter.writers.records`."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from reporter.model.comparison import BASELINE, Comparison, Pair, per_step
from reporter.model.shift import Shift
from reporter.model.similarity import Similarity
from reporter.model.trend import Movement, Trend
from reporter.writers.records import Each, Record, change, changes, plain


def comparison(series: Comparison, detailed: Collection[int], each: Each) -> Record:
    """All pairs, trends and similarities of a series.

    Changes by tensor are given for neighbouring checkpoints, and for the last one against the first and the baseline.

    Args:
        series: the series.
        detailed: indices of the checkpoints whose changes are given by layer and tensor, and not only as a whole. If
            there is any, trends of layers are given.
        each: makes the lists of pairs and trends.
    """
    last = len(series.refs) - 1

    def pair(series: Comparison, paired: Pair, *, tensors: bool = True) -> Record:
        return _pair(series, paired, layers=paired.after in detailed, tensors=tensors and paired.after in detailed)

    return {
        "pairs": each(pair(series, p) for p in series.pairs),
        "from_first": each(pair(series, p, tensors=p.after == last) for p in series.from_first),
        "baseline": series.baseline or None,
        "from_baseline": each(pair(series, p, tensors=p.after == last) for p in series.from_baseline),
        "similarity": similarity(series, series.similarity) if series.similarity else None,
        "trends": each(trend(series, t) for t in (series.trends if detailed else ())),
        "moved": [movement(m) for m in series.moved],
    }


def _pair(series: Comparison, paired: Pair, *, layers: bool, tensors: bool) -> Record:
    """The comparison of two checkpoints, by layer and by tensor where that is wanted, else null."""
    steps = series.steps_between(paired)
    update = paired.trained.relative_update
    return {
        "before": series.baseline if paired.before == BASELINE else series.refs[paired.before].name,
        "after": series.refs[paired.after].name,
        "steps": steps,
        "per_step": [plain(v) for v in per_step(update, steps)] if steps and update is not None else None,
        "global": change(paired.whole),
        "trained": change(paired.trained),
        "shift": shift(paired.shift),
        "layers": changes(paired.layers) if layers else None,
        "layer_shifts": shifts(paired.layer_shifts) if layers else {},
        "tensors": changes(paired.tensors) if tensors else None,
        "tensor_shifts": shifts(paired.tensor_shifts) if layers else {},
        "added": list(paired.added),
        "removed": list(paired.removed),
        "reshaped": [{"name": n, "before": a, "after": b} for n, a, b in paired.reshaped],
    }


def shift(found: Shift | None) -> Record | None:
    """The shift of a distribution, null where there is none; ``bins`` is null where PSI and JS have no bins."""
    if found is None:
        return None
    bins = {"count": found.bins, "low": plain(found.low), "high": plain(found.high)} if found.bins else None
    return {
        "wasserstein": plain(found.wasserstein),
        "wasserstein_error": plain(found.error),
        "psi": plain(found.psi),
        "js": plain(found.js),
        "bins": bins,
    }


def shifts(by_name: Mapping[str, Shift]) -> Record:
    """The shift of each layer or tensor, by its name."""
    return {name: shift(found) for name, found in by_name.items()}


def similarity(series: Comparison, found: Similarity) -> Record:
    """The distances and cosines between every two checkpoints: square tables in the order of ``checkpoints``."""
    return {
        "checkpoints": [series.refs[i].name for i in found.places],
        "distance": [[plain(float(v)) for v in row] for row in found.distance],
        "cosine": [[plain(float(v)) for v in row] for row in found.cosine],
        "exact": found.exact,
        "tensors": found.tensors,
        "values": found.values,
    }


def trend(series: Comparison, found: Trend) -> Record:
    """The trend of a statistic of a layer. ``slope`` is per step, or per checkpoint if the steps are not known."""
    point = found.change_point
    return {
        "layer": found.layer,
        "statistic": found.statistic,
        "first": plain(found.first),
        "last": plain(found.last),
        "change": plain(found.change),
        "slope": plain(found.slope),
        "slope_per": "step" if series.positions is not None else "checkpoint",
        "change_point": None
        if point is None
        else {
            "checkpoint": series.refs[point.place].name,
            "before": plain(point.before),
            "after": plain(point.after),
            "effect": plain(point.effect),
        },
    }


def movement(found: Movement) -> Record:
    """The layers and tensors that moved, those that moved most first, and those that are equal to the bit."""
    return {
        "since": found.since,
        "layers": list(found.layers),
        "still_layers": list(found.still_layers),
        "tensors": list(found.tensors),
        "still_tensors": list(found.still_tensors),
        "apart": list(found.apart),
        "still_apart": list(found.still_apart),
    }
