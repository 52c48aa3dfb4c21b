"""Arrays as tensor sources."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from reporter.model.role import Role
from reporter.model.tensor import Collection, TensorInfo


@dataclass(frozen=True)
class ArraySource:
    """An array as a tensor that can be streamed."""

    values: npt.NDArray[Any]
    name: str = "dense/kernel"
    layer: str = "dense"
    role: str = "kernel"
    trainable: bool | None = True
    collection: str = "model"
    output_axis: int = -1
    block: int = 700_001

    @property
    def info(self) -> TensorInfo:
        return TensorInfo(
            self.name,
            self.layer,
            Role(self.role),
            self.values.shape,
            self.values.dtype.name,
            self.trainable,
            Collection(self.collection),
            itemsize=self.values.dtype.itemsize,
            output_axis=self.output_axis,
        )

    def blocks(self) -> Iterator[npt.NDArray[Any]]:
        flat = np.ascontiguousarray(self.values).reshape(-1)
        for start in range(0, flat.size, self.block):
            yield flat[start : start + self.block]
