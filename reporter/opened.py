"""An open checkpoint as :func:`reporter.open_checkpoint` hands it out: its tensors by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt

from reporter.errors import CorruptCheckpoint, SettingError
from reporter.frozen import dataclass
from reporter.model.tensor import Contents, SkippedTensor, TensorInfo, TensorSource
from reporter.settings.sources import near


@dataclass(frozen=True)
class OpenCheckpoint:
    """A checkpoint that can be read for as long as it is open.

    Attributes:
        path: where it lies.
        contents: what its reader found; the other attributes are taken from it.
    """

    path: Path
    contents: Contents

    def __repr__(self) -> str:
        step = "" if self.step is None else f", step {self.step}"
        return f"<OpenCheckpoint {str(self.path)!r}: {self.format}, {len(self.names)} tensors{step}>"

    @property
    def format(self) -> str:
        """Name of the format, such as ``keras-v3`` or ``safetensors``."""
        return self.contents.format

    @property
    def step(self) -> int | None:
        """The training step that the file holds, None where it holds none."""
        return self.contents.step

    @property
    def skipped(self) -> tuple[SkippedTensor, ...]:
        """Entries that are no numbers, such as tables of strings, and why they are left out."""
        return self.contents.skipped

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the numbers should know."""
        return self.contents.notes

    @cached_property
    def tensors(self) -> Mapping[str, TensorInfo]:
        """Name -> what is known of a tensor without reading it: layer, role, shape, dtype, trainable …"""
        return {source.info.name: source.info for source in self.contents.tensors}

    @property
    def names(self) -> tuple[str, ...]:
        """Of all tensors: model first, then optimizer state."""
        return tuple(self.tensors)

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Name -> shape."""
        return {name: info.shape for name, info in self.tensors.items()}

    @property
    def dtypes(self) -> Mapping[str, str]:
        """Name -> name of the dtype, such as ``float32`` or ``bfloat16``."""
        return {name: info.dtype for name, info in self.tensors.items()}

    def read(self, name: str) -> npt.NDArray[Any]:
        """A whole tensor as an array of its shape and dtype (of ml_dtypes, where numpy has none).

        Raises:
            reporter.SettingError: there is no tensor of that name; the nearest one is named.
            reporter.CheckpointError: it is damaged, or the file is gone.
        """
        source = self._source(name)
        info = source.info
        result = np.empty(info.size, np.dtype(getattr(ml_dtypes, info.dtype, info.dtype)))
        at = 0
        for block in source.blocks():
            if at + block.size > info.size:
                break
            result[at : at + block.size] = block
            at += block.size
        if at != info.size:
            raise CorruptCheckpoint(self.path, "it holds another number of values than it says", tensor=name)
        return result.reshape(info.shape)

    def blocks(self, name: str) -> Iterator[npt.NDArray[Any]]:
        """The values of a tensor in C order, as 1-D arrays of a few MiB: for what is larger than the memory.

        Raises:
            reporter.SettingError, reporter.CheckpointError: as :meth:`read`.
        """
        return self._source(name).blocks()

    def _source(self, name: str) -> TensorSource:
        for source in self.contents.tensors:
            if source.info.name == name:
                return source
        raise SettingError(f"{self.path}: there is no tensor {name!r}{near(name, self.tensors)}")
