"""What a checkpoint's tensors are, and how they are grouped, without any number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from reporter.frozen import dataclass
from reporter.model.tensor import TensorInfo


@dataclass(frozen=True, slots=True)
class GroupInfo:
    """Several tensors that are taken as one sample: a layer, a role, or a whole.

    Attributes:
        name: layer or role name; the selection ("trainable", "model", "all", "trained", "optimizer") for a whole.
        kind: the layer's class where known.
        members: places of its tensors among those of the checkpoint.
        tensors: their names.
        parameters: number of elements.
        trainable: how many of them are known to be trainable.
    """

    name: str
    kind: str
    members: tuple[int, ...]
    tensors: tuple[str, ...]
    parameters: int
    trainable: int
    nbytes: int

    @classmethod
    def of(cls, name: str, kind: str, members: Iterable[int], infos: tuple[TensorInfo, ...]) -> GroupInfo:
        """From the places of its tensors among all."""
        places = tuple(members)
        own = [infos[i] for i in places]
        sizes = [info.size for info in own]
        return cls(
            name=name,
            kind=kind,
            members=places,
            tensors=tuple(info.name for info in own),
            parameters=sum(sizes),
            trainable=sum(size for info, size in zip(own, sizes, strict=True) if info.trainable),
            nbytes=sum(size * info.itemsize for info, size in zip(own, sizes, strict=True)),
        )


NO_TENSORS = GroupInfo("", "", (), (), 0, 0, 0)
"""The group of no tensors."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What a checkpoint's tensors and groups are, and where the numbers of each stand among those of all.

    Checkpoints from the cache share equal ones.

    Attributes:
        infos: what each tensor is; model tensors in layer order first.
        places: where each tensor stands among them, by name.
        layers: the selected model tensors per layer, in model order.
        layer_places: where each layer stands among the layers, by name.
        layer_members: names of each layer's tensors.
        parts: the trained tensors of each layer that has others as well, see :mod:`reporter.model.trained`.
        trained_places: where each of these layers stands among the parts, by name.
        trained_members: names of each layer's trained tensors.
        roles: the selected model tensors per role.
        whole: all selected tensors.
        trained: those of them that are trained.
        optimizer: the optimizer state, None where there is none.
    """

    infos: tuple[TensorInfo, ...]
    places: Mapping[str, int]
    layers: tuple[GroupInfo, ...]
    layer_places: Mapping[str, int]
    layer_members: Mapping[str, tuple[str, ...]]
    parts: tuple[GroupInfo, ...]
    trained_places: Mapping[str, int]
    trained_members: Mapping[str, tuple[str, ...]]
    roles: tuple[GroupInfo, ...]
    whole: GroupInfo
    trained: GroupInfo
    optimizer: GroupInfo | None

    @classmethod
    def of(
        cls,
        infos: tuple[TensorInfo, ...],
        layers: tuple[GroupInfo, ...] = (),
        parts: tuple[GroupInfo, ...] = (),
        roles: tuple[GroupInfo, ...] = (),
        whole: GroupInfo = NO_TENSORS,
        trained: GroupInfo = NO_TENSORS,
        optimizer: GroupInfo | None = None,
    ) -> Layout:
        """From the tensors and the groups."""
        members = {layer.name: layer.tensors for layer in layers}
        return cls(
            infos=infos,
            places={info.name: place for place, info in enumerate(infos)},
            layers=layers,
            layer_places={layer.name: place for place, layer in enumerate(layers)},
            layer_members=members,
            parts=parts,
            trained_places={part.name: place for place, part in enumerate(parts)},
            trained_members={**members, **{part.name: part.tensors for part in parts}} if parts else members,
            roles=roles,
            whole=whole,
            trained=trained,
            optimizer=optimizer,
        )

    @property
    def groups(self) -> tuple[GroupInfo, ...]:
        """All groups, in the order of their numbers: layers, parts, roles, whole, trained, optimizer."""
        state = () if self.optimizer is None else (self.optimizer,)
        return (*self.layers, *self.parts, *self.roles, self.whole, self.trained, *state)

    @property
    def first_role(self) -> int:
        """Place of the first role among all groups."""
        return len(self.layers) + len(self.parts)

    @property
    def all_trained(self) -> bool:
        """Whether nothing but what is trained was selected."""
        return self.trained.members == self.whole.members

    def renamed(self, layers: Mapping[str, str], tensors: Mapping[str, str]) -> Layout:
        """The same under other names.

        Args:
            layers: the new name of each layer that gets one, by its old name.
            tensors: the same of tensors.
        """

        def tensor(info: TensorInfo) -> TensorInfo:
            name, layer = tensors.get(info.name, info.name), layers.get(info.layer, info.layer)
            return replace(info, name=name, layer=layer)

        def group(of: GroupInfo) -> GroupInfo:
            return replace(of, tensors=tuple(tensors.get(name, name) for name in of.tensors))

        def named(of: GroupInfo) -> GroupInfo:
            return replace(group(of), name=layers.get(of.name, of.name))

        return Layout.of(
            infos=tuple(map(tensor, self.infos)),
            layers=tuple(map(named, self.layers)),
            parts=tuple(map(named, self.parts)),
            roles=tuple(map(group, self.roles)),
            whole=group(self.whole),
            trained=group(self.trained),
            optimizer=None if self.optimizer is None else group(self.optimizer),
        )
