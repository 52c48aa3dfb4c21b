"""Metrics: what a training logged, put on the steps of its checkpoints. A new source is one file and one line."""

from __future__ import annotations

from collections.abc import Sequence

from reporter.metrics import beside
from reporter.metrics.csv_logger import CSV_LOGGER
from reporter.metrics.events import EVENTS
from reporter.metrics.history_json import HISTORY_JSON
from reporter.metrics.metrics_jsonl import METRICS_JSONL
from reporter.metrics.source import Source
from reporter.metrics.trainer_state import TRAINER_STATE
from reporter.model.comparison import Comparison
from reporter.settings.model import Settings

SOURCES: tuple[Source, ...] = (
    EVENTS,
    TRAINER_STATE,
    HISTORY_JSON,
    METRICS_JSONL,
    CSV_LOGGER,
)
"""Asked in this order, and preferred in this order where several have a metric. Numbers in the names of checkpoints
come last, see :mod:`reporter.metrics.checkpoint_names`."""


def with_metrics(series: Sequence[Comparison], settings: Settings) -> tuple[Comparison, ...]:
    """The same series, each with what was logged beside it; see :func:`reporter.metrics.beside.with_metrics`."""
    return beside.with_metrics(series, settings, SOURCES)
