"""One stored array: what is known about it, and how its values are streamed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from reporter.frozen import dataclass
from reporter.model.role import Role

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class Collection(StrEnum):
    """What a tensor belongs to, in the order of all lists."""

    MODEL = "model"
    """Weights and state of layers."""
    OPTIMIZER = "optimizer"
    """Slots, hyper-parameters and the optimizer's step."""
    OTHER = "other"
    """Counters, metrics, generators."""


COLLECTIONS: tuple[Collection, ...] = tuple(Collection)


class Integrity(StrEnum):
    """The check that reading a checkpoint makes of its bytes."""

    CRC32C = "crc32c"
    """Each tensor's own checksum, or that of the block in which it lies."""
    ZIP_CRC32 = "zip crc32"
    """The checksums of a zip archive's members."""
    LENGTHS = "lengths"
    """The format has no checksums: only that everything lies within the file."""
    IN_MEMORY = "in memory"
    """A live model, which is not read from any file."""
    NONE = "none"
    """There is nothing to check."""
    UNKNOWN = ""
    """It was not read, or is no checkpoint."""


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """A tensor's identity, without its values.

    Attributes:
        name: the name that is shown and matched across checkpoints, ``<layer>/<variable>``.
        layer: the Keras layer or module that owns it (nested models as ``outer/inner``), "" if none does.
        role: what it is for in its layer.
        shape: as stored; () for a scalar.
        dtype: numpy or ml_dtypes name (``float32``, ``bfloat16``, ``int4`` …) in native byte order.
        trainable: None where the format does not tell.
        collection: see :class:`Collection`.
        key: the name inside the file.
    """

    name: str
    layer: str
    role: Role
    shape: tuple[int, ...]
    dtype: str
    trainable: bool | None
    collection: Collection
    key: str = ""
    itemsize: int = 4
    output_axis: int = -1

    @property
    def size(self) -> int:
        """Number of elements (1 for a scalar, 0 if any dimension is 0)."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of the values as stored, before any compression."""
        return self.size * self.itemsize


class TensorSource(Protocol):
    """A tensor that can be streamed, any number of times, while its checkpoint is open."""

    @property
    def info(self) -> TensorInfo:
        """What is known without reading the values."""
        ...

    def blocks(self) -> Iterator[npt.NDArray[np.generic]]:
        """Yield the values in C order as 1-D arrays of a few MiB, native byte order, of ``info.dtype``.

        Raises:
            reporter.errors.CheckpointError: what was read contradicts the file's own checks.
        """
        ...


@dataclass(frozen=True, slots=True)
class Tensor:
    """What is known of a tensor, and a way to read it: a :class:`TensorSource`."""

    info: TensorInfo
    blocks: Callable[[], Iterator[npt.NDArray[np.generic]]]


@dataclass(frozen=True, slots=True)
class SkippedTensor:
    """An entry that is listed but not measured (strings, variants), and why."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class LayerInfo:
    """A layer in model order; ``kind`` is its class name or "" where the format does not tell."""

    name: str
    kind: str = ""


def _verified() -> None:
    """Reading has checked everything already."""


def model_called(name: str, kind: str) -> str:
    """A model by its name and class, as far as they are known.

    >>> model_called("resnet50", "Functional"), model_called("", "Net"), model_called("", "")
    ('resnet50 (Functional)', 'Net', '')
    """
    return f"{name} ({kind})" if name and kind else name or kind


@dataclass(frozen=True, slots=True)
class Contents:
    """What a reader found in one open checkpoint.

    Attributes:
        format: name of the reader.
        layers: in model order where the format knows it, else in file order.
        layers_ordered: whether that order is the model's.
        tensors: model tensors in layer order, then optimizer, then other.
        skipped: entries that are not numeric.
        step: training step from inside the file, or None.
        step_source: which entry gave it, in words ("optimizer iterations").
        integrity: the check that reading makes.
        framework: writer and version where the file tells ("Keras 2.0.5").
        model: what the model is called and of which class it is, where the file tells ("resnet50 (Functional)").
        notes: remarks a reader of the report should see.
        verify: completes the check of integrity once the tensors have been read, reading what is left; raises
            CorruptCheckpoint. Numbers are presented only after it.
        missing_layers: layers of the file's own configuration that should own variables and have none in the file.
        missing_weights: how many weights the state of its optimizer proves to be missing from the file.
        save_counter: how many times ``tf.train.Checkpoint.save`` had been called; no step, but a witness of order.
    """

    format: str
    layers: tuple[LayerInfo, ...]
    tensors: tuple[TensorSource, ...]
    skipped: tuple[SkippedTensor, ...] = ()
    layers_ordered: bool = True
    step: int | None = None
    step_source: str = ""
    integrity: Integrity = Integrity.NONE
    framework: str = ""
    notes: tuple[str, ...] = ()
    missing_layers: tuple[str, ...] = ()
    missing_weights: int = 0
    save_counter: int | None = None
    model: str = ""
    verify: Callable[[], None] = _verified

    @property
    def checked_by_tensor(self) -> bool:
        """Whether reading some tensors checks all that can be checked of them."""
        return self.verify is _verified

    def without_tensors(self) -> Contents:
        """Everything but the tensors, which somebody else reads and checks."""
        return replace(self, tensors=(), verify=_verified)
