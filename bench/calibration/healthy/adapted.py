"""Healthy runs that begin with weights from elsewhere: fine-tuning, adapters, freezing, resuming, copies beside.

The second look at runs that no rule has seen, see :mod:`bench.calibration.healthy.held_out`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bench.calibration.case import Case
from bench.calibration.descent import adagrad, adam, adamw, momentum, rmsprop, sgd
from bench.calibration.files import bfloat16, bundle, npz, orbax, safetensors, saved_model
from bench.calibration.healthy.numpy_nets import average, pretrained
from bench.calibration.nets.blocks import Gated, Residual
from bench.calibration.nets.common import Mlp, Recurrent, Weights, as_node, dense, relu
from bench.calibration.nets.tasks import Agent, Decoder, Flow, Graph, Pairs, Separable, Variational, copied
from bench.calibration.run import CHECKPOINTS, STEPS, Run, follow
from bench.calibration.seen import SEEN_SINCE
from bench.calibration.tape import Array, Node, squared
from bench.calibration.vessels import keras_archive, weights_h5


def only(*parts: str) -> Callable[[dict[str, Array], int], None]:
    """Files hold nothing but the step and the tensors with one of these in their names."""

    def spoil(arrays: dict[str, Array], k: int) -> None:
        for name in [n for n in arrays if n != "step" and not any(part in n for part in parts)]:
            del arrays[name]

    return spoil


def tuned_bfloat16(folder: Path) -> None:
    """A language model is tuned at a small rate and saved in bfloat16, in which most updates round away."""
    run = pretrained(Decoder(seed=501), "nothing", steps=150)
    run.optimizer, run.rate = adamw, 2e-5
    follow(run, folder, bfloat16)


def adapters_alone(folder: Path) -> None:
    """Files hold the adapters only, as PEFT saves them."""
    net = Decoder(seed=502)
    net.adapt(4, "q_proj", "v_proj")
    run = pretrained(net, "lora_none", steps=100)
    run.frozen = tuple(n for n in net.weights if "lora" not in n)
    run.rate = 1e-2
    follow(run, folder, safetensors, spoil=only("lora"))


def adapters_everywhere(folder: Path) -> None:
    """Adapters of rank 2 on all kernels of a language model, with the frozen model beside them, from step 0 on."""
    net = Decoder(seed=503, layers=1)
    run = pretrained(net, "nothing", steps=100)
    net.adapt(2, "proj")
    run.start = copied(net.weights)
    run.frozen = tuple(n for n in net.weights if "lora" not in n)
    run.rate, run.stores = 5e-3, True
    follow(run, folder, npz, gaps=(0, *[STEPS] * 8))


def fixed_embeddings(folder: Path) -> None:
    run = pretrained(Decoder(seed=504, tied=True), "nothing", steps=100)
    run.frozen = ("model.embed_tokens",)
    follow(run, folder, orbax)


def fixed_statistics(folder: Path) -> None:
    """Normalisations are frozen with their statistics, as in detection; the rest is tuned; no flags."""
    net = Separable(3, 8, 12, seed=505)
    run = pretrained(net, "top", steps=150)
    net.updates_statistics = False
    run.frozen = ("pw1_bn", "pw2_bn")
    run.optimizer, run.rate = momentum, 3e-3
    follow(run, folder, npz)


def fixed_depthwise(folder: Path) -> None:
    """The first two of four stages stay as they were pretrained; no flags."""
    net = Separable(2, 6, 8, seed=506)
    run = pretrained(net, "top", steps=150)
    run.frozen = ("dw1", "pw1/")
    follow(run, folder, safetensors)


def fixed_encoder(folder: Path) -> None:
    """A recurrent encoder is pretrained and fixed under two new layers; the archive has flags."""
    net = Recurrent(14, 10, seed=507)
    run = pretrained(net, "rnn2", steps=120)
    run.frozen, run.stores = ("rnn1",), True
    follow(run, folder, keras_archive(net, lambda name, k: name == "rnn1"))


class Taught(Mlp):
    """A ``student`` that learns from the logits of a fixed ``teacher``, both in one file."""

    def __init__(self, *, seed: int) -> None:
        super().__init__(16, 40, 40, 4, seed=seed)
        teacher = Mlp(16, 40, 40, 4, seed=seed)
        Run(teacher).advance(150)
        self.weights = {f"teacher/{name}": values for name, values in teacher.weights.items()}
        self.fixed = set(self.weights)
        self.dense("student/d1", 16, 14)
        self.dense("student/head", 14, 4)

    def loss(self, p: Weights) -> Node:
        x, _ = self.batch()
        h = as_node(x)
        for name in self.names[:-1]:
            h = relu(dense(p, f"teacher/{name}", h))
        wanted = dense(p, "teacher/head", h).detached()
        return squared(dense(p, "student/head", relu(dense(p, "student/d1", as_node(x)))) - wanted)


def distilled(folder: Path) -> None:
    follow(Run(Taught(seed=508), rmsprop, 2e-3), folder, npz)


def two_views(folder: Path) -> None:
    follow(Run(Pairs(seed=509), adamw, 2e-3, stores=True), folder, bundle)


def soft_actor_critic(folder: Path) -> None:
    follow(Run(Agent(seed=510), rate=1e-3, stores=True), folder, bundle)


def soft_actor_critic_init(folder: Path) -> None:
    """From before the first step, log-spaced, with targets that follow slowly."""
    run = Run(Agent(seed=511, width=16, share=0.005), rate=1e-3)
    follow(run, folder, safetensors, gaps=(0, 2, 4, 8, 16, 32, 64, 128))


def copied_irregularly(folder: Path) -> None:
    """Targets are copied every 50 steps, checkpoints are 20 apart."""
    net = Agent(seed=512, share=0.0)

    def copy(run: Run) -> None:
        if run.step % 50 == 0:
            for name in net.fixed:
                net.weights[name] = net.weights[name.removeprefix("target_")].copy()

    follow(Run(net, rate=1e-3, after_step=copy), folder, npz)


def averaged_flow(folder: Path) -> None:
    follow(Run(Flow(seed=513), rate=2e-3, after_step=average(0.95)), folder, npz, gaps=(0, *[STEPS] * 9))


def averaged_late(folder: Path) -> None:
    """An equal-weight average that begins after three quarters of the training."""
    net = Graph(seed=514)
    follow(Run(net, momentum, 0.05, after_step=average(0.0, 150)), folder, orbax)


def looked_ahead(folder: Path) -> None:
    """Slow weights that every fifth step go half the way to the fast ones, which then begin there."""

    def update(run: Run) -> None:
        for name, values in run.weights.items():
            slow = run.extra.get(f"slow/{name}", values.astype("f4"))
            if run.step % 5 == 0:
                slow = (slow + 0.5 * (values - slow)).astype("f4")
                run.weights[name] = slow.astype(float)
            run.extra[f"slow/{name}"] = slow

    follow(Run(Mlp(18, 30, 22, 5, seed=515), after_step=update), folder, safetensors)


def resumed_with_other_optimizer(folder: Path) -> None:
    """Adam up to epoch 5, then SGD with momentum at its own rate."""

    def switch(run: Run, k: int) -> None:
        if k == 6:
            run.optimizer, run.rate, run.slots = momentum, 0.01, {}

    follow(Run(Gated(seed=516, units=18), stores=True), folder, npz, before=switch)


def resumed_with_state(folder: Path) -> None:
    """Interrupted between two saves: the steps after epoch 4 were lost, and are done again from there."""
    net = Recurrent(12, seed=517, gates=1)
    kept: list[dict[str, Array]] = []

    def again(run: Run, k: int) -> None:
        if k == 5:
            kept.append(copied(run.weights))
            run.advance(7)
            run.net.weights.update(kept[0])
            run.step -= 7

    follow(Run(net, momentum, 0.03, stores=True), folder, weights_h5(net), before=again)


def warm_started(folder: Path) -> None:
    """All layers are pretrained on other classes, and step 0 is saved as well."""
    run = pretrained(Residual(seed=518, width=8), "classes", steps=120)
    run.optimizer, run.rate, run.rates = sgd, 0.05, {"stem": 0.1}
    follow(run, folder, npz, gaps=(0, *[STEPS] * 8))


def unfrozen_by_age(folder: Path) -> None:
    """Only biases and normalisations up to epoch 3, everything afterwards."""
    net = Decoder(seed=519)
    run = pretrained(net, "nothing", steps=100)

    def thaw(run: Run, k: int) -> None:
        run.frozen = tuple(n for n in net.weights if "norm" not in n) if k <= 3 else ()

    run.rate = 1e-3
    follow(run, folder, safetensors, before=thaw)


def best_restored(folder: Path) -> None:
    """Early stopping: the last file holds the weights of epoch 7 again."""
    net = Mlp(14, 26, 26, 4, seed=520)
    kept: list[dict[str, Array]] = []

    def restore(run: Run, k: int) -> None:
        if k == 7:
            kept.append(copied(run.weights))
        if k == CHECKPOINTS:
            run.net.weights.update(kept[0])

    follow(Run(net, stores=True), folder, keras_archive(net), after=restore)


def decoder_tuned_alone(folder: Path) -> None:
    """The encoder of a variational autoencoder is frozen while its decoder is tuned; a SavedModel."""
    run = pretrained(Variational(seed=521), "nothing", steps=120)
    run.frozen = ("enc", "mean", "log_variance")
    run.optimizer, run.rate = adagrad, 0.01
    follow(run, folder, saved_model)


def head_alone_adam(folder: Path) -> None:
    """A probe: a language model is fixed but for its head."""
    run = pretrained(Decoder(seed=522, layers=1), "lm_head", steps=120)
    run.frozen, run.optimizer, run.rate, run.stores = ("model.",), adam, 5e-3, True
    follow(run, folder, safetensors)


_RUNS: tuple[tuple[str, str, Callable[[Path], None]], ...] = (
    ("tuned-bfloat16", "language model tuned at 2e-5 in bfloat16", tuned_bfloat16),
    ("adapters-alone", "files of LoRA adapters only", adapters_alone),
    ("adapters-everywhere", "LoRA of rank 2 beside the model, from step 0", adapters_everywhere),
    ("fixed-embeddings", "language model, tied embeddings fixed, Orbax", fixed_embeddings),
    ("fixed-statistics", "separable CNN tuned with frozen normalisations", fixed_statistics),
    ("fixed-depthwise", "separable CNN, first stage fixed, no flags", fixed_depthwise),
    ("fixed-encoder", "recurrent encoder fixed by its flag under new layers", fixed_encoder),
    ("distilled", "student beside its fixed teacher, RMSprop", distilled),
    ("two-views", "online and target encoders, AdamW, TF bundle", two_views),
    ("soft-actor-critic", "actor, critics, targets that follow", soft_actor_critic),
    ("soft-actor-critic-init", "the same at steps 0, 2, 6 … 254", soft_actor_critic_init),
    ("copied-irregularly", "targets copied every 50 steps, saves every 20", copied_irregularly),
    ("averaged-flow", "flow from step 0 with an average of its weights", averaged_flow),
    ("averaged-late", "graph net with an average from step 150 on", averaged_late),
    ("looked-ahead", "slow and fast weights (lookahead)", looked_ahead),
    ("adam-to-sgd", "GRU, Adam up to epoch 5 and SGD from then on", resumed_with_other_optimizer),
    ("done-again", "interrupted between two saves and resumed", resumed_with_state),
    ("warm-started", "residual CNN pretrained on other classes, from step 0", warm_started),
    ("norms-first", "only normalisations are tuned up to epoch 3", unfrozen_by_age),
    ("best-restored", "early stopping restores epoch 7 at the end", best_restored),
    ("decoder-alone", "VAE, encoder frozen, decoder tuned, SavedModel", decoder_tuned_alone),
    ("probe", "language model fixed but for its head", head_alone_adam),
)

CASES: tuple[Case, ...] = tuple(Case(name, story, make, unseen=name not in SEEN_SINCE) for name, story, make in _RUNS)
