"""What the keys of a checkpoint mean: the common result of reading an object graph, a tree, or names alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from reporter.frozen import dataclass
from reporter.model.role import NEVER_TRAINABLE
from reporter.model.tensor import COLLECTIONS, Collection, Contents, Integrity, LayerInfo, SkippedTensor, TensorSource
from reporter.model.unique_names import UniqueNames

MAX_STEP = 1 << 62
"""A larger count of training steps is no count."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """One key of the file; attributes as in :class:`reporter.model.tensor.TensorInfo`."""

    key: str
    name: str
    layer: str
    role: str
    trainable: bool | None
    collection: Collection


@dataclass(frozen=True, slots=True)
class Interpretation:
    """All keys of a file that are to be shown.

    Attributes:
        meanings: model tensors in layer order, then optimizer, then other; names are unique.
        layers: in order of the model where ``ordered``.
        steps: keys of scalars that count training steps, best first; of several in one tuple the largest counts.
        step_source: what those keys are, in words, one for each tuple.
        notes: remarks for the report.
    """

    meanings: tuple[Meaning, ...]
    layers: tuple[LayerInfo, ...]
    ordered: bool
    steps: tuple[tuple[str, ...], ...] = ()
    step_source: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def arranged(meanings: Iterable[Meaning], layers: Iterable[LayerInfo] = ()) -> tuple[Meaning, ...]:
    """Order by collection and by layer, keeping the given order within both, and make every name unique.

    >>> rows = [Meaning("k", "d/kernel", "d", "kernel", None, Collection.MODEL)] * 2
    >>> [m.name for m in arranged(rows)]
    ['d/kernel', 'd/kernel_1']
    """
    rows = list(meanings)
    rank: dict[str, int] = {}
    for name in (*(layer.name for layer in layers), *(m.layer for m in rows if m.collection == "model")):
        rank.setdefault(name, len(rank))
    place = {collection: i for i, collection in enumerate(COLLECTIONS)}
    rows.sort(key=lambda m: (place[m.collection], rank[m.layer] if m.collection == "model" else 0))
    names = UniqueNames()
    return tuple(replace(row, name=names.take(row.name)) for row in rows)


def model_trainable(role: str, known: bool | None) -> bool | None:
    """What the file tells, and False for roles that no optimizer updates.

    >>> model_trainable("moving_mean", None), model_trainable("kernel", None), model_trainable("kernel", True)
    (False, None, True)
    """
    return False if role in NEVER_TRAINABLE else known


def contents(
    meaning: Interpretation,
    sources: Mapping[str, TensorSource],
    *,
    format: str,
    integrity: Integrity,
    framework: str = "",
    skipped: Iterable[SkippedTensor] = (),
    notes: Iterable[str] = (),
) -> Contents:
    """What a reader found, as its keys were interpreted; the training step is read from the tensor that counts it.

    Args:
        sources: a tensor for each of the meanings, by key, in their order.
        format, integrity, framework, skipped: as in :class:`reporter.model.tensor.Contents`.
        notes: what is to be said before the notes of the interpretation.

    Raises:
        CheckpointError: the step cannot be read.
    """
    step, source = _step_of(meaning, sources)
    return Contents(
        format=format,
        layers=meaning.layers,
        tensors=tuple(sources.values()),
        skipped=tuple(skipped),
        layers_ordered=meaning.ordered,
        step=step,
        step_source=source,
        integrity=integrity,
        framework=framework,
        notes=(*notes, *meaning.notes),
    )


def _step_of(meaning: Interpretation, sources: Mapping[str, TensorSource]) -> tuple[int | None, str]:
    """The largest count of the first group that has one: optimizers may have made different numbers of steps."""
    for keys, source in zip(meaning.steps, meaning.step_source, strict=True):
        counts = [count for key in keys if key in sources and (count := count_of(sources[key])) is not None]
        if counts:
            return max(counts), source
    return None, ""


def count_of(source: TensorSource) -> int | None:
    """The value of a scalar integer that can be a count; None for any other tensor."""
    if source.info.shape != () or not source.info.dtype.startswith(("int", "uint")):
        return None
    value = int(next(iter(source.blocks()))[0])
    return value if 0 <= value < MAX_STEP else None
