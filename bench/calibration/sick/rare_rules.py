"""Runs for rules that hardly any other run makes fire: three or more of different kinds for each."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np

from bench.calibration.case import Case
from bench.calibration.descent import momentum, sgd
from bench.calibration.files import bundle, npz, safetensors
from bench.calibration.healthy.from_nothing import Later, Metres
from bench.calibration.healthy.numpy_nets import shrunk
from bench.calibration.nets.blocks import Gated, Mixer
from bench.calibration.nets.common import (
    Conv,
    Mlp,
    Net,
    Recurrent,
    Transformer,
    Weights,
    as_node,
    cross_entropy,
    dense,
    relu,
)
from bench.calibration.nets.tasks import Decoder, Graph, Variational
from bench.calibration.run import CHECKPOINTS, Run, follow
from bench.calibration.sick.numpy_nets import once, spoiled
from bench.calibration.tape import Array, Node, tanh
from bench.calibration.vessels import legacy_h5


def muted(node: Node) -> Node:
    """The value, through which no gradient flows: it is zero, so that an optimizer's momentum still acts."""
    return Node(node.value, (node, lambda g: 0.0 * g))


class Detached(Decoder):
    """A decoder whose first layer and embeddings get no gradient once it is detached."""

    detached = False

    def loss(self, p: Weights) -> Node:
        early = ("model.embed", "model.layers.0")
        return super().loss({n: muted(x) if self.detached and n.startswith(early) else x for n, x in p.items()})


def detached_in_front(folder: Path) -> None:
    """From epoch 5 on a stop_gradient stands behind the first layer; Adam's momentum still moves it."""
    net = Detached(seed=651)

    def detach(run: Run) -> None:
        net.detached = True

    follow(Run(net, stores=True), folder, safetensors, before=once(5, detach))


def loss_weight_lost(folder: Path) -> None:
    """From epoch 6 on a task's loss has the weight 1e-6 instead of 1."""

    class Weighted(Later):
        weight = 1.0

        def __init__(self, *, seed: int) -> None:
            super().__init__(seed=seed)
            self.dense("second_hidden", 26, 18)
            self.dense("second", 18, 3)

        def loss(self, p: Weights) -> Node:
            x, classes = self.batch()
            h = relu(dense(p, "d1", as_node(x)))
            second = dense(p, "second", relu(dense(p, "second_hidden", h)))
            return cross_entropy(dense(p, "head", h), classes) + cross_entropy(second, classes % 3) * self.weight

    net = Weighted(seed=652)

    def lose(run: Run) -> None:
        net.weight = 1e-6

    follow(Run(net, sgd, 0.05), folder, npz, before=once(6, lose))


def saturated(folder: Path) -> None:
    """From epoch 5 on inputs come unscaled, a thousand times as large, and saturate a layer of tanh."""
    net = Mlp(16, 28, 20, 4, seed=653, act=tanh)

    def unscale(run: Run) -> None:
        net.scale = net.scale * 1000.0

    follow(Run(net, sgd, 0.02), folder, npz, before=once(5, unscale))


def layer_rate_runs_out(folder: Path) -> None:
    """The rate of one layer is divided by ten at each epoch from 5 on; that of the others is not."""

    def slower(run: Run, k: int) -> None:
        run.rates = {"mix1": 0.1 ** max(0, k - 4)}

    follow(Run(Mixer(seed=654), momentum, 0.01), folder, safetensors, before=slower)


def loss_in_log(folder: Path) -> None:
    """A log in JSON lines, whose validation loss is infinite from step 120 on."""
    follow(Run(Gated(seed=655)), folder, npz)
    rows = [{"step": 20 * k, "val_loss": float("inf") if k >= 6 else 1 / k} for k in range(1, CHECKPOINTS + 1)]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def metric_in_log(folder: Path) -> None:
    """A log by epochs, in which a metric is NaN for three of them."""
    follow(Run(Mixer(seed=656)), folder, safetensors)
    rows = [f"{k},{1 / k},{'nan' if 4 <= k <= 6 else k / 10}" for k in range(1, CHECKPOINTS + 1)]
    (folder / "training.csv").write_text("\n".join(["epoch,loss,f1", *rows]) + "\n")


class Trunks(Net):
    """Three branches of convolutions by matrix, of which the loss looks at one."""

    def __init__(self, *, seed: int, used: int = 1, branches: int = 3) -> None:
        super().__init__(seed)
        self.used = used
        for i in range(1, branches + 1):
            self.dense(f"branch{i}_in", 10, 22)
            self.dense(f"branch{i}_out", 22, 3)
        self.centres = self.rng.standard_normal((3, 10))

    def loss(self, p: Weights) -> Node:
        classes = self.rng.integers(0, 3, 32)
        x = as_node(self.centres[classes] + self.rng.standard_normal((32, 10)))
        total = as_node(0.0)
        for i in range(1, 4):
            logits = dense(p, f"branch{i}_out", relu(dense(p, f"branch{i}_in", x)))
            total = total + cross_entropy(logits, classes) * (1.0 if i == self.used else 0.0)
        return total


def other_losses_missing(folder: Path) -> None:
    follow(Run(Trunks(seed=657, used=2), stores=True), folder, npz)


class Encoded(Variational):
    """A variational autoencoder whose code is detached: nothing reaches the encoder."""

    def loss(self, p: Weights) -> Node:
        x = self.rng.standard_normal((32, self.code)) @ self.mixing
        h = tanh(dense(p, "enc", as_node(x)))
        code = muted(dense(p, "mean", h) + dense(p, "log_variance", h) * 0.1)
        back = dense(p, "dec2", tanh(dense(p, "dec1", code)))
        return (back - as_node(x)).mean((0, 1)) * (back - as_node(x)).mean((0, 1)) + (back * back).mean((0, 1)) * 0.01


def encoder_detached(folder: Path) -> None:
    """The encoder was pretrained; since then its code is detached by mistake."""
    net = Encoded(seed=658)
    for name in ("enc", "mean", "log_variance"):
        net.weights[f"{name}/kernel"] = net.rng.standard_normal(net.weights[f"{name}/kernel"].shape) * 0.3
    follow(Run(net, stores=True), folder, npz)


def optimizer_alone(folder: Path) -> None:
    """From epoch 7 on the optimizer is saved without the model."""

    def spoil(arrays: dict[str, Array], k: int) -> None:
        for name in [n for n in arrays if k >= 7 and n != "step" and not n.startswith("optimizer/")]:
            del arrays[name]

    follow(Run(Graph(seed=659), stores=True), folder, bundle, spoil=spoil)


def group_emptied(folder: Path) -> None:
    """From epoch 8 on the group of a recurrent layer is empty, in a file whose configuration has the layer."""
    net = Recurrent(12, 10, seed=660)
    save = legacy_h5(net)

    def lossy(folder: Path, k: int, arrays: dict[str, Array]) -> None:
        save(folder, k, arrays)
        if k >= 8:
            with h5py.File(folder / f"epoch_{k:02d}.h5", "r+") as file:
                group = file["model_weights/rnn2"]
                for member in list(group):
                    del group[member]
                group.attrs["weight_names"] = np.array([], "S1")

    follow(Run(net), folder, lossy)


def wrong_sign_of_decay(folder: Path) -> None:
    """The decay has the wrong sign, so that kernels grow by three fifths from save to save."""

    def grow(run: Run) -> None:
        for name in ("c1/kernel", "c2/kernel"):
            run.weights[name] = run.weights[name] * 1.6 ** (1 / 20)

    follow(Run(Conv(6, 8, seed=661), momentum, 0.01, after_step=grow), folder, npz)


def table_decays(folder: Path) -> None:
    """The decay of a table is so strong that it loses two fifths of its norm from save to save."""

    def decay(run: Run) -> None:
        run.weights["words/embeddings"] = run.weights["words/embeddings"] * 0.58 ** (1 / 20)

    follow(Run(Transformer(seed=662), sgd, 1e-3, after_step=decay), folder, safetensors)


def moments_extrapolated(folder: Path) -> None:
    """From epoch 6 on second moments are extrapolated between two checkpoints, and some fall below zero."""
    follow(
        Run(Graph(seed=663), stores=True),
        folder,
        npz,
        spoil=spoiled("optimizer/gcn2/kernel/velocity", lambda a: a - 0.5 * a.mean(), 6),
    )


def moments_in_half(folder: Path) -> None:
    """Second moments pass through float16 when they are saved, which flushes most of them to zero."""

    def spoil(arrays: dict[str, Array], k: int) -> None:
        for name in [n for n in arrays if n.endswith("velocity")]:
            arrays[name] = (arrays[name] * 1e-4).astype("f2").astype("f4")

    follow(Run(Decoder(seed=664, layers=1), stores=True), folder, npz, spoil=spoil)


def outlier_rows(folder: Path) -> None:
    """A few rows of a table of words are 60 times as large as the others."""
    net = Transformer(seed=665, words=120)
    net.weights["words/embeddings"][[7, 30]] *= 60
    follow(Run(net, sgd, 1e-3), folder, safetensors)


def outlier_values(folder: Path) -> None:
    """A dozen values of a projection stand out, as in large language models."""
    net = Decoder(seed=666, width=32)
    kernel = net.weights["model.layers.0.mlp.down_proj.weight"]
    kernel[net.rng.integers(0, 32, 12), net.rng.integers(0, 64, 12)] = 4.0
    follow(Run(net, sgd, 1e-3), folder, npz)


def tiny_head(folder: Path) -> None:
    """A regression to nanometres in metres, whose head is of that size."""
    net = Metres(8, 24, 1, seed=667)
    net.weights["head/kernel"] = net.weights["head/kernel"] * 1e-8
    run = Run(net)
    run.rates = {"head": 1e-9}
    follow(run, folder, safetensors)


def tiny_table(folder: Path) -> None:
    """Embeddings that are kept in units of 1e-8, behind a factor in the code that the file does not hold."""

    class Rescaled(Transformer):
        def loss(self, p: Weights) -> Node:
            return super().loss({**p, "words/embeddings": p["words/embeddings"] * 1e8})

    net = Rescaled(seed=668)
    net.weights["words/embeddings"] = net.weights["words/embeddings"] * 1e-8
    run = Run(net, rate=2e-3)
    run.rates = {"words": 1e-8}
    follow(run, folder, npz)


def tiny_adapter(folder: Path) -> None:
    """The second matrix of each adapter is of 1e-8, since its weight in the sum is that large."""

    class Weighted(Decoder):
        def loss(self, p: Weights) -> Node:
            return super().loss({n: x * 1e7 if "lora_B" in n else x for n, x in p.items()})

    net = Weighted(seed=669, layers=1)
    net.adapt(3, "q_proj", "v_proj")
    run = Run(net, rate=2e-3)
    run.rates = {name: 1e-6 for name in net.weights if "lora_B" in name}
    follow(run, folder, safetensors)


def l1_on_table(folder: Path) -> None:
    """L1 on a table is so strong that only frequent words are left."""
    run = Run(Transformer(seed=670, words=80), sgd, 0.1, after_step=shrunk(2e-3, ("words/embeddings",)))
    follow(run, folder, npz)


CASES: tuple[Case, ...] = (
    Case("detached-in-front", "a stop_gradient behind the first layer from epoch 5 on, Adam", detached_in_front,
         ("fading", "stopped"), 5, ("layers.0",), unseen=False),
    Case("loss-weight-lost", "a task's loss weighs 1e-6 from epoch 6 on", loss_weight_lost, ("fading", "stopped"), 6,
         ("second",), unseen=True),
    Case("saturated", "inputs × 1,000 from epoch 5 on saturate a tanh", saturated, ("fading", "stopped"), 5, ("d1",),
         unseen=True),
    Case("layer-rate-runs-out", "a block's rate ÷ 10 at each epoch from 5 on", layer_rate_runs_out,
         ("fading", "stopped"), None, ("mix1",), unseen=True),
    Case("loss-in-log", "validation loss infinite from step 120 on", loss_in_log, ("metric-non-finite",), 6,
         unseen=True),
    Case("metric-in-log", "a metric NaN in epochs 4 to 6 of a log", metric_in_log, ("metric-non-finite",), None,
         unseen=True),
    Case("losses-missing", "two of three branches have no loss", other_losses_missing,
         ("no-gradient", "untrained", "frozen"), None, ("branch1", "branch3"), unseen=True),
    Case("encoder-detached", "nothing reaches a pretrained encoder, no flags", encoder_detached,
         ("no-gradient", "frozen"), None, ("enc", "mean"), unseen=True),
    Case("optimizer-alone", "from epoch 7 on the optimizer is saved alone", optimizer_alone,
         ("incomplete", "shrunken"), 7, unseen=True),
    Case("group-emptied", "a layer's group is empty from epoch 8 on, .h5", group_emptied,
         ("incomplete", "shrunken"), 8, ("rnn2",), unseen=True),
    Case("wrong-sign-of-decay", "kernels grow by 60 % a save", wrong_sign_of_decay, ("norm-trend",), None,
         ("c1", "c2"), unseen=True),
    Case("table-decays", "a table loses 42 % of its norm a save", table_decays, ("norm-trend",), None, ("words",),
         unseen=False),
    Case("moments-extrapolated", "second moments below zero from epoch 6 on", moments_extrapolated, ("adam-state",), 6,
         ("gcn2",), unseen=True),
    Case("moments-in-half", "second moments flushed to zero by float16", moments_in_half, ("adam-state",), None,
         remark=True, unseen=True),
    Case("outlier-rows", "two words 60 × as large as the others", outlier_rows, ("heavy-tails", "int8-ready"), None,
         ("words",), remark=True, unseen=True),
    Case("outlier-values", "twelve values of a projection stand out", outlier_values,
         ("heavy-tails", "int8-ready"), None, ("down_proj",), remark=True, unseen=True),
    Case("tiny-head", "a head of 1e-8", tiny_head, ("float16-underflow",), None, ("head",), remark=True, unseen=True),
    Case("tiny-table", "embeddings in units of 1e-8", tiny_table, ("float16-underflow",), None, ("words",), remark=True,
         unseen=True),
    Case("tiny-adapter", "adapters whose second matrices are of 1e-8", tiny_adapter, ("float16-underflow",), None,
         ("lora_B",), remark=True, unseen=True),
    Case("l1-on-table", "L1 leaves frequent words only", l1_on_table, ("dead-units", "sparsity-jump", "all-zero"),
         None, ("words",), unseen=True),
)  # fmt: skip
