"""Series of small models as files: arrays under names that say what they are, in a format that needs no library."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tests.make.safetensors import safetensors

Arrays = dict[str, np.ndarray]


def write(folder: Path, checkpoints: Sequence[Arrays], suffix: str = "npz", first_step: int = 10) -> Path:
    """Files ``model-10``, ``model-20`` … with the step of each inside.

    Args:
        folder: for the files.
        checkpoints: the arrays of each by name.
        suffix: ``npz`` or ``safetensors``.
        first_step: of the first, and from one to the next.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for i, arrays in enumerate(checkpoints):
        step = first_step * (i + 1)
        held = {name: np.ascontiguousarray(values) for name, values in arrays.items()} | {"step": np.array(step, "i8")}
        path = folder / f"model-{step}.{suffix}"
        if suffix == "npz":
            np.savez(path, **held)  # type: ignore[arg-type]
        else:
            safetensors(path, held)
    return folder
