"""Gradients of small functions of arrays, so that nets of any shape can be trained by numpy alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

Array = np.ndarray


class Node:
    """A value, and how a gradient flows back to what it was computed from.

    Attributes:
        value: of any shape, in float64.
        grad: of the scalar that :meth:`backward` was called on; None where none flowed.
    """

    def __init__(self, value: Array, *sources: tuple[Node, Callable[[Array], Array]]) -> None:
        self.value = np.asarray(value, float)
        self.sources = sources
        self.grad: Array | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape

    def backward(self) -> None:
        order: list[Node] = []
        seen: set[int] = set()

        def visit(node: Node) -> None:
            if id(node) not in seen:
                seen.add(id(node))
                for source, _ in node.sources:
                    visit(source)
                order.append(node)

        visit(self)
        self.grad = np.ones_like(self.value)
        for node in reversed(order):
            for source, pull in node.sources:
                share = _summed(pull(node.grad), source.shape)
                source.grad = share if source.grad is None else source.grad + share

    def __add__(self, other: Node | float) -> Node:
        b = as_node(other)
        return Node(self.value + b.value, (self, lambda g: g), (b, lambda g: g))

    def __sub__(self, other: Node | float) -> Node:
        return self + as_node(other) * -1.0

    def __mul__(self, other: Node | float) -> Node:
        b = as_node(other)
        return Node(self.value * b.value, (self, lambda g: g * b.value), (b, lambda g: g * self.value))

    def __matmul__(self, b: Node) -> Node:
        return Node(
            self.value @ b.value,
            (self, lambda g: g @ np.swapaxes(b.value, -1, -2)),
            (b, lambda g: np.swapaxes(self.value, -1, -2) @ g),
        )

    def __getitem__(self, key: object) -> Node:
        """A slice or, with an array of numbers, rows: what is picked more than once gets all its gradients."""

        def pull(g: Array) -> Array:
            full = np.zeros_like(self.value)
            if isinstance(key, np.ndarray):
                np.add.at(full, key, g)
            else:
                full[key] = g
            return full

        return Node(self.value[key], (self, pull))

    def reshape(self, *shape: int) -> Node:
        return Node(self.value.reshape(shape), (self, lambda g: g.reshape(self.shape)))

    def swap(self, a: int, b: int) -> Node:
        return Node(np.swapaxes(self.value, a, b), (self, lambda g: np.swapaxes(g, a, b)))

    def mean(self, axis: int | tuple[int, ...], *, keep: bool = False) -> Node:
        value = self.value.mean(axis=axis, keepdims=True)
        count = self.value.size / value.size
        shown = value if keep else np.squeeze(value, axis)
        return Node(shown, (self, lambda g: np.broadcast_to(g.reshape(value.shape) / count, self.shape)))

    def detached(self) -> Node:
        """The value as a constant."""
        return Node(self.value)


def as_node(value: Node | float | Array) -> Node:
    return value if isinstance(value, Node) else Node(np.asarray(value, float))


def _summed(grad: Array, shape: Sequence[int]) -> Array:
    """A gradient of what was broadcast, added up over the axes along which it was."""
    while grad.ndim > len(shape):
        grad = grad.sum(axis=0)
    for axis, length in enumerate(shape):
        if length == 1 and grad.shape[axis] != 1:
            grad = grad.sum(axis=axis, keepdims=True)
    return grad


def relu(x: Node) -> Node:
    return Node(np.maximum(x.value, 0), (x, lambda g: g * (x.value > 0)))


def tanh(x: Node) -> Node:
    y = np.tanh(x.value)
    return Node(y, (x, lambda g: g * (1 - y * y)))


def sigmoid(x: Node) -> Node:
    y = 0.5 * (1 + np.tanh(0.5 * x.value))
    return Node(y, (x, lambda g: g * y * (1 - y)))


def rsqrt(x: Node) -> Node:
    y = 1 / np.sqrt(x.value)
    return Node(y, (x, lambda g: -0.5 * g * y**3))


def softmax(x: Node) -> Node:
    e = np.exp(x.value - x.value.max(axis=-1, keepdims=True))
    y = e / e.sum(axis=-1, keepdims=True)
    return Node(y, (x, lambda g: y * (g - (g * y).sum(axis=-1, keepdims=True))))


def cross_entropy(logits: Node, classes: Array) -> Node:
    """The mean over all rows; logits of shape (rows, classes)."""
    y = softmax(logits).value
    rows = np.arange(len(classes))
    loss = -np.log(np.maximum(y[rows, classes], 1e-300)).mean()
    wanted = np.zeros_like(y)
    wanted[rows, classes] = 1
    return Node(loss, (logits, lambda g: g * (y - wanted) / len(classes)))


def squared(x: Node) -> Node:
    """The mean of all squares."""
    return Node(np.square(x.value).mean(), (x, lambda g: g * 2 * x.value / x.value.size))


def normalised(x: Node, axis: int | tuple[int, ...]) -> tuple[Node, Array, Array]:
    """With mean 0 and variance 1 over some axes; and that mean and variance."""
    centred = x - x.mean(axis, keep=True)
    variance = (centred * centred).mean(axis, keep=True)
    return centred * rsqrt(variance + 1e-5), x.value.mean(axis=axis), np.squeeze(variance.value, axis)


def patches(x: Node, side: int) -> Node:
    """Of images (n, height, width, channels): (n, height', width', side · side · channels), as a convolution sees."""
    parts = [
        (i, j, x[:, i : x.shape[1] - side + 1 + i, j : x.shape[2] - side + 1 + j, :])
        for i in range(side)
        for j in range(side)
    ]
    value = np.concatenate([part.value for _, _, part in parts], axis=-1)
    depth = x.shape[3]

    def pull(at: int) -> Callable[[Array], Array]:
        return lambda g: g[..., at * depth : (at + 1) * depth]

    return Node(value, *((part, pull(at)) for at, (_, _, part) in enumerate(parts)))
