"""Small nets that numpy trains: their weights by name, and their loss on a new batch of a task they can learn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise

import numpy as np

from bench.calibration.tape import (
    Array,
    Node,
    as_node,
    cross_entropy,
    normalised,
    patches,
    relu,
    sigmoid,
    softmax,
    squared,
    tanh,
)

Weights = Mapping[str, Node]
BATCH = 32
"""Examples in a step."""


class Net:
    """A net and its task.

    Attributes:
        rng: draws the initialisation, then the batches.
        weights: by name, ``layer/role``; trained in place.
        fixed: names of those that no gradient moves, such as moving statistics.
    """

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.weights: dict[str, Array] = {}
        self.fixed: set[str] = set()

    def loss(self, p: Weights) -> Node:
        """The loss on a new batch, of weights by name."""
        raise NotImplementedError

    def matrix(self, name: str, *shape: int, gain: float = 1.0) -> None:
        """A kernel, evenly distributed after Glorot."""
        fan_in, fan_out = int(np.prod(shape[:-1])), shape[-1] * int(np.prod(shape[:-2]))
        limit = gain * np.sqrt(6 / (fan_in + fan_out))
        self.weights[name] = self.rng.uniform(-limit, limit, shape)

    def dense(self, name: str, inputs: int, units: int, *, gain: float = 1.0, bias: bool = True) -> None:
        self.matrix(f"{name}/kernel", inputs, units, gain=gain)
        if bias:
            self.weights[f"{name}/bias"] = np.zeros(units)

    def normalisation(self, name: str, width: int, *, batch: bool) -> None:
        self.weights |= {f"{name}/gamma": np.ones(width), f"{name}/beta": np.zeros(width)}
        if batch:
            statistics = {f"{name}/moving_mean": np.zeros(width), f"{name}/moving_variance": np.ones(width)}
            self.weights |= statistics
            self.fixed |= set(statistics)

    def normalise(self, p: Weights, name: str, x: Node) -> Node:
        """After a batch, whose statistics are kept, or after each row where there are none to keep."""
        batch = f"{name}/moving_mean" in self.weights
        y, mean, variance = normalised(x, tuple(range(len(x.shape) - 1)) if batch else -1)
        if batch and self.updates_statistics:
            for what, now in (("mean", mean), ("variance", variance)):
                self.weights[f"{name}/moving_{what}"] += 0.05 * (now - self.weights[f"{name}/moving_{what}"])
        return y * p[f"{name}/gamma"] + p[f"{name}/beta"]

    updates_statistics = True


def dense(p: Weights, name: str, x: Node) -> Node:
    y = x @ p[f"{name}/kernel"]
    return y + p[f"{name}/bias"] if f"{name}/bias" in p else y


class Mlp(Net):
    """Dense layers ``d1``, ``d2`` … and ``head``: which of four centres does a vector lie around?

    Attributes:
        scale: of the inputs; an array of one number each may switch some of them off.
    """

    def __init__(
        self, *widths: int, seed: int, act: Callable[[Node], Node] = relu, gain: float = 1.0, residual: bool = False
    ) -> None:
        super().__init__(seed)
        self.act, self.residual, self.scale = act, residual, np.ones(widths[0])
        self.names = [*(f"d{i}" for i in range(1, len(widths) - 1)), "head"]
        for name, (a, b) in zip(self.names, pairwise(widths), strict=True):
            self.dense(name, a, b, gain=gain)
        self.centres = self.rng.standard_normal((widths[-1], widths[0]))

    def batch(self) -> tuple[Array, Array]:
        classes = self.rng.integers(0, len(self.centres), BATCH)
        x = self.centres[classes] + 0.9 * self.rng.standard_normal((BATCH, self.centres.shape[1]))
        return x * self.scale, classes

    def loss(self, p: Weights) -> Node:
        x, classes = self.batch()
        h = as_node(x)
        for name in self.names[:-1]:
            y = self.act(dense(p, name, h))
            h = h + y if self.residual and y.shape == h.shape else y
        return cross_entropy(dense(p, "head", h), classes)


class BranchedMlp(Mlp):
    """An :class:`Mlp` with residual branches ``b1/up``, ``b1/down`` …; the second matrix of each starts at zero."""

    def __init__(self, width: int, branches: int, *, seed: int) -> None:
        super().__init__(12, width, 4, seed=seed)
        self.branches = range(1, branches + 1)
        for i in self.branches:
            self.dense(f"b{i}_up", width, 2 * width)
            self.dense(f"b{i}_down", 2 * width, width, gain=0.0)

    def loss(self, p: Weights) -> Node:
        x, classes = self.batch()
        h = relu(dense(p, "d1", as_node(x)))
        for i in self.branches:
            h = h + dense(p, f"b{i}_down", relu(dense(p, f"b{i}_up", h)))
        return cross_entropy(dense(p, "head", h), classes)


class Conv(Net):
    """Convolutions ``c1``, ``c2`` … with batch normalisation ``bn1`` … and a ``head``: which pattern is in an image?"""

    def __init__(self, *channels: int, seed: int, side: int = 9) -> None:
        super().__init__(seed)
        self.depth = len(channels)
        for i, (a, b) in enumerate(pairwise((1, *channels)), start=1):
            self.matrix(f"c{i}/kernel", 3, 3, a, b)
            self.normalisation(f"bn{i}", b, batch=True)
        self.dense("head", channels[-1], 4)
        self.patterns, self.scale = self.rng.standard_normal((4, side, side, 1)), 1.0

    def loss(self, p: Weights) -> Node:
        classes = self.rng.integers(0, 4, BATCH)
        h = as_node(self.scale * (self.patterns[classes] + self.rng.standard_normal((BATCH, *self.patterns.shape[1:]))))
        for i in range(1, self.depth + 1):
            kernel = p[f"c{i}/kernel"]
            h = patches(h, 3) @ kernel.reshape(-1, kernel.shape[-1])
            h = relu(self.normalise(p, f"bn{i}", h))
        return cross_entropy(dense(p, "head", h.mean((1, 2))), classes)


class Recurrent(Net):
    """Recurrent layers ``rnn1``, ``rnn2`` … and a ``head``: which class does a sequence belong to?

    Args:
        gates: four for an LSTM, one for a plain recurrent layer with tanh.
    """

    def __init__(self, *widths: int, seed: int, gates: int = 4) -> None:
        super().__init__(seed)
        self.widths, self.gates = widths, gates
        for i, (a, b) in enumerate(pairwise((6, *widths)), start=1):
            self.matrix(f"rnn{i}/kernel", a, gates * b)
            self.matrix(f"rnn{i}/recurrent_kernel", b, gates * b)
            self.weights[f"rnn{i}/bias"] = np.repeat([0.0, 1.0, 0.0, 0.0][:gates], b)
        self.dense("head", widths[-1], 4)
        self.centres = self.rng.standard_normal((4, 7, 6))

    def loss(self, p: Weights) -> Node:
        classes = self.rng.integers(0, 4, BATCH)
        x = self.centres[classes] + self.rng.standard_normal((BATCH, *self.centres.shape[1:]))
        steps = [as_node(x[:, t]) for t in range(x.shape[1])]
        for i, width in enumerate(self.widths, start=1):
            steps = self.layer(p, f"rnn{i}", width, steps)
        return cross_entropy(dense(p, "head", steps[-1]), classes)

    def layer(self, p: Weights, name: str, width: int, steps: list[Node]) -> list[Node]:
        h = cell = as_node(np.zeros((BATCH, width)))
        found = []
        for x in steps:
            z = x @ p[f"{name}/kernel"] + h @ p[f"{name}/recurrent_kernel"] + p[f"{name}/bias"]
            if self.gates == 1:
                h = tanh(z)
            else:
                i, f, c, o = (z[:, k * width : (k + 1) * width] for k in range(4))
                cell = sigmoid(f) * cell + sigmoid(i) * tanh(c)
                h = sigmoid(o) * tanh(cell)
            found.append(h)
        return found


class Transformer(Net):
    """Blocks of attention and dense layers over embeddings of words and positions: which word comes first?

    Attributes:
        words: how many there are; the later ones are rare.
        length: of the sequences, which may be less than there are positions.
    """

    def __init__(
        self, *, seed: int, blocks: int = 1, words: int = 60, width: int = 16, length: int = 8, positions: int = 8
    ) -> None:
        super().__init__(seed)
        self.words, self.length, self.width = words, length, width
        self.blocks = range(1, blocks + 1)
        self.weights["words/embeddings"] = 0.05 * self.rng.standard_normal((words, width))
        self.weights["positions/embeddings"] = 0.05 * self.rng.standard_normal((positions, width))
        for i in self.blocks:
            for part in ("query", "key", "value", "output"):
                self.dense(f"block{i}_{part}", width, width)
            self.dense(f"block{i}_up", width, 2 * width)
            self.dense(f"block{i}_down", 2 * width, width)
            self.normalisation(f"block{i}_ln1", width, batch=False)
            self.normalisation(f"block{i}_ln2", width, batch=False)
        self.dense("head", width, 4)

    def loss(self, p: Weights) -> Node:
        x = np.minimum(self.rng.zipf(1.4, (BATCH, self.length)) - 1, self.words - 1)
        h = p["words/embeddings"][x] + p["positions/embeddings"][: self.length]
        for i in self.blocks:
            name = f"block{i}"
            y = self.normalise(p, f"{name}_ln1", h)
            query, key, value = (dense(p, f"{name}_{part}", y) for part in ("query", "key", "value"))
            seen = softmax(query @ key.swap(1, 2) * self.width**-0.5) @ value
            h = h + dense(p, f"{name}_output", seen)
            h = h + dense(p, f"{name}_down", relu(dense(p, f"{name}_up", self.normalise(p, f"{name}_ln2", h))))
        return cross_entropy(dense(p, "head", h.mean(1)), x[:, 0] % 4)


class Autoencoder(Net):
    """Dense layers ``encode1``, ``encode2``, ``decode1``, ``decode2`` that pass vectors of low rank through a few."""

    def __init__(self, *, seed: int, inputs: int = 24, hidden: int = 32, code: int = 6) -> None:
        super().__init__(seed)
        self.dense("encode1", inputs, hidden)
        self.dense("encode2", hidden, code)
        self.dense("decode1", code, hidden)
        self.dense("decode2", hidden, inputs)
        self.mixing = self.rng.standard_normal((code, inputs)) / np.sqrt(code)

    def loss(self, p: Weights) -> Node:
        x = self.rng.standard_normal((BATCH, len(self.mixing))) @ self.mixing
        h = dense(p, "encode2", tanh(dense(p, "encode1", as_node(x))))
        return squared(dense(p, "decode2", tanh(dense(p, "decode1", h))) - as_node(x))


class Experts(Net):
    """A ``gate`` chooses one of several experts, each of two dense layers; some are never chosen."""

    def __init__(self, *, seed: int, experts: int = 6, unused: int = 2, width: int = 24) -> None:
        super().__init__(seed)
        self.used = range(experts - unused)
        self.dense("stem", 10, width)
        self.dense("gate", width, experts, bias=False)
        for i in range(experts):
            self.dense(f"expert_{i}/up", width, 2 * width)
            self.dense(f"expert_{i}/down", 2 * width, width)
        self.dense("head", width, 4)
        self.centres = self.rng.standard_normal((4, 10))

    def loss(self, p: Weights) -> Node:
        classes = self.rng.integers(0, 4, BATCH)
        h = relu(dense(p, "stem", as_node(self.centres[classes] + self.rng.standard_normal((BATCH, 10)))))
        gates = softmax(dense(p, "gate", h))
        chosen = gates.value[:, : len(self.used)].argmax(axis=1)
        for i in self.used:
            weight = gates[:, i : i + 1] * (chosen == i)[:, None]
            h = h + dense(p, f"expert_{i}/down", relu(dense(p, f"expert_{i}/up", h))) * weight
        return cross_entropy(dense(p, "head", h), classes)


class Adversaries(Net):
    """A generator ``g1``, ``g2`` and a discriminator ``f1``, ``f2`` that each other's loss trains in turn."""

    def __init__(self, *, seed: int, width: int = 24) -> None:
        super().__init__(seed)
        self.dense("g1", 6, width)
        self.dense("g2", width, 8)
        self.dense("f1", 8, width)
        self.dense("f2", width, 2)
        self.turn = 0

    def loss(self, p: Weights) -> Node:
        self.turn += 1
        made = dense(p, "g2", tanh(dense(p, "g1", as_node(self.rng.standard_normal((BATCH, 6))))))
        if self.turn % 2:
            return cross_entropy(self.judged(p, made, own=False), np.ones(BATCH, int))
        real = as_node(1 + 0.5 * self.rng.standard_normal((BATCH, 8)))
        truth = cross_entropy(self.judged(p, real), np.ones(BATCH, int))
        return truth + cross_entropy(self.judged(p, made.detached()), np.zeros(BATCH, int))

    def judged(self, p: Weights, x: Node, *, own: bool = True) -> Node:
        """The discriminator's logits; as constants of the generator's loss its weights get no gradient."""
        q = p if own else {name: node.detached() for name, node in p.items()}
        return dense(q, "f2", relu(dense(q, "f1", x)))
