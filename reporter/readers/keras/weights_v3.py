"""The layout of ``.weights.h5`` and ``model.weights.h5``: the object tree that Keras 3's ``saving_lib`` walks.

Each object with variables is a group with a group ``vars`` (``0``, ``1`` …; attribute ``name`` since Keras 3.6). What
it keeps under an attribute is a subgroup of that name, a list or dict one more level whose members are called by their
class in snake case with a counter. Keras 2.13 called the list of a model's layers ``_layer_checkpoint_dependencies``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from reporter.readers.keras.config import LayerConfig, ModelConfig, leaves
from reporter.readers.keras.inventory import Inventory, Slot, Weight
from reporter.readers.keras.optimizer import all_trained, class_of, numbered_slots
from reporter.readers.keras.tree import Dataset, Group
from reporter.readers.keras.variables import SUBLAYERS, kind_of, names_of, quantisation, snake_case

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


def read_v3(root: Group, config: ModelConfig | None) -> Inventory:
    """Find the layers, optimizers and metrics of a file.

    Args:
        config: of the ``.keras`` file around it; without it, names and classes are told by the tree alone, and the
            order of layers by where they lie in the file, confirmed by the order of the optimizer's slots.
    """
    return _Walk(config).read(root)


@dataclass(slots=True)
class _Walk:
    config: ModelConfig | None
    found: Inventory = field(default_factory=Inventory)
    optimizers: dict[str, Group] = field(default_factory=dict)
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
        trained = self.read_optimizers()
        if not known_order and not trained:
            self.found.ordered = False
        return self.found

    def model(self, group: Group, config: LayerConfig | None, path: tuple[str, ...], trainable: bool | None) -> None:
        """A model: its own variables, then each of its layers in order."""
        prefix = "/".join(path)
        kind = config.kind if config and config.builtin else ""
        self.own_variables(group, config, kind, prefix, prefix, trainable)
        entries = sorted(self.entries(group, config), key=lambda e: (e.place, e.group.first_address))
        self.whole_list &= _counters_rise(entries)
        for entry in entries:
            below = entry.config
            name = _stored_name(entry.group) or (below.name if below else "") or entry.key
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

    def entries(self, group: Group, config: LayerConfig | None) -> Iterator[_Entry]:
        """The objects below a model: those of its list of layers first, then other attributes and what they hold."""
        layers = config.layers if config else ()
        keys = _keys(layers)
        by_name = {layer.name: i for i, layer in enumerate(layers)}
        for listed in LAYER_LISTS:
            for key, child in group.groups[listed].groups.items() if listed in group.groups else ():
                place = by_name.get(_stored_name(child) or "", keys.get(key))
                if place is None:
                    yield _Entry(child, key, None, len(layers), True)
                else:
                    yield _Entry(child, key, layers[place], place, True)
        for key, child in group.groups.items():
            if key not in LAYER_LISTS and key != "vars":
                inner = config.inner(key) if config else ()
                for member, one in _objects(child, key):
                    position = by_name.get(_stored_name(one) or "")
                    below = layers[position] if position is not None else (inner[0] if len(inner) == 1 else None)
                    yield _Entry(one, member, below, len(layers) if position is None else position, False)

    def layer(self, entry: _Entry, layer: str, trainable: bool | None) -> None:
        """A layer that is not a model: it owns everything below it."""
        config = entry.config
        kind = config.kind if config else kind_of(entry.key) or kind_of(_stored_name(entry.group) or "")
        before = len(self.found.weights)
        builtin = config.builtin if config else bool(kind)
        self.collect(entry.group, config, kind if builtin else "", layer, layer, trainable)
        if config or len(self.found.weights) > before:
            self.found.layers.setdefault(layer, kind)

    def collect(
        self, group: Group, config: LayerConfig | None, kind: str, layer: str, prefix: str, trainable: bool | None
    ) -> None:
        """The variables of an object and of the objects that it holds, in the order of creation where that is known."""
        self.own_variables(group, config, kind, layer, prefix, trainable)
        if kind == "SpectralNormalization":
            self.drop_shared_kernel(group)
        told = SUBLAYERS.get(kind, {})
        order = {attribute: i for i, attribute in enumerate(told)}
        children = [(key, child) for key, child in group.groups.items() if key != "vars"]
        children.sort(key=lambda item: (order.get(item[0].lstrip("_"), len(order)), item[1].first_address))
        for key, child in children:
            attribute = key.lstrip("_")
            inner = config.inner(attribute) if config else ()
            names = _keys(inner)
            members = list(_objects(child, key, single=attribute in told))
            members.sort(key=lambda item: (names.get(item[0], len(names)), item[1].first_address))
            for member, one in members:
                below = inner[names[member]] if member in names else inner[0] if len(inner) == 1 else None
                known = told.get(attribute, ("", ""))
                name = _stored_name(one) or (below.name if below else "") or known[1] or member
                inner_kind = known[0] or kind_of(member) or kind_of(_stored_name(one) or "")
                if below is not None:
                    inner_kind = below.kind if below.builtin else ""
                flag = _both(trainable, below.trainable if below else None if not kind else trainable)
                self.collect(one, below, inner_kind, layer, f"{prefix}/{name}", flag)

    def own_variables(
        self, group: Group, config: LayerConfig | None, kind: str, layer: str, prefix: str, trainable: bool | None
    ) -> None:
        """The numbered variables of one object, named by its class."""
        stored = _numbered(group)
        policy = config.dtype if config else ""
        options: Mapping[str, Any] | None = config.options if config else None
        integers = bool(stored) and stored[0].dtype.kind in "iu"
        named = names_of(kind, options, [dataset.shape for dataset in stored], policy, integers=integers)
        packed = quantisation(policy) == "int4" or any(name == "g_idx" for name, _ in named)
        for dataset, (name, by_class) in zip(stored, named, strict=True):
            flag = False if trainable is False or by_class is False else trainable if by_class else None
            if config and config.options.get("lora_rank") and name in {"kernel", "embeddings"}:
                flag = False  # the stored kernel is the frozen one with the adapters merged in
            if packed and dataset.dtype.kind in "iu" and name in {"kernel", "embeddings"}:
                reason = "int4 values, packed two to a byte: their raw bytes mean nothing"
                self.found.skipped.append((f"{prefix}/{name}", dataset, reason))
                continue
            full = f"{prefix}/{name}" if prefix else name
            self.found.weights.append(Weight(full, layer, kind, dataset, flag))
        if stored and layer == prefix and config and config.is_model and layer:
            self.found.layers.setdefault(layer, config.kind)

    def drop_shared_kernel(self, group: Group) -> None:
        """SpectralNormalization stores the kernel of the layer it wraps a second time, among its own variables."""
        inner = group.groups.get("layer")
        own = [w for w in self.found.weights if w.dataset.path.rsplit("/", 1)[0] == f"{group.path}/vars"]
        first = _numbered(inner)[:1] if inner else []
        if own and first and own[0].dataset.shape == first[0].shape:
            self.found.weights.remove(own[0])
            reason = f"the same variable as {first[0].path}"
            self.found.skipped.append((own[0].name, own[0].dataset, reason))

    def metric(self, group: Group, name: str) -> None:
        for i, dataset in enumerate(_numbered(group)):
            self.found.others.append((f"metrics/{name}/var_{i}", dataset))

    def read_optimizers(self) -> bool:
        """Name the variables of every optimizer; True if one of them trains weights in the order found."""
        confirmed = False
        for key, group in self.optimizers.items():
            title = "optimizer" if len(self.optimizers) == 1 else key
            stored = _numbered(group)
            inner = group.groups.get("inner_optimizer")
            if inner is not None:  # LossScaleOptimizer: its own few variables, then those of the inner one again
                again = _numbered(inner)
                own, repeated = stored[: len(stored) - len(again)], stored[len(stored) - len(again) :]
                names = ("iteration", "learning_rate", "step_counter", "dynamic_scale")
                outer = f"{title}/{_stored_name(group) or 'loss_scale_optimizer'}"
                for i, dataset in enumerate(own):
                    title_ = names[i] if i < len(names) else f"var_{i}"
                    self.found.slots.append(Slot(title_, dataset, optimizer=outer))
                for dataset, same in zip(repeated, again, strict=False):
                    self.found.skipped.append((dataset.path, dataset, f"the same variable as {same.path}"))
                group, stored = inner, again
            kind, options = self.optimizer_class(group, key)
            weights = self.found.weights
            slots, trained, in_order = numbered_slots(stored, weights, kind, options, ordered=self.found.ordered)
            for slot in slots:
                slot.optimizer = title
            self.found.add_slots(slots, title)
            for weight in all_trained(trained, weights):
                weight.trainable = True  # a member of the optimizer's trainable variables
            confirmed |= in_order
            if len(trained) > len(weights):
                self.found.notes.append(
                    f"the optimizer keeps state of {len(trained)} weights, but the file holds {len(weights)}: "
                    "weights of the model are missing from it"
                )
        return confirmed

    def optimizer_class(self, group: Group, key: str) -> tuple[str, Mapping[str, Any] | None]:
        """Class and options from the configuration, else the class from the stored name."""
        if self.config and self.config.optimizer and key == "optimizer":
            kind, options = self.config.optimizer, self.config.optimizer_options
            wrapped = options.get("inner_optimizer")
            if isinstance(wrapped, dict) and isinstance(wrapped.get("config"), dict):
                return str(wrapped.get("class_name")).rsplit(">", 1)[-1], wrapped["config"]
            if kind != "LossScaleOptimizer" and "inner_optimizer" not in group.path:
                return kind, options
        return class_of(_stored_name(group) or ""), None


def _both(outer: bool | None, own: bool | None) -> bool | None:
    """Trained only if the models around it are trained too."""
    return False if outer is False or own is False else own


def _keys(layers: tuple[LayerConfig, ...]) -> dict[str, int]:
    """The group name that ``saving_lib._save_container_state`` gives to each member of a list."""
    used: dict[str, int] = {}
    keys: dict[str, int] = {}
    for i, layer in enumerate(layers):
        stem = snake_case(layer.kind)
        keys[f"{stem}_{used[stem]}" if stem in used else stem] = i
        used[stem] = used.get(stem, 0) + 1
    return keys


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


def _stored_name(group: Group) -> str | None:
    variables = group.groups.get("vars")
    return variables.text("name") if variables else None


def _numbered(group: Group | None) -> list[Dataset]:
    """The datasets ``0``, ``1`` … of an object's ``vars``, in this order, others after them."""
    variables = group.groups.get("vars") if group else None
    items = variables.datasets.items() if variables else ()
    return [d for _, d in sorted(items, key=lambda item: (not item[0].isdecimal(), len(item[0]), item[0]))]


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
    stored = _numbered(entry.group)
    counts = bool(stored) and stored[0].shape == () and stored[0].dtype.kind in "iu"
    return counts and (entry.key.endswith(("optimizer", "opt")) or bool(class_of(_stored_name(entry.group) or "")))
