"""What was measured of one checkpoint: per tensor, per layer, per role and as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from reporter.frozen import dataclass
from reporter.model.cells import Cells
from reporter.model.layout import GroupInfo, Layout
from reporter.model.rows import Rows, TensorRows
from reporter.model.sketch import Sketch
from reporter.model.summary import Summary
from reporter.model.tensor import Integrity, LayerInfo, SkippedTensor, TensorInfo
from reporter.model.trained import leading
from reporter.model.units import Units
from reporter.model.value import Quantiles, Statistics

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

T = TypeVar("T")


class _Measure:
    """A view of one row."""

    __slots__ = ()
    rows: Rows
    row: int

    @property
    def summary(self) -> Summary:
        """Counts, moments, extremes and cells."""
        return self.rows.columns.summary(self.row, partial(self.rows.cells, self.row))

    @property
    def cells(self) -> Cells:
        """Its cells alone."""
        return self.rows.cells(self.row)

    @property
    def statistics(self) -> Statistics:
        """The registered statistics."""
        return self.rows.columns.statistics(self.row)

    @property
    def quantiles(self) -> Quantiles:
        """Those that were asked for."""
        return self.rows.columns.quantiles_of(self.row)


@dataclass(frozen=True, slots=True, eq=False)
class TensorMeasure(_Measure):
    """One tensor and what was measured of it, fetched when it is asked for: whoever needs it again keeps it."""

    info: TensorInfo
    rows: TensorRows
    row: int

    @property
    def units(self) -> Units | None:
        """Numbers of its output units, None where it has none."""
        return self.rows.units((self.row,))[0]

    @property
    def sketch(self) -> Sketch | None:
        """Its sketch."""
        return self.rows.sketches(self.row)


@dataclass(frozen=True, slots=True, eq=False)
class GroupMeasure(_Measure):
    """Several tensors taken as one sample, and what was measured of it: a layer, a role, or a whole collection."""

    info: GroupInfo
    rows: Rows
    row: int

    @property
    def name(self) -> str:
        """See :class:`reporter.model.layout.GroupInfo`."""
        return self.info.name

    @property
    def kind(self) -> str:
        """The layer's class where known."""
        return self.info.kind

    @property
    def tensors(self) -> tuple[str, ...]:
        """Names of its tensors, in order."""
        return self.info.tensors

    @property
    def parameters(self) -> int:
        """Number of elements."""
        return self.info.parameters

    @property
    def trainable(self) -> int:
        """How many of them are known to be trainable."""
        return self.info.trainable

    @property
    def nbytes(self) -> int:
        """Bytes of its tensors."""
        return self.info.nbytes


class Measures(Sequence[T], Generic[T]):
    """Neighbouring rows, each presented when it is asked for: a thousand checkpoints may hold a million."""

    __slots__ = ("_infos", "_make", "_rows", "_start")

    def __init__(self, make: Callable[[Any, Any, int], T], infos: Sequence[Any], rows: Rows, start: int = 0) -> None:
        """Args:
        make: from what a sample is, the rows, and its own among them.
        infos: what each sample is.
        start: the row of the first.
        """
        self._make = make
        self._infos = infos
        self._rows = rows
        self._start = start

    @overload
    def __getitem__(self, at: int) -> T: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[T, ...]: ...
    def __getitem__(self, at: int | slice) -> T | tuple[T, ...]:
        if isinstance(at, slice):
            return tuple(self)[at]
        return self._make(self._infos[at], self._rows, self._start + range(len(self._infos))[at])

    def __len__(self) -> int:
        return len(self._infos)

    def __iter__(self) -> Iterator[T]:
        return (self._make(info, self._rows, row) for row, info in enumerate(self._infos, self._start))

    def each(self) -> Iterator[tuple[T, Statistics, Quantiles]]:
        """Every sample beside its statistics and quantiles: faster than to ask it for them, where these are all."""
        numbers = self._rows.columns.each(self._start, self._start + len(self))
        return ((one, *of_one) for one, of_one in zip(self, numbers, strict=True))

    def table(self, statistics: Sequence[str]) -> npt.NDArray[np.float64]:
        """Shape (samples, statistics); NaN where there is no number."""
        return self._rows.columns.table(statistics)[self._start : self._start + len(self)]


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


@dataclass(frozen=True, slots=True)
class Measured:
    """A checkpoint's numbers.

    Attributes:
        layout: what its tensors and groups are.
        of_tensors: the numbers of its tensors, in the order of the layout.
        of_groups: those of its groups, likewise.
        model_layers: every layer that the format lists, with or without tensors.
        notes: remarks of the reader and of measuring.
        missing_layers, missing_weights, model: see :class:`reporter.model.tensor.Contents`.
        seconds: time spent reading and measuring.
        own_names: the file's own names of layers that have others in the series: :mod:`reporter.gather.layer_names`.
        kept: a hash that differs wherever the numbers do, by which the cache knows them; "" where it does not.
    """

    layout: Layout
    of_tensors: TensorRows
    of_groups: Rows
    model_layers: tuple[LayerInfo, ...]
    layers_ordered: bool
    skipped: tuple[SkippedTensor, ...]
    integrity: Integrity
    framework: str
    notes: tuple[str, ...]
    seconds: float
    missing_layers: tuple[str, ...] = ()
    missing_weights: int = 0
    own_names: Mapping[str, str] = field(default_factory=dict)
    model: str = ""
    kept: str = ""

    def at_hand(self) -> Measured:
        """The same with the numbers of its tensors in memory, for whoever asks for them one by one."""
        columns = self.of_tensors.columns.slim()
        return replace(self, of_tensors=replace(self.of_tensors, read_columns=lambda: columns))

    @property
    def empty(self) -> bool:
        """Whether it holds no number: it has no tensors, or all have the length 0 on some axis."""
        return not any(info.size for info in self.infos)

    @property
    def tensors(self) -> Measures[TensorMeasure]:
        """Every measured tensor."""
        return Measures(TensorMeasure, self.layout.infos, self.of_tensors)

    @property
    def layers(self) -> Measures[GroupMeasure]:
        """The selected model tensors per layer, in model order."""
        return Measures(GroupMeasure, self.layout.layers, self.of_groups)

    @property
    def trained_parts(self) -> Measures[GroupMeasure]:
        """The trained tensors of each layer that has others as well, such as moving statistics."""
        return Measures(GroupMeasure, self.layout.parts, self.of_groups, len(self.layout.layers))

    @property
    def roles(self) -> Measures[GroupMeasure]:
        """The selected model tensors per role."""
        return Measures(GroupMeasure, self.layout.roles, self.of_groups, self.layout.first_role)

    @property
    def whole(self) -> GroupMeasure:
        """All selected tensors."""
        return GroupMeasure(self.layout.whole, self.of_groups, self.layout.first_role + len(self.layout.roles))

    @property
    def trained(self) -> GroupMeasure:
        """Those of them that training adjusts, see :mod:`reporter.model.trained`: the headlines speak of these."""
        return GroupMeasure(self.layout.trained, self.of_groups, self.whole.row + 1)

    @property
    def optimizer(self) -> GroupMeasure | None:
        """The optimizer state, None where there is none."""
        info = self.layout.optimizer
        return None if info is None else GroupMeasure(info, self.of_groups, self.whole.row + 2)

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

    def units(self, names: Iterable[str]) -> Sequence[Units | None]:
        """Numbers of the output units of some tensors, None for one that has none; see :attr:`TensorMeasure.units`."""
        return self.of_tensors.units([self.layout.places[name] for name in names])

    @property
    def layer_by_name(self) -> Mapping[str, GroupMeasure]:
        """Layers by name."""
        return ByName(self.layout.layer_places, self.layers)

    def trained_layer(self, name: str) -> GroupMeasure:
        """The trained tensors of a layer as one sample."""
        place = self.layout.trained_places.get(name)
        return self.layer_by_name[name] if place is None else self.trained_parts[place]

    def lead_of(self, layer: str) -> str | None:
        """Name of the tensor that speaks for a layer, None for one that is not here.

        See :func:`reporter.model.trained.leading`.
        """
        names = self.layout.layer_members.get(layer)
        return leading([self.layout.infos[self.layout.places[n]] for n in names]).name if names else None

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
