"""Metrics beside a series as JSON objects, described in ``report.schema.json``."""

from __future__ import annotations

from reporter.model.comparison import Comparison
from reporter.model.metrics import Metric
from reporter.writers.records import Record, plain


def metrics(series: Comparison) -> Record:
    """Every metric that was logged beside a series, and which checkpoint is the best by the chosen one."""
    found = series.metrics
    return {
        "chosen": found.chosen.name if found.chosen else None,
        "best_checkpoint": None if found.best is None else series.refs[found.best].name,
        "metrics": [_metric(one) for one in found.all],
        "files": list(found.files),
        "notes": list(found.notes),
        "cautions": list(found.cautions),
    }


def _metric(metric: Metric) -> Record:
    return {
        "name": metric.name,
        "source": metric.source,
        "format": metric.format,
        "goal": metric.goal,
        "axis": metric.axis,
        "matching": metric.matching,
        "count": metric.count,
        "non_finite": metric.bad,
        "first_non_finite": plain(metric.failed),
        "positions": list(metric.positions),
        "values": [plain(value) for value in metric.values],
        "at_checkpoints": [plain(value) for value in metric.at],
        "logged_at": [plain(position) for position in metric.at_positions],
    }
