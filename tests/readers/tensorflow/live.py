"""What a live model says of itself, to hold beside what its files say; and optimizers with marked values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from reporter.model.tensor import TensorInfo
from reporter.readers.live import live_contents


def build_optimizer(model: Any, optimizer: Any, steps: int) -> Any:
    """Compile and create the slots, without a step of training; mark every value."""
    model.compile(optimizer, "mse")
    optimizer.build(model.trainable_variables)
    optimizer.iterations.assign(steps)
    rng = np.random.default_rng(0)
    for variable in [*model.weights, *(v for v in optimizer.variables if len(v.shape))]:
        variable.assign(rng.normal(size=variable.shape))
    return model


@dataclass(frozen=True)
class Live:
    """What the live model says of itself."""

    tensors: dict[str, tuple[TensorInfo, Any]]

    @classmethod
    def of(cls, model: Any, inside: str = "") -> Live:
        """Without the name of a layer inside a wrapper where it is given: Keras 2 leaves it out of variables' names."""
        tensors = {}
        for source in live_contents(model).tensors:
            values = np.concatenate(list(source.blocks())).reshape(source.info.shape)
            tensors[source.info.name.replace(inside or "/", "/")] = (source.info, values)
        return cls(tensors)

    def names(self, collection: str) -> list[str]:
        return [name for name, (info, _) in self.tensors.items() if info.collection == collection]


def agree(found: Any, live: Live, *collections: str) -> None:
    """The model's tensors are the same in the same order, those of other collections in any."""
    assert found.names() == live.names("model")
    for collection in collections:
        assert sorted(found.names(collection)) == sorted(live.names(collection))
    for name in (n for collection in ("model", *collections) for n in found.names(collection)):
        (mine, values), (theirs, expected) = found.tensors[name], live.tensors[name]
        assert np.array_equal(values, expected), name
        assert (mine.layer, mine.shape, mine.dtype) == (theirs.layer, theirs.shape, theirs.dtype), name
        if mine.collection == "model":
            assert mine.role == theirs.role, name
            assert mine.trainable in (None, theirs.trainable), name
