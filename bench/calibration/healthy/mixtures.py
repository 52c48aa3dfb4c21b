"""Healthy runs of a third look, built after the rules that the second one showed to be wrong were mended.

Each is a net of one kind, an optimizer, a format and a circumstance; none is a near copy of another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from bench.calibration.case import Case
from bench.calibration.descent import Step, adagrad, adam, adamw, lion, momentum, rmsprop, sgd
from bench.calibration.files import Save, bfloat16, bundle, float16, npz, orbax, safetensors, saved_model
from bench.calibration.healthy.from_nothing import Later, Rounded, Scaled
from bench.calibration.healthy.numpy_nets import Online, Words, average, pretrained, shrunk, synchronised
from bench.calibration.nets import common as nets
from bench.calibration.nets.blocks import Gated, Mixer, Residual, Routed, Tied, Towers
from bench.calibration.nets.common import Mlp, Net
from bench.calibration.nets.tasks import (
    Agent,
    Decoder,
    Fields,
    Flow,
    Graph,
    Pairs,
    Separable,
    Skipgram,
    Sparse,
    Variational,
    Waves,
)
from bench.calibration.run import CHECKPOINTS, STEPS, Run, follow
from bench.calibration.tape import Array, relu, sigmoid, tanh
from bench.calibration.vessels import keras_archive, keras_bundle, legacy_h5, weights_h5

ALL = CHECKPOINTS * STEPS
Make = Callable[[Path], None]
Rate = float | Callable[[int], float]


def trained(
    net: Callable[[], Net],
    optimizer: Step = adam,
    rate: Rate = 3e-3,
    save: Save | Callable[[Net], Save] = npz,
    *,
    gaps: Iterable[int] = (STEPS,) * CHECKPOINTS,
    stores: bool = False,
    frozen: tuple[str, ...] = (),
    begin: int = 0,
    anew: str = "nothing",
    after_step: Callable[[Run], None] = lambda run: None,
    before: Callable[[Run, int], None] = lambda run, k: None,
    clip: float = np.inf,
) -> Make:
    """A run: of a net that was trained for ``begin`` steps before if at all, but for what begins with ``anew``."""

    def make(folder: Path) -> None:
        made = net()
        run = pretrained(made, anew, steps=begin) if begin else Run(made)
        run.optimizer, run.rate, run.stores, run.frozen = optimizer, rate, stores, frozen
        run.after_step, run.clip = after_step, clip
        saver = save(made) if save in (keras_archive, keras_bundle, legacy_h5, weights_h5) else save
        follow(run, folder, saver, before=before, gaps=gaps)  # type: ignore[arg-type]

    return make


def inverse_root(rate: float, warm: int) -> Callable[[int], float]:
    return lambda step: rate * min(step / warm, (warm / step) ** 0.5)


def stable_then_down(rate: float) -> Callable[[int], float]:
    """Constant, and a line to zero over the last fifth."""
    return lambda step: rate * min(1.0, max(0.0, (ALL - step) / (0.2 * ALL)))


def exponential(rate: float, a_step: float) -> Callable[[int], float]:
    return lambda step: rate * a_step**step


def bounded(limit: float, *names: str) -> Callable[[Run], None]:
    """Norms of units are cut back after each step."""

    def act(run: Run) -> None:
        for name in names:
            norms = np.linalg.norm(run.weights[name], axis=0, keepdims=True)
            run.weights[name] = run.weights[name] * np.minimum(1.0, limit / np.maximum(norms, 1e-12))

    return act


def masked_from_start(share: float, *names: str) -> Callable[[Run], None]:
    """A fixed random sparsity, whose mask is not stored."""
    rng = np.random.default_rng(9)
    masks: dict[str, Array] = {}

    def act(run: Run) -> None:
        for name in names:
            mask = masks.setdefault(name, (rng.random(run.weights[name].shape) > share).astype(float))
            run.weights[name] = run.weights[name] * mask

    return act


def frozen_from(epoch: int, *names: str) -> Callable[[Run, int], None]:
    """Nothing but these names is trained before an epoch: the head first, then everything."""

    def act(run: Run, k: int) -> None:
        run.frozen = tuple(n for n in run.weights if not n.startswith(names)) if k < epoch else ()

    return act


def grown(run: Run, k: int) -> None:
    """A second optimizer step size for a part, from epoch 4 on."""
    run.rates = {"head": 0.2} if k >= 4 else {}


def at(epoch: int, optimizer: Step, rate: float) -> Callable[[Run, int], None]:
    def act(run: Run, k: int) -> None:
        if k == epoch:
            run.optimizer, run.rate, run.slots = optimizer, rate, {}

    return act


def rewarmed(run: Run, k: int) -> None:
    """At epoch 6 new data come, and the rate is raised again."""
    run.rate = 4e-3 * 0.6 ** ((k - 1) % 5)


def kept_best(folder: Path) -> None:
    """Only the two first and the last checkpoints were kept."""
    trained(lambda: Mixer(seed=731, blocks=1), adamw, 2e-3, safetensors, gaps=(20, 20, 400))(folder)


def adapters_in_half(folder: Path) -> None:
    """Adapters of rank 8 on the dense parts, saved in float16 beside the model."""
    net = Decoder(seed=732, layers=1)
    run = pretrained(net, "nothing", steps=80)
    net.adapt(8, "up_proj", "down_proj")
    run.frozen, run.rate = tuple(n for n in net.weights if "lora" not in n), 8e-3
    follow(run, folder, float16)


def soup(folder: Path) -> None:
    """From epoch 8 on the saved weights are the mean of the last five checkpoints."""
    past: list[dict[str, Array]] = []

    def spoil(arrays: dict[str, Array], k: int) -> None:
        past.append({n: a for n, a in arrays.items() if n != "step"})
        if k >= 8:
            arrays |= {n: np.mean([p[n] for p in past[-5:]], axis=0).astype("f4") for n in past[-1]}

    follow(Run(Residual(seed=733, width=8), rmsprop, 1e-3), folder, npz, spoil=spoil)


def grown_vocabulary_unused(folder: Path) -> None:
    """A table with a hundred reserved rows that no word has yet, and an average of the model."""
    net = nets.Transformer(seed=734, words=40)
    extra = 0.05 * net.rng.standard_normal((100, 16))
    net.weights["words/embeddings"] = np.concatenate([net.weights["words/embeddings"], extra])
    follow(Run(net, adamw, 2e-3, after_step=average(0.9)), folder, safetensors)


def progressively(folder: Path) -> None:
    """Early layers are frozen for good one after the other, as FreezeOut does; flags say so."""
    net = Mlp(14, 22, 22, 22, 4, seed=735)
    stops = {"d1": 5, "d2": 8}

    def freeze(run: Run, k: int) -> None:
        run.frozen = tuple(f"{name}/" for name, stop in stops.items() if k >= stop)

    def fixed(name: str, k: int) -> bool:
        return k >= stops.get(name, 99)

    follow(Run(net, momentum, 0.02, stores=True), folder, keras_archive(net, fixed), before=freeze)


_RUNS: tuple[tuple[str, str, Make], ...] = (
    ("fixed-graph", "graph net, first convolution fixed, optimizer stored",
     trained(lambda: Graph(seed=701), adamw, 2e-3, npz, stores=True, frozen=("gcn1",), begin=100)),
    ("fixed-flow", "flow whose first coupling is fixed, Orbax",
     trained(lambda: Flow(seed=702), rmsprop, 1e-3, orbax, frozen=("coupling_1",), begin=80)),
    ("fixed-towers", "towers of a fixed item side, SavedModel",
     trained(lambda: Towers(seed=703), adagrad, 0.05, saved_model, frozen=("item",), begin=80)),
    ("fixed-gates", "GRU with two fixed gates, SGD, TF bundle",
     trained(lambda: Gated(seed=704), sgd, 0.2, bundle, frozen=("gru_update", "gru_reset"), begin=80)),
    ("fixed-norms-decoder", "decoder with fixed scales, bfloat16",
     trained(lambda: Decoder(seed=705), adam, 1e-3, bfloat16, begin=80,
             frozen=tuple(n for n in Decoder(seed=705).weights if "norm" in n))),
    ("fixed-positions", "transformer with fixed positions, Orbax, AdamW's state",
     trained(lambda: nets.Transformer(seed=706), adamw, 2e-3, orbax, stores=True, frozen=("positions",))),
    ("probe-mixer", "mixer fixed but for its last layer, RMSprop",
     trained(lambda: Mixer(seed=707), rmsprop, 2e-3, npz, stores=True, frozen=("mix",), begin=100, anew="final")),
    ("probe-h5", "recurrent net, new head on fixed layers, .weights.h5",
     trained(lambda: nets.Recurrent(14, seed=708), adam, 5e-3, weights_h5, frozen=("rnn",), begin=100, anew="head")),
    ("head-first", "residual CNN, head alone up to epoch 3, no flags",
     trained(lambda: Residual(seed=709), adam, 1e-3, safetensors, begin=100, anew="classes",
             before=frozen_from(4, "classes"))),
    ("head-first-bundle", "separable CNN, head alone up to epoch 5, bundle",
     trained(lambda: Separable(2, 6, 6, seed=710), momentum, 0.01, bundle, begin=100, anew="top",
             before=frozen_from(6, "top"))),
    ("inverse-root", "transformer, inverse square root rate, clipped",
     trained(lambda: nets.Transformer(seed=711, blocks=2), adamw, inverse_root(5e-3, 30), safetensors, clip=1.0)),
    ("stable-then-down", "decoder, constant rate and a line to zero, stored",
     trained(lambda: Decoder(seed=712), adam, stable_then_down(3e-3), npz, stores=True)),
    ("exponential-rate", "CNN, rate × 0.97 a step, .h5",
     trained(lambda: nets.Conv(6, 8, seed=713), momentum, exponential(0.05, 0.97), legacy_h5, stores=True)),
    ("exponential-sgd", "towers, rate × 0.98 a step, SGD",
     trained(lambda: Towers(seed=714), sgd, exponential(2.0, 0.98), npz)),
    ("adam-then-sgd", "mixer, SGD from epoch 7 on, no state",
     trained(lambda: Mixer(seed=715), adam, 2e-3, safetensors, before=at(7, sgd, 0.05))),
    ("sgd-then-adam", "recurrent net, AdamW from epoch 4 on, state stored",
     trained(lambda: nets.Recurrent(12, seed=716), momentum, 0.05, npz, stores=True, before=at(4, adamw, 2e-3))),
    ("rewarmed", "transformer, rate raised again for new data at epoch 6",
     trained(lambda: nets.Transformer(seed=717), adam, 4e-3, orbax, stores=True, before=rewarmed)),
    ("slower-head", "MLP, the head at a fifth of the rate from epoch 4 on",
     trained(lambda: Mlp(18, 28, 28, 5, seed=718, act=sigmoid), rmsprop, 3e-3, keras_archive, stores=True,
             before=grown)),
    ("bounded-units", "MLP whose units are cut back to a norm of 1",
     trained(lambda: Mlp(16, 30, 30, 4, seed=719), sgd, 0.1, safetensors,
             after_step=bounded(1.0, "d1/kernel", "d2/kernel"))),
    ("sparse-from-start", "autoencoder, 60 % fixed random sparsity",
     trained(lambda: nets.Autoencoder(seed=720), adam, 2e-3, npz,
             after_step=masked_from_start(0.6, "encode1/kernel", "decode2/kernel"))),
    ("sparse-experts", "decoder of 4 experts in bfloat16, Lion",
     trained(lambda: Sparse(seed=721), lion, 5e-4, bfloat16)),
    ("routed-sgd", "8 experts, two never reached, SGD with momentum, bundle",
     trained(lambda: Routed(seed=722, unused=2), momentum, 0.03, bundle, stores=True)),
    ("experts-adagrad", "6 experts behind a softmax gate, Adagrad",
     trained(lambda: nets.Experts(seed=723, unused=0), adagrad, 0.05, safetensors, stores=True)),
    ("agent-rmsprop", "actor and critics, RMSprop, Orbax",
     trained(lambda: Agent(seed=724), rmsprop, 1e-3, orbax, stores=True)),
    ("agent-log-spaced", "actor and critics saved at 1, 3, 9, 27 …",
     trained(lambda: Agent(seed=725, width=24), adam, 1e-3, npz, gaps=(1, 2, 6, 18, 54, 162))),
    ("target-often", "DQN whose target is copied every 30 steps",
     trained(lambda: Online(12, 20, 20, 4, seed=726), rmsprop, 1e-3, safetensors, after_step=synchronised(30))),
    ("two-views-sgd", "online and target encoders, SGD with momentum",
     trained(lambda: Pairs(seed=727, share=0.01), momentum, 0.02, npz)),
    ("skipgram-adam", "word vectors, Adam, 600 words, state stored",
     trained(lambda: Skipgram(seed=728, words=600), adam, 0.02, npz, stores=True)),
    ("fields-adam", "recommender of three fields, Adam for all, SavedModel",
     trained(lambda: Fields(seed=729), adam, 3e-3, saved_model)),
    ("rare-words-lion", "900 words, Lion, Orbax",
     trained(lambda: Words(900, 10, seed=730), lion, 1e-3, orbax, stores=True)),
    ("three-saves", "mixer, three checkpoints only, the last one late", kept_best),
    ("adapters-in-half", "LoRA of rank 8 in float16 beside its model", adapters_in_half),
    ("soup", "from epoch 8 on the mean of five checkpoints is saved", soup),
    ("reserved-rows", "a hundred reserved rows in a table, an average beside", grown_vocabulary_unused),
    ("frozen-one-by-one", "early layers frozen for good by their flags", progressively),
    ("many-saves", "recurrent net, forty saves five steps apart",
     trained(lambda: nets.Recurrent(12, seed=736, gates=1), adam, 2e-3, npz, gaps=(5,) * 40)),
    ("two-saves", "graph net, two checkpoints",
     trained(lambda: Graph(seed=737), momentum, 0.05, safetensors, gaps=(100, 100))),
    ("from-init-conv", "CNN from step 0 in steps of ten, Nadam-like",
     trained(lambda: nets.Conv(4, 8, seed=738), adam, 5e-3, npz, gaps=(0, *[10] * 12), stores=True)),
    ("from-init-waves", "sine network from step 0, SGD with momentum, Orbax",
     trained(lambda: Waves(seed=739), momentum, 2e-3, orbax, gaps=(0, *[STEPS] * 9))),
    ("from-init-tied", "tied autoencoder from step 0, AdamW, bundle",
     trained(lambda: Tied(seed=740), adamw, 2e-3, bundle, gaps=(0, 5, 15, 40, 80, 160))),
    ("variational-sgd", "VAE, SGD with momentum, float16",
     trained(lambda: Variational(seed=741), momentum, 5e-3, float16)),
    ("weight-normalised-adam", "directions and lengths, Adam, safetensors",
     trained(lambda: Scaled(seed=742), adam, 3e-3, safetensors)),
    ("rounded-adamw", "int8-aware MLP, AdamW, bfloat16",
     trained(lambda: Rounded(16, 40, 30, 4, seed=743), adamw, 3e-3, bfloat16)),
    ("sparse-code-sgd", "autoencoder with L1 on its code, SGD, from step 0",
     trained(lambda: nets.Autoencoder(seed=744), sgd, 0.1, npz, gaps=(0, *[STEPS] * 9),
             after_step=shrunk(2e-4, ("encode2/kernel",)))),
    ("averaged-graph", "graph net, average of 0.99, TF bundle",
     trained(lambda: Graph(seed=745), adam, 2e-3, bundle, after_step=average(0.99))),
    ("deep-residual", "eight residual layers, momentum, Keras bundle",
     trained(lambda: Mlp(20, *[20] * 8, 4, seed=746, residual=True), momentum, 0.005, keras_bundle, stores=True)),
    ("narrow-tanh", "three narrow layers of tanh, Adagrad, .h5",
     trained(lambda: Mlp(10, 6, 6, 6, 3, seed=747, act=tanh), adagrad, 0.05, legacy_h5)),
    ("wide-relu", "one wide layer of ReLUs, Lion, safetensors",
     trained(lambda: Mlp(12, 160, 4, seed=748, act=relu), lion, 1e-3, safetensors, stores=True)),
    ("branches-rmsprop", "residual branches that begin at zero, RMSprop, step 0",
     trained(lambda: nets.BranchedMlp(14, 3, seed=749), rmsprop, 1e-3, orbax, gaps=(0, *[STEPS] * 8))),
    ("gan-sgd", "GAN, RMSprop, saved every fifth step",
     trained(lambda: nets.Adversaries(seed=750, width=20), rmsprop, 5e-4, npz, gaps=(5,) * 16, stores=True)),
    ("task-later-sgd", "a second head from epoch 4 on, SGD, no state",
     trained(lambda: Later(seed=751), momentum, 0.02, safetensors,
             before=lambda run, k: setattr(run.net, "begun", k >= 4))),
    ("best-only-late", "decoder saved when best: at first often, then 200 steps apart",
     trained(lambda: Decoder(seed=753, layers=1), adamw, 3e-3, safetensors, gaps=(20, 20, 20, 60, 20, 200, 40))),
)  # fmt: skip

CASES: tuple[Case, ...] = tuple(Case(name, story, make, unseen=True) for name, story, make in _RUNS)
