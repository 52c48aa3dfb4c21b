"""Optimizers, in numpy: a rule for a step of one weight, with what it keeps for it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bench.calibration.tape import Array

Slots = dict[str, Array]
Step = Callable[[Array, Array, Slots, float, int], Array]
"""From a weight, its gradient, its slots, the rate and the number of the step to the update that is subtracted."""


def sgd(weight: Array, gradient: Array, slots: Slots, rate: float, step: int) -> Array:
    return rate * gradient


def momentum(weight: Array, gradient: Array, slots: Slots, rate: float, step: int) -> Array:
    slots["momentum"] = 0.9 * slots.get("momentum", 0.0) + gradient
    return rate * slots["momentum"]


def adam(weight: Array, gradient: Array, slots: Slots, rate: float, step: int) -> Array:
    slots["momentum"] = 0.9 * slots.get("momentum", 0.0) + 0.1 * gradient
    slots["velocity"] = 0.999 * slots.get("velocity", 0.0) + 0.001 * gradient**2
    corrected = slots["velocity"] / (1 - 0.999**step)
    return rate * slots["momentum"] / (1 - 0.9**step) / (np.sqrt(corrected) + 1e-7)


def adamw(weight: Array, gradient: Array, slots: Slots, rate: float, step: int) -> Array:
    return adam(weight, gradient, slots, rate, step) + rate * 0.05 * weight


def rmsprop(weight: Array, gradient: Array, slots: Slots, rate: float, step: int) -> Array:
    slots["velocity"] = 0.9 * slots.get("velocity", 0.0) + 0.1 * gradient**2
    return rate * gradient / (np.sqrt(slots["velocity"]) + 1e-7)


def adagrad(weight: Array, gradient: Array, slots: Slots, rate: float, step: int) -> Array:
    slots["accumulator"] = slots.get("accumulator", np.full_like(weight, 0.1)) + gradient**2
    return rate * gradient / np.sqrt(slots["accumulator"])


def lion(weight: Array, gradient: Array, slots: Slots, rate: float, step: int) -> Array:
    mean = slots.get("momentum", np.zeros_like(weight))
    slots["momentum"] = 0.99 * mean + 0.01 * gradient
    return rate * (np.sign(0.9 * mean + 0.1 * gradient) + 0.05 * weight)


def ftrl(weight: Array, gradient: Array, slots: Slots, rate: float, step: int, *, l1: float = 0.3) -> Array:
    """Follow the regularised leader (B. McMahan et al., 2013): weights whose gradients do not add up are zero."""
    before = slots.get("accumulator", np.full_like(weight, 0.1))
    after = before + gradient**2
    linear = slots.get("linear", np.zeros_like(weight))
    linear = linear + gradient - (np.sqrt(after) - np.sqrt(before)) / rate * weight
    slots |= {"accumulator": after, "linear": linear}
    new = np.where(np.abs(linear) > l1, -(linear - np.sign(linear) * l1) * rate / np.sqrt(after), 0.0)
    return weight - new
