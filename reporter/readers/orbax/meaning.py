"""What the arrays of a tree are for: Flax's collections (``params``, ``batch_stats``), optax's and Keras's states."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from reporter.frozen import dataclass
from reporter.model.natural_order import natural
from reporter.model.role import model_role, slot_role
from reporter.model.tensor import Collection, LayerInfo
from reporter.readers.keras_model.config import ModelConfig, leaves
from reporter.readers.meaning import Interpretation, Meaning, arranged, model_trainable

_GROUPS: Mapping[str, tuple[Collection, bool | None]] = {
    "params": (Collection.MODEL, None),
    "batch_stats": (Collection.MODEL, False),
    "trainable_variables": (Collection.MODEL, True),
    "non_trainable_variables": (Collection.MODEL, False),
    "opt_state": (Collection.OPTIMIZER, False),
    "optimizer_state": (Collection.OPTIMIZER, False),
    "optimizer": (Collection.OPTIMIZER, False),
    "opt": (Collection.OPTIMIZER, False),
    "optimizer_variables": (Collection.OPTIMIZER, False),
    "metrics_variables": (Collection.OTHER, False),
}
"""Names of collections: whether what is in them belongs to the model, and is trained.

Flax keeps in ``params`` whatever is no state, and Optax decides which of it is trained: a backbone that
``optax.multi_transform`` or ``optax.masked`` leaves alone stays there.
"""

_AROUND = frozenset({"state", "train_state", "model", "default", "variables", "items", "pytree"})
"""Names that stand around collections."""

_STATISTICS = {"mean": "moving_mean", "var": "moving_variance"}
_OPTAX = {"mu": "momentum", "nu": "velocity", "trace": "momentum", "count": "step"}


@dataclass(frozen=True, slots=True)
class Leaf:
    """An array of the tree by its path, ``("params", "Dense_0", "kernel")``; one of several items comes first."""

    key: str
    path: tuple[str, ...]
    shape: tuple[int, ...]
    integer: bool


@dataclass(frozen=True, slots=True)
class _Placed:
    leaf: Leaf
    group: str
    rest: tuple[str, ...]


def interpret(found: Sequence[Leaf], config: ModelConfig | None = None) -> Interpretation:
    """Find out what every array is for.

    Args:
        found: all arrays.
        config: of a Keras model, for its layers' order and classes.
    """
    unboxed = all(len(leaf.path) > 1 and leaf.path[-1] == "value" for leaf in found)  # of flax.nnx
    outer = config.model.name if config else ""
    placed = [_placed(leaf, unboxed, outer) for leaf in sorted(found, key=lambda leaf: natural("/".join(leaf.path)))]
    layers = {name: layer.kind if layer.builtin else "" for name, layer in leaves(config.model)} if config else {}
    targets = {p.rest: p.rest for p in placed if p.group and _GROUPS[p.group][0] == "model"}
    flat = {"_".join((outer, *rest) if outer else rest): rest for rest in targets}
    flat |= {"_".join(rest): rest for rest in targets}
    meanings = [_meaning(p, layers, targets, flat) for p in placed]
    ordered = [LayerInfo(name, kind) for name, kind in layers.items()]
    for name in dict.fromkeys(m.layer for m in meanings if m.collection == "model" and m.layer):
        if name not in layers:
            ordered.append(LayerInfo(name))
    counts = tuple(p.leaf.key for p in placed if p.group == "optimizer_variables" and p.rest[-1] == "iteration")
    steps = tuple(p.leaf.key for p in placed if p.rest[-1] == "step" and p.leaf.shape == () and p.leaf.integer)
    return Interpretation(
        meanings=arranged(meanings, ordered),
        layers=tuple(ordered),
        ordered=config is not None,
        steps=(counts, steps),
        step_source=("optimizer iterations", "step of the tree"),
    )


def _placed(leaf: Leaf, unboxed: bool, outer: str) -> _Placed:
    path = leaf.path[:-1] if unboxed else leaf.path
    at = next((i for i, name in enumerate(path[:2]) if name in _GROUPS and (i == 0 or path[0] in _AROUND)), None)
    if at is None or at + 1 == len(path):
        return _Placed(leaf, "", path)
    rest = path[at + 1 :]
    if rest[0] == outer and len(rest) > 1:
        rest = rest[1:]
    return _Placed(leaf, path[at], rest)


def _meaning(
    placed: _Placed,
    layers: Mapping[str, str],
    targets: Mapping[tuple[str, ...], tuple[str, ...]],
    flat: Mapping[str, tuple[str, ...]],
) -> Meaning:
    leaf, rest, name = placed.leaf, placed.rest, "/".join(placed.rest)
    collection, trainable = _GROUPS.get(placed.group, (Collection.MODEL, None))
    if collection == "optimizer":
        target, slot = _target(rest, targets, flat)
        role = _OPTAX.get(slot.rpartition("/")[2]) or slot_role(slot)
        if leaf.shape == () and role == "slot":
            role = "step" if leaf.integer else "hyperparameter"
        shown = f"optimizer/{'/'.join((*target, slot))}"
        return Meaning(leaf.key, shown, _layer(target, layers) if target else "", role, False, Collection.OPTIMIZER)
    if collection == "other":
        return Meaning(leaf.key, f"metrics/{name}", "", "other", False, Collection.OTHER)
    if not placed.group and leaf.shape == ():
        return Meaning(leaf.key, name, "", "step" if leaf.integer else "other", False, Collection.OTHER)
    role = model_role(name, leaf.shape)
    if placed.group == "batch_stats":
        role = _STATISTICS.get(rest[-1], role)
    return Meaning(leaf.key, name, _layer(rest, layers), role, model_trainable(role, trainable), Collection.MODEL)


def _target(
    rest: tuple[str, ...], targets: Mapping[tuple[str, ...], tuple[str, ...]], flat: Mapping[str, tuple[str, ...]]
) -> tuple[tuple[str, ...], str]:
    """The weight that an optimizer's array belongs to, or (), and the slot.

    optax repeats the tree of parameters below ``mu``; Keras flattens it: ``sequential_dense_kernel_momentum``.
    """
    for at in range(1, len(rest)):
        if rest[at:] in targets:
            return rest[at:], "/".join(rest[:at]) if at > 2 else rest[at - 1]
    for base, slot in _cuts(rest[-1]):
        if base in flat:
            return flat[base], slot
    return (), "/".join(rest)


def _cuts(text: str) -> Iterator[tuple[str, str]]:
    """Where a flat name may be cut, the longest weight first."""
    at = text.rfind("_")
    while at > 0:
        yield text[:at], text[at + 1 :]
        at = text.rfind("_", 0, at)


def _layer(rest: tuple[str, ...], layers: Mapping[str, str]) -> str:
    """The configured layer that a path begins with, else all but its last part."""
    for end in range(len(rest) - 1, 0, -1):
        if "/".join(rest[:end]) in layers:
            return "/".join(rest[:end])
    return "/".join(rest[:-1])
