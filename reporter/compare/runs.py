"""Find the series that are runs of one model: those whose last checkpoints hold the same kinds of tensors."""

from __future__ import annotations

from collections.abc import Sequence

from reporter.model.comparison import Comparison

TensorKinds = tuple[tuple[str, tuple[int, ...], str], ...]
"""Role, shape and dtype of each model tensor, sorted."""


def runs_of_one_model(series: Sequence[Comparison]) -> tuple[tuple[int, ...], ...]:
    """The indices of series whose last checkpoints have the same structure, in groups of two or more.

    Names are not compared: the second model that Keras makes in a process continues the numbering of the first one, so
    that its first dense layer may be called ``dense_3``.
    """
    groups: dict[TensorKinds, list[int]] = {}
    for place, one in enumerate(series):
        key = tensor_kinds(one)
        if key:
            groups.setdefault(key, []).append(place)
    return tuple(tuple(places) for places in groups.values() if len(places) > 1)


def tensor_kinds(series: Comparison) -> TensorKinds:
    """The structure of the last checkpoint; it is sorted, since formats store tensors in different orders."""
    infos = series.measured[-1].model_infos if series.measured else ()
    return tuple(sorted((info.role, info.shape, info.dtype) for info in infos))
