"""Series of arrays, and what the rules say about them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from hashlib import sha1
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from reporter.compare import compare
from reporter.measuring.checkpoint import Plan, measure_checkpoint
from reporter.measuring.deployment import measure_deployment
from reporter.measuring.pairs import compare_contents
from reporter.model.changes import NO_CHANGES
from reporter.model.checkpoint import CheckpointRef, Order, Series, Step
from reporter.model.comparison import Comparison
from reporter.model.finding import Finding, Judgement
from reporter.model.gathered import Gathered
from reporter.model.role import ROLES
from reporter.model.tensor import Contents, LayerInfo
from reporter.rules import RULES
from reporter.rules.judging import Policy, judge
from tests.sources import ArraySource

Arrays = dict[str, np.ndarray]

KERNEL, BIAS, MEAN = "dense/kernel", "dense/bias", "bn/moving_mean"
VARIANCE, GAMMA, SLOT = "bn/moving_variance", "bn/gamma", "optimizer/dense/kernel/velocity"
WEIGHTS = (KERNEL, BIAS, GAMMA, "head/kernel", "head/bias")


def healthy(n: int = 6) -> list[Arrays]:
    """A small model whose every weight moves a little in every checkpoint."""
    rng = np.random.default_rng(0)
    kernel = rng.standard_normal((64, 32)).astype("f4") / 8
    head = rng.standard_normal((32, 16)).astype("f4") / 6
    return [
        {
            KERNEL: kernel * np.float32(1 + 0.05 * i) + 0.001 * rng.standard_normal(kernel.shape).astype("f4"),
            BIAS: np.full(32, 0.1 * i, "f4"),
            MEAN: np.full(32, 0.01 * i, "f4"),
            VARIANCE: np.full(32, 0.5 + 0.01 * i, "f4"),
            GAMMA: (1 + 0.01 * i * rng.standard_normal(32)).astype("f4"),
            "head/kernel": head + np.float32(0.01 * i) * rng.standard_normal(head.shape).astype("f4"),
            "head/bias": np.full(16, 0.1 * i, "f4"),
            SLOT: np.square(rng.standard_normal(kernel.shape)).astype("f4"),
        }
        for i in range(n)
    ]


def held(checkpoints: list[Arrays], names: tuple[str, ...], since: int = 0) -> list[Arrays]:
    """The named tensors stay as they are from a checkpoint on."""
    for arrays in checkpoints[since:]:
        for name in names:
            arrays[name] = checkpoints[since][name]
    return checkpoints


def without(checkpoints: list[Arrays], name: str) -> list[Arrays]:
    """As they are, but for a tensor."""
    return [{n: v for n, v in arrays.items() if n != name} for arrays in checkpoints]


def source(name: str, values: np.ndarray, trainable: bool | None = True) -> ArraySource:
    """A tensor whose name says what it is."""
    layer, role = [*name.removeprefix("optimizer/").split("/"), ""][:2]
    if name.startswith("optimizer/"):
        last = name.rsplit("/", 1)[1]
        known = last.startswith("learning_rate") or last == "dynamic_scale"
        role = "hyperparameter" if known else last
        return ArraySource(values, name, layer, role, False, "optimizer")
    fixed = role in ("moving_mean", "moving_variance", "step")
    role = role if role in ROLES else "other"
    axis = 0 if role == "embedding" else -1
    return ArraySource(values, name, layer, role, False if fixed else trainable, output_axis=axis)


def contents(
    arrays: Arrays,
    missing: tuple[str, ...] = (),
    trainable: bool | None = True,
    lost: int = 0,
    *,
    fixed: Collection[str] = (),
    ordered: bool = True,
    kinds: Mapping[str, str] | None = None,
) -> Contents:
    """An open checkpoint.

    Args:
        fixed: layers that it says are not trained.
        ordered: whether it tells the order of the layers.
        kinds: classes of layers by name; those without tensors stand behind the layer before them.
    """
    sources = tuple(
        source(name, values, False if name.split("/")[0] in fixed else trainable) for name, values in arrays.items()
    )
    names = list(dict.fromkeys(s.layer for s in sources))
    if kinds is not None:
        names = list(dict.fromkeys([*kinds, *names]))
    layers = tuple(LayerInfo(name, (kinds or {}).get(name, "")) for name in names)
    return Contents("test", layers, sources, (), ordered, missing_layers=missing, missing_weights=lost)


def series(
    checkpoints: Sequence[Arrays],
    *,
    missing: tuple[str, ...] = (),
    lost: int = 0,
    first_step: int | None = 1,
    trainable: bool | None = True,
    steps: Sequence[int] | None = None,
    exact: bool = True,
    fixed: Mapping[int, Collection[str]] | None = None,
    ordered: bool = True,
    kinds: Mapping[str, str] | None = None,
    by: Order = Order.IN_FILE,
) -> Comparison:
    """Checkpoints ``c-0``, ``c-1`` … at the steps ``first_step``, ``first_step + 1`` …; None: not known.

    Args:
        exact: whether neighbours are read side by side; else changes are estimated from sketches.
        fixed: place of a checkpoint -> layers that it says are not trained.
        ordered, kinds: see :func:`contents`.
        by: what the steps come from.
    """
    opened = [
        contents(arrays, missing, trainable, lost, fixed=(fixed or {}).get(place, ()), ordered=ordered, kinds=kinds)
        for place, arrays in enumerate(checkpoints)
    ]
    known = steps or [None if first_step is None else first_step + i for i in range(len(opened))]
    refs = [
        CheckpointRef(f"c-{i}", f"c-{i}", Path(f"c-{i}"), "test", (), Step(step, by), 0, 0)
        for i, step in enumerate(known)
    ]
    measured = tuple(_once(c) for c in opened)
    gathered = Gathered(
        refs=tuple(refs),
        measured=measured,
        previous=tuple(_once(a, b) if exact else NO_CHANGES for a, b in pairwise(opened)),
        first=tuple(_once(opened[0], c) for c in opened[1:]),
    )
    compared = compare(Series("c-*", "c", "test", tuple(refs), by), gathered)
    return replace(compared, readiness=measure_deployment(opened[-1], measured[-1]))


_KNOWN: dict[tuple[Any, ...], Any] = {}


def _once(*opened: Contents) -> Any:
    """A checkpoint as it is measured, or what changed from one to another; many series have the same ones."""
    key = tuple(
        (one.layers, one.missing_layers, one.missing_weights, one.layers_ordered, *map(_content, one.tensors))
        for one in opened
    )
    if key not in _KNOWN:
        _KNOWN[key] = compare_contents(*opened) if len(opened) > 1 else measure_checkpoint(*opened, Plan())[0]
    return _KNOWN[key]


def _content(source: Any) -> tuple[Any, ...]:
    return source.info, sha1(source.values.tobytes()).digest()


def verdict(comparison: Comparison, policy: Policy | None = None) -> Judgement:
    """All rules over one series."""
    return judge([comparison], policy or Policy(RULES))


def set_off(finding: Finding) -> dict[str, int]:
    """Title of a rule -> how many of its checks the cause of a finding explains."""
    return {also.rule.title: also.count for also in finding.explains}


def findings(comparison: Comparison, rule: str = "") -> list[Finding]:
    """The findings, of one rule or of all."""
    return [f for f in verdict(comparison).findings if rule in ("", f.rule.name)]


def fired(comparison: Comparison) -> list[tuple[str, str, str, str]]:
    """Rule, severity, first bad checkpoint and tensor of each finding."""
    return [(f.rule.name, f.severity.name, f.first_bad, f.tensor) for f in findings(comparison)]
