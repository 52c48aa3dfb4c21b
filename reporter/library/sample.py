"""The numbers of one variable, of one layer, or of the whole model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

from reporter.frozen import dataclass
from reporter.library.bins import SampleHistogram, binned
from reporter.model.cells import Cells
from reporter.model.histogram import Histogram
from reporter.model.measured import GroupMeasure, TensorMeasure
from reporter.model.sketch import Sketch
from reporter.model.summary import NOTHING, Summary
from reporter.model.value import Absent
from reporter.numerals import counted, number
from reporter.printable import visible
from reporter.settings.model import BINS
from reporter.writers.records import plain

if TYPE_CHECKING:
    from reporter.plots.open_figure import OpenFigure


@dataclass(frozen=True, slots=True, repr=False)
class Sample:
    """Numbers of one variable, one layer, or the whole model.

    Attributes:
        name: the variable's or layer's name; the selection for the whole.
        statistics: name -> number, None where there is no data or the statistic is not defined for it.
        quantiles: probability -> quantile of the finite values.
        quantiles_exact: True for single variables; else each order statistic is within 2⁻⁸ of its magnitude.
        histogram: exact counts in the ``bins`` asked for over the full range, or what its ``note`` says; None without
            finite values. :meth:`rebinned` gives others.
        shape, dtype, role, trainable: of a variable; of layers and the whole: (), "", "", None.
        layer: the owning layer of a variable, "" if none.
        variables: names of the variables it speaks of.
        summary: what was kept of the values: counts, moments, extremes, and counts by cell.
        sketch: of a variable, from which :meth:`Measurement.compare` estimates changes.
    """

    name: str
    statistics: dict[str, float | int | None]
    quantiles: dict[float, float]
    quantiles_exact: bool
    histogram: Histogram | None
    variables: tuple[str, ...]
    layer: str = ""
    shape: tuple[int, ...] = ()
    dtype: str = ""
    role: str = ""
    trainable: bool | None = None
    summary: Summary = field(default=NOTHING, compare=False)
    sketch: Sketch | None = field(default=None, compare=False)

    @property
    def size(self) -> int:
        """Number of values, finite or not."""
        return self.summary.count

    def rebinned(self, bins: int = BINS, range: tuple[float, float] | None = None) -> SampleHistogram | None:
        """A histogram with other bins; no weight is read again.

        Args:
            bins: how many, 1 … 512.
            range: (low, high); None for all finite values. What lies outside is counted as ``below`` and ``above``.

        Returns:
            Exact counts. Where bins are not as asked, its ``note`` says how they differ. None without finite values.

        Raises:
            reporter.errors.SettingError: an argument that cannot be used.

        >>> import numpy as np, reporter
        >>> sample = reporter.measure({"w": np.linspace(-1, 1, 1000)})["w"]
        >>> found = sample.rebinned(bins=4, range=(-1, 1))
        >>> found.edges, found.counts, found.above, found.note
        ((-1.0, -0.5, 0.0, 0.5, 1.0), (250, 250, 250, 249), 1, '')
        """
        return binned([self.summary], bins, range)[0]

    def plot(self, bins: int = BINS, range: tuple[float, float] | None = None) -> OpenFigure:
        """A histogram as a matplotlib ``Figure``, made without pyplot, that can be changed and saved.

        Args:
            bins: as :meth:`rebinned`.
            range: as :meth:`rebinned`.

        Raises:
            reporter.errors.SettingError: an argument that cannot be used.
        """
        from reporter.plots.open_figure import histograms

        return histograms(self.name, {"": self.rebinned(bins, range)})

    def to_dict(self) -> dict[str, Any]:
        """Everything but ``summary`` and ``sketch``, as JSON can hold it: NaN and infinities are strings."""
        return {
            "name": self.name,
            "layer": self.layer,
            "role": str(self.role),
            "shape": list(self.shape),
            "dtype": self.dtype,
            "trainable": self.trainable,
            "variables": list(self.variables),
            "statistics": {name: plain(value) for name, value in self.statistics.items()},
            "quantiles": {f"{p:g}": plain(value) for p, value in self.quantiles.items()},
            "quantiles_exact": self.quantiles_exact,
            "histogram": _histogram_record(self.histogram),
        }

    def __repr__(self) -> str:
        form = f" {self.shape} {self.dtype}" if self.dtype else f" of {counted(len(self.variables), 'variable')}"
        mean, std = (number(self.statistics.get(name)) for name in ("mean", "std"))
        return f"<Sample {visible(self.name)}{form}: {counted(self.size, 'value')}, mean {mean}, std {std}>"


@dataclass(frozen=True, slots=True)
class _Held:
    """Cells in memory; unlike a function they can be pickled, and unlike a file they are still there tomorrow."""

    cells: Cells

    def __call__(self) -> Cells:
        return self.cells


def variable_sample(tensor: TensorMeasure, bins: int) -> Sample:
    """The numbers of one variable."""
    info = tensor.info
    return replace(
        _sample(info.name, tensor, (info.name,), bins),
        layer=info.layer,
        shape=info.shape,
        dtype=info.dtype,
        role=info.role,
        trainable=info.trainable,
        sketch=tensor.sketch,
    )


def group_sample(group: GroupMeasure, bins: int) -> Sample:
    """The numbers of a layer, or of the whole."""
    return _sample(group.name, group, group.tensors, bins)


def _sample(name: str, of: TensorMeasure | GroupMeasure, variables: Iterable[str], bins: int) -> Sample:
    summary, quantiles = of.summary, of.quantiles
    kept = replace(summary, read_cells=_Held(summary.cells))
    return Sample(
        name=name,
        statistics={k: None if isinstance(v, Absent) else v for k, v in of.statistics.items()},
        quantiles=dict(quantiles.values),
        quantiles_exact=quantiles.exact,
        histogram=binned([kept], bins)[0],
        variables=tuple(variables),
        summary=kept,
    )


def _histogram_record(histogram: Histogram | None) -> dict[str, Any] | None:
    if histogram is None:
        return None
    record: dict[str, Any] = {"edges": list(histogram.edges), "counts": list(histogram.counts)}
    record |= {"below": histogram.below, "above": histogram.above}
    if isinstance(histogram, SampleHistogram):
        record |= {"asked": histogram.asked, "note": histogram.note}
    return record
