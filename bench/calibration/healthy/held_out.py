"""Healthy runs that were built after the rules were fixed: other nets, other seeds, other circumstances.

If a rule is changed because of one of them, it is no longer unseen: add it to :data:`SEEN_SINCE`, and write another.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from bench.calibration.case import Case
from bench.calibration.descent import adagrad, adam, adamw, momentum, rmsprop, sgd
from bench.calibration.files import bundle, float16, npz, orbax, safetensors, saved_model
from bench.calibration.healthy.numpy_nets import pretrained, shrunk
from bench.calibration.nets.blocks import Gated, Mixer, Residual, Routed, Tied, Towers
from bench.calibration.nets.common import Adversaries, Autoencoder, Mlp, Recurrent, Transformer, Weights, tanh
from bench.calibration.run import CHECKPOINTS, STEPS, Run, follow
from bench.calibration.tape import Node
from bench.calibration.vessels import keras_archive, keras_bundle, weights_h5

ALL = CHECKPOINTS * STEPS


def polynomial_to_zero(folder: Path) -> None:
    rate = lambda step: 0.3 * max(0.0, 1 - step / (ALL - 50)) ** 2  # noqa: E731
    follow(Run(Gated(seed=301), momentum, rate), folder, safetensors)


def restarts_that_double(folder: Path) -> None:
    def rate(step: int) -> float:
        begin, length = 0, 28
        while step >= begin + length:
            begin, length = begin + length, 2 * length
        return 0.01 * 0.5 * (1 + np.cos(np.pi * (step - begin) / length))

    follow(Run(Towers(seed=302), adam, rate, stores=True), folder, npz)


def block_by_block(folder: Path) -> None:
    """Unfreezing from the last block to the first; the format has no flags."""
    run = pretrained(Mixer(seed=303), "final")

    def thaw(run: Run, k: int) -> None:
        run.frozen = ("mix",) if k <= 3 else ("mix1",) if k <= 6 else ()

    follow(run, folder, safetensors, before=thaw)


class AdaptedAttention(Transformer):
    """Adapters of rank 3 on queries and values."""

    def __init__(self, *, seed: int) -> None:
        super().__init__(seed=seed)
        self.adapted = ("block1_query", "block1_value")
        for name in self.adapted:
            self.matrix(f"{name}/lora_A", 16, 3)
            self.weights[f"{name}/lora_B"] = np.zeros((3, 16))

    def loss(self, p: Weights) -> Node:
        merged = {f"{n}/kernel": p[f"{n}/kernel"] + p[f"{n}/lora_A"] @ p[f"{n}/lora_B"] for n in self.adapted}
        return super().loss({**p, **merged})


def adapters(folder: Path) -> None:
    net = AdaptedAttention(seed=304)
    run = pretrained(net, "head")
    run.optimizer, run.rate = adamw, 5e-3
    run.frozen = tuple(n for n in net.weights if "lora" not in n and not n.startswith("head"))
    follow(run, folder, npz)


def polyak(folder: Path) -> None:
    """An average under another name, that begins late."""

    def update(run: Run) -> None:
        for name, values in run.weights.items():
            key = f"averages/{name}"
            old = run.extra.get(key, values)
            keep = 0.0 if run.step < 50 else 0.99
            run.extra[key] = (keep * old + (1 - keep) * values).astype("f4")

    follow(Run(Residual(seed=305), momentum, 0.05, after_step=update), folder, bundle)


def uneven_adversaries(folder: Path) -> None:
    run = Run(Adversaries(seed=306, width=36), rmsprop, 1e-3, stores=True)
    run.rates = {"f": 0.3}
    follow(run, folder, orbax)


def rare_users(folder: Path) -> None:
    follow(Run(Towers(seed=307, users=900, items=400), sgd, 2.0), folder, npz)


def decayed_rows(folder: Path) -> None:
    follow(Run(Gated(seed=308, words=150), adamw, 3e-3, stores=True), folder, saved_model)


def routed(folder: Path) -> None:
    follow(Run(Routed(seed=309), adam, 3e-3, stores=True), folder, npz)


def routed_bare(folder: Path) -> None:
    follow(Run(Routed(seed=310, experts=6, unused=1), momentum, 0.03), folder, safetensors)


def pruned_once(folder: Path) -> None:
    """The smaller 40 % of two kernels are zero from epoch 4 on, and held so without a mask in the file."""
    net = Mixer(seed=311)
    names = ("mix1_channels_in/kernel", "mix2_channels_in/kernel")
    kept: dict[str, np.ndarray] = {}

    def hold(run: Run) -> None:
        for name, mask in kept.items():
            run.weights[name] = run.weights[name] * mask

    def prune(run: Run, k: int) -> None:
        if k == 4:
            for name in names:
                values = np.abs(run.weights[name])
                kept[name] = values > np.quantile(values, 0.4)
            hold(run)

    follow(Run(net, after_step=hold), folder, before=prune)


def sparse_code(folder: Path) -> None:
    follow(Run(Autoencoder(seed=312), adam, 2e-3, after_step=shrunk(4e-4, ("encode1/kernel",))), folder, safetensors)


def residual_from_init(folder: Path) -> None:
    follow(Run(Residual(seed=313, blocks=3), stores=True), folder, npz, gaps=(0, *[STEPS] * 9))


def powers_of_three(folder: Path) -> None:
    net = Recurrent(12, 10, seed=314, gates=1)
    follow(Run(net, stores=True), folder, weights_h5(net), gaps=(1, 2, 6, 18, 54, 162, 243))


def rolled_back(folder: Path) -> None:
    """A restart from epoch 4's weights: epoch 7 is the first after it, and the step counts on."""
    net = Mlp(16, 36, 28, 5, seed=315)
    kept: dict[str, np.ndarray] = {}

    def back(run: Run, k: int) -> None:
        if k == 5:
            kept.update({name: values.copy() for name, values in run.weights.items()})
        if k == 7:
            run.net.weights.update({name: values.copy() for name, values in kept.items()})

    follow(Run(net), folder, keras_archive(net), before=back)


def narrow(folder: Path) -> None:
    follow(Run(Mixer(seed=316, blocks=3), adam, 2e-3), folder, float16)


def pretrained_words(folder: Path) -> None:
    """Embeddings that were trained elsewhere and stay fixed; a flat file without flags."""
    net = Gated(seed=317)
    run = Run(net)
    run.advance(150)
    fresh = Gated(seed=3170)
    fresh.weights["tokens/embeddings"] = net.weights["tokens/embeddings"]
    follow(Run(fresh, adagrad, 0.05, frozen=("tokens",), stores=True), folder, npz)


def deep_tanh(folder: Path) -> None:
    net = Mlp(16, *[18] * 6, 4, seed=318, act=tanh, gain=1.2)
    follow(Run(net, sgd, 0.05), folder, safetensors)


def tied(folder: Path) -> None:
    follow(Run(Tied(seed=319), momentum, 0.02, stores=True), folder, npz)


def tiny(folder: Path) -> None:
    """A logistic regression of three inputs."""
    net = Mlp(3, 2, seed=320)
    follow(Run(net, adam, 0.02, stores=True), folder, keras_bundle(net))


def squared_rate_towers(folder: Path) -> None:
    rate = lambda step: 0.01 * max(0.0, 1 - step / (ALL - 30)) ** 2  # noqa: E731
    follow(Run(Towers(seed=321), adam, rate), folder, bundle)


def routed_wide(folder: Path) -> None:
    follow(Run(Routed(seed=322, experts=12, unused=5), adamw, 2e-3, stores=True), folder, safetensors)


def fixed_stem(folder: Path) -> None:
    """A pretrained stem that stays fixed under new blocks; a flat file without flags."""
    net = Residual(seed=323)
    Run(net).advance(120)
    fresh = Residual(seed=3230)
    fresh.weights["stem/kernel"] = net.weights["stem/kernel"]
    follow(Run(fresh, adagrad, 0.05, frozen=("stem",), stores=True), folder, npz)


SEEN_SINCE = frozenset({"polynomial-to-zero", "routed", "pretrained-words", "fixed-stem"})
"""Runs because of which a rule was changed."""

_RUNS: tuple[tuple[str, str, Callable[[Path], None]], ...] = (
    ("polynomial-to-zero", "GRU, squared rate to zero 50 steps before the end", polynomial_to_zero),
    ("restarts-that-double", "two towers, warm restarts at 28, 84 …", restarts_that_double),
    ("block-by-block", "mixer unfrozen block by block, no flags", block_by_block),
    ("adapters", "LoRA on queries and values of a pretrained transformer", adapters),
    ("polyak", "residual CNN, averages that begin at step 50", polyak),
    ("uneven-adversaries", "GAN, the discriminator at a third of the rate", uneven_adversaries),
    ("rare-users", "900 users, 400 items, most of them rare, SGD", rare_users),
    ("decayed-rows", "GRU, rows of rare words only decay", decayed_rows),
    ("routed", "8 experts, 3 of which no token reaches, Adam", routed),
    ("routed-bare", "6 experts, 1 of which no token reaches, weights only", routed_bare),
    ("pruned-once", "40 % of two kernels pruned at epoch 4", pruned_once),
    ("sparse-code", "autoencoder with L1 on its code", sparse_code),
    ("residual-from-init", "residual CNN with zero scales, from step 0", residual_from_init),
    ("powers-of-three", "recurrent net saved at steps 1, 3, 9 … 486", powers_of_three),
    ("rolled-back", "restarted from epoch 4's weights after epoch 6", rolled_back),
    ("narrow", "mixer saved in float16", narrow),
    ("pretrained-words", "fixed embeddings from elsewhere, no flags", pretrained_words),
    ("deep-tanh", "six layers of tanh, SGD", deep_tanh),
    ("tied", "autoencoder with tied weights, momentum", tied),
    ("squared-rate-towers", "two towers, squared rate to zero 30 steps before the end", squared_rate_towers),
    ("routed-wide", "12 experts, 5 of which no token reaches, AdamW", routed_wide),
    ("fixed-stem", "residual CNN over a fixed stem, no flags", fixed_stem),
    ("tiny", "logistic regression of three inputs", tiny),
)

CASES: tuple[Case, ...] = tuple(Case(name, story, make, unseen=name not in SEEN_SINCE) for name, story, make in _RUNS)
