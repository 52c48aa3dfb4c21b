"""A scope in which all names of one checkpoint lie, and those of another do not, as in ``model/a`` and ``a``."""

from __future__ import annotations

import re
from collections.abc import Mapping

from reporter.frozen import dataclass
from reporter.model.measured import Measured
from reporter.model.tensor import Contents, TensorInfo


@dataclass(frozen=True, slots=True)
class Prefix:
    """The scope, with its separator.

    Attributes:
        text: such as ``model/``.
        in_series: whether the series has it, and the other checkpoint lacks it.
        layers: the series' name of each layer of the other checkpoint.
        tensors: the same for tensors.
    """

    text: str
    in_series: bool
    layers: Mapping[str, str]
    tensors: Mapping[str, str]


def find_prefix(series: Measured | Contents, other: Measured | Contents) -> Prefix | None:
    """The one scope without which the model's tensors have the same names, or None where that is in doubt.

    The checkpoints share no name as they are. Without the scope they share at least half of those of the smaller one,
    and all that they share have the same shapes.
    """
    ours, theirs = [{t.info.name: t.info for t in one.tensors} for one in (series, other)]
    names, others = [[i.name for i in infos.values() if i.collection == "model"] for infos in (ours, theirs)]
    if not names or not others or not set(names).isdisjoint(others):
        return None
    found = [
        (text, in_series)
        for in_series, longer, shorter in ((False, others, names), (True, names, others))
        for text in _scopes(longer)
        if 2 * len(set(shorter) & {name.removeprefix(text) for name in longer}) >= min(len(longer), len(shorter))
    ]
    if len(found) != 1:
        return None
    ((text, in_series),) = found
    shown = {_without(name, text): name for name in ours} if in_series else {name: name for name in ours}
    pairs = [(theirs[n], ours[shown[s]]) for n in theirs if (s := n if in_series else _without(n, text)) in shown]
    model = [(their, our) for their, our in pairs if our.collection == "model"]
    if any(their.shape != our.shape for their, our in model):
        return None
    return Prefix(text, in_series, _layers(model), {their.name: our.name for their, our in pairs})


def _layers(pairs: list[tuple[TensorInfo, TensorInfo]]) -> Mapping[str, str]:
    return {their.layer: our.layer for their, our in pairs}


def _scopes(names: list[str]) -> list[str]:
    """Every scope in which all names lie, the outermost first.

    >>> _scopes(["net/a/kernel", "net/a/bias"])
    ['net/', 'net/a/']
    """
    first, last = min(names), max(names)
    ends = [found.end() for found in re.finditer(r"[/.]", first) if last.startswith(first[: found.end()])]
    return [first[:end] for end in ends]


def _without(name: str, scope: str) -> str:
    """A name without the scope, which in names of optimizer state comes after the optimizer's.

    >>> _without("optimizer/net/a/kernel/m", "net/"), _without("subnet/a", "net/")
    ('optimizer/a/kernel/m', 'subnet/a')
    """
    return re.sub(rf"(^|(?<=[/.])){re.escape(scope)}", "", name, count=1)
