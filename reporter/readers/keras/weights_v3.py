"""The layout of ``.weights.h5`` and ``model.weights.h5``: the object tree that Keras 3's ``saving_lib`` walks.

Each object with variables is a group with a group ``vars`` (``0``, ``1`` …; attribute ``name`` since Keras 3.6). What
it keeps under an attribute is a subgroup of that name, a list or dict one more level whose members are called by their
class in snake case with a counter. Keras 2.13 called the list of a model's layers ``_layer_checkpoint_dependencies``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from typing import Any

from reporter.frozen import dataclass
from reporter.readers.keras.copies import drop_copies, first_of
from reporter.readers.keras.inventory import Inventory, Weight
from reporter.readers.keras.members import Known, members_of, within
from reporter.readers.keras.optimizers_v3 import read_optimizers
from reporter.readers.keras.slot_order import class_of
from reporter.readers.keras.tree import Dataset, Group
from reporter.readers.keras_model.config import LayerConfig, ModelConfig, leaves
from reporter.readers.keras_model.variables import ADAPTED, SUBLAYERS, kind_of, names_of, quantisation

LAYER_LISTS = ("layers", "_layer_checkpoint_dependencies")

_METRICS = frozenset({"metrics", "_metrics", "_compile_metrics", "compiled_metrics", "_loss_tracker", "loss_tracker"})


@dataclass(frozen=True, slots=True)
class _Entry:
    """An object found below a model: the group, the name of its attribute or list member, its configuration."""

    group: Group
    key: str
    config: LayerConfig | None
    place: int
    listed: bool


def read_v3(root: Group, config: ModelConfig | None, *, keras2: bool = False) -> Inventory:
    """Find the layers, optimizers and metrics of a file.

    Args:
        config: of the ``.keras`` file around it; without it, names and classes are told by the tree alone, and the
            order of layers by where they lie in the file, confirmed by the order of the optimizer's slots.
        keras2: whether Keras 2 is known to have written it.
    """
    return _Walk(config, keras2).read(root)


@dataclass(slots=True)
class _Walk:
    """From the root of a file down to every variable.

    An example: a ``.keras`` file of ``Sequential([Dense(8, name="hidden"), Dense(2, name="out")])``, trained with Adam,
    holds these datasets (keras/src/saving/saving_lib.py, ``_save_state``)

        layers/dense/vars/0, 1              group ``vars`` with the attribute name = "hidden"
        layers/dense_1/vars/0, 1            name = "out"
        optimizer/vars/0, 1, 2 …            iteration, learning rate, then two slots of each weight

    :meth:`read` starts :meth:`model` at the root. :meth:`entries` gives the members of ``layers`` with the place of
    their configuration, found by stored name or, before Keras 3.6, by class and counter, and then what other attributes
    hold. ``optimizer`` counts steps, so it is kept for the end; each other entry goes to :meth:`layer`, or to
    :meth:`model` again if it is one. :meth:`own_variables` calls ``layers/dense/vars/0`` ``hidden/kernel`` and ``1``
    ``hidden/bias``, for ``Dense`` makes them in this order. At last the slots are matched with the weights by order and
    shape: ``optimizer/vars/2`` is ``optimizer/hidden/kernel/momentum``, and what has slots is trained.
    """

    config: ModelConfig | None
    keras2: bool
    found: Inventory = field(default_factory=Inventory)
    optimizers: dict[str, Group] = field(default_factory=dict)
    stored: set[Known] = field(default_factory=set)
    """Layers of the configuration that have been met."""
    whole_list: bool = True
    """Whether every layer was found in the list of layers, which keeps their order."""

    def read(self, root: Group) -> Inventory:
        model = self.config.model if self.config else None
        self.model(root, model, (), None if model is None else model.trainable is not False)
        known_order = model is not None and bool(model.layers)
        if model is not None:
            configured = {path: layer.kind for path, layer in leaves(model) if layer.name}
            self.found.layers = configured | self.found.layers
        self.found.ordered = known_order or self.whole_list
        trained = read_optimizers(self.optimizers, self.config, self.found, keras2=self.keras2)
        if not known_order and not trained:
            self.found.ordered = False
        return self.found

    def model(self, group: Group, config: LayerConfig | None, path: tuple[str, ...], trainable: bool | None) -> None:
        """A model: its own variables, then each of its layers in order."""
        prefix = "/".join(path)
        kind = config.kind if config and config.builtin else ""
        start = len(self.found.weights)
        self.own_variables(group, config, kind, prefix, prefix, trainable)
        end = len(self.found.weights)
        entries = sorted(self.entries(group, config, prefix), key=lambda e: (e.place, e.group.first_address))
        self.whole_list &= _counters_rise(entries)
        for entry in entries:
            below = entry.config
            name = entry.group.stored_name or (below.name if below else "") or entry.key
            if not path and _is_optimizer(entry):
                self.optimizers[entry.key] = entry.group
            elif entry.key in _METRICS or (not entry.listed and entry.group.path.split("/")[0] in _METRICS):
                self.metric(entry.group, name)
            else:
                self.whole_list &= entry.listed
                inner = _both(trainable, below.trainable if below else None)
                if (below and below.is_model) or any(one in entry.group.groups for one in LAYER_LISTS):
                    self.model(entry.group, below, (*path, name), inner)
                else:
                    self.layer(entry, "/".join((*path, name)), inner)
                if below and self.keras2:
                    self.stored.update(within(below))
        drop_copies(self.found, start, end)

    def entries(self, group: Group, config: LayerConfig | None, prefix: str) -> Iterator[_Entry]:
        """The objects below a model: those of its list of layers first, then other attributes and what they hold."""
        layers = config.layers if config else ()
        by_name = {layer.name: i for i, layer in enumerate(layers)}
        for listed in LAYER_LISTS:
            children = group.groups[listed].groups if listed in group.groups else {}
            keys = self.places(layers, children, prefix)
            for key, child in children.items():
                place = by_name.get(child.stored_name or "", keys.get(key))
                if place is None:
                    yield _Entry(child, key, None, len(layers), True)
                else:
                    yield _Entry(child, key, layers[place], place, True)
        for key, child in group.groups.items():
            if key not in LAYER_LISTS and key != "vars":
                inner = config.inner(key) if config else ()
                for member, one in _objects(child, key):
                    position = by_name.get(one.stored_name or "")
                    below = layers[position] if position is not None else (inner[0] if len(inner) == 1 else None)
                    yield _Entry(one, member, below, len(layers) if position is None else position, False)

    def places(self, layers: tuple[LayerConfig, ...], groups: Mapping[str, Group], prefix: str) -> Mapping[str, int]:
        """The number of the layer that each member of a list is, where that can be told."""
        if not groups:
            return {}
        found = members_of(layers, groups, self.stored, keras2=self.keras2)
        if found.undecided:
            names = [layers[i].name for i in sorted(found.undecided)]
            self.found.undecided.update(f"{prefix}/{name}" if prefix else name for name in names)
            self.found.notes.append(
                f"which of the layers {', '.join(names)} holds which weights cannot be told: Keras 2 does not count "
                "those that it has stored in another model, and names and shapes leave more than one choice"
            )
        return found.places

    def layer(self, entry: _Entry, layer: str, trainable: bool | None) -> None:
        """A layer that is not a model: it owns everything below it."""
        config = entry.config
        listed = entry.listed or entry.key != entry.group.path.partition("/")[0]
        kind = config.kind if config else _told_kind(entry.key, entry.group, listed=listed)
        before = len(self.found.weights)
        builtin = config.builtin if config else bool(kind)
        self.collect(entry.group, config, kind if builtin else "", layer, layer, trainable)
        if config or len(self.found.weights) > before:
            self.found.layers.setdefault(layer, kind)

    def collect(
        self, group: Group, config: LayerConfig | None, kind: str, layer: str, prefix: str, trainable: bool | None
    ) -> None:
        """The variables of an object and of the objects that it holds, in the order of creation where that is known."""
        start = len(self.found.weights)
        self.own_variables(group, config, kind, layer, prefix, trainable)
        end = len(self.found.weights)
        told = SUBLAYERS.get(kind, {})
        order = {attribute: i for i, attribute in enumerate(told)}
        children = [(key, child) for key, child in group.groups.items() if key != "vars"]
        children.sort(key=lambda item: (order.get(item[0].lstrip("_"), len(order)), item[1].first_address))
        for key, child in children:
            attribute = key.lstrip("_")
            inner = config.inner(attribute) if config else ()
            members = list(_objects(child, key, single=attribute in told))
            names = {} if attribute in told else self.places(inner, dict(members), prefix)
            members.sort(key=lambda item: (names.get(item[0], len(names)), item[1].first_address))
            for member, one in members:
                below = inner[names[member]] if member in names else inner[0] if len(inner) == 1 else None
                known = told.get(attribute, ("", ""))
                # Members of a list are called by class and counter, as layers without a name of their own are:
                # ``dense_1`` of the file may be ``dense_4`` of the model. With the list in front it means no other.
                place = one.path.removeprefix(f"{group.path}/") if member != key else member
                name = one.stored_name or (below.name if below else "") or known[1] or place
                inner_kind = known[0] or _told_kind(member, one, listed=member != key)
                if below is not None:
                    inner_kind = below.kind if below.builtin else ""
                flag = _both(trainable, below.trainable if below else None if not kind else trainable)
                self.collect(one, below, inner_kind, layer, f"{prefix}/{name}", flag)
        drop_copies(self.found, start, end, sure=kind == "SpectralNormalization")

    def own_variables(
        self, group: Group, config: LayerConfig | None, kind: str, layer: str, prefix: str, trainable: bool | None
    ) -> None:
        """The variables of one object: numbered ones are named by its class, others by its ``save_own_variables``."""
        stored = [dataset for dataset in group.numbered() if dataset.key.isdecimal()]
        policy = config.dtype if config else ""
        options: Mapping[str, Any] | None = config.options if config else None
        integers = bool(stored) and stored[0].dtype.kind in "iu"
        named = names_of(kind, options, [dataset.shape for dataset in stored], policy, integers=integers)
        packed = quantisation(policy) == "int4" or any(name == "g_idx" for name, _ in named)
        for dataset, (name, by_class) in zip(stored, named, strict=True):
            flag = False if trainable is False or by_class is False else trainable if by_class else None
            rank = config.options.get("lora_rank") if config else None
            if isinstance(rank, int) and rank > 0 and name in {"kernel", "embeddings"}:
                flag = False  # the stored kernel is the frozen one with the adapters merged in
                self.found.adapters += _adapters(f"{prefix}/{name}", layer, dataset, rank)
            if packed and dataset.dtype.kind in "iu" and name in {"kernel", "embeddings"}:
                reason = "int4 values, packed two to a byte: their raw bytes mean nothing"
                self.found.skipped.append((f"{prefix}/{name}", dataset, reason))
                continue
            full = f"{prefix}/{name}" if prefix else name
            self.found.weights.append(Weight(full, layer, kind, dataset, flag))
        for dataset in group.numbered()[len(stored) :]:
            full = f"{prefix}/{dataset.key}" if prefix else dataset.key
            if dataset.key in ADAPTED:
                self.adapted(full, dataset)
            else:
                self.found.weights.append(Weight(full, layer, kind, dataset, False if trainable is False else None))
        if stored and layer == prefix and config and config.is_model and layer:
            self.found.layers.setdefault(layer, config.kind)

    def adapted(self, name: str, dataset: Dataset) -> None:
        """What a layer was adapted to; a TextVectorization and the look-up layer inside it both store it."""
        first = first_of((one for _, one in self.found.others), dataset)
        if first is None:
            self.found.others.append((name, dataset))
        else:
            self.found.skipped.append((name, dataset, f"the same variable as {first.path}"))

    def metric(self, group: Group, name: str) -> None:
        for i, dataset in enumerate(group.numbered()):
            self.found.others.append((f"metrics/{name}/var_{i}", dataset))


def _adapters(name: str, layer: str, dataset: Dataset, rank: int) -> Iterator[Weight]:
    """The two factors of a weight's change (``enable_lora`` in keras/src/layers/core/dense.py), without values."""
    parent, _, variable = name.rpartition("/")
    for factor, shape in (("a", (*dataset.shape[:-1], rank)), ("b", (rank, *dataset.shape[-1:]))):
        without = replace(dataset, shape=shape, stream=None)
        yield Weight(f"{parent}/lora_{variable}_{factor}", layer, "", without, True)


def _both(outer: bool | None, own: bool | None) -> bool | None:
    """Trained only if the models around it are trained too."""
    return False if outer is False or own is False else own


def _told_kind(key: str, group: Group, *, listed: bool) -> str:
    """The class of an object without a configuration, by what the file calls it, or "".

    A member of a list is called by its class. An attribute is called as its owner pleases: what is kept as ``dense_1``
    is often the layer that Keras itself calls ``dense``, and the attribute ``dense_2`` the layer ``dense_1``. So that
    ``dense_1/kernel`` is never one tensor here and another in a file that stores names, the variables of numbered
    attributes are only numbered as well, unless the file stores the layer's name.
    """
    stored = kind_of(group.stored_name or "")
    kind = kind_of(key)
    numbered = not listed and kind not in SUBLAYERS and re.search(r"_\d+$", key) and not group.stored_name
    return stored if numbered else kind or stored


def _counters_rise(entries: list[_Entry]) -> bool:
    """Whether ``dense``, ``dense_1``, ``dense_2`` lie in this order: a check on the order of addresses."""
    last: dict[str, int] = {}
    for entry in entries:
        stem, _, counter = entry.key.rpartition("_") if re.search(r"_\d+$", entry.key) else (entry.key, "", "0")
        if entry.listed and any(True for _ in entry.group.everything()):
            if int(counter) < last.get(stem, -1):
                return False
            last[stem] = int(counter)
    return True


def _objects(group: Group, key: str, *, single: bool = False) -> Iterator[tuple[str, Group]]:
    """An attribute's objects: itself if it has variables, else the members of the list or dict, however nested."""
    if single or "vars" in group.groups:
        yield key, group
        return
    for name, child in group.groups.items():
        if re.fullmatch(r"container(_\d+)?", name):
            yield from _objects(child, name)
        else:
            yield from _objects(child, name) if not _is_object(child) else ((name, child),)


def _is_object(group: Group) -> bool:
    """Whether a member of a list is an object: it has variables, or attributes that have."""
    return "vars" in group.groups or any("vars" in child.groups for child in group.groups.values())


def _is_optimizer(entry: _Entry) -> bool:
    """An attribute of the outermost model whose first variable counts steps."""
    if entry.listed:
        return False
    stored = entry.group.numbered()
    counts = bool(stored) and stored[0].shape == () and stored[0].dtype.kind in "iu"
    return counts and (entry.key.endswith(("optimizer", "opt")) or bool(class_of(entry.group.stored_name or "")))
