"""Runs with one defect each, built after the rules were fixed; see :mod:`bench.calibration.healthy.held_out`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bench.calibration.case import Case
from bench.calibration.descent import adam, momentum, sgd
from bench.calibration.files import bundle, npz, orbax, safetensors
from bench.calibration.nets.blocks import Gated, Mixer, Residual, Tied, Towers
from bench.calibration.nets.common import Adversaries, Autoencoder, Mlp, Recurrent, Transformer, tanh
from bench.calibration.run import CHECKPOINTS, Run, follow
from bench.calibration.sick.numpy_nets import (
    Normalised,
    kept,
    once,
    scaled,
    set_rate,
    spoiled,
    swapped,
    with_file_of_another_run,
)
from bench.calibration.tape import Array
from bench.calibration.vessels import keras_archive, keras_bundle, weights_h5


def nan_in_gate(folder: Path) -> None:
    def spoil(values: Array) -> Array:
        values[:, 2] = np.nan
        return values

    follow(Run(Gated(seed=401)), folder, bundle, spoil=spoiled("gru_reset/recurrent_kernel", spoil, 4))


def rate_of_adam(folder: Path) -> None:
    follow(Run(Mixer(seed=402), stores=True), folder, npz, before=once(5, set_rate(3.0)))


def scale_at_floor(folder: Path) -> None:
    def scale(run: Run, k: int) -> None:
        run.extra["optimizer/loss_scale"] = np.array(32768.0 / 2.0 ** min(15, max(0, 5 * (k - 6))), "f4")
        run.frozen = ("",) if k >= 7 else ()

    follow(Run(Residual(seed=403), momentum, 0.03, stores=True), folder, npz, before=scale)


def other_model_saved(folder: Path) -> None:
    """The towers that are saved are not those that are trained; only the step counts."""
    saved = {name: values.astype("f4") for name, values in Towers(seed=404).weights.items()}

    def spoil(arrays: dict[str, Array], k: int) -> None:
        arrays |= saved

    follow(Run(Towers(seed=405)), folder, safetensors, spoil=spoil)


def foreign_file(folder: Path) -> None:
    with_file_of_another_run(folder, lambda seed: Gated(seed=seed), 406, "epoch_04.npz")


def exchanged_files(folder: Path) -> None:
    follow(Run(Residual(seed=407), adam, 2e-3), folder, npz)
    swapped(folder, "epoch_04.npz", "epoch_07.npz")


def heads_exchanged(folder: Path) -> None:
    """Queries and keys of a transformer are exchanged from epoch 6 on."""

    def spoil(arrays: dict[str, Array], k: int) -> None:
        if k >= 6:
            a, b = "block2_query/kernel", "block2_key/kernel"
            arrays[a], arrays[b] = arrays[b], arrays[a]

    follow(Run(Transformer(seed=408, blocks=2)), folder, orbax, spoil=spoil)


def transposed_mixer(folder: Path) -> None:
    spoil = spoiled("mix2_places_out/kernel", lambda a: a.T.copy(), 7)
    follow(Run(Mixer(seed=409)), folder, safetensors, spoil=spoil)


def negated_table(folder: Path) -> None:
    spoil = spoiled("item_table/embeddings", lambda a: -a, 5)
    follow(Run(Towers(seed=410)), folder, npz, spoil=spoil)


def output_zeroed(folder: Path) -> None:
    spoil = spoiled("block1_output/kernel", lambda a: 0 * a, 8)
    follow(Run(Transformer(seed=411)), folder, bundle, spoil=spoil)


def underflown_gate(folder: Path) -> None:
    """The decay of one gate's kernel is a thousand times too strong from epoch 3 on."""

    def decay(run: Run, k: int) -> None:
        if k >= 3:
            scaled("gru_new/kernel", 1e-3)(run)

    follow(Run(Gated(seed=412), sgd, 1e-7), folder, safetensors, after=decay)


def killed_by_spike(folder: Path) -> None:
    """One step at a rate of 40 before epoch 4 kills the ReLUs."""
    net = Mlp(16, 30, 24, 4, seed=413)

    def spike(run: Run) -> None:
        run.rate = 40.0
        run.advance(1)
        run.rate = 0.02

    follow(Run(net, sgd, 0.02), folder, keras_bundle(net), before=once(4, spike))


def too_small_tanh(folder: Path) -> None:
    net = Mlp(16, *[18] * 9, 4, seed=414, act=tanh, gain=0.04)
    follow(Run(net, momentum, 0.01), folder, npz)


def left_out(folder: Path) -> None:
    """The second recurrent layer, pretrained and trainable by its flag, is not given to the optimizer."""
    net = Recurrent(12, 12, seed=415)
    run = Run(net)
    run.advance(100)
    follow(Run(net, frozen=("rnn2",), stores=True), folder, keras_archive(net))


def discriminator_stops(folder: Path) -> None:
    follow(Run(Adversaries(seed=416), stores=True), folder, npz, before=kept(6, "f"))


def shadow_idle(folder: Path) -> None:
    def start(run: Run) -> None:
        if not run.extra:
            run.extra = {f"shadow/{name}": values.astype("f4") for name, values in run.weights.items()}

    follow(Run(Residual(seed=417), after_step=start), folder, safetensors)


def statistics_left_out(folder: Path) -> None:
    net = Normalised(seed=418)
    net.updates_statistics = False
    follow(Run(net), folder, bundle)


def gamma_exploded(folder: Path) -> None:
    follow(Run(Mixer(seed=419), sgd, 0.01), folder, npz, before=once(6, scaled("mix1_channels_ln/gamma", 9.0)))


def inputs_of_another_unit(folder: Path) -> None:
    net = Normalised(seed=420)

    def unscale(run: Run) -> None:
        net.scale = net.scale * 60.0

    follow(Run(net, rate=1e-3), folder, npz, before=once(4, unscale))


def gate_bias_exploded(folder: Path) -> None:
    def throw(run: Run) -> None:
        run.weights["gru_update/bias"] = run.weights["gru_update/bias"] + 300.0

    follow(Run(Gated(seed=421), sgd, 0.05), folder, safetensors, before=once(6, throw))


def bit_in_convolution(folder: Path) -> None:
    def flip(values: Array) -> Array:
        bits = values.reshape(-1).view("u4")
        bits[40] ^= 0x40000000
        return values

    follow(Run(Residual(seed=422)), folder, npz, spoil=spoiled("stem/kernel", flip, 7))


def same_recurrent_units(folder: Path) -> None:
    net = Recurrent(12, seed=423)
    for name in ("kernel", "recurrent_kernel"):
        net.weights[f"rnn1/{name}"][:] = 0.1
    net.weights["head/kernel"][:] = net.weights["head/kernel"][0]
    follow(Run(net, sgd, 0.1), folder, weights_h5(net))


def momentum_lost(folder: Path) -> None:
    """Resumed at epoch 7 without the optimizer, and saved at once."""

    def forget(run: Run) -> None:
        run.slots = {name: {s: np.zeros_like(a) for s, a in slots.items()} for name, slots in run.slots.items()}

    net = Residual(seed=424)
    gaps = (*[20] * 6, 0, *[20] * 3)
    follow(Run(net, momentum, 0.03, stores=True), folder, npz, before=once(7, forget), gaps=gaps)


def rounded_transformer(folder: Path) -> None:
    def spoil(arrays: dict[str, Array], k: int) -> None:
        for name, values in arrays.items():
            if k >= 6 and name.endswith(("kernel", "embeddings")):
                unit = np.abs(values).max() / 127
                arrays[name] = (np.round(values / unit) * unit).astype("f4")

    follow(Run(Transformer(seed=425, width=48, words=90)), folder, safetensors, spoil=spoil)


def code_collapsed(folder: Path) -> None:
    """The code of an autoencoder shrinks to two directions at epoch 5."""

    def collapse(run: Run) -> None:
        u, s, v = np.linalg.svd(run.weights["code/kernel"], full_matrices=False)
        run.weights["code/kernel"] = 1.5 * (u[:, :2] * s[:2]) @ v[:2] + 1e-4 * run.net.rng.standard_normal(u.shape)

    follow(Run(Tied(seed=426, inputs=40, units=40), sgd, 1e-3), folder, npz, before=once(5, collapse))


def users_collapsed(folder: Path) -> None:
    """All users drift to one vector: their table is averaged by and by."""

    def blend(run: Run, k: int) -> None:
        table = run.weights["user_table/embeddings"]
        run.weights["user_table/embeddings"] = 0.2 * table + 0.8 * (table.mean(axis=0) + 0.3)

    follow(Run(Towers(seed=427)), folder, npz, after=blend)


def gradients_once(folder: Path) -> None:
    def explode(run: Run) -> None:
        for slots in run.slots.values():
            slots["velocity"] = slots["velocity"] + 1e12

    net = Recurrent(12, seed=428)
    follow(Run(net, stores=True), folder, weights_h5(net), before=once(6, explode))


def block_lost(folder: Path) -> None:
    """Half of a kernel's inputs are zero from epoch 6 on, as of a shard that was not written."""

    def lose(values: Array) -> Array:
        values[: len(values) // 2] = 0
        return values

    follow(Run(Autoencoder(seed=429)), folder, safetensors, spoil=spoiled("decode2/kernel", lose, 6))


def reset_tower(folder: Path) -> None:
    def reset(run: Run) -> None:
        run.weights["item_tower/kernel"] = run.net.rng.uniform(-0.55, 0.55, (8, 12))

    follow(Run(Towers(seed=430)), folder, npz, before=once(6, reset))


def rate_of_momentum(folder: Path) -> None:
    follow(Run(Residual(seed=432), momentum, 0.03, stores=True), folder, bundle, before=once(6, set_rate(30.0)))


def too_small_relu(folder: Path) -> None:
    """The biases of the last layers outweigh what is left of the signal, so that their units are off throughout."""
    net = Mlp(16, *[18] * 8, 4, seed=433, gain=0.06)
    follow(Run(net, sgd, 0.05), folder, safetensors)


def same_code(folder: Path) -> None:
    net = Autoencoder(seed=434)
    for name in ("encode1", "encode2"):
        net.weights[f"{name}/kernel"][:] = 0.03
    follow(Run(net, sgd, 0.1), folder, npz)


def cut_safetensors(folder: Path) -> None:
    follow(Run(Mixer(seed=431)), folder, safetensors)
    last = folder / f"epoch_{CHECKPOINTS:02d}.safetensors"
    last.write_bytes(last.read_bytes()[:-64])


CASES: tuple[Case, ...] = (
    Case("nan-in-gate", "NaN in a gate of a GRU from epoch 4 on", nan_in_gate, ("non-finite",), 4, ("gru_reset",),
         unseen=True),
    Case("rate-of-adam", "mixer, Adam at a rate of 3 from epoch 5 on", rate_of_adam,
         ("norm-jump", "violent-update", "non-finite", "bias-jump", "gamma-jump"), 5, unseen=False),
    Case("scale-at-floor", "no finite gradient from epoch 7 on", scale_at_floor, ("loss-scale",), 7, unseen=True),
    Case("other-model-saved", "the saved towers are not the trained ones", other_model_saved, ("nothing-moves",),
         unseen=True),
    Case("foreign-file", "epoch 4 is of another GRU", foreign_file, ("stray-checkpoint",), 4, unseen=True),
    Case("exchanged-files", "epochs 4 and 7 are exchanged", exchanged_files, ("stray-checkpoint",), 4, unseen=True),
    Case("heads-exchanged", "queries and keys exchanged from epoch 6 on", heads_exchanged, ("rearranged",), 6,
         ("block2_query", "block2_key"), unseen=True),
    Case("transposed-mixer", "a square kernel transposed from epoch 7 on", transposed_mixer, ("rearranged",), 7,
         ("mix2_places_out",), unseen=True),
    Case("negated-table", "a table of items negated from epoch 5 on", negated_table, ("rearranged",), 5,
         ("item_table",), unseen=True),
    Case("output-zeroed", "an output of attention all zero from epoch 8 on", output_zeroed, ("all-zero",), 8,
         ("block1_output",), unseen=True),
    Case("underflown-gate", "a gate's kernel × 1e-3 a checkpoint from 3 on", underflown_gate,
         ("vanished", "norm-jump"), None, ("gru_new",), unseen=True),
    Case("killed-by-spike", "one step at a rate of 40 before epoch 4", killed_by_spike,
         ("norm-jump", "violent-update", "bias-jump", "dead-layers", "stopped"), 4, unseen=True),
    Case("too-small-tanh", "nine layers of tanh, kernels too small", too_small_tanh, ("vanishing-gradient",), None,
         ("d1", "d2"), unseen=False),
    Case("left-out-layer", "a pretrained LSTM layer that the optimizer was not given", left_out, ("frozen",), None,
         ("rnn2",), unseen=True),
    Case("discriminator-stops", "the discriminator stops after epoch 5", discriminator_stops, ("stopped",), 6,
         ("f1", "f2"), unseen=True),
    Case("shadow-idle", "shadow weights that are never updated", shadow_idle, ("idle-copy",), None, ("shadow",),
         unseen=True),
    Case("statistics-left-out", "moving statistics never updated, TF bundle", statistics_left_out,
         ("idle-statistics",), None, ("bn",), unseen=True),
    Case("gamma-exploded", "a scale × 9 at epoch 6", gamma_exploded, ("gamma-jump",), 6, ("mix1_channels_ln",),
         unseen=True),
    Case("other-unit", "inputs × 60 from epoch 4 on", inputs_of_another_unit, ("variance-jump",), 4, ("bn",),
         unseen=True),
    Case("gate-bias", "a gate's bias + 300 at epoch 6", gate_bias_exploded, ("bias-jump",), 6, ("gru_update",),
         unseen=True),
    Case("bit-in-convolution", "the top bit of an exponent flipped from epoch 7 on", bit_in_convolution,
         ("one-value",), 7, ("stem",), unseen=True),
    Case("same-recurrent-units", "an LSTM that begins with constants", same_recurrent_units,
         ("symmetry", "constant"), None, ("rnn1",), unseen=False),
    Case("momentum-lost", "resumed at epoch 7 without momentum", momentum_lost, ("lost-moments",), 7, unseen=True),
    Case("rounded-transformer", "int8 weights in float32 from epoch 6 on", rounded_transformer, ("dequantised",), 6,
         unseen=True),
    Case("code-collapsed", "a code of two directions from epoch 5 on", code_collapsed,
         ("rank-collapse",), None, ("code",), unseen=True),
    Case("users-collapsed", "all users become one vector", users_collapsed, ("embedding-collapse",), None,
         ("user_table",), unseen=True),
    Case("gradients-once", "gradients of 1e7 at epoch 6, LSTM", gradients_once, ("moment-jump",), 6, unseen=True),
    Case("block-lost", "half of a kernel's inputs zero from epoch 6 on", block_lost, ("sparsity-jump",), 6,
         ("decode2",), unseen=True),
    Case("reset-tower", "a tower initialised anew at epoch 6", reset_tower, ("violent-update", "norm-jump"), 6,
         ("item_tower",), unseen=True),
    Case("rate-of-momentum", "residual CNN, rate × 1,000 at epoch 6", rate_of_momentum,
         ("norm-jump", "violent-update", "non-finite", "variance-jump", "bias-jump", "gamma-jump"), 6, unseen=True),
    Case("too-small-relu", "eight layers of ReLUs, kernels too small", too_small_relu,
         ("vanishing-gradient", "dead-layers"), None, ("d7", "d8"), unseen=False),
    Case("same-code", "an encoder that begins with constants", same_code, ("symmetry",), None, ("encode1",),
         unseen=True),
    Case("cut-safetensors", "the last file is cut", cut_safetensors, state="partial", epoch=CHECKPOINTS, unseen=True),
)  # fmt: skip
