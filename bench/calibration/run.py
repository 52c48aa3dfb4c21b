"""A training run in numpy: steps of a net, and a checkpoint now and then."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from bench.calibration.descent import Slots, Step, adam
from bench.calibration.files import Save, npz
from bench.calibration.nets.common import Net
from bench.calibration.tape import Array, Node

CHECKPOINTS = 10
STEPS = 20
"""Steps from one checkpoint to the next."""


class Run:
    """A net in training.

    Attributes:
        rate: of learning; at each step, where it is a function of the step's number.
        frozen: beginnings of names that the optimizer is not given.
        rates: factors of the rate for weights whose names begin so.
        optimizers: other ones than the usual one, for weights whose names begin so.
        step: how many there were.
        after_step: called after each step, as clipping and averages are.
        extra: what is saved beside the weights.
        stores: whether the state of the optimizer is saved.
        slots: of each weight.
        clip: gradients are cut off at this norm of all.
        float16: whether weights round to half precision after each step.
    """

    def __init__(
        self,
        net: Net,
        optimizer: Step = adam,
        rate: float | Callable[[int], float] = 3e-3,
        *,
        frozen: Iterable[str] = (),
        stores: bool = False,
        after_step: Callable[[Run], None] = lambda run: None,
        clip: float = np.inf,
    ) -> None:
        self.net, self.optimizer, self.rate = net, optimizer, rate
        self.frozen, self.stores, self.after_step, self.clip = tuple(frozen), stores, after_step, clip
        self.rates: dict[str, float] = {}
        self.optimizers: dict[str, Step] = {}
        self.step = 0
        self.extra: dict[str, Array] = {}
        self.slots: dict[str, Slots] = {}
        self.start = dict(net.weights)

    @property
    def weights(self) -> dict[str, Array]:
        return self.net.weights

    def advance(self, steps: int = STEPS) -> None:
        """Train for some steps; what the loss does not depend on stays as it is."""
        for _ in range(steps):
            self.step += 1
            nodes = {name: Node(values) for name, values in self.weights.items()}
            with np.errstate(all="ignore"):
                self.net.loss(nodes).backward()
                self._apply({n: node.grad for n, node in nodes.items() if node.grad is not None})
            self.after_step(self)

    def _apply(self, gradients: dict[str, Array]) -> None:
        rate = self.rate(self.step) if callable(self.rate) else self.rate
        norm = np.sqrt(sum(float(np.square(g).sum()) for g in gradients.values()))
        scale = min(1.0, self.clip / norm) if norm > 0 else 1.0
        for name, gradient in gradients.items():
            if name in self.net.fixed or name.startswith(self.frozen or ("\0",)):
                continue
            factor = next((f for start, f in self.rates.items() if name.startswith(start)), 1.0)
            optimizer = next((o for start, o in self.optimizers.items() if name.startswith(start)), self.optimizer)
            slots = self.slots.setdefault(name, {})
            update = optimizer(self.weights[name], gradient * scale, slots, rate * factor, self.step)
            self.weights[name] = self.weights[name] - update

    def arrays(self) -> dict[str, Array]:
        """What is saved: weights, slots and the rest as float32, and the step."""
        found = {name: values.astype("f4") for name, values in self.weights.items()}
        if self.stores:
            found |= {
                f"optimizer/{name}/{slot}": values.astype("f4")
                for name, slots in self.slots.items()
                for slot, values in slots.items()
            }
        return found | self.extra | {"step": np.array(self.step, "i8")}


Hook = Callable[[Run, int], None]
"""Called with the run and the number of a checkpoint, 1 for the first."""
Spoil = Callable[[dict[str, Array], int], None]
"""Called with what is about to be saved, and the number of the checkpoint; the run goes on without it."""


def nothing(_: object, __: int) -> None:
    """Interfere with nothing."""


def follow(
    run: Run,
    folder: Path,
    save: Save = npz,
    *,
    before: Hook = nothing,
    after: Hook = nothing,
    spoil: Spoil = nothing,
    gaps: Iterable[int] = (STEPS,) * CHECKPOINTS,
) -> None:
    """Train, and save ``epoch_NN`` after each stretch of steps.

    Args:
        before, after: called before and after the steps that lead to a checkpoint.
        spoil: changes what a file holds, and only there.
        gaps: steps between checkpoints.
    """
    for k, steps in enumerate(gaps, start=1):
        before(run, k)
        run.advance(steps)
        after(run, k)
        arrays = run.arrays()
        spoil(arrays, k)
        save(folder, k, arrays)
