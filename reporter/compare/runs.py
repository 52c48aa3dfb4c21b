"""Which series are runs of one model."""

from __future__ import annotations

from collections.abc import Sequence

from reporter.model.comparison import Comparison

Structure = tuple[tuple[str, tuple[int, ...], str], ...]


def runs_of_one_model(series: Sequence[Comparison]) -> tuple[tuple[int, ...], ...]:
    """Places of series whose last checkpoints have the same structure, in groups of two or more.

    Names say nothing here: Keras numbers the layers of a second model of one process on (``dense_3``).
    """
    groups: dict[Structure, list[int]] = {}
    for place, one in enumerate(series):
        key = structure(one)
        if key:
            groups.setdefault(key, []).append(place)
    return tuple(tuple(places) for places in groups.values() if len(places) > 1)


def structure(series: Comparison) -> Structure:
    """Role, shape and dtype of every model tensor of the last checkpoint, sorted: formats order tensors differently."""
    infos = series.measured[-1].model_infos if series.measured else ()
    return tuple(sorted((info.role, info.shape, info.dtype) for info in infos))
