"""What a file lacks: layers that its configuration promises, weights that its optimizer keeps state of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from reporter.readers.keras.config import ModelConfig, leaves
from reporter.readers.keras.inventory import Slot
from reporter.readers.keras.slot_order import SLOTS, slot_shape
from reporter.readers.keras.variables import owns_weights

Shape = tuple[int, ...]


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


def missing_weights(slots: Sequence[Slot], there: Iterable[Shape]) -> int:
    """How many weights are lost for certain: an optimizer keeps state of more of their shapes than the file holds.

    Args:
        there: the shapes of all weights that are in the file, trained or not, and of those that need not be.
    """
    held = Counter(there)
    kept: dict[tuple[str, str], Counter[Shape]] = {}
    for slot in slots:
        shape = slot.target.dataset.shape if slot.target else slot.dataset.shape
        if slot.slot in SLOTS and slot_shape(slot.slot, shape) == shape:
            kept.setdefault((slot.optimizer, slot.slot), Counter())[shape] += 1
    return max((_lost(shapes, held).total() for shapes in kept.values()), default=0)


def _lost(kept: Counter[Shape], held: Counter[Shape]) -> Counter[Shape]:
    """Shapes that only the optimizer knows, without the factors of adapters that were merged into a frozen weight.

    A file without a configuration does not say that a layer had LoRA adapters. Their product has the shape of a weight
    that is in the file and of which the optimizer keeps no state.
    """
    lost, frozen = kept - held, held - kept
    ranks = {(b[1], b[0]): None for b in lost if len(b) == 2}
    for shape, times in frozen.items():
        for rank in [rank for width, rank in ranks if (width,) == shape[-1:]] if len(shape) > 1 else ():
            pair = Counter([(*shape[:-1], rank), (rank, shape[-1])])
            while times and pair <= lost:
                lost, times = lost - pair, times - 1
    return lost
