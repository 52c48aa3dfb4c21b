"""A small network of ReLUs that numpy trains, so that tests have weights which move as those of real trainings do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from tests.rules.build import Arrays

STEPS = 20
"""Training steps between two checkpoints."""


class Network:
    """Dense layers ``h1``, ``h2`` … and ``out``, with ReLUs between them, trained by Adam on a task of random numbers.

    Attributes:
        kernels, biases: by layer; tests may reach into them.
    """

    def __init__(self, *widths: int, seed: int, rate: float = 1e-3) -> None:
        self.rng = np.random.default_rng(seed)
        self.names = [*(f"h{i}" for i in range(1, len(widths) - 1)), "out"]
        shapes = list(pairwise(widths))
        self.kernels = [self.rng.standard_normal(shape) * np.sqrt(2 / sum(shape)) for shape in shapes]
        self.biases = [np.zeros(b) for _, b in shapes]
        self.task = self.rng.standard_normal((widths[0], widths[-1]))
        self.rate, self.steps = rate, 0
        self.moments = [(np.zeros_like(p), np.zeros_like(p)) for p in (*self.kernels, *self.biases)]

    def step(self) -> None:
        """One step of Adam on 32 new examples."""
        inputs = self.rng.standard_normal((32, len(self.task)))
        values = [inputs]
        for kernel, bias in zip(self.kernels, self.biases, strict=True):
            values.append(np.maximum(values[-1] @ kernel + bias, 0 if kernel is not self.kernels[-1] else -np.inf))
        error = 2 * (values[-1] - np.tanh(inputs @ self.task)) / len(inputs)
        gradients: list[tuple[np.ndarray, np.ndarray]] = []
        for at in reversed(range(len(self.kernels))):
            gradients.insert(0, (values[at].T @ error, error.sum(axis=0)))
            error = (error @ self.kernels[at].T) * (values[at] > 0)
        self.steps += 1
        weights, slopes = (*self.kernels, *self.biases), (*(g for g, _ in gradients), *(g for _, g in gradients))
        for weight, slope, (first, second) in zip(weights, slopes, self.moments, strict=True):
            first += 0.1 * (slope - first)
            second += 0.001 * (slope**2 - second)
            corrected = second / (1 - 0.999**self.steps)
            weight -= self.rate * first / (1 - 0.9**self.steps) / (np.sqrt(corrected) + 1e-7)

    def trained(self, checkpoints: int = 10, before: Callable[[int], None] = lambda place: None) -> list[Arrays]:
        """Its weights after every :data:`STEPS` steps.

        Args:
            before: called with the place of a checkpoint before the steps that lead to it.
        """
        found = []
        for place in range(checkpoints):
            before(place)
            for _ in range(STEPS):
                self.step()
            found.append(self.arrays())
        return found

    def arrays(self) -> Arrays:
        """Its weights now."""
        layers = zip(self.names, self.kernels, self.biases, strict=True)
        both = ((f"{n}/kernel", f"{n}/bias", kernel, bias) for n, kernel, bias in layers)
        return {name: w.astype("f4") for a, b, kernel, bias in both for name, w in ((a, kernel), (b, bias))}


def scaled(checkpoints: Sequence[Arrays], name: str, factors: Sequence[float]) -> None:
    """Multiply a tensor of each checkpoint."""
    for arrays, factor in zip(checkpoints, factors, strict=True):
        arrays[name] = arrays[name] * np.float32(factor)


def kept(checkpoints: list[Arrays], names: Sequence[str], since: int) -> list[Arrays]:
    """Tensors that stay from a checkpoint on as they are there."""
    for arrays in checkpoints[since:]:
        arrays |= {name: checkpoints[since][name] for name in names}
    return checkpoints
