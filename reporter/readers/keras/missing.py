"""Weights that a file lacks for certain: its optimizer keeps state of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from reporter.readers.keras.inventory import Slot
from reporter.readers.keras.slot_order import SLOTS, slot_shape

Shape = tuple[int, ...]


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
