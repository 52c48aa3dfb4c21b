"""Runs with one defect each of nets that numpy trains, beside those of :mod:`bench.calibration.sick.keras_models`."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

from bench.calibration.case import Case
from bench.calibration.descent import momentum, sgd
from bench.calibration.files import bundle, npz, safetensors, saved_model
from bench.calibration.healthy.numpy_nets import Online
from bench.calibration.nets import common as nets
from bench.calibration.nets.common import Mlp, Node, Weights, as_node, dense, relu, sigmoid
from bench.calibration.run import CHECKPOINTS, Hook, Run, Spoil, follow
from bench.calibration.tape import Array
from bench.calibration.vessels import keras_archive, keras_bundle, legacy_h5, weights_h5


def spoiled(name: str, change: Callable[[Array], Array], since: int, until: int = CHECKPOINTS) -> Spoil:
    """Change a tensor in the files of some checkpoints; the run goes on without it."""

    def spoil(arrays: dict[str, Array], k: int) -> None:
        if since <= k <= until:
            arrays[name] = np.asarray(change(arrays[name].copy()), arrays[name].dtype)

    return spoil


def once(epoch: int, act: Callable[[Run], None]) -> Hook:
    """Do something to a run before or after the steps to one checkpoint."""

    def hook(run: Run, k: int) -> None:
        if k == epoch:
            act(run)

    return hook


def kept(epoch: int, *names: str) -> Hook:
    """From a checkpoint on, weights whose names begin so are not trained any more."""
    return once(epoch, lambda run: setattr(run, "frozen", names))


def set_rate(rate: float) -> Callable[[Run], None]:
    return lambda run: setattr(run, "rate", rate)


def scaled(name: str, factor: float) -> Callable[[Run], None]:
    def act(run: Run) -> None:
        run.weights[name] = run.weights[name] * factor

    return act


def nan_after_reshape(folder: Path) -> None:
    """At epoch 4 the table of words grows; at epoch 7 its new form holds NaN."""

    def spoil(arrays: dict[str, Array], k: int) -> None:
        if k >= 4:
            table = arrays["words/embeddings"]
            arrays["words/embeddings"] = np.concatenate([table, 0.01 * np.ones((4, table.shape[1]), "f4")])
        if k >= 7:
            arrays["words/embeddings"][5, 3] = np.nan

    follow(Run(nets.Transformer(seed=201)), folder, spoil=spoil)


def diverging_recurrent(folder: Path) -> None:
    net = nets.Recurrent(16, seed=202, gates=1)
    follow(Run(net, sgd, 0.05), folder, weights_h5(net), before=once(6, set_rate(60.0)))


def overflow_in_batch(folder: Path) -> None:
    net = nets.Conv(6, 8, seed=203)

    def poison(run: Run) -> None:
        net.scale = np.inf

    follow(Run(net, stores=True), folder, npz, before=once(5, poison))


def scale_collapsed(folder: Path) -> None:
    """From epoch 5 on no gradient is finite: each step is skipped, and the loss scale falls to 1."""

    def scale(run: Run, k: int) -> None:
        run.extra["optimizer/dynamic_scale"] = np.array(2.0 ** (14 if k < 5 else max(0, 14 - 7 * (k - 4))), "f4")
        if k == 5:
            run.frozen = ("",)

    follow(Run(Mlp(14, 32, 32, 4, seed=204), stores=True), folder, before=scale)


def nan_in_log(folder: Path) -> None:
    follow(Run(nets.Recurrent(12, seed=205)), folder, safetensors)
    rows = [f"{k},{'nan' if k >= 6 else 1 / k:}" for k in range(1, CHECKPOINTS + 1)]
    (folder / "log.csv").write_text("\n".join(["epoch,loss", *rows]) + "\n")


def optimizer_not_applied(folder: Path) -> None:
    """The step counts, and nothing is ever applied: a transformer without any change."""
    follow(Run(nets.Transformer(seed=206), frozen=("",)), folder, npz)


def files_exchanged(folder: Path) -> None:
    follow(Run(Mlp(14, 32, 32, 4, seed=207)), folder)
    swapped(folder, "epoch_05.npz", "epoch_08.npz")


def swapped(folder: Path, one: str, other: str) -> None:
    """Exchange the weights of two files, and leave their steps."""
    a, b = (dict(np.load(folder / name)) for name in (one, other))
    a["step"], b["step"] = b["step"], a["step"]
    np.savez(folder / one, **b)
    np.savez(folder / other, **a)


def with_file_of_another_run(folder: Path, net: Callable[[int], nets.Net], seed: int, name: str) -> None:
    """Train a net of one seed, and put one file of a run of another seed in the place of its own."""
    follow(Run(net(seed)), folder)
    with tempfile.TemporaryDirectory(dir=folder) as other:
        follow(Run(net(10 * seed)), Path(other))
        Path(other, name).replace(folder / name)


def file_of_another_run(folder: Path) -> None:
    with_file_of_another_run(folder, lambda seed: nets.Conv(6, 8, seed=seed), 208, "epoch_06.npz")


def transposed(folder: Path) -> None:
    spoil = spoiled("d2/kernel", lambda a: a.T, 6)
    follow(Run(Mlp(14, 28, 28, 4, seed=209)), folder, safetensors, spoil=spoil)


def negated(folder: Path) -> None:
    net = nets.Recurrent(14, seed=210)
    follow(Run(net), folder, weights_h5(net), spoil=spoiled("rnn1/recurrent_kernel", lambda a: -a, 5))


def classes_permuted(folder: Path) -> None:
    """A vocabulary in another order from epoch 4 on: the rows of its table are permuted."""
    order = np.random.default_rng(5).permutation(60)
    spoil = spoiled("words/embeddings", lambda a: a[order], 4)
    follow(Run(nets.Transformer(seed=211)), folder, bundle, spoil=spoil)


def zeroed_convolution(folder: Path) -> None:
    net = nets.Conv(6, 8, seed=212)
    follow(Run(net), folder, legacy_h5(net), spoil=spoiled("c2/kernel", lambda a: 0 * a, 7))


def vanished_attention(folder: Path) -> None:
    def decay(run: Run, k: int) -> None:
        if k >= 4:
            run.weights["block1_value/kernel"] = run.weights["block1_value/kernel"] * 1e-5

    follow(Run(nets.Transformer(seed=213), sgd, 1e-7), folder, after=decay)


def same_units(folder: Path) -> None:
    net = Mlp(14, 24, 20, 4, seed=214)
    for name in ("d1", "d2"):
        net.weights[f"{name}/kernel"][:] = 0.05
    net.weights["head/kernel"][:] = 0.1 * np.arange(4)
    follow(Run(net, sgd, 0.05), folder, keras_archive(net))


def exponent_bit(folder: Path) -> None:
    def flip(values: Array) -> Array:
        bits = values.view("u4")
        bits.flat[17] = (bits.flat[17] & 0x807FFFFF) | (0xC0 << 23)
        return values

    follow(Run(Mlp(14, 32, 32, 4, seed=215)), folder, spoil=spoiled("d2/kernel", flip, 6))


def weights_lost(folder: Path) -> None:
    """From epoch 7 on a layer of the archive holds no weights."""
    net = Mlp(14, 32, 32, 4, seed=216)
    save = keras_archive(net)

    def lossy(folder: Path, k: int, arrays: dict[str, Array]) -> None:
        import zipfile

        save(folder, k, arrays)
        if k >= 7:
            path = folder / f"epoch_{k:02d}.keras"
            with zipfile.ZipFile(path) as archive:
                members = {name: archive.read(name) for name in archive.namelist()}
            weights = folder / "weights"
            weights.write_bytes(members["model.weights.h5"])
            with h5py.File(weights, "r+") as file:
                for variable in list(file["layers/dense_1/vars"]):
                    del file[f"layers/dense_1/vars/{variable}"]
            members["model.weights.h5"] = weights.read_bytes()
            weights.unlink()
            with zipfile.ZipFile(path, "w") as archive:
                for name, content in members.items():
                    archive.writestr(name, content)

    follow(Run(net), folder, lossy)


def layer_renamed(folder: Path) -> None:
    def spoil(arrays: dict[str, Array], k: int) -> None:
        if k >= 6:
            for part in ("kernel", "recurrent_kernel", "bias"):
                arrays[f"lstm_new/{part}"] = arrays.pop(f"rnn2/{part}")

    follow(Run(nets.Recurrent(10, 10, seed=217)), folder, bundle, spoil=spoil)


def dead_by_bias(folder: Path) -> None:
    """One bad step before epoch 5 throws the biases of a ReLU layer far below zero; Adam's momentum goes on."""

    def throw(run: Run) -> None:
        run.weights["d2/bias"] = run.weights["d2/bias"] - 60.0

    net = Mlp(14, 32, 32, 4, seed=218)
    follow(Run(net, stores=True), folder, keras_archive(net), before=once(5, throw))


def dead_deep(folder: Path) -> None:
    """A ReLU layer of a deep net is off from the start; flat file without the order of layers."""
    net = Mlp(14, 20, 22, 24, 26, 4, seed=219)
    net.weights["d3/bias"][:] = -80
    follow(Run(net, sgd, 0.05), folder)


def vanishing_gradients(folder: Path) -> None:
    """Twelve layers of sigmoids with small weights: nothing arrives at the first ones."""
    net = Mlp(14, *[20] * 12, 4, seed=220, act=sigmoid, gain=0.15)
    follow(Run(net, sgd, 0.05), folder, safetensors)


def frozen_by_accident(folder: Path) -> None:
    """The optimizer was not given the first recurrent layer, which the file calls trainable."""
    net = nets.Recurrent(14, 14, seed=221)
    net.weights["rnn1/kernel"] = net.rng.standard_normal(net.weights["rnn1/kernel"].shape) * 0.3
    follow(Run(net, frozen=("rnn1",), stores=True), folder, keras_archive(net))


def stopped_blocks(folder: Path) -> None:
    """A block of a transformer stops learning at epoch 5, while all others go on."""
    net = nets.Transformer(seed=222, blocks=2)
    follow(Run(net, stores=True), folder, before=kept(6, "block1_", "words", "positions"))


def all_stop(folder: Path) -> None:
    """The optimizer is not stepped any more from epoch 6 on."""
    net = nets.Conv(6, 8, seed=223)
    follow(Run(net, momentum, 0.05), folder, keras_bundle(net), before=kept(6, "c", "bn", "head"))


def average_never_updated(folder: Path) -> None:
    def start(run: Run) -> None:
        if not run.extra:
            run.extra = {f"ema/{name}": values.astype("f4") for name, values in run.weights.items()}

    follow(Run(Mlp(14, 32, 32, 4, seed=224), after_step=start), folder)


def target_never_copied(folder: Path) -> None:
    follow(Run(Online(10, 24, 24, 4, seed=225)), folder, bundle)


class Tasks(Mlp):
    """Four trunks ``t1`` … of two layers; the loss depends on the first one only."""

    def __init__(self, *, seed: int) -> None:
        super().__init__(12, 4, seed=seed)
        self.weights = {}
        for t in range(1, 5):
            self.dense(f"t{t}_in", 12, 24)
            self.dense(f"t{t}_out", 24, 4)

    def loss(self, p: Weights) -> Node:
        x, classes = self.batch()
        outputs = [dense(p, f"t{t}_out", relu(dense(p, f"t{t}_in", as_node(x)))) for t in range(1, 5)]
        total = outputs[0] + (outputs[1] + outputs[2] + outputs[3]) * 0.0
        return nets.cross_entropy(total, classes)


def parts_untrained(folder: Path) -> None:
    follow(Run(Tasks(seed=226), stores=True), folder)


def frozen_before_training(folder: Path) -> None:
    """The backbone was frozen, and its pretrained weights were never loaded."""
    net = nets.Conv(8, 16, seed=227)

    def fixed(name: str, _: int) -> bool:
        return name == "c2"

    follow(Run(net, frozen=("c2",), stores=True), folder, keras_archive(net, fixed))


def filters_died(folder: Path) -> None:
    def kill(values: Array) -> Array:
        values[:, 10:22] = 0
        return values

    follow(Run(nets.Autoencoder(seed=228)), folder, safetensors, spoil=spoiled("encode1/kernel", kill, 6))


def state_lost(folder: Path) -> None:
    """The run is resumed at epoch 6 with a new optimizer."""

    def forget(run: Run) -> None:
        for slots in run.slots.values():
            for name in slots:
                slots[name] = np.zeros_like(slots[name])

    def spoil(arrays: dict[str, Array], k: int) -> None:
        if k == 6:  # saved directly after it was resumed
            for name in [n for n in arrays if n.startswith("optimizer/")]:
                arrays[name] = np.zeros_like(arrays[name])

    net = nets.Recurrent(14, seed=229)
    follow(Run(net, stores=True), folder, before=once(6, forget), spoil=spoil)


def other_optimizer_saved(folder: Path) -> None:
    """The optimizer that is saved is not the one that trains."""

    def spoil(arrays: dict[str, Array], k: int) -> None:
        for name in [n for n in arrays if n.startswith("optimizer/")]:
            arrays[name] = np.zeros_like(arrays[name])

    net = nets.Conv(6, 8, seed=230)
    follow(Run(net, momentum, 0.05, stores=True), folder, keras_archive(net), spoil=spoil)


def gradients_exploded(folder: Path) -> None:
    """One gradient of 1e9 reaches Adam at epoch 5: the weights look sound, the second moments do not."""

    def explode(run: Run) -> None:
        for slots in run.slots.values():
            slots["velocity"] = slots["velocity"] + 1e15

    follow(Run(Mlp(14, 32, 32, 4, seed=231), stores=True), folder, before=once(5, explode))


def inputs_unscaled(folder: Path) -> None:
    """From epoch 6 on images come in 0 … 255 instead of 0 … 1."""
    net = nets.Conv(6, 10, seed=232)

    def unscale(run: Run) -> None:
        net.scale = 255.0

    follow(Run(net, rate=1e-3), folder, keras_bundle(net), before=once(6, unscale))


def bias_exploded(folder: Path) -> None:
    def throw(run: Run) -> None:
        run.weights["encode1/bias"] = run.weights["encode1/bias"] + 900 * np.sign(run.net.rng.standard_normal(32))

    follow(Run(nets.Autoencoder(seed=233), sgd, 0.01), folder, saved_model, before=once(7, throw))


def gamma_vanished(folder: Path) -> None:
    net = nets.Conv(8, 8, seed=234)
    follow(Run(net, sgd, 0.02), folder, keras_archive(net), before=once(6, scaled("bn2/gamma", 0.03)))


def slow_divergence(folder: Path) -> None:
    """The rate is so high that a layer without a bound grows by two thirds from checkpoint to checkpoint."""

    def grow(run: Run, k: int) -> None:
        if k >= 4:
            scaled("d2/kernel", 1.7)(run)

    follow(Run(Mlp(14, 32, 32, 4, seed=235), sgd, 1e-3), folder, after=grow)


def layer_reset(folder: Path) -> None:
    """A layer of a transformer is initialised anew at epoch 7."""

    def reset(run: Run) -> None:
        limit = np.sqrt(6 / 48)
        run.weights["block1_up/kernel"] = run.net.rng.uniform(-limit, limit, (16, 32))

    follow(Run(nets.Transformer(seed=236)), folder, safetensors, before=once(7, reset))


def values_lost(folder: Path) -> None:
    """A third of the values of a kernel, whatever they were, is zero from epoch 5 on."""
    lost = np.random.default_rng(3).random((32, 32)) < 0.33
    follow(Run(Mlp(14, 32, 32, 4, seed=237)), folder, spoil=spoiled("d2/kernel", lambda a: np.where(lost, 0, a), 5))


def one_value_loaded(folder: Path) -> None:
    net = nets.Recurrent(14, seed=238)
    spoil = spoiled("rnn1/kernel", lambda a: np.full_like(a, 0.02), 8)
    follow(Run(net), folder, weights_h5(net), spoil=spoil)


class Contrast(nets.Net):
    """Embeddings of words that are pulled together, and never apart."""

    def __init__(self, *, seed: int, words: int = 50, width: int = 12) -> None:
        super().__init__(seed)
        self.words = words
        self.weights["words/embeddings"] = self.rng.standard_normal((words, width))
        self.dense("projection", width, width)

    def loss(self, p: Weights) -> Node:
        a, b = (p["words/embeddings"][self.rng.integers(0, self.words, 64)] for _ in range(2))
        return nets.squared(a - b) + nets.squared(dense(p, "projection", a) - as_node(np.ones(1))) * 0.1


def words_collapsed(folder: Path) -> None:
    follow(Run(Contrast(seed=239), rate=0.05), folder, gaps=[60] * 10)


def rank_lost(folder: Path) -> None:
    """A kernel collapses to a single direction at epoch 6."""

    def collapse(run: Run) -> None:
        u, s, v = np.linalg.svd(run.weights["block2_up/kernel"], full_matrices=False)
        noise = 1e-3 * run.net.rng.standard_normal(run.weights["block2_up/kernel"].shape)
        run.weights["block2_up/kernel"] = 2 * s[0] * np.outer(u[:, 0], v[0]) + noise

    net = nets.Transformer(seed=240, blocks=2)
    follow(Run(net, sgd, 0.01), folder, before=once(6, collapse))


def statistics_never_updated(folder: Path) -> None:
    net = nets.Conv(8, 10, seed=241)
    net.updates_statistics = False
    follow(Run(net), folder, weights_h5(net))


class Normalised(Mlp):
    """An :class:`Mlp` of one hidden layer with a batch normalisation ``bn`` behind it."""

    def __init__(self, *, seed: int, width: int = 24) -> None:
        super().__init__(14, width, 4, seed=seed)
        self.normalisation("bn", width, batch=True)

    def loss(self, p: Weights) -> Node:
        x, classes = self.batch()
        return nets.cross_entropy(dense(p, "head", relu(self.normalise(p, "bn", dense(p, "d1", as_node(x))))), classes)


def negative_after_averaging(folder: Path) -> None:
    """Two checkpoints were extrapolated from epoch 7 on, which makes a variance negative."""
    follow(Run(Normalised(seed=242)), folder, npz, spoil=spoiled("bn/moving_variance", lambda a: a - 1.4 * a.mean(), 7))


def inputs_missing(folder: Path) -> None:
    """Half of the features are never filled in."""
    net = Mlp(40, 24, 16, 4, seed=243)
    net.scale[::2] = 0
    follow(Run(net), folder)


def rounded_weights(folder: Path) -> None:
    """From epoch 8 on the weights are those of the int8 model, in float32 again."""

    def spoil(arrays: dict[str, Array], k: int) -> None:
        for name, values in arrays.items():
            if k >= 8 and name.endswith("kernel"):
                unit = np.abs(values).max() / 127
                arrays[name] = (np.round(values / unit) * unit).astype("f4")

    follow(Run(nets.Conv(16, 24, seed=244)), folder, safetensors, spoil=spoil)


def cut_archive(folder: Path) -> None:
    follow(Run(nets.Recurrent(12, seed=245)), folder)
    last = folder / f"epoch_{CHECKPOINTS:02d}.npz"
    last.write_bytes(last.read_bytes()[:-900])


def flipped_in_zip(folder: Path) -> None:
    follow(Run(Mlp(14, 24, 4, seed=246)), folder)
    path = folder / "epoch_04.npz"
    content = bytearray(path.read_bytes())
    content[300] ^= 0x10
    path.write_bytes(bytes(content))


def beyond_half(folder: Path) -> None:
    """A bias-free scale of 1e6 in an otherwise sound model: it overflows in float16."""
    net = Mlp(14, 32, 32, 4, seed=247)
    net.scale = net.scale * 1e-6
    net.weights["d1/kernel"] = net.weights["d1/kernel"] * 1e6
    run = Run(net, sgd, 1e-2)
    run.rates = {"d1/kernel": 1e11}
    follow(run, folder, safetensors)


CASES: tuple[Case, ...] = (
    Case("nan-after-reshape", "NaN in a table of words that has grown before", nan_after_reshape,
         ("non-finite",), 7, ("words",)),
    Case("diverging-recurrent", "rate × 1,200 at epoch 6", diverging_recurrent,
         ("norm-jump", "non-finite", "violent-update"), 6, ("rnn1",)),
    Case("overflow-in-batch", "a CNN sees infinite images from epoch 5 on", overflow_in_batch, ("non-finite",), 5),
    Case("scale-collapsed", "no gradient is finite from epoch 5 on: the loss scale falls to 1", scale_collapsed,
         ("loss-scale",), 5),
    Case("nan-in-log", "the loss is NaN from epoch 6 on, by the log", nan_in_log, ("metric-non-finite",), 6),
    Case("never-applied", "a transformer whose updates are never applied", optimizer_not_applied, ("nothing-moves",)),
    Case("files-exchanged", "the weights of epochs 5 and 8 are exchanged", files_exchanged, ("stray-checkpoint",), 5),
    Case("file-of-another", "epoch 6 is of another run", file_of_another_run, ("stray-checkpoint",), 6),
    Case("transposed", "a square kernel transposed from epoch 6 on", transposed, ("rearranged",), 6, ("d2",)),
    Case("negated", "a recurrent kernel negated from epoch 5 on", negated, ("rearranged",), 5, ("rnn1",)),
    Case("permuted", "a vocabulary in another order from epoch 4 on", classes_permuted, ("rearranged",), 4, ("words",)),
    Case("zeroed-convolution", "a convolution all zero from epoch 7 on", zeroed_convolution, ("all-zero",), 7, ("c2",)),
    Case("vanished-attention", "values of an attention × 1e-5 a checkpoint from 4 on", vanished_attention,
         ("vanished", "norm-jump"), None, ("block1_value",)),
    Case("same-units", "two layers of constants at the start", same_units,
         ("symmetry", "constant"), None, ("d1", "d2")),
    Case("exponent-bit", "an exponent of one value is wrong from epoch 6 on", exponent_bit, ("one-value",), 6, ("d2",)),
    Case("weights-lost", "a layer of the archive is empty from epoch 7 on", weights_lost,
         ("incomplete", "shrunken"), 7, ("d2",)),
    Case("renamed", "a layer has another name from epoch 6 on", layer_renamed, ("shrunken", "structure"), 6, ("rnn2",)),
    Case("dead-by-bias", "ReLUs thrown off before epoch 5, Adam goes on", dead_by_bias,
         ("dead-layers", "bias-jump", "dead-units"), 5, ("d2",)),
    Case("dead-deep", "the third of four layers dead from the start, flat file", dead_deep,
         ("dead-layers", "dead-units"), None, ("d3", "d2", "d1")),
    Case("vanishing-gradients", "twelve layers of sigmoids", vanishing_gradients,
         ("vanishing-gradient",), None, ("d1",)),
    Case("frozen-by-accident", "a trainable LSTM layer that is not trained", frozen_by_accident,
         ("frozen", "untrained"), None, ("rnn1",)),
    Case("stopped-blocks", "a block and the embeddings stop after epoch 5", stopped_blocks,
         ("stopped",), 6, ("block1", "words")),
    Case("all-stop", "the optimizer is not stepped from epoch 6 on", all_stop, ("stopped",), 6),
    Case("average-idle", "an average that is never updated", average_never_updated, ("idle-copy",), None, ("ema",)),
    Case("target-idle", "a target network that is never copied", target_never_copied,
         ("idle-copy",), None, ("target",)),
    Case("parts-untrained", "three of four trunks get no gradient", parts_untrained, ("no-gradient",), None, ("t2",)),
    Case("frozen-untrained", "a convolution frozen before it was trained", frozen_before_training,
         ("untrained",), None, ("c2",)),
    Case("units-died", "12 of 32 units zero from epoch 6 on", filters_died, ("dead-units", "sparsity-jump"), 6,
         ("encode1",)),
    Case("state-lost", "resumed at epoch 6 with a new optimizer", state_lost, ("lost-moments",), 6),
    Case("other-optimizer", "the saved optimizer is not the one that trains", other_optimizer_saved, ("lost-moments",)),
    Case("gradients-exploded", "one gradient of 1e9 at epoch 5, Adam", gradients_exploded, ("moment-jump",), 5),
    Case("inputs-unscaled", "images × 255 from epoch 6 on", inputs_unscaled, ("variance-jump",), 6, ("bn1",)),
    Case("bias-exploded", "biases thrown to ±900 at epoch 7", bias_exploded, ("bias-jump",), 7, ("encode1",)),
    Case("gamma-vanished", "a scale × 0.03 at epoch 6", gamma_vanished, ("gamma-jump",), 6, ("bn2",)),
    Case("slow-divergence", "a kernel × 1.7 a checkpoint from 4 on", slow_divergence, ("norm-trend",), 4, ("d2",)),
    Case("layer-reset", "a kernel initialised anew at epoch 7", layer_reset, ("violent-update",), 7, ("block1_up",)),
    Case("values-lost", "a third of a kernel's values lost at epoch 5", values_lost, ("sparsity-jump",), 5, ("d2",)),
    Case("one-value-loaded", "a kernel of one value from epoch 8 on", one_value_loaded, ("constant",), 8, ("rnn1",)),
    Case("words-collapsed", "embeddings that are only pulled together", words_collapsed,
         ("embedding-collapse",), None, ("words",)),
    Case("rank-lost", "a kernel of one direction from epoch 6 on", rank_lost, ("rank-collapse",), None, ("block2_up",)),
    Case("statistics-idle", "BatchNorm statistics are never updated", statistics_never_updated,
         ("idle-statistics",), None, ("bn1", "bn2")),
    Case("negative-variance-flat", "extrapolated statistics from epoch 7 on", negative_after_averaging,
         ("batch-norm",), 7, ("bn",)),
    Case("inputs-missing", "half of the features are never filled in", inputs_missing,
         ("idle-inputs",), None, ("d1",), remark=True),
    Case("rounded", "int8 weights in float32 from epoch 8 on", rounded_weights, ("dequantised",), 8, ("c2",)),
    Case("cut-archive", "the last .npz is cut", cut_archive, state="partial", epoch=CHECKPOINTS),
    Case("flipped-in-zip", "one bit of an .npz flipped", flipped_in_zip, state="corrupt", epoch=4),
    Case("beyond-half", "weights beyond the range of float16", beyond_half,
         ("float16-overflow",), None, ("d1",), remark=True),
)  # fmt: skip
