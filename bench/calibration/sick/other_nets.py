"""Runs with one defect each, of nets, optimizers and formats of the second look at what no rule has seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bench.calibration.case import Case
from bench.calibration.descent import adagrad, adamw, lion, momentum, sgd
from bench.calibration.files import bundle, npz, orbax, safetensors
from bench.calibration.healthy.from_nothing import Later, averaged_clients
from bench.calibration.healthy.numpy_nets import pretrained, shrunk
from bench.calibration.nets.blocks import Gated, Towers
from bench.calibration.nets.common import Adversaries, Mlp, Weights
from bench.calibration.nets.tasks import Agent, Decoder, Graph, Separable, Skipgram, Sparse, Variational
from bench.calibration.run import Run, follow
from bench.calibration.sick.numpy_nets import once, scaled, set_rate, spoiled, with_file_of_another_run
from bench.calibration.tape import Array, Node, squared
from bench.calibration.vessels import keras_archive


def nan_in_attention(folder: Path) -> None:
    def spoil(values: Array) -> Array:
        values[4:6] = np.nan
        return values

    run = Run(Decoder(seed=601), adamw, 2e-3)
    follow(run, folder, safetensors, spoil=spoiled("model.layers.1.self_attn.o_proj.weight", spoil, 6))


def poisoned_round(folder: Path) -> None:
    """One client's data hold a NaN in round 6, and so does the average from then on."""
    net = Gated(seed=602)
    run = Run(net, sgd, 0.3)

    def turn(run: Run, k: int) -> None:
        averaged_clients(run, [0, 1, 2], lambda _: None, 8)
        if k == 6:
            for name in run.weights:
                if not name.startswith("tokens"):
                    run.weights[name] = run.weights[name] * np.nan

    follow(run, folder, npz, gaps=[0] * 10, before=turn)


def adapters_left_out(folder: Path) -> None:
    """Of two layers' adapters the optimizer was given only the first layer's."""
    net = Decoder(seed=603)
    net.adapt(4, "q_proj", "v_proj")
    run = pretrained(net, "nothing", steps=80)
    run.rate = 5e-3
    run.frozen = tuple(n for n in net.weights if "lora" not in n or "layers.1" in n)
    for name in net.weights:
        if "lora_B" in name and "layers.1" in name:
            net.weights[name] = np.zeros_like(net.weights[name])
    follow(run, folder, safetensors)


def critics_without_targets(folder: Path) -> None:
    follow(Run(Agent(seed=604, share=0.0), rate=1e-3, stores=True), folder, bundle)


def rate_of_lion(folder: Path) -> None:
    follow(Run(Decoder(seed=605, layers=1), lion, 1e-3, stores=True), folder, npz, before=once(6, set_rate(0.3)))


def ported_wrong(folder: Path) -> None:
    """From epoch 5 on a projection is stored inputs first, as another library has it."""
    spoil = spoiled("model.layers.0.self_attn.o_proj.weight", lambda a: a.T.copy(), 5)
    follow(Run(Decoder(seed=606), adamw, 1e-3), folder, safetensors, spoil=spoil)


def layers_exchanged(folder: Path) -> None:
    def spoil(arrays: dict[str, Array], k: int) -> None:
        if k >= 6:
            a, b = (f"model.layers.{i}.mlp.up_proj.weight" for i in (0, 1))
            arrays[a], arrays[b] = arrays[b], arrays[a]

    follow(Run(Decoder(seed=607), momentum, 0.02), folder, orbax, spoil=spoil)


def best_of_another(folder: Path) -> None:
    """The file of epoch 6 was copied from another run."""
    with_file_of_another_run(folder, lambda seed: Graph(seed=seed), 608, "epoch_06.npz")


def masked_units(folder: Path) -> None:
    """A mask that was meant for another layer zeroes 11 of 26 units from epoch 5 on."""
    net = Mlp(16, 26, 20, 4, seed=609)

    def hold(run: Run) -> None:
        if run.step > 80:
            run.weights["d1/kernel"][:, ::5] = 0.0
            run.weights["d1/kernel"][:, 1::5] = 0.0

    follow(Run(net, momentum, 0.02, after_step=hold), folder, keras_archive(net))


def too_strong_l1(folder: Path) -> None:
    """L1 is a hundred times too strong: nearly all of a layer is zero by the first save."""
    run = Run(Mlp(20, 30, 24, 4, seed=610), sgd, 0.1, after_step=shrunk(0.012, ("d1/kernel",)))
    follow(run, folder, safetensors)


class Likes(Towers):
    """Who likes what, learned from pairs that like each other alone."""

    def loss(self, p: Weights) -> Node:
        users, items = (self.rng.integers(0, n, 128) for n in self.tastes.shape)
        return squared(p["user_table/embeddings"][users] - p["item_table/embeddings"][items])


def no_negatives(folder: Path) -> None:
    net = Likes(seed=611, users=60, items=40)
    for name in ("user", "item"):
        net.weights[f"{name}_table/embeddings"] += 0.1
    follow(Run(net, sgd, 20.0), folder, npz, gaps=[60] * 10)


def rate_of_discriminator(folder: Path) -> None:
    def faster(run: Run) -> None:
        run.rates = {"f": 400.0}

    follow(Run(Adversaries(seed=612), rate=1e-3, stores=True), folder, orbax, before=once(5, faster))


def variance_thrown(folder: Path) -> None:
    """The bias of the mean is thrown to ± 300 at epoch 7."""

    def throw(run: Run) -> None:
        run.weights["mean/bias"] = run.weights["mean/bias"] + 300.0

    follow(Run(Variational(seed=613), sgd, 1e-4), folder, npz, before=once(7, throw))


def statistics_of_separable(folder: Path) -> None:
    net = Separable(2, 6, 8, seed=614)
    net.updates_statistics = False
    follow(Run(net, adamw, 2e-3), folder, safetensors)


def begun_anew(folder: Path) -> None:
    """Resumed at epoch 6 without its weights: a new initialisation, the same steps."""

    def renew(run: Run) -> None:
        run.net.weights.update(Separable(2, 6, 8, seed=6150).weights)
        run.slots = {}

    follow(Run(Separable(2, 6, 8, seed=615), stores=True), folder, bundle, before=once(6, renew))


def moments_lost(folder: Path) -> None:
    """Resumed at epoch 5 without the optimizer, and saved at once."""

    def forget(run: Run) -> None:
        run.slots = {name: {s: np.zeros_like(a) for s, a in slots.items()} for name, slots in run.slots.items()}

    gaps = (*[20] * 4, 0, *[20] * 5)
    follow(Run(Decoder(seed=616), adamw, 2e-3, stores=True), folder, npz, before=once(5, forget), gaps=gaps)


def actor_left_out(folder: Path) -> None:
    """The optimizer of the actor was given the parameters of another one."""
    follow(Run(Agent(seed=617), rate=1e-3, frozen=("actor",), stores=True), folder, npz)


def adagrad_spike(folder: Path) -> None:
    """One gradient of 1e8 at epoch 5: the accumulators never forget it."""

    def spike(run: Run) -> None:
        for name, slots in run.slots.items():
            if name.startswith("gru"):
                slots["accumulator"] = slots["accumulator"] + 1e16

    follow(Run(Gated(seed=618), adagrad, 0.05, stores=True), folder, npz, before=once(5, spike))


def expert_overwritten(folder: Path) -> None:
    """The first expert is loaded into the place of the third at epoch 7."""

    def overwrite(run: Run) -> None:
        moe = "model.layers.0.block_sparse_moe.experts"
        for part in ("w1", "w2"):
            run.weights[f"{moe}.2.{part}.weight"] = run.weights[f"{moe}.0.{part}.weight"].copy()

    follow(Run(Sparse(seed=619), adamw, 1e-3), folder, safetensors, before=once(7, overwrite))


def scale_of_norm(folder: Path) -> None:
    """The scale of the last normalisation is multiplied by 20 at epoch 4."""
    run = Run(Decoder(seed=620, tied=True), sgd, 0.02)
    follow(run, folder, npz, before=once(4, scaled("model.norm.weight", 20.0)))


def merged_twice(folder: Path) -> None:
    """From epoch 5 on an adapter is merged into its kernel at each save, with forty times its weight."""
    net = Decoder(seed=621)
    rng = np.random.default_rng(1)
    low = rng.standard_normal((16, 3)) @ rng.standard_normal((3, 16))

    def spoil(arrays: dict[str, Array], k: int) -> None:
        if k >= 5:
            name = "model.layers.1.self_attn.v_proj.weight"
            arrays[name] = (arrays[name] + low).astype("f4")

    follow(Run(net), folder, safetensors, spoil=spoil)


def task_never_trained(folder: Path) -> None:
    """A second head whose loss was never added; the archive is flat and its kernel random."""
    net = Later(seed=622)
    net.weights["second/kernel"] = net.rng.standard_normal((26, 3)) * 0.3
    follow(Run(net, stores=True), folder, npz)


def words_zeroed(folder: Path) -> None:
    """The table of contexts is all zero from epoch 6 on: it was not part of what was saved."""
    follow(Run(Skipgram(seed=623), sgd, 1.0), folder, npz, spoil=spoiled("context/embeddings", lambda a: 0 * a, 6))


def tail_stops(folder: Path) -> None:
    """The last layer of a decoder is detached from the optimizer at epoch 5, as after a change of its name."""

    def stop(run: Run) -> None:
        run.frozen = ("model.layers.1",)

    follow(Run(Decoder(seed=624), adamw, 2e-3), folder, safetensors, before=once(5, stop))


def adapters_on_noise(folder: Path) -> None:
    """Adapters are trained on a model whose weights were never loaded."""
    net = Decoder(seed=752, layers=1)
    fixed = tuple(net.weights)
    net.adapt(2, "q_proj", "k_proj")
    follow(Run(net, adamw, 5e-3, frozen=fixed, stores=True), folder, npz)


CASES: tuple[Case, ...] = (
    Case("nan-in-attention", "two rows of a projection NaN from epoch 6 on, PyTorch's names", nan_in_attention,
         ("non-finite",), 6, ("layers.1.self_attn.o_proj",), unseen=True),
    Case("poisoned-round", "a client's NaN in round 6 of federated averaging", poisoned_round, ("non-finite",), 6,
         ("gru",), unseen=True),
    Case("adapters-left-out", "adapters of the second layer never trained", adapters_left_out,
         ("all-zero", "frozen", "untrained"), None, ("layers.1",), unseen=True),
    Case("critics-without-targets", "targets of two critics never updated", critics_without_targets, ("idle-copy",),
         None, ("target_critic",), unseen=True),
    Case("rate-of-lion", "decoder, Lion, rate × 300 at epoch 6", rate_of_lion,
         ("norm-jump", "violent-update", "gamma-jump", "non-finite"), 6, unseen=True),
    Case("ported-wrong", "a projection transposed from epoch 5 on, PyTorch's names", ported_wrong, ("rearranged",), 5,
         ("o_proj",), unseen=True),
    Case("layers-exchanged", "kernels of two layers exchanged from epoch 6 on", layers_exchanged, ("rearranged",), 6,
         ("up_proj",), unseen=True),
    Case("best-of-another", "epoch 6 is of another graph net", best_of_another, ("stray-checkpoint",), 6, unseen=True),
    Case("masked-units", "11 of 26 units masked by accident from epoch 5 on", masked_units, ("dead-units",), 5,
         ("d1",), unseen=True),
    Case("too-strong-l1", "L1 a hundred times too strong from the start", too_strong_l1,
         ("dead-units", "all-zero", "sparsity-jump", "constant"), None, ("d1",), unseen=True),
    Case("no-negatives", "tables pulled together, never apart", no_negatives, ("embedding-collapse",), None,
         ("user_table", "item_table"), unseen=True),
    Case("rate-of-discriminator", "a discriminator's rate × 400 at epoch 5", rate_of_discriminator,
         ("norm-jump", "violent-update", "bias-jump", "non-finite"), 5, ("f1", "f2"), unseen=True),
    Case("mean-thrown", "the bias of a VAE's mean + 300 at epoch 7", variance_thrown,
         ("bias-jump", "norm-jump", "non-finite"), 7, ("mean",), unseen=True),
    Case("statistics-separable", "moving statistics never updated, separable CNN", statistics_of_separable,
         ("idle-statistics",), None, ("pw1_bn", "pw2_bn"), unseen=True),
    Case("begun-anew", "resumed at epoch 6 with a new initialisation", begun_anew, ("violent-update",), 6, unseen=True),
    Case("moments-lost", "decoder resumed at epoch 5 without AdamW's state", moments_lost, ("lost-moments",), 5,
         unseen=True),
    Case("actor-left-out", "an actor that the optimizer was not given", actor_left_out,
         ("frozen", "untrained", "no-gradient"), None, ("actor",), unseen=True),
    Case("adagrad-spike", "one gradient of 1e8 at epoch 5, Adagrad", adagrad_spike,
         ("moment-jump", "stopped", "fading"), None, ("gru",), unseen=True),
    Case("expert-overwritten", "one expert loaded into another's place at epoch 7", expert_overwritten,
         ("rearranged", "violent-update"), 7, ("experts.2",), unseen=True),
    Case("scale-of-norm", "the last normalisation's scale × 20 at epoch 4", scale_of_norm,
         ("gamma-jump", "norm-jump"), 4, ("model.norm",), unseen=True),
    Case("merged-twice", "a large matrix of rank 3 added to a projection from epoch 5 on", merged_twice,
         ("norm-jump", "violent-update"), 5, ("v_proj",), unseen=True),
    Case("task-never-trained", "a second head without a loss, no flags", task_never_trained,
         ("frozen", "no-gradient", "untrained"), None, ("second",), unseen=True),
    Case("words-zeroed", "a table all zero from epoch 6 on", words_zeroed, ("all-zero",), 6, ("context",), unseen=True),
    Case("adapters-on-noise", "adapters on a model that was never loaded", adapters_on_noise, ("untrained", "frozen"),
         None, ("mlp", "lm_head"), unseen=True),
    Case("tail-stops", "the last layer of a decoder is detached at epoch 5", tail_stops, ("stopped",), 5,
         ("layers.1",), unseen=True),
)  # fmt: skip
