"""Nets of other kinds than those of :mod:`bench.calibration.nets.common`, for the runs that no rule has seen."""

from __future__ import annotations

import numpy as np

from bench.calibration.nets.common import BATCH, Net, Weights, as_node, cross_entropy, dense
from bench.calibration.tape import Node, patches, relu, sigmoid, squared, tanh


class Gated(Net):
    """A gated recurrent unit ``gru`` over the embeddings ``tokens`` of a sequence, and a classifier ``out``."""

    def __init__(self, *, seed: int, words: int = 40, width: int = 10, units: int = 14) -> None:
        super().__init__(seed)
        self.words, self.units = words, units
        self.weights["tokens/embeddings"] = self.rng.uniform(-0.05, 0.05, (words, width))
        for gate in ("update", "reset", "new"):
            self.matrix(f"gru_{gate}/kernel", width, units)
            self.matrix(f"gru_{gate}/recurrent_kernel", units, units)
            self.weights[f"gru_{gate}/bias"] = np.zeros(units)
        self.dense("out", units, 3)

    def loss(self, p: Weights) -> Node:
        x = np.minimum(self.rng.zipf(1.5, (BATCH, 6)), self.words - 1)
        h = as_node(np.zeros((BATCH, self.units)))
        for t in range(x.shape[1]):
            word = p["tokens/embeddings"][x[:, t]]
            update, reset = (sigmoid(self.gate(p, name, word, h)) for name in ("update", "reset"))
            h = h + update * (tanh(self.gate(p, "new", word, reset * h)) - h)
        return cross_entropy(dense(p, "out", h), x.sum(axis=1) % 3)

    @staticmethod
    def gate(p: Weights, name: str, word: Node, h: Node) -> Node:
        layer = f"gru_{name}"
        return word @ p[f"{layer}/kernel"] + h @ p[f"{layer}/recurrent_kernel"] + p[f"{layer}/bias"]


class Residual(Net):
    """A stem and residual blocks of two convolutions each; the scale of each block's last normalisation begins at 0."""

    def __init__(self, *, seed: int, width: int = 6, blocks: int = 2) -> None:
        super().__init__(seed)
        self.blocks = range(1, blocks + 1)
        self.matrix("stem/kernel", 3, 3, 2, width)
        for i in self.blocks:
            for part in ("a", "b"):
                self.matrix(f"res{i}{part}/kernel", 1, 1, width, width)
                self.normalisation(f"res{i}{part}_bn", width, batch=True)
            self.weights[f"res{i}b_bn/gamma"] = np.zeros(width)
        self.dense("classes", width, 5)
        self.patterns, self.scale = self.rng.standard_normal((5, 7, 7, 2)), 1.0

    def loss(self, p: Weights) -> Node:
        classes = self.rng.integers(0, 5, BATCH)
        x = self.scale * (self.patterns[classes] + 0.8 * self.rng.standard_normal((BATCH, 7, 7, 2)))
        kernel = p["stem/kernel"]
        h = relu(patches(as_node(x), 3) @ kernel.reshape(-1, kernel.shape[-1]))
        for i in self.blocks:
            y = relu(self.normalise(p, f"res{i}a_bn", h @ self.flat(p, f"res{i}a")))
            h = relu(h + self.normalise(p, f"res{i}b_bn", y @ self.flat(p, f"res{i}b")))
        return cross_entropy(dense(p, "classes", h.mean((1, 2))), classes)

    @staticmethod
    def flat(p: Weights, name: str) -> Node:
        kernel = p[f"{name}/kernel"]
        return kernel.reshape(*kernel.shape[-2:])


class Towers(Net):
    """Two towers, ``user`` and ``item``: who likes what? Products of embeddings, each through a layer of its own."""

    def __init__(self, *, seed: int, users: int = 80, items: int = 50, width: int = 8) -> None:
        super().__init__(seed)
        for name, rows in (("user", users), ("item", items)):
            self.weights[f"{name}_table/embeddings"] = 0.3 * self.rng.standard_normal((rows, width))
            self.dense(f"{name}_tower", width, 12)
        self.tastes = self.rng.standard_normal((users, 3)) @ self.rng.standard_normal((3, items)) / 2

    def loss(self, p: Weights) -> Node:
        users, items = (np.minimum(self.rng.zipf(1.3, 64) - 1, n - 1) for n in self.tastes.shape)
        a, b = (
            dense(p, f"{name}_tower", p[f"{name}_table/embeddings"][which])
            for name, which in (("user", users), ("item", items))
        )
        return squared((a * b).mean(1) - as_node(self.tastes[users, items]))


class Mixer(Net):
    """Blocks that mix places, then channels, each behind a layer normalisation; square kernels of one size."""

    def __init__(self, *, seed: int, blocks: int = 2, side: int = 12) -> None:
        super().__init__(seed)
        self.blocks = range(1, blocks + 1)
        for i in self.blocks:
            for part in ("places", "channels"):
                self.normalisation(f"mix{i}_{part}_ln", side, batch=False)
                self.dense(f"mix{i}_{part}_in", side, side)
                self.dense(f"mix{i}_{part}_out", side, side)
        self.dense("final", side, 4)
        self.patterns, self.scale = self.rng.standard_normal((4, side, side)), 1.0

    def loss(self, p: Weights) -> Node:
        classes = self.rng.integers(0, 4, BATCH)
        noise = 1.5 * self.rng.standard_normal((BATCH, *self.patterns[0].shape))
        h = as_node(self.scale * (self.patterns[classes] + noise))
        for i in self.blocks:
            h = h + self.mixed(p, f"mix{i}_places", h).swap(1, 2)
            h = h + self.mixed(p, f"mix{i}_channels", h)
        return cross_entropy(dense(p, "final", h.mean(1)), classes)

    def mixed(self, p: Weights, name: str, h: Node) -> Node:
        y = self.normalise(p, f"{name}_ln", h)
        y = y.swap(1, 2) if name.endswith("places") else y
        return dense(p, f"{name}_out", relu(dense(p, f"{name}_in", y)))


class Routed(Net):
    """A transformer-like block whose dense part is one of several experts, ``moe/experts.N``."""

    def __init__(self, *, seed: int, experts: int = 8, unused: int = 3, width: int = 12) -> None:
        super().__init__(seed)
        self.used = experts - unused
        self.dense("embed", 9, width)
        self.normalisation("norm", width, batch=False)
        self.dense("moe/router", width, experts, bias=False)
        for i in range(experts):
            self.dense(f"moe/experts.{i}.w1", width, 20)
            self.dense(f"moe/experts.{i}.w2", 20, width)
        self.dense("logits", width, 4)
        self.centres = self.rng.standard_normal((4, 9))

    def loss(self, p: Weights) -> Node:
        classes = self.rng.integers(0, 4, BATCH)
        h = dense(p, "embed", as_node(self.centres[classes] + self.rng.standard_normal((BATCH, 9))))
        y = self.normalise(p, "norm", h)
        chosen = self.rng.integers(0, self.used, BATCH)  # evenly, as a loss for balance makes it
        for i in range(self.used):
            gate = sigmoid(dense(p, "moe/router", y))[:, i : i + 1] * (chosen == i)[:, None]
            h = h + dense(p, f"moe/experts.{i}.w2", relu(dense(p, f"moe/experts.{i}.w1", y))) * gate
        return cross_entropy(dense(p, "logits", h), classes)


class Tied(Net):
    """A denoising autoencoder whose decoder is the transpose of its encoder ``code``."""

    def __init__(self, *, seed: int, inputs: int = 20, units: int = 16) -> None:
        super().__init__(seed)
        self.dense("code", inputs, units)
        self.weights["out/bias"] = np.zeros(inputs)
        self.mixing = self.rng.standard_normal((5, inputs)) / 2

    def loss(self, p: Weights) -> Node:
        x = self.rng.standard_normal((BATCH, 5)) @ self.mixing
        noisy = as_node(x + 0.2 * self.rng.standard_normal(x.shape))
        back = tanh(dense(p, "code", noisy)) @ p["code/kernel"].swap(0, 1) + p["out/bias"]
        return squared(back - as_node(x))
