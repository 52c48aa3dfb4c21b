"""More kinds of nets than those of :mod:`bench.calibration.nets.common`: language models, graphs, flows, agents."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from bench.calibration.nets.common import BATCH, Net, Weights, as_node, cross_entropy, dense
from bench.calibration.tape import Array, Node, patches, relu, rsqrt, sigmoid, softmax, squared, tanh


def exp(x: Node) -> Node:
    y = np.exp(x.value)
    return Node(y, (x, lambda g: g * y))


def sine(x: Node) -> Node:
    return Node(np.sin(x.value), (x, lambda g: g * np.cos(x.value)))


class Decoder(Net):
    """A causal language model without biases, named as PyTorch names Llama's weights, outputs first.

    Attributes:
        adapted: names of the kernels that have a LoRA adapter beside them.
    """

    def __init__(self, *, seed: int, layers: int = 2, words: int = 48, width: int = 16, tied: bool = False) -> None:
        super().__init__(seed)
        self.words, self.width, self.tied, self.layers = words, width, tied, range(layers)
        self.adapted: tuple[str, ...] = ()
        self.weights["model.embed_tokens.weight"] = 0.1 * self.rng.standard_normal((words, width))
        for i in self.layers:
            name = f"model.layers.{i}"
            for part in "qkvo":
                self.matrix(f"{name}.self_attn.{part}_proj.weight", width, width)
            self.matrix(f"{name}.mlp.gate_proj.weight", 2 * width, width)
            self.matrix(f"{name}.mlp.up_proj.weight", 2 * width, width)
            self.matrix(f"{name}.mlp.down_proj.weight", width, 2 * width)
            for norm in ("input_layernorm", "post_attention_layernorm"):
                self.weights[f"{name}.{norm}.weight"] = np.ones(width)
        self.weights["model.norm.weight"] = np.ones(width)
        if not tied:
            self.matrix("lm_head.weight", words, width)
        self.follows = self.rng.permutation(words)
        self.mask = np.triu(np.full((6, 6), -1e9), 1)

    def adapt(self, rank: int, *parts: str) -> None:
        """Give the kernels whose names end so an adapter, the second matrix of which begins at zero."""
        self.adapted = tuple(n for n in self.weights if n.removesuffix(".weight").endswith(parts))
        for name in self.adapted:
            rows, columns = self.weights[name].shape
            self.matrix(name.replace(".weight", ".lora_A.weight"), rank, columns)
            self.weights[name.replace(".weight", ".lora_B.weight")] = np.zeros((rows, rank))

    def linear(self, p: Weights, name: str, x: Node) -> Node:
        y = x @ p[f"{name}.weight"].swap(0, 1)
        if f"{name}.weight" in self.adapted:
            y = y + x @ p[f"{name}.lora_A.weight"].swap(0, 1) @ p[f"{name}.lora_B.weight"].swap(0, 1)
        return y

    @staticmethod
    def rms(p: Weights, name: str, x: Node) -> Node:
        return x * rsqrt((x * x).mean(-1, keep=True) + 1e-5) * p[f"{name}.weight"]

    def loss(self, p: Weights) -> Node:
        x = np.minimum(self.rng.zipf(1.3, (BATCH // 2, 7)) - 1, self.words - 1)
        for t in range(1, x.shape[1]):
            x[:, t] = np.where(self.rng.random(len(x)) < 0.8, self.follows[x[:, t - 1]], x[:, t])
        h = p["model.embed_tokens.weight"][x[:, :-1]]
        for i in self.layers:
            name = f"model.layers.{i}"
            h = h + self.attended(p, f"{name}.self_attn", self.rms(p, f"{name}.input_layernorm", h))
            h = h + self.passed(p, f"{name}.mlp", self.rms(p, f"{name}.post_attention_layernorm", h))
        h = self.rms(p, "model.norm", h).reshape(-1, self.width)
        head = p["model.embed_tokens.weight" if self.tied else "lm_head.weight"]
        return cross_entropy(h @ head.swap(0, 1), x[:, 1:].reshape(-1))

    def attended(self, p: Weights, name: str, y: Node) -> Node:
        query, key, value = (self.linear(p, f"{name}.{part}_proj", y) for part in "qkv")
        seen = softmax(query @ key.swap(1, 2) * self.width**-0.5 + as_node(self.mask))
        return self.linear(p, f"{name}.o_proj", seen @ value)

    def passed(self, p: Weights, name: str, y: Node) -> Node:
        gate = self.linear(p, f"{name}.gate_proj", y)
        return self.linear(p, f"{name}.down_proj", gate * sigmoid(gate) * self.linear(p, f"{name}.up_proj", y))


class Sparse(Decoder):
    """A :class:`Decoder` whose dense parts are experts, of which each token takes one; all of them are chosen."""

    def __init__(self, *, seed: int, experts: int = 4, words: int = 48) -> None:
        super().__init__(seed=seed, layers=1, words=words)
        self.experts = range(experts)
        for name in [n for n in self.weights if ".mlp." in n]:
            del self.weights[name]
        moe = "model.layers.0.block_sparse_moe"
        self.matrix(f"{moe}.gate.weight", experts, self.width)
        for e in self.experts:
            self.matrix(f"{moe}.experts.{e}.w1.weight", 20, self.width)
            self.matrix(f"{moe}.experts.{e}.w2.weight", self.width, 20)

    def passed(self, p: Weights, name: str, y: Node) -> Node:
        moe = name.replace(".mlp", ".block_sparse_moe")
        gates = softmax(self.linear(p, f"{moe}.gate", y))
        chosen = gates.value.argmax(-1)
        found = as_node(np.zeros(y.shape))
        for e in self.experts:
            inner = relu(self.linear(p, f"{moe}.experts.{e}.w1", y))
            found = found + self.linear(p, f"{moe}.experts.{e}.w2", inner) * (
                gates[..., e : e + 1] * as_node((chosen == e)[..., None])
            )
        return found


class Graph(Net):
    """Two graph convolutions ``gcn1``, ``gcn2`` and a ``readout`` over the nodes of one fixed graph."""

    def __init__(self, *, seed: int, nodes: int = 40, width: int = 18) -> None:
        super().__init__(seed)
        self.dense("gcn1", 8, width)
        self.dense("gcn2", width, width)
        self.dense("readout", width, 3)
        near = (self.rng.random((nodes, nodes)) < 0.1) | np.eye(nodes, dtype=bool)
        self.spread = near / near.sum(axis=1, keepdims=True)
        self.classes = self.rng.integers(0, 3, nodes)
        self.features = self.rng.standard_normal((3, 8))[self.classes] + self.rng.standard_normal((nodes, 8))

    def loss(self, p: Weights) -> Node:
        h, spread = as_node(self.features), as_node(self.spread)
        for name in ("gcn1", "gcn2"):
            h = relu(spread @ dense(p, name, h))
        some = self.rng.integers(0, len(self.classes), 20)
        return cross_entropy(dense(p, "readout", h)[some], self.classes[some])


class Separable(Net):
    """Depthwise and pointwise convolutions ``dw1``, ``pw1`` … with batch normalisation, and a ``top``."""

    def __init__(self, *widths: int, seed: int) -> None:
        super().__init__(seed)
        self.depth = range(1, len(widths))
        for i, (a, b) in enumerate(pairwise(widths), start=1):
            self.weights[f"dw{i}/depthwise_kernel"] = self.rng.uniform(-0.6, 0.6, (3, 3, a, 1))
            self.matrix(f"pw{i}/kernel", 1, 1, a, b)
            self.normalisation(f"pw{i}_bn", b, batch=True)
        self.dense("top", widths[-1], 4)
        self.patterns = self.rng.standard_normal((4, 8, 8, widths[0]))

    def loss(self, p: Weights) -> Node:
        classes = self.rng.integers(0, 4, BATCH)
        h = as_node(self.patterns[classes] + self.rng.standard_normal((BATCH, *self.patterns.shape[1:])))
        for i in self.depth:
            cut = patches(h, 3)
            *place, _ = cut.shape
            channels = h.shape[-1]
            filtered = cut.reshape(*place, 9, channels) * p[f"dw{i}/depthwise_kernel"].reshape(9, channels)
            point = p[f"pw{i}/kernel"]
            h = relu(self.normalise(p, f"pw{i}_bn", filtered.mean(3) * 9.0 @ point.reshape(*point.shape[-2:])))
        return cross_entropy(dense(p, "top", h.mean((1, 2))), classes)


class Variational(Net):
    """An encoder ``enc`` to ``mean`` and ``log_variance``, and a decoder ``dec1``, ``dec2``."""

    def __init__(self, *, seed: int, inputs: int = 20, hidden: int = 24, code: int = 4) -> None:
        super().__init__(seed)
        self.code, self.weight = code, 0.1
        self.dense("enc", inputs, hidden)
        self.dense("mean", hidden, code)
        self.dense("log_variance", hidden, code)
        self.dense("dec1", code, hidden)
        self.dense("dec2", hidden, inputs)
        self.mixing = self.rng.standard_normal((code, inputs))

    def loss(self, p: Weights) -> Node:
        x = as_node(self.rng.standard_normal((BATCH, self.code)) @ self.mixing)
        h = tanh(dense(p, "enc", x))
        mean, spread = dense(p, "mean", h), dense(p, "log_variance", h)
        drawn = mean + exp(spread * 0.5) * as_node(self.rng.standard_normal(mean.shape))
        back = dense(p, "dec2", tanh(dense(p, "dec1", drawn)))
        divergence = (mean * mean + exp(spread) - spread - 1.0).mean((0, 1))
        return squared(back - x) + divergence * self.weight


class Agent(Net):
    """An ``actor`` and two critics with targets that follow them, as in soft actor-critic, and a ``log_alpha``."""

    def __init__(self, *, seed: int, width: int = 20, share: float = 0.02) -> None:
        super().__init__(seed)
        self.share = share
        for name, inputs, outputs in (("actor", 6, 2), ("critic_1", 8, 1), ("critic_2", 8, 1)):
            self.dense(f"{name}/l1", inputs, width)
            self.dense(f"{name}/l2", width, width)
            self.dense(f"{name}/out", width, outputs)
        for name in [n for n in self.weights if n.startswith("critic")]:
            self.weights[f"target_{name}"] = self.weights[name].copy()
            self.fixed.add(f"target_{name}")
        self.weights["log_alpha"] = np.zeros(())
        self.wanted = self.rng.standard_normal((6, 2)) / 2

    def follow(self) -> None:
        """The targets move towards the critics."""
        for name in self.fixed:
            own = self.weights[name.removeprefix("target_")]
            self.weights[name] = self.weights[name] + self.share * (own - self.weights[name])

    def loss(self, p: Weights) -> Node:
        self.follow()
        state = self.rng.standard_normal((BATCH, 6))
        action = np.tanh(self.rng.standard_normal((BATCH, 2)))
        reward = -np.square(action - state @ self.wanted).mean(axis=1, keepdims=True)
        then = as_node(self.rng.standard_normal((BATCH, 6)))
        future = np.minimum(*(self.value(p, f"target_critic_{i}", then, self.act(p, then)).value for i in (1, 2)))
        total = as_node(0.0)
        for i in (1, 2):
            critic = self.value(p, f"critic_{i}", as_node(state), as_node(action))
            total = total + squared(critic - as_node(reward + 0.8 * future))
        still = {name: node.detached() for name, node in p.items()}
        chosen = self.act(p, as_node(state))
        praise = self.value(still, "critic_1", as_node(state), chosen).mean((0, 1))
        return total - praise + exp(p["log_alpha"]) * 0.01

    @staticmethod
    def layers(p: Weights, name: str, x: Node) -> Node:
        return dense(p, f"{name}/out", relu(dense(p, f"{name}/l2", relu(dense(p, f"{name}/l1", x)))))

    def act(self, p: Weights, state: Node) -> Node:
        return tanh(self.layers(p, "actor", state))

    def value(self, p: Weights, name: str, state: Node, action: Node) -> Node:
        first = p[f"{name}/l1/kernel"]
        h = state @ first[:6] + action @ first[6:] + p[f"{name}/l1/bias"]
        return dense(p, f"{name}/out", relu(dense(p, f"{name}/l2", relu(h))))


class Fields(Net):
    """A ``wide`` linear part over crossed ids, and a ``deep`` part over the embeddings of three fields."""

    SIZES = (300, 60, 12)

    def __init__(self, *, seed: int, crosses: int = 400) -> None:
        super().__init__(seed)
        self.weights["wide/kernel"] = np.zeros((crosses, 1))
        for i, size in enumerate(self.SIZES):
            self.weights[f"field_{i}/embeddings"] = 0.05 * self.rng.standard_normal((size, 6))
        self.dense("deep1", 18, 24)
        self.dense("deep2", 24, 2)
        self.likes = [self.rng.standard_normal(size) for size in self.SIZES]
        self.crosses = crosses

    def loss(self, p: Weights) -> Node:
        ids = [np.minimum(self.rng.zipf(1.3, 2 * BATCH) - 1, size - 1) for size in self.SIZES]
        first = p["deep1/kernel"]
        h = p["deep1/bias"] + as_node(np.zeros((2 * BATCH, 1)))
        for i, some in enumerate(ids):
            h = h + p[f"field_{i}/embeddings"][some] @ first[6 * i : 6 * i + 6]
        crossed = p["wide/kernel"][(ids[0] * 7 + ids[1]) % self.crosses]
        logits = dense(p, "deep2", relu(h)) + crossed * as_node(np.array([[0.0, 1.0]]))
        liked = sum(like[some] for like, some in zip(self.likes, ids, strict=True))
        return cross_entropy(logits, (liked > 0).astype(int))


class Flow(Net):
    """Affine couplings ``coupling_1_hidden``, ``coupling_1_out`` …, the last layer of each of which begins at zero."""

    def __init__(self, *, seed: int, steps: int = 4, half: int = 3, width: int = 20) -> None:
        super().__init__(seed)
        self.steps, self.half = range(1, steps + 1), half
        for i in self.steps:
            self.dense(f"coupling_{i}_hidden", half, width)
            self.dense(f"coupling_{i}_out", width, 2 * half, gain=0.0)
        self.mixing = self.rng.standard_normal((2 * half, 2 * half))

    def loss(self, p: Weights) -> Node:
        x = np.tanh(self.rng.standard_normal((BATCH, 2 * self.half)) @ self.mixing) * 2
        a, b = as_node(x[:, : self.half]), as_node(x[:, self.half :])
        volume = as_node(0.0)
        for i in self.steps:
            out = dense(p, f"coupling_{i}_out", relu(dense(p, f"coupling_{i}_hidden", a)))
            scale = tanh(out[:, : self.half])
            b = b * exp(scale) + out[:, self.half :]
            volume = volume + scale.mean((0, 1))
            a, b = b, a
        return (a * a).mean((0, 1)) * 0.5 + (b * b).mean((0, 1)) * 0.5 - volume * 0.5


class Waves(Net):
    """Sines of ``wave1`` … in front of a linear ``height``, for a curve: the first kernel is large on purpose."""

    def __init__(self, *, seed: int, width: int = 24, depth: int = 3, first: float = 30.0) -> None:
        super().__init__(seed)
        self.depth = range(1, depth + 1)
        for i in self.depth:
            inputs = 2 if i == 1 else width
            reach = first / 2 if i == 1 else np.sqrt(6 / width)
            self.weights[f"wave{i}/kernel"] = self.rng.uniform(-reach, reach, (inputs, width))
            self.weights[f"wave{i}/bias"] = self.rng.uniform(-1, 1, width)
        self.dense("height", width, 1)

    def loss(self, p: Weights) -> Node:
        x = self.rng.uniform(-1, 1, (2 * BATCH, 2))
        h = as_node(x)
        for i in self.depth:
            h = sine(dense(p, f"wave{i}", h))
        return squared(dense(p, "height", h) - as_node(np.sin(5 * x[:, :1]) * np.cos(4 * x[:, 1:])))


class Pairs(Net):
    """An ``online`` encoder, its ``predictor`` and a ``target`` encoder that follows it: two views of one thing."""

    def __init__(self, *, seed: int, width: int = 20, share: float = 0.03) -> None:
        super().__init__(seed)
        self.share = share
        self.dense("online/layer1", 12, width)
        self.dense("online/layer2", width, width)
        for name in list(self.weights):
            copy = name.replace("online", "target")
            self.weights[copy] = self.weights[name].copy()
            self.fixed.add(copy)
        self.dense("predictor", width, width)

    def loss(self, p: Weights) -> Node:
        for name in self.fixed:
            own = self.weights[name.replace("target", "online")]
            self.weights[name] = self.weights[name] + self.share * (own - self.weights[name])
        x = self.rng.standard_normal((BATCH, 12))
        one, other = (as_node(x + 0.3 * self.rng.standard_normal(x.shape)) for _ in range(2))
        wanted = self.encoded(p, "target", other).detached()
        return squared(dense(p, "predictor", self.encoded(p, "online", one)) - wanted)

    @staticmethod
    def encoded(p: Weights, name: str, x: Node) -> Node:
        h = dense(p, f"{name}/layer2", relu(dense(p, f"{name}/layer1", x)))
        return h * rsqrt((h * h).mean(-1, keep=True) + 1e-3)


class Skipgram(Net):
    """Vectors of words as centres and as contexts, learnt with negative examples; contexts begin at zero."""

    def __init__(self, *, seed: int, words: int = 250, width: int = 12) -> None:
        super().__init__(seed)
        self.words = words
        self.weights["centre/embeddings"] = self.rng.uniform(-0.5, 0.5, (words, width)) / width
        self.weights["context/embeddings"] = np.zeros((words, width))

    def loss(self, p: Weights) -> Node:
        centre = np.minimum(self.rng.zipf(1.25, 4 * BATCH) - 1, self.words - 1)
        near = (centre + self.rng.integers(1, 4, len(centre))) % self.words
        logits = p["centre/embeddings"][centre] @ p["context/embeddings"][near].swap(0, 1)
        return cross_entropy(logits, np.arange(len(centre)))


def copied(weights: dict[str, Array]) -> dict[str, Array]:
    """The weights of a net as they are now."""
    return {name: values.copy() for name, values in weights.items()}
