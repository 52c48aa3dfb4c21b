"""Layers that a model's configuration promises, and of which a file holds no weights."""

from __future__ import annotations

from collections.abc import Iterable

from reporter.readers.keras_model.config import ModelConfig, leaves
from reporter.readers.keras_model.variables import owns_weights


def missing_layers(config: ModelConfig, found: Iterable[str]) -> tuple[str, ...]:
    """Configured layers whose class has weights and that are not among those for which some were found.

    A layer that several models share is stored once, under the first of them: its last name counts.
    """
    paths = dict(leaves(config.model))
    stored = set(found)
    names = {paths[path].name if path in paths else path.rsplit("/", 1)[-1] for path in stored}
    return tuple(
        path
        for path, layer in paths.items()
        if layer.builtin and owns_weights(layer.kind, layer.options) and path not in stored and layer.name not in names
    )


def empty_layers(config: ModelConfig | None, layers: Iterable[str], found: Iterable[str]) -> tuple[str, ...]:
    """Layers without weights of classes that are not Keras's own: where weights are missing, they can be theirs."""
    builtin = {path for path, layer in leaves(config.model) if layer.builtin} if config else set()
    stored = set(found)
    return tuple(layer for layer in layers if layer not in stored and layer not in builtin)
