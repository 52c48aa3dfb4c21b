"""What can be measured from Python: a path, a live model or layer, a variable, an array, a mapping of these."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from reporter.errors import SettingError
from reporter.gather.catalog import only_checkpoint
from reporter.gather.still_open import StillOpen
from reporter.model.tensor import Contents
from reporter.settings.model import Settings

DEPTH = 32
"""Mappings are unfolded to this depth: one that holds itself is an error, and not endless."""


@contextmanager
def opened(x: Any, settings: Settings) -> Iterator[Contents]:
    """The contents of anything that can be measured; of a file, while it is open.

    Args:
        x: see :func:`reporter.measure`.
        settings: which variables are wanted; the others are not even read.

    Raises:
        reporter.errors.SettingError: it cannot be measured.
        reporter.errors.CheckpointError: the checkpoint cannot be read.
    """
    if isinstance(x, str | os.PathLike):
        if not os.fspath(x):
            raise SettingError("the path is empty")
        with opened_path(Path(x), settings) as contents:
            yield selected(contents, settings.variables)
        return
    from reporter.model.neighbours import with_roles
    from reporter.readers.quantised import labelled

    yield selected(labelled(with_roles(_live(x))), settings.variables)


@contextmanager
def opened_path(path: Path, settings: Settings) -> Iterator[Contents]:
    """The one checkpoint that a path names; its notes say which one that is where the path does not."""
    with StillOpen() as last:
        chosen = only_checkpoint(path, settings, last.peek)
        contents = last.contents(chosen.ref)
        yield replace(contents, notes=(chosen.note, *contents.notes)) if chosen.note else contents


def selected(contents: Contents, variables: str) -> Contents:
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


def _live(x: Any) -> Contents:
    from reporter.readers.live import live_contents
    from reporter.readers.live_arrays import array_contents
    from reporter.readers.live_objects import is_layer, is_module, is_variable, path_of

    if isinstance(x, Mapping):
        arrays = list(_unfolded(x, "", 0))
        if len(by_name := dict(arrays)) < len(arrays):
            raise SettingError("measure: two arrays of the mapping have one name, such as a/b and b within a")
        return array_contents(by_name)
    if is_variable(x):
        return array_contents({path_of(x) or "variable": x})
    if isinstance(x, np.ndarray | np.generic) or (_is_tensor(x) and not is_layer(x) and not is_module(x)):
        return array_contents({"array": x})
    return live_contents(x)


def _is_tensor(x: Any) -> bool:
    """Whether another library's array has values that NumPy can read, as eager tensors and JAX's arrays have."""
    return hasattr(x, "__array__") and hasattr(x, "dtype") and hasattr(x, "shape")


def _unfolded(arrays: Mapping[Any, Any], prefix: str, depth: int) -> Iterator[tuple[str, Any]]:
    """Mappings within mappings, as JAX's libraries keep parameters, under names such as ``encoder/dense/kernel``."""
    if depth > DEPTH:
        raise SettingError(f"measure: mappings are nested more than {DEPTH} deep at {prefix[:60]}")
    for key, value in arrays.items():
        if not isinstance(key, str):
            raise SettingError(f"measure: a mapping of arrays has to have texts as names, and has {key!r}")
        if isinstance(value, Mapping):
            yield from _unfolded(value, f"{prefix}{key}/", depth + 1)
        else:
            yield f"{prefix}{key}", value
