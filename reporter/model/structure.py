"""The structure of a model, told from names without their automatic numbers: is it the same model, is it alike?"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from reporter.model.tensor import TensorInfo

ALIKE = 0.5
"""Two checkpoints are of the same model if at least this share of the smaller one's tensors is in the other."""

_COUNTER = re.compile(r"(?<=[A-Za-z\d])_(\d+)(?=$|[/.])")


def stem(layer: str) -> str:
    """A layer's path without the numbers that Keras appends in the order of creation.

    >>> stem("encoder_2/conv1d_476"), stem("block_1.dense"), stem("stage-2/w_1x")
    ('encoder/conv1d', 'block.dense', 'stage-2/w_1x')
    """
    return _COUNTER.sub("", layer)


def counters(layer: str) -> tuple[int, ...]:
    """The numbers that :func:`stem` takes away, 0 for a part that has none: the order of creation within a stem.

    >>> counters("encoder_2/conv1d_476"), counters("conv1d")
    ((2, 476), (0,))
    """
    found = (_COUNTER.search(part) for part in re.split(r"[/.]", layer))
    return tuple(int(match[1]) if match else 0 for match in found)


def structure(tensors: Iterable[TensorInfo]) -> tuple[str, ...]:
    """The model's tensors as sorted texts of stem and shape: equal for the same model built in two sessions."""
    return tuple(sorted(f"{stem(t.name)} {t.shape}" for t in tensors if t.collection == "model"))


def alike(a: tuple[str, ...], b: tuple[str, ...]) -> bool:
    """Whether two structures are those of one model, perhaps with some tensors more, fewer or of another shape.

    A checkpoint without any model tensor is alike to all: what it lacks is for the rules to say.

    >>> alike(("a (2,)", "b (3,)"), ("a (2,)", "b (4,)")), alike(("a (2,)",), ("a (3,)",)), alike((), ("a (2,)",))
    (True, False, True)
    """
    if a == b or not a or not b:
        return True
    common = (Counter(a) & Counter(b)).total()
    return common >= ALIKE * min(len(a), len(b))
