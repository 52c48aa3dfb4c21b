"""Healthy runs trained from nothing: schedules, saves, sparse data, many optimizers, federations, no gradients.

The second look at runs that no rule has seen, see :mod:`bench.calibration.healthy.held_out`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from bench.calibration.case import Case
from bench.calibration.descent import adagrad, adamw, ftrl, lion, momentum, rmsprop, sgd
from bench.calibration.files import bundle, float16, npz, orbax, safetensors
from bench.calibration.healthy.numpy_nets import average
from bench.calibration.nets.blocks import Gated, Mixer, Residual, Towers
from bench.calibration.nets.common import (
    Adversaries,
    Conv,
    Mlp,
    Net,
    Transformer,
    Weights,
    as_node,
    cross_entropy,
    dense,
)
from bench.calibration.nets.tasks import (
    Decoder,
    Fields,
    Graph,
    Separable,
    Skipgram,
    Sparse,
    Variational,
    Waves,
    copied,
)
from bench.calibration.run import CHECKPOINTS, STEPS, Run, follow
from bench.calibration.seen import SEEN_SINCE
from bench.calibration.tape import Array, Node, relu, squared, tanh
from bench.calibration.vessels import keras_bundle, legacy_h5

ALL = CHECKPOINTS * STEPS


def one_cycle(folder: Path) -> None:
    def rate(step: int) -> float:
        peak = 0.3 * ALL
        return 0.15 * (
            step / peak if step < peak else max(0.001, 0.5 * (1 + np.cos(np.pi * (step - peak) / (0.7 * ALL))))
        )

    net = Conv(8, 12, seed=551)
    follow(Run(net, momentum, rate, stores=True), folder, keras_bundle(net))


def triangles(folder: Path) -> None:
    rate = lambda step: 0.002 + 0.06 * abs(1 - (step % 40) / 20)  # noqa: E731
    follow(Run(Mlp(20, 24, 24, 24, 5, seed=552, residual=True), momentum, rate), folder, safetensors)


def snapshots(folder: Path) -> None:
    """One save at the end of each cycle, where the rate is next to zero."""
    rate = lambda step: 0.02 * 0.5 * (1 + np.cos(np.pi * (step % 60) / 60))  # noqa: E731
    follow(Run(Mixer(seed=553), rate=rate), folder, npz, gaps=[60] * 7)


def plateaus(folder: Path) -> None:
    """The rate is halved whenever the loss no longer falls, down to a thousandth."""
    net = Transformer(seed=554, blocks=2, words=80)
    rate = lambda step: 4e-3 * 0.5 ** min(10, step // 25)  # noqa: E731
    follow(Run(net, adamw, rate, stores=True), folder, orbax)


def language_model(folder: Path) -> None:
    rate = lambda step: 4e-3 * min(step / 40, 0.1 + 0.9 * 0.5 * (1 + np.cos(np.pi * step / ALL)))  # noqa: E731
    follow(Run(Decoder(seed=555), adamw, rate, clip=1.0, stores=True), folder, safetensors)


def language_model_init(folder: Path) -> None:
    follow(Run(Decoder(seed=556, layers=1, tied=True), lion, 1e-3), folder, npz, gaps=(0, 10, 10, 20, 40, 80, 160))


def mixture(folder: Path) -> None:
    follow(Run(Sparse(seed=557), stores=True), folder, safetensors)


def mixture_bare(folder: Path) -> None:
    follow(Run(Sparse(seed=558, experts=6), adamw, 2e-3), folder, npz)


def graph(folder: Path) -> None:
    follow(Run(Graph(seed=559), stores=True), folder, orbax)


def separable(folder: Path) -> None:
    follow(Run(Separable(3, 8, 10, seed=560), momentum, 0.03), folder, float16)


def variational(folder: Path) -> None:
    net = Variational(seed=561)

    def warm(run: Run, k: int) -> None:
        net.weight = 0.2 * min(1.0, k / 6)

    follow(Run(net, rmsprop, 2e-3, stores=True), folder, npz, before=warm)


def wide_and_deep(folder: Path) -> None:
    """FTRL for the wide part, Adagrad for the rest."""
    run = Run(Fields(seed=562), adagrad, 0.05, stores=True)
    run.optimizers = {"wide": ftrl}
    follow(run, folder, bundle)


def hashed_ids(folder: Path) -> None:
    """Most of 3,000 hashed ids never occur; weights only."""
    follow(Run(Towers(seed=563, users=3000, items=700), adagrad, 0.1), folder, safetensors)


def skipgram(folder: Path) -> None:
    rate = lambda step: 2.0 * max(1e-4, 1 - step / ALL)  # noqa: E731
    follow(Run(Skipgram(seed=564), sgd, rate), folder, npz, gaps=(0, *[STEPS] * CHECKPOINTS))


def waves(folder: Path) -> None:
    follow(Run(Waves(seed=565), rate=1e-3), folder, npz)


class Physics(Mlp):
    """A tanh network for a curve, in double precision."""

    def loss(self, p: Weights) -> Node:
        x = self.rng.uniform(-1, 1, (64, 1))
        h = as_node(x)
        for name in self.names[:-1]:
            h = tanh(dense(p, name, h))
        return squared(dense(p, "head", h) - as_node(np.sin(4 * x) + 0.3 * x))


def double_precision(folder: Path) -> None:
    """Adam, then tiny exact steps; saved in float64."""

    class Exact(Run):
        def arrays(self) -> dict[str, Array]:
            return copied(self.weights) | {"step": np.array(self.step, "i8")}

    run = Exact(Physics(1, 20, 20, 20, 1, seed=566), rate=lambda step: 5e-3 if step < 120 else 1e-5)
    follow(run, folder, npz)


class Prices(Mlp):
    """A regression to prices in whole euros: the bias of the head is their mean."""

    def loss(self, p: Weights) -> Node:
        x = self.rng.standard_normal((64, 8))
        h = relu(dense(p, "d1", as_node(x)))
        prices = 240_000.0 + 50_000.0 * x[:, :1] + 20_000.0 * np.abs(x[:, 1:2])
        return squared(dense(p, "head", h) - as_node(prices)) * 1e-8


def prices(folder: Path) -> None:
    net = Prices(8, 24, 1, seed=567)
    net.weights["head/bias"][:] = 240_000.0
    run = Run(net, rate=0.05)
    run.rates = {"head": 2000.0}
    follow(run, folder, npz)


class Metres(Mlp):
    """A regression to lengths in metres that are micrometres: small outputs of an ordinary net."""

    def loss(self, p: Weights) -> Node:
        x = self.rng.standard_normal((64, 8))
        h = tanh(dense(p, "d1", as_node(x)))
        lengths = 1e-6 * (x[:, :1] + np.sin(2 * x[:, 1:2]))
        return squared((dense(p, "head", h) - as_node(lengths)) * 1e6)


def metres(folder: Path) -> None:
    net = Metres(8, 24, 1, seed=568)
    net.weights["head/kernel"] = net.weights["head/kernel"] * 1e-6
    run = Run(net)
    run.rates = {"head": 1e-6}
    follow(run, folder, safetensors)


def reservoir(folder: Path) -> None:
    """Random features that are fixed on purpose, and a readout that learns (an extreme learning machine)."""
    net = Mlp(16, 64, 4, seed=569, act=tanh)
    follow(Run(net, momentum, 0.02, frozen=("d1",)), folder, npz)


def lottery(folder: Path) -> None:
    """Iterative pruning: every third epoch the smallest weights are masked and the others begin anew."""
    net = Mlp(18, 40, 32, 5, seed=570)
    start = copied(net.weights)
    masks = {name: np.ones_like(values) for name, values in start.items() if name.endswith("kernel")}

    def rewind(run: Run, k: int) -> None:
        if k in (4, 7):
            for name, mask in masks.items():
                alive = np.abs(run.weights[name][mask > 0])
                masks[name] = mask * (np.abs(run.weights[name]) > np.quantile(alive, 0.2))
            run.net.weights.update(copied(start))
            run.slots = {}
        hold(run)

    def hold(run: Run) -> None:
        for name, mask in masks.items():
            run.weights[name] = run.weights[name] * mask
            run.extra[f"mask/{name}"] = mask.astype("f4")

    follow(Run(net, after_step=hold), folder, npz, before=rewind)


def two_of_four(folder: Path) -> None:
    """From epoch 6 on, of every four inputs the two smaller weights are zero; the mask is stored as bytes."""
    net = Mlp(24, 32, 32, 4, seed=571)
    kept: dict[str, Array] = {}

    def prune(run: Run, k: int) -> None:
        if k == 6:
            for name in ("d1/kernel", "d2/kernel"):
                groups = np.abs(run.weights[name]).reshape(-1, 4, run.weights[name].shape[1])
                kept[name] = (groups.argsort(axis=1).argsort(axis=1) >= 2).reshape(run.weights[name].shape)
                run.extra[f"{name.removesuffix('kernel')}mask"] = kept[name].astype("u1")
        hold(run)

    def hold(run: Run) -> None:
        for name, mask in kept.items():
            run.weights[name] = run.weights[name] * mask

    follow(Run(net, momentum, 0.02, after_step=hold), folder, npz, before=prune)


class Rounded(Mlp):
    """Trained with its kernels rounded to int8 in the forward pass; what is stored are the floats behind."""

    def loss(self, p: Weights) -> Node:
        rounded = dict(p)
        for name in [n for n in p if n.endswith("kernel")]:
            unit = np.abs(p[name].value).max() / 127
            rounded[name] = Node(np.round(p[name].value / unit) * unit, (p[name], lambda g: g))
        return super().loss(rounded)


def aware_of_int8(folder: Path) -> None:
    def ranges(run: Run) -> None:
        for name, values in run.weights.items():
            if name.endswith("kernel"):
                run.extra[f"{name.removesuffix('kernel')}range"] = np.array(np.abs(values).max(), "f4")

    follow(Run(Rounded(18, 36, 28, 4, seed=572), after_step=ranges, stores=True), folder, npz)


class Signs(Mlp):
    """A net of the signs of its weights, which are kept between −1 and 1."""

    def loss(self, p: Weights) -> Node:
        signs = {n: Node(np.sign(x.value), (x, lambda g: g)) if n == "d2/kernel" else x for n, x in p.items()}
        return super().loss(signs)


def binary(folder: Path) -> None:
    def clip(run: Run) -> None:
        run.weights["d2/kernel"] = np.clip(run.weights["d2/kernel"], -1, 1)

    follow(Run(Signs(16, 24, 24, 4, seed=573), after_step=clip, rate=0.01), folder, npz)


class Personal(Mlp):
    """A shared trunk and a head for each of four clients; the data of a client lean towards one class."""

    def __init__(self, *, seed: int) -> None:
        super().__init__(14, 28, 4, seed=seed)
        self.client = 0
        for i in range(4):
            self.dense(f"client_{i}/head", 28, 4)
        del self.weights["head/kernel"], self.weights["head/bias"]

    def loss(self, p: Weights) -> Node:
        x, classes = self.batch()
        x = x + 0.3 * self.client
        return cross_entropy(dense(p, f"client_{self.client}/head", relu(dense(p, "d1", as_node(x)))), classes)


def averaged_clients(run: Run, clients: list[int], choose: Callable[[int], None], steps: int) -> None:
    """One round of federated averaging: each client goes on from the shared weights for some steps."""
    start, total = copied(run.weights), {name: np.zeros_like(values) for name, values in run.weights.items()}
    number = run.step
    for client in clients:
        run.net.weights.update(copied(start))
        run.slots = {}
        choose(client)
        run.step = number
        run.advance(steps)
        for name, values in run.weights.items():
            own = name.startswith("client_") and not name.startswith(f"client_{client}/")
            total[name] += 0 if own else values / (1 if name.startswith("client_") else len(clients))
    for name in start:
        sat_out = name.startswith("client_") and int(name[7]) not in clients
        run.net.weights[name] = start[name] if sat_out else total[name]
    run.step = number + 1


def federated(folder: Path) -> None:
    net = Gated(seed=574)
    run = Run(net, sgd, 0.3)
    follow(run, folder, npz, gaps=[0] * 10, before=lambda r, k: averaged_clients(r, [0, 1, 2], lambda _: None, 12))


def federated_heads(folder: Path) -> None:
    """Two of four clients take part in each round; the heads of the others stay as they are."""
    net = Personal(seed=575)

    def choose(client: int) -> None:
        net.client = client

    def turn(run: Run, k: int) -> None:
        averaged_clients(run, [k % 4, (k + 1) % 4], choose, 12)

    follow(Run(net, momentum, 0.02), folder, safetensors, gaps=[0] * 12, before=turn)


def in_turns(folder: Path) -> None:
    """Two groups of weights are trained in turn, an epoch each, as alternating least squares does."""
    net = Towers(seed=576, users=120, items=90)

    def turn(run: Run, k: int) -> None:
        run.frozen = ("user",) if k % 2 else ("item",)

    follow(Run(net), folder, npz, before=turn)


class Later(Mlp):
    """Two heads on one trunk; the second one has a loss from some epoch on."""

    def __init__(self, *, seed: int) -> None:
        super().__init__(15, 26, 4, seed=seed)
        self.dense("second", 26, 3)
        self.begun = False

    def loss(self, p: Weights) -> Node:
        x, classes = self.batch()
        h = relu(dense(p, "d1", as_node(x)))
        first = cross_entropy(dense(p, "head", h), classes)
        return first + cross_entropy(dense(p, "second", h), classes % 3) if self.begun else first


def task_added(folder: Path) -> None:
    net = Later(seed=577)

    def begin(run: Run, k: int) -> None:
        net.begun = k >= 6

    follow(Run(net, stores=True), folder, bundle, before=begin)


class Evolution(Run):
    """Weights move along random directions that were tried and found good; there is no gradient."""

    def advance(self, steps: int = STEPS) -> None:
        rng = np.random.default_rng(self.step)
        for _ in range(steps):
            self.step += 1
            tried = [{n: rng.standard_normal(w.shape) for n, w in self.weights.items()} for _ in range(8)]
            scores = np.array(
                [
                    self.net.loss({n: Node(w + 0.05 * d[n]) for n, w in self.weights.items()}).value
                    - self.net.loss({n: Node(w - 0.05 * d[n]) for n, w in self.weights.items()}).value
                    for d in tried
                ]
            )
            for name in self.weights:
                push = sum(s * d[name] for s, d in zip(scores, tried, strict=True))
                self.weights[name] = self.weights[name] - 0.05 * push / (scores.std() * len(tried) + 1e-9)


def evolved(folder: Path) -> None:
    follow(Evolution(Mlp(10, 16, 4, seed=578)), folder, npz)


def best_only(folder: Path) -> None:
    """Saved whenever the validation loss is the best so far: often at first, rarely later."""
    follow(
        Run(Residual(seed=579, blocks=3), rate=2e-3), folder, safetensors, gaps=(10, 10, 20, 10, 40, 30, 120, 10, 260)
    )


def best_only_words(folder: Path) -> None:
    net = Transformer(seed=580, words=300)
    follow(Run(net, adagrad, 0.05, stores=True), folder, npz, gaps=(25, 25, 25, 75, 25, 150, 25, 300))


def adversaries_averaged(folder: Path) -> None:
    """A GAN with an average of its weights; the discriminator has its own rate and optimizer."""
    run = Run(Adversaries(seed=581, width=30), rate=2e-3, after_step=average(0.9))
    run.optimizers, run.rates = {"f": rmsprop}, {"f": 0.2}
    follow(run, folder, orbax)


def late_generalisation(folder: Path) -> None:
    """Strong decay over many steps: norms fall from their peak to a lower level."""
    decay = lambda w, g, s, rate, step: adamw(w, g, s, rate, step) + rate * w  # noqa: E731
    run = Run(Mlp(16, 48, 4, seed=582), decay, 3e-3)
    follow(run, folder, without_step, gaps=(20, 60, 100, 200, 200, 200))


def without_step(folder: Path, k: int, arrays: dict[str, Array]) -> None:
    """The weights without the step, as many save them."""
    npz(folder, k, {name: values for name, values in arrays.items() if name != "step"})


class Scaled(Net):
    """Kernels as directions ``v`` and lengths ``g`` (weight normalisation)."""

    def __init__(self, *, seed: int) -> None:
        super().__init__(seed)
        for name, a, b in (("layer1", 14, 30), ("layer2", 30, 4)):
            self.weights[f"{name}/v"] = 0.05 * self.rng.standard_normal((a, b))
            self.weights[f"{name}/g"] = np.ones(b)
            self.weights[f"{name}/bias"] = np.zeros(b)
        self.centres = self.rng.standard_normal((4, 14))

    def loss(self, p: Weights) -> Node:
        from bench.calibration.tape import rsqrt

        classes = self.rng.integers(0, 4, 32)
        h = as_node(self.centres[classes] + self.rng.standard_normal((32, 14)))
        for name in ("layer1", "layer2"):
            v = p[f"{name}/v"]
            unit = v * rsqrt((v * v).mean(0, keep=True) * float(v.shape[0]))
            h = h @ (unit * p[f"{name}/g"]) + p[f"{name}/bias"]
            h = relu(h) if name == "layer1" else h
        return cross_entropy(h, classes)


def weight_normalised(folder: Path) -> None:
    follow(Run(Scaled(seed=583), momentum, 0.03, stores=True), folder, npz)


def legacy_momentum(folder: Path) -> None:
    net = Conv(6, 6, 8, seed=584, side=11)
    follow(Run(net, momentum, 0.02, clip=1.0, stores=True), folder, legacy_h5(net))


_RUNS: tuple[tuple[str, str, Callable[[Path], None]], ...] = (
    ("one-cycle", "CNN, one cycle of the rate up to 0.15, Keras bundle", one_cycle),
    ("triangles", "residual MLP, triangular rate", triangles),
    ("snapshots", "mixer, saved at the end of each cosine cycle only", snapshots),
    ("plateaus", "transformer, rate halved eight times, Orbax", plateaus),
    ("language-model", "decoder in PyTorch's names, clipped, warm-up and cosine", language_model),
    ("language-model-lion", "tied decoder from step 0, Lion, uneven saves", language_model_init),
    ("mixture", "decoder of 4 experts, all in use", mixture),
    ("mixture-bare", "decoder of 6 experts, weights only, AdamW", mixture_bare),
    ("graph", "graph convolutions, Adam, Orbax", graph),
    ("separable", "separable CNN saved in float16", separable),
    ("variational", "VAE whose divergence is warmed up, RMSprop", variational),
    ("wide-and-deep", "FTRL for the wide part, Adagrad for the deep one", wide_and_deep),
    ("hashed-ids", "3,000 hashed ids of which most never occur", hashed_ids),
    ("skipgram", "word vectors from step 0, SGD to zero", skipgram),
    ("waves", "sine network whose first kernel is large", waves),
    ("double-precision", "tanh network in float64, tiny steps at the end", double_precision),
    ("prices", "regression to raw prices: a bias of 240,000", prices),
    ("metres", "regression to micrometres in metres: a head of 1e-6", metres),
    ("random-features", "fixed random features, trained readout, no flags", reservoir),
    ("lottery", "iterative pruning with rewinding, masks stored", lottery),
    ("two-of-four", "2:4 pruning at epoch 6, masks as bytes", two_of_four),
    ("int8-aware", "int8-aware training, floats stored", aware_of_int8),
    ("binary", "a kernel used by its signs, clipped to ± 1", binary),
    ("federated", "federated averaging of three clients", federated),
    ("federated-heads", "two of four clients a round, heads of their own", federated_heads),
    ("in-turns", "two towers trained in turn, an epoch each", in_turns),
    ("task-added", "a second head trained from epoch 6 on", task_added),
    ("evolved", "evolution strategy, no gradients", evolved),
    ("best-only", "residual CNN, saved only when best", best_only),
    ("best-only-words", "transformer of 300 words, saved only when best", best_only_words),
    ("gan-averaged", "GAN of two optimizers with an average", adversaries_averaged),
    ("strong-decay", "decay of 1 over 780 steps, no step stored", late_generalisation),
    ("weight-normalised", "directions and lengths of kernels", weight_normalised),
    ("clipped-conv", "three convolutions, clipped momentum, .h5", legacy_momentum),
)

CASES: tuple[Case, ...] = tuple(Case(name, story, make, unseen=name not in SEEN_SINCE) for name, story, make in _RUNS)
