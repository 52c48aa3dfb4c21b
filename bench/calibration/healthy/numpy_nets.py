"""Healthy runs of nets that numpy trains, beside those of :mod:`bench.calibration.healthy.keras_models`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from bench.calibration.case import Case
from bench.calibration.descent import adagrad, adamw, ftrl, lion, momentum, rmsprop, sgd
from bench.calibration.files import bfloat16, bundle, npz, orbax, safetensors, saved_model
from bench.calibration.nets import common as nets
from bench.calibration.nets.common import Mlp, Node, Weights, cross_entropy, dense, relu
from bench.calibration.run import CHECKPOINTS, STEPS, Run, follow
from bench.calibration.tape import Array
from bench.calibration.vessels import keras_archive, keras_bundle, legacy_h5, weights_h5

ALL = CHECKPOINTS * STEPS


def cosine(steps: int, rate: float) -> Callable[[int], float]:
    """A rate that falls to zero along half a cosine, and stays there."""
    return lambda step: rate * 0.5 * (1 + np.cos(np.pi * min(1.0, step / steps)))


def cosine_unstored(folder: Path) -> None:
    follow(Run(Mlp(14, 24, 24, 4, seed=101), momentum, cosine(ALL - 2 * STEPS, 0.05)), folder)


def linear_to_zero(folder: Path) -> None:
    rate = lambda step: 3e-3 * max(0.0, 1 - step / (ALL - 3 * STEPS))  # noqa: E731
    follow(Run(nets.Transformer(seed=102), adamw, rate), folder, safetensors)


def warm_restarts(folder: Path) -> None:
    net = nets.Conv(6, 10, seed=103)
    rate = lambda step: 0.05 * 0.5 * (1 + np.cos(np.pi * (step % 60) / 60))  # noqa: E731
    follow(Run(net, momentum, rate, stores=True), folder, keras_archive(net))


def steps_down(folder: Path) -> None:
    rate = lambda step: 0.1 * 0.1 ** (step // 70)  # noqa: E731
    net = Mlp(14, 40, 30, 4, seed=104)
    follow(Run(net, momentum, rate, stores=True), folder, legacy_h5(net))


def warm_up(folder: Path) -> None:
    follow(Run(nets.Transformer(seed=105, blocks=2), rate=lambda step: 3e-3 * min(1.0, step / 80)), folder, orbax)


def unfreezing(folder: Path) -> None:
    """A pretrained backbone is frozen up to epoch 4 and trained from then on, as the configuration says."""
    net = Mlp(14, 32, 32, 4, seed=106)
    run = pretrained(net, "head")
    run.frozen = ("d",)

    def thaw(run: Run, k: int) -> None:
        run.frozen = ("d",) if k <= 4 else ()

    follow(run, folder, keras_archive(net, lambda name, k: name.startswith("d") and k <= 4), before=thaw)


def pretrained(net: nets.Net, anew: str, steps: int = 150) -> Run:
    """A run of a net that was trained before, but for the layers whose names begin so."""
    run = Run(net)
    run.advance(steps)
    again = Run(net)
    for name in [n for n in net.weights if n.startswith(anew)]:
        net.weights[name] = run.start[name]
    return again


def frozen_backbone(folder: Path) -> None:
    run = pretrained(nets.Recurrent(12, 12, seed=107), "head")
    run.frozen = ("rnn",)
    follow(run, folder)


class Adapted(Mlp):
    """An :class:`Mlp` whose hidden kernels have adapters of rank 2: ``lora_a`` and ``lora_b``, which starts at zero."""

    def __init__(self, *widths: int, seed: int) -> None:
        super().__init__(*widths, seed=seed)
        for name in self.names[:-1]:
            inputs, units = self.weights[f"{name}/kernel"].shape
            self.matrix(f"{name}/lora_a", inputs, 2)
            self.weights[f"{name}/lora_b"] = np.zeros((2, units))

    def loss(self, p: Weights) -> Node:
        merged = {f"{n}/kernel": p[f"{n}/kernel"] + p[f"{n}/lora_a"] @ p[f"{n}/lora_b"] for n in self.names[:-1]}
        return super().loss({**p, **merged})


def lora(folder: Path) -> None:
    run = pretrained(Adapted(14, 48, 48, 4, seed=108), "lora_none")
    run.optimizer = adamw
    run.frozen = tuple(f"{n}/{part}" for n in ("d1", "d2") for part in ("kernel", "bias"))
    follow(run, folder, safetensors)


def average(decay: float, begin: int = 0) -> Callable[[Run], None]:
    """After each step: an exponential average of all weights beside them, or one of equal shares from a step on."""

    def update(run: Run) -> None:
        for name, values in run.weights.items():
            key = f"ema/{name}"
            if run.step <= begin or key not in run.extra:
                run.extra[key] = values.astype("f4")
            else:
                keep = decay or 1 - 1 / (run.step - begin + 1)
                run.extra[key] = (keep * run.extra[key] + (1 - keep) * values).astype("f4")

    return update


def ema(folder: Path) -> None:
    follow(Run(nets.Conv(6, 8, seed=109), after_step=average(0.98)), folder)


def swa(folder: Path) -> None:
    follow(Run(Mlp(14, 32, 24, 4, seed=110), sgd, 0.1, after_step=average(0.0, 120)), folder, safetensors)


class Online(Mlp):
    """A net for values of actions, and a ``target`` that it is trained towards."""

    def __init__(self, *widths: int, seed: int) -> None:
        super().__init__(*widths, seed=seed)
        copies = {f"target/{name}": values.copy() for name, values in self.weights.items()}
        self.weights = {f"online/{name}": values for name, values in self.weights.items()} | copies
        self.fixed = set(copies)

    def loss(self, p: Weights) -> Node:
        x, classes = self.batch()

        def values(of: str, x: Array) -> Node:
            h = nets.as_node(x)
            for name in self.names[:-1]:
                h = relu(dense(p, f"{of}/{name}", h))
            return dense(p, f"{of}/head", h)

        future = values("target", self.batch()[0]).value.max(axis=1, keepdims=True)
        rewards = np.eye(len(self.centres))[classes]
        return nets.squared(values("online", x) - nets.as_node(rewards + 0.5 * future))


def synchronised(every: int, share: float = 1.0) -> Callable[[Run], None]:
    def update(run: Run) -> None:
        if run.step % every == 0:
            for name in run.net.fixed:
                online = run.weights[name.replace("target/", "online/")]
                run.weights[name] = (1 - share) * run.weights[name] + share * online

    return update


def target_copied(folder: Path) -> None:
    follow(Run(Online(10, 24, 24, 4, seed=111), after_step=synchronised(3 * STEPS)), folder, bundle)


def target_followed(folder: Path) -> None:
    follow(Run(Online(10, 24, 24, 4, seed=112), after_step=synchronised(1, 0.01)), folder, npz)


def adversaries(folder: Path) -> None:
    follow(Run(nets.Adversaries(seed=113), rate=1e-3, stores=True), folder, npz)


def clipped_weights(folder: Path) -> None:
    """The discriminator's weights are clipped after each step, as a Wasserstein GAN's are."""

    def clip(run: Run) -> None:
        for name in ("f1/kernel", "f2/kernel", "f1/bias", "f2/bias"):
            run.weights[name] = np.clip(run.weights[name], -0.02, 0.02)

    follow(Run(nets.Adversaries(seed=114), rmsprop, 1e-3, after_step=clip), folder, safetensors)


class Words(Mlp):
    """Means of the embeddings of words, most of them rare, in front of an :class:`Mlp`; word 0 fills up."""

    def __init__(self, words: int, width: int, *, seed: int, masks: bool = False) -> None:
        super().__init__(width, 16, 4, seed=seed)
        self.words, self.masks = words, masks
        self.weights = {"words/embeddings": 0.05 * self.rng.standard_normal((words, width)), **self.weights}
        if masks:
            self.weights["words/embeddings"][0] = 0

    def loss(self, p: Weights) -> Node:
        x = np.minimum(self.rng.zipf(1.3, (nets.BATCH, 10)), self.words - 1)
        classes = x[:, 0] % 4
        looked = p["words/embeddings"][x]
        if self.masks:
            x[:, 6:] = 0
            looked = p["words/embeddings"][x] * (x > 0)[..., None]
        return cross_entropy(dense(p, "head", relu(dense(p, "d1", looked.mean(1)))), classes)


def rare_words(folder: Path) -> None:
    follow(Run(Words(600, 12, seed=115), adagrad, 0.1, stores=True), folder)


def padding_row(folder: Path) -> None:
    follow(Run(Words(120, 12, seed=116, masks=True), stores=True), folder, saved_model)


def unused_positions(folder: Path) -> None:
    follow(Run(nets.Transformer(seed=117, positions=32, length=8), stores=True), folder, npz)


def unused_experts(folder: Path) -> None:
    follow(Run(nets.Experts(seed=118), stores=True), folder, npz)


def unused_experts_without_state(folder: Path) -> None:
    follow(Run(nets.Experts(seed=119, experts=8, unused=4), sgd, 0.05), folder, safetensors)


def clipped_gradients(folder: Path) -> None:
    net = nets.Recurrent(16, seed=120)
    follow(Run(net, momentum, 0.05, clip=0.5, stores=True), folder, weights_h5(net))


def masked_pruning(folder: Path) -> None:
    """From epoch 5 on the smaller half of two kernels is masked."""

    def prune(run: Run, k: int) -> None:
        for name in ("d1/kernel", "d2/kernel"):
            if k == 5:
                run.extra[name.replace("kernel", "mask")] = (
                    np.abs(run.weights[name]) > np.median(np.abs(run.weights[name]))
                ).astype("f4")
            elif k < 5:
                run.extra[name.replace("kernel", "mask")] = np.ones(run.weights[name].shape, "f4")
            mask(run)

    def mask(run: Run) -> None:
        for name in ("d1/kernel", "d2/kernel"):
            run.weights[name] = run.weights[name] * run.extra.get(name.replace("kernel", "mask"), 1.0)

    follow(Run(Mlp(14, 40, 40, 4, seed=121), after_step=mask), folder, before=prune)


def gradual_pruning(folder: Path) -> None:
    def prune(run: Run, k: int) -> None:
        share = 0.7 * (1 - (1 - k / CHECKPOINTS) ** 3)
        for name in ("c1/kernel", "c2/kernel"):
            values = run.weights[name]
            run.weights[name] = np.where(np.abs(values) < np.quantile(np.abs(values), share), 0, values)

    follow(Run(nets.Conv(8, 12, seed=122)), folder, after=prune)


def shrunk(threshold: float, names: tuple[str, ...]) -> Callable[[Run], None]:
    """The proximal step of L1: what is smaller than a threshold is zero."""

    def update(run: Run) -> None:
        for name in names:
            values = run.weights[name]
            run.weights[name] = np.sign(values) * np.maximum(np.abs(values) - threshold, 0)

    return update


def early_l1(folder: Path) -> None:
    follow(Run(Mlp(30, 32, 4, seed=123), sgd, 0.1, after_step=shrunk(1e-3, ("d1/kernel",))), folder)


def followed_leader(folder: Path) -> None:
    follow(Run(Mlp(120, 4, seed=124), partial(ftrl, l1=2.0), 0.1, stores=True), folder)


def zero_branches(folder: Path) -> None:
    follow(Run(nets.BranchedMlp(16, 3, seed=125)), folder, safetensors)


def zero_branches_from_init(folder: Path) -> None:
    follow(Run(nets.BranchedMlp(16, 2, seed=126), stores=True), folder, gaps=(0, *[STEPS] * 9))


def log_spaced(folder: Path) -> None:
    follow(Run(Mlp(14, 32, 32, 4, seed=127)), folder, gaps=(1, 1, 3, 5, 10, 30, 50, 100, 300, 500))


def log_spaced_conv(folder: Path) -> None:
    follow(Run(nets.Conv(6, 8, seed=128), momentum, 0.03), folder, gaps=(0, 1, 1, 2, 4, 8, 16, 32, 64, 128))


def saved_twice(folder: Path) -> None:
    follow(Run(Mlp(14, 32, 4, seed=129), stores=True), folder, safetensors, gaps=(*[STEPS] * 5, 0, *[STEPS] * 3, 0))


def resumed(folder: Path) -> None:
    """With its optimizer's state, a lower rate and saves twice as far apart."""
    net = nets.Recurrent(12, 12, seed=130)

    def lower(run: Run, k: int) -> None:
        run.rate = 3e-3 if k <= 5 else 1e-3

    follow(Run(net, stores=True), folder, weights_h5(net), before=lower, gaps=(*[STEPS] * 5, *[2 * STEPS] * 5))


def half_precision(folder: Path) -> None:
    follow(Run(nets.Transformer(seed=131, blocks=2), adamw, 2e-3), folder, bfloat16)


def loss_scaled(folder: Path) -> None:
    def grow(run: Run, k: int) -> None:
        run.extra["optimizer/dynamic_scale"] = np.array(2.0 ** (10 + k - 2 * (k == 5)), "f4")

    follow(Run(nets.Conv(6, 8, seed=132), momentum, 0.05, stores=True), folder, before=grow)


def layerwise_rates(folder: Path) -> None:
    run = pretrained(Mlp(14, 24, 24, 24, 24, 4, seed=133), "head")
    run.optimizer, run.rate = sgd, 0.05
    run.rates = {"d1": 0.02, "d2": 0.05, "d3": 0.14, "d4": 0.37}
    follow(run, folder)


def biases_only(folder: Path) -> None:
    net = nets.Transformer(seed=134)
    run = pretrained(net, "head")
    run.frozen = tuple(n for n in net.weights if not n.endswith(("bias", "beta")) and not n.startswith("head"))
    follow(run, folder, safetensors)


def converged(folder: Path) -> None:
    """Full convergence: at the end the gradients are next to nothing."""
    net = Mlp(14, 24, 24, 4, seed=135)
    net.centres *= 2
    follow(Run(net, sgd, 0.05), folder, gaps=[120] * 10)


def many_dead_units(folder: Path) -> None:
    """A fifth of the units of a ReLU layer never outputs anything, and the net learns well."""
    net = Mlp(14, 40, 30, 4, seed=136)
    net.weights["d1/bias"][:8] = -12.0
    follow(Run(net, stores=True), folder, keras_archive(net))


def signs(folder: Path) -> None:
    follow(Run(Mlp(14, 32, 32, 4, seed=137), lion, 5e-4, stores=True), folder)


def autoencoder(folder: Path) -> None:
    follow(Run(nets.Autoencoder(seed=138), rmsprop, 2e-3, stores=True), folder, saved_model)


def conv_bundle(folder: Path) -> None:
    net = nets.Conv(6, 10, seed=139)
    follow(Run(net, stores=True), folder, keras_bundle(net))


def plain_recurrent(folder: Path) -> None:
    net = nets.Recurrent(16, seed=140, gates=1)
    follow(Run(net, stores=True), folder, legacy_h5(net))


def decayed(folder: Path) -> None:
    """A strong decay takes the unneeded directions out of wide layers."""

    def decay(run: Run) -> None:
        for name in ("d1/kernel", "d2/kernel"):
            run.weights[name] = run.weights[name] * 0.99

    follow(Run(Mlp(14, 48, 48, 4, seed=141), sgd, 0.1, after_step=decay), folder, orbax)


def sparse_inputs(folder: Path) -> None:
    """A tenth of the inputs is always zero, as the border of images is."""
    net = Mlp(40, 24, 4, seed=142)
    net.scale[:4] = 0
    follow(Run(net), folder, safetensors)


_RUNS: tuple[tuple[str, str, Callable[[Path], None]], ...] = (
    ("cosine-unstored", "cosine to zero two epochs before the end; no rate is stored", cosine_unstored),
    ("linear-to-zero", "transformer, rate linear to zero three epochs before the end", linear_to_zero),
    ("warm-restarts", "CNN, cosine with warm restarts, .keras", warm_restarts),
    ("steps-down", "rate ÷ 10 twice, .h5", steps_down),
    ("warm-up", "transformer, rate rises for 80 steps, Orbax", warm_up),
    ("unfreezing", "backbone frozen up to epoch 4, as its flags say", unfreezing),
    ("frozen-backbone", "LSTM backbone frozen, .npz without flags", frozen_backbone),
    ("lora-flat", "adapters of rank 2 on a frozen MLP, safetensors", lora),
    ("ema-beside", "CNN with an average of all weights beside them", ema),
    ("swa", "average of equal shares from step 120 on", swa),
    ("target-copied", "DQN, target copied every third checkpoint, TF bundle", target_copied),
    ("target-followed", "DQN, target follows by 1 % a step", target_followed),
    ("adversaries", "GAN with Adam", adversaries),
    ("clipped-weights", "GAN whose discriminator is clipped at 0.02", clipped_weights),
    ("rare-words", "600 words, most of them rare, Adagrad", rare_words),
    ("padding-row", "embedding with a row of zeros for padding, SavedModel", padding_row),
    ("unused-positions", "transformer with 32 positions of which 8 occur", unused_positions),
    ("unused-experts", "6 experts, 2 of which are never chosen, Adam", unused_experts),
    ("unused-experts-bare", "8 experts, 4 of which are never chosen, weights only", unused_experts_without_state),
    ("clipped-gradients", "LSTM, gradients clipped at a norm of 0.5", clipped_gradients),
    ("masked-pruning", "half of two kernels masked from epoch 5 on", masked_pruning),
    ("gradual-pruning", "convolutions pruned by and by to 70 %", gradual_pruning),
    ("early-l1", "L1 from the first step on", early_l1),
    ("ftrl", "FTRL with L1, a linear model", followed_leader),
    ("zero-branches", "residual branches whose last matrix starts at zero", zero_branches),
    ("zero-branches-init", "the same, from before the first step", zero_branches_from_init),
    ("log-spaced", "saves after 1, 2, 5, 10 … 1,000 steps", log_spaced),
    ("log-spaced-conv", "CNN, saves at steps 0, 1, 2, 4 … 256", log_spaced_conv),
    ("saved-twice", "two checkpoints saved a second time", saved_twice),
    ("resumed", "LSTM resumed with its state, lower rate, larger gaps", resumed),
    ("half-precision", "transformer saved in bfloat16", half_precision),
    ("loss-scaled", "CNN with a dynamic loss scale that halves once", loss_scaled),
    ("layerwise-rates", "fine-tuning with rates that fall by 2.7 a layer", layerwise_rates),
    ("biases-only", "transformer, only biases and head are trained", biases_only),
    ("converged", "trained until gradients are next to nothing", converged),
    ("many-dead-units", "8 of 40 ReLUs dead, the net learns well", many_dead_units),
    ("signs", "MLP, Lion", signs),
    ("autoencoder", "autoencoder, RMSprop, SavedModel", autoencoder),
    ("conv-bundle", "CNN, Adam, TF bundle of Keras", conv_bundle),
    ("plain-recurrent", "recurrent layer with tanh, .h5", plain_recurrent),
    ("decayed", "strong weight decay in wide layers, Orbax", decayed),
    ("sparse-inputs", "a tenth of the inputs is always zero", sparse_inputs),
)

CASES: tuple[Case, ...] = tuple(Case(name, story, make) for name, story, make in _RUNS)
