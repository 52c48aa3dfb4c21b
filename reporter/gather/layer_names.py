"""The same layers under other automatic numbers: one set of names for all checkpoints of a series.

Keras numbers layers without a name per class and process: what one session calls ``conv1d``, the next may call
``conv1d_476`` (keras/src/utils/naming.py). The numbers differ, but within one stem they rise in the order of
creation in both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import field, replace

from reporter.frozen import dataclass
from reporter.gather.name_prefix import Prefix, find_prefix
from reporter.model.measured import Measured
from reporter.model.structure import counters, stem
from reporter.model.tensor import Contents, LayerInfo, Tensor, TensorInfo
from reporter.readers.keras_model.variables import snake_case


@dataclass(frozen=True, slots=True)
class Match:
    """How a checkpoint's layers go by the names of its series.

    Attributes:
        layers: the series' name of each layer that has another name in the file.
        tensors: the same for tensors.
        ambiguous: stems of layers that differ in their numbers and could not be told apart; they keep their names.
        prefix: the scope in which all names of one of the two lie, where that is the only difference.
    """

    layers: Mapping[str, str] = field(default_factory=dict)
    tensors: Mapping[str, str] = field(default_factory=dict)
    ambiguous: tuple[str, ...] = ()
    prefix: Prefix | None = None


SAME = Match()


@dataclass(frozen=True, slots=True)
class _Layer:
    name: str
    kind: str
    shape: tuple[tuple[str, tuple[int, ...], str], ...]
    """What its tensors are called within the layer, their shapes and roles."""


def match(series: Measured | Contents | None, other: Measured | Contents) -> Match:
    """Layers of ``other`` by the names in ``series``, the checkpoint that gives a series its names.

    Layers match by their full names. Where the names of one stem differ between the two, those layers match one to
    one in the order of their numbers, if there are as many of them on both sides, of the same shapes and roles, and
    in the same order in the model. Anything else is ambiguous and is left alone.

    Args:
        series: None if ``other`` itself is the first checkpoint of its series.
        other: a checkpoint that was measured, or one that is open and will be, as may be that of the series.
    """
    if series is None:
        return SAME
    if isinstance(series, Measured) and isinstance(other, Measured) and series.holds_the_same(other):
        return SAME
    prefix = find_prefix(series, other)
    if prefix is not None:
        return Match(prefix.layers, prefix.tensors, prefix=prefix)
    ours, theirs = _by_stem(series), _by_stem(other)
    layers: dict[str, str] = {}
    ambiguous: list[str] = []
    for name, new in theirs.items():
        old = ours.get(name, [])
        known, found = {layer.name for layer in old}, {layer.name for layer in new}
        if known <= found or found <= known:
            continue  # by full name; what is only on one side came or went
        paired = len(old) == len(new) and all(a.shape == b.shape for a, b in zip(old, new, strict=True))
        # Names that are on both sides may be the same layers: only numbers that Keras gave are worth nothing.
        if paired and (not known & found or all(_is_automatic(layer) for layer in (*old, *new))):
            layers.update((b.name, a.name) for a, b in zip(old, new, strict=True))
        else:
            ambiguous.append(name)
    if not _in_order(series, other, layers):
        ambiguous += sorted({stem(name) for name in layers})
        layers = {}
    layers = {file: shown for file, shown in layers.items() if file != shown}
    tensors = {t.info.name: shown for t in other.tensors if (shown := _renamed(t.info, layers)) != t.info.name}
    if len({tensors.get(t.info.name, t.info.name) for t in other.tensors}) < len(other.tensors):
        return Match(ambiguous=tuple(sorted({*ambiguous, *map(stem, layers)})))  # a name would stand for two tensors
    return Match(layers, tensors, tuple(ambiguous)) if layers or ambiguous else SAME


def renamed(numbers: Measured, matched: Match) -> Measured:
    """A checkpoint's numbers under the names of its series; :attr:`Measured.own_names` keeps the file's."""
    if not matched.tensors:
        return numbers
    layers = matched.layers
    return replace(
        numbers,
        layout=numbers.layout.renamed(layers, matched.tensors),
        model_layers=tuple(LayerInfo(layers.get(one.name, one.name), one.kind) for one in numbers.model_layers),
        missing_layers=tuple(layers.get(name, name) for name in numbers.missing_layers),
        own_names={shown: file for file, shown in layers.items()},
    )


def under_names(contents: Contents, names: Mapping[str, str]) -> Contents:
    """The same open checkpoint with other names for some of its tensors."""
    if not names:
        return contents
    renamed_ = (Tensor(replace(t.info, name=names.get(t.info.name, t.info.name)), t.blocks) for t in contents.tensors)
    return replace(contents, tensors=tuple(renamed_))


def notes(matches: Sequence[Match]) -> tuple[str, ...]:
    """What a reader of the series should know about its names; one match per checkpoint."""
    found = _of_prefixes([m.prefix for m in matches if m.prefix is not None])
    matched = [m for m in matches if m.layers and m.prefix is None]
    if matched:
        theirs, ours = next(iter(matched[0].layers.items()))
        n = len({name for m in matched for name in m.layers.values()})
        found.append(
            f"{n} layer{'s' if n > 1 else ''} of {len(matched)} checkpoint{'s' if len(matched) > 1 else ''} were "
            "matched by structure: their names differ only in automatic numbers, and order, shapes and roles agree. "
            f"The names shown are those of the first checkpoint ({theirs} is shown as {ours})."
        )
    stems = sorted({name for m in matches for name in m.ambiguous})
    if stems:
        shown = ", ".join(f"{name}*" for name in stems[:3]) + (f" and {len(stems) - 3} more" if len(stems) > 3 else "")
        found.append(
            f"Layers {shown} have other numbers in some checkpoints, and which is which cannot be told: they were "
            "compared by full name only."
        )
    return tuple(found)


def _of_prefixes(prefixes: Sequence[Prefix]) -> list[str]:
    """One sentence for each scope that was left out, or put in front, to compare names."""
    found = []
    for text, in_series in dict.fromkeys((prefix.text, prefix.in_series) for prefix in prefixes):
        n = sum((prefix.text, prefix.in_series) == (text, in_series) for prefix in prefixes)
        whose = "the later checkpoint" if n == 1 else f"{n} later checkpoints"
        found.append(
            f"All names of the first checkpoint begin with {text}, those of {whose} do not: compared under the names "
            "with it."
            if in_series
            else f"All names of {whose} begin with {text}, those of the first do not: compared under their names "
            "without it."
        )
    return found


def _by_stem(numbers: Measured | Contents) -> dict[str, list[_Layer]]:
    """Layers that own model tensors, by stem, in the order of their numbers."""
    tensors: dict[str, list[tuple[str, tuple[int, ...], str]]] = {}
    for info in _model_tensors(numbers):
        if info.layer:
            tensors.setdefault(info.layer, []).append((_within(info), info.shape, info.role))
    layers = numbers.layers if isinstance(numbers, Contents) else numbers.model_layers
    kinds = {layer.name: layer.kind for layer in layers}
    found: dict[str, list[_Layer]] = {}
    for name in sorted(tensors, key=lambda n: (counters(n), n)):
        found.setdefault(stem(name), []).append(_Layer(name, kinds.get(name, ""), tuple(sorted(tensors[name]))))
    return found


def _model_tensors(numbers: Measured | Contents) -> list[TensorInfo]:
    infos = numbers.infos if isinstance(numbers, Measured) else (t.info for t in numbers.tensors)
    return [info for info in infos if info.collection == "model"]


def _within(info: TensorInfo) -> str:
    """The part of a tensor's name that its layer's name is not."""
    return "".join(_parts(info.name, info.layer))


def _parts(name: str, layer: str) -> tuple[str, ...]:
    """What comes before and after a layer's path in a tensor's name; the name alone where it is not in it."""
    found = re.search(rf"(?:^|(?<=[/.])){re.escape(layer)}(?=[/.]|$)", name) if layer else None
    return (name[: found.start()], name[found.end() :]) if found else (name,)


def _renamed(info: TensorInfo, layers: Mapping[str, str]) -> str:
    parts = _parts(info.name, info.layer) if info.layer in layers else ()
    return layers[info.layer].join(parts) if len(parts) == 2 else info.name


def _is_automatic(layer: _Layer) -> bool:
    """Whether Keras gave the name: that of the class in snake case."""
    kind = layer.kind.rsplit(">", 1)[-1]  # without the package that a class of the user's own is registered under
    return bool(kind) and stem(layer.name).rsplit("/", 1)[-1] == snake_case(kind)


def _in_order(series: Measured | Contents, other: Measured | Contents, layers: Mapping[str, str]) -> bool:
    """Whether the matched layers stand in the same order in both models, as far as both formats know the order."""
    if not (series.layers_ordered and other.layers_ordered):
        return True
    there = [layers[info.layer] for info in _model_tensors(other) if info.layer in layers]
    here = [info.layer for info in _model_tensors(series) if info.layer in set(layers.values())]
    return list(dict.fromkeys(there)) == list(dict.fromkeys(here))
