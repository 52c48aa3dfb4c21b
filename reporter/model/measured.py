"""What was measured of one checkpoint: per tensor, per layer, per role and as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from reporter.model.sketch import Sketch
from reporter.model.summary import Summary
from reporter.model.tensor import LayerInfo, SkippedTensor, TensorInfo

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


T = TypeVar("T")


class Absent(Enum):
    """Why a statistic has no number; neither is NaN, which is a value."""

    NO_DATA = "no data"
    """There is no finite value to speak of."""
    NOT_APPLICABLE = "not applicable"
    """The statistic is not defined for such values, such as the skewness of a constant."""


Value = float | int | Absent
Statistics = Mapping[str, Value]
"""Statistic name -> value, in the order of the registry; see :data:`reporter.derive.statistics.STATISTICS`."""


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Quantiles of the finite values, linear interpolation between order statistics as :func:`numpy.quantile`.

    Attributes:
        values: probability -> quantile, ascending; empty when there is no finite value.
        exact: True: as if computed from all values in float64. False: each order statistic is known to within
            2⁻⁸ of its magnitude.
    """

    values: Mapping[float, float]
    exact: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """L2 norm and largest |w| of every output unit (channel) of a weight matrix, in float64, over its finite values.

    Attributes:
        axis: the axis of the tensor that indexes the units.
        norms: shape (units,).
        maxima: shape (units,).
    """

    axis: int
    norms: npt.NDArray[np.float64]
    maxima: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TensorMeasure:
    """One tensor and what was measured of it."""

    info: TensorInfo
    summary: Summary
    statistics: Statistics
    quantiles: Quantiles
    units: Units | None = None
    sketch: Sketch | None = None


@dataclass(frozen=True, slots=True)
class GroupMeasure:
    """Several tensors taken as one sample: a layer, a role, or a whole collection.

    Attributes:
        name: layer or role name; the selection ("trainable", "model", "all", "optimizer") for a whole.
        kind: the layer's class where known.
        tensors: names, in order.
        parameters: number of elements.
        trainable: how many of them are known to be trainable.
    """

    name: str
    kind: str
    tensors: tuple[str, ...]
    parameters: int
    trainable: int
    nbytes: int
    summary: Summary
    statistics: Statistics
    quantiles: Quantiles


class ByName(Mapping[str, T], Generic[T]):
    """Samples by name."""

    __slots__ = ("_places", "_samples")

    def __init__(self, places: Mapping[str, int], samples: Sequence[T]) -> None:
        self._places = places
        self._samples = samples

    def __getitem__(self, name: str) -> T:
        return self._samples[self._places[name]]

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


class Grouped(Protocol):
    """A name for several tensors."""

    @property
    def name(self) -> str:
        """Of the group."""
        ...

    @property
    def tensors(self) -> tuple[str, ...]:
        """Their names."""
        ...


@dataclass(frozen=True, slots=True)
class Layout:
    """What a checkpoint's tensors and layers are, without any number; checkpoints from the cache share equal ones.

    Attributes:
        infos: what each tensor is.
        places: where each tensor stands among them, by name.
        layer_places: where each layer stands among the layers, by name.
        layer_members: names of each layer's tensors.
        trained_places: where each layer that has more than trained tensors stands among the trained parts, by name.
        trained_members: names of each layer's trained tensors.
    """

    infos: tuple[TensorInfo, ...]
    places: Mapping[str, int]
    layer_places: Mapping[str, int]
    layer_members: Mapping[str, tuple[str, ...]]
    trained_places: Mapping[str, int]
    trained_members: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, infos: tuple[TensorInfo, ...], layers: Iterable[Grouped], parts: Iterable[Grouped]) -> Layout:
        """From the tensors, the layers, and the trained parts of those layers that have more than these."""
        members, trained = ({group.name: group.tensors for group in groups} for groups in (layers, parts))
        return cls(
            infos,
            _places(info.name for info in infos),
            _places(members),
            members,
            _places(trained),
            {**members, **trained} if trained else members,
        )


def _places(names: Iterable[str]) -> Mapping[str, int]:
    return {name: place for place, name in enumerate(names)}


@dataclass(frozen=True, slots=True)
class Measured:
    """A checkpoint's numbers.

    Attributes:
        layout: what its tensors and layers are, and where they stand in the two sequences below.
        tensors: every measured tensor, model tensors in layer order first.
        layers: the selected model tensors per layer, in model order.
        roles: the selected model tensors per role.
        whole: all selected tensors.
        trained: those of them that training adjusts, see :mod:`reporter.model.trained`: the headlines speak of these.
        trained_parts: the same of each layer that has other tensors as well, such as moving statistics.
        optimizer: the optimizer state, None where there is none.
        model_layers: every layer that the format lists, with or without tensors.
        notes: remarks of the reader and of measuring.
        missing_layers, missing_weights: see :class:`reporter.model.tensor.Contents`.
        seconds: time spent reading and measuring.
        own_names: the file's own name of each layer that goes by another in its series, see
            :mod:`reporter.gather.layer_names`.
    """

    layout: Layout
    tensors: Sequence[TensorMeasure]
    layers: Sequence[GroupMeasure]
    roles: Sequence[GroupMeasure]
    whole: GroupMeasure
    trained: GroupMeasure
    trained_parts: Sequence[GroupMeasure]
    optimizer: GroupMeasure | None
    model_layers: tuple[LayerInfo, ...]
    layers_ordered: bool
    skipped: tuple[SkippedTensor, ...]
    integrity: str
    framework: str
    notes: tuple[str, ...]
    seconds: float
    missing_layers: tuple[str, ...] = ()
    missing_weights: int = 0
    own_names: Mapping[str, str] = field(default_factory=dict)

    @property
    def infos(self) -> tuple[TensorInfo, ...]:
        """What each tensor is."""
        return self.layout.infos

    def holds_the_same(self, other: Measured) -> bool:
        """Whether all tensors are the same in name, shape and so on: at once for two from the cache."""
        return self.infos is other.infos or self.infos == other.infos

    @property
    def by_name(self) -> Mapping[str, TensorMeasure]:
        """Tensors by name."""
        return ByName(self.layout.places, self.tensors)

    @property
    def layer_by_name(self) -> Mapping[str, GroupMeasure]:
        """Layers by name."""
        return ByName(self.layout.layer_places, self.layers)

    def trained_layer(self, name: str) -> GroupMeasure:
        """The trained tensors of a layer as one sample."""
        place = self.layout.trained_places.get(name)
        return self.layer_by_name[name] if place is None else self.trained_parts[place]

    @property
    def layer_members(self) -> Mapping[str, tuple[str, ...]]:
        """Names of each layer's tensors."""
        return self.layout.layer_members

    @property
    def model_infos(self) -> tuple[TensorInfo, ...]:
        """What the tensors of the model collection are."""
        return tuple(info for info in self.infos if info.collection == "model")

    @property
    def parameters(self) -> int:
        """Elements of all measured tensors, optimizer state included."""
        return sum(info.size for info in self.infos)

    @property
    def nbytes(self) -> int:
        """Bytes of all measured tensors."""
        return sum(info.nbytes for info in self.infos)
