"""What ``reporter.measure`` returns."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any

from reporter.frozen import dataclass
from reporter.library.bins import SampleHistogram
from reporter.library.frame import samples_table
from reporter.library.html import samples_html
from reporter.library.names import looked_up
from reporter.library.sample import Sample, group_sample, variable_sample
from reporter.model.measured import Measured
from reporter.numerals import counted, number
from reporter.settings.model import BINS

if TYPE_CHECKING:
    import pandas as pd

    from reporter.library.diff import Diff
    from reporter.plots.open_figure import OpenFigure

Range = tuple[float, float]


@dataclass(frozen=True, slots=True, repr=False)
class Measurement(Mapping[str, Sample]):
    """Numbers of the variables of a model: a mapping from their names, in model order.

    It holds no weights, can be pickled, and knows nothing of what becomes of the model or file afterwards.

    Attributes:
        variables: one sample per selected variable, in model order.
        layers: one per layer that owns selected variables, in model order.
        whole: all selected variables as one sample.
        step: training step where a checkpoint stores it.
        notes: what a reader of the numbers should know.

    >>> import numpy as np, reporter
    >>> result = reporter.measure({"dense/kernel": np.eye(3), "dense/bias": np.zeros(3)})
    >>> result
    <Measurement of 2 variables in 1 layer: 12 values, mean 0.25, std 0.433>
    >>> list(result), result["dense/kernel"].statistics["max"]
    (['dense/kernel', 'dense/bias'], 1.0)
    >>> result["dense/kernels"]
    Traceback (most recent call last):
        ...
    reporter.errors.UnknownName: there is no variable 'dense/kernels'; did you mean dense/kernel?
    """

    variables: tuple[Sample, ...]
    layers: tuple[Sample, ...]
    whole: Sample
    step: int | None = None
    notes: tuple[str, ...] = ()
    _by_name: dict[str, Sample] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", {one.name: one for one in self.variables})

    @classmethod
    def of(cls, numbers: Measured, bins: int, step: int | None = None) -> Measurement:
        """The numbers of a checkpoint, with histograms of so many bins."""
        return cls(
            variables=tuple(variable_sample(one, bins) for one in numbers.tensors),
            layers=tuple(group_sample(one, bins) for one in numbers.layers),
            whole=group_sample(numbers.whole, bins),
            step=step,
            notes=numbers.notes,
        )

    def __getitem__(self, name: str) -> Sample:
        """The variable of that name.

        Raises:
            reporter.errors.UnknownName: there is none; a KeyError that names those that are alike.
        """
        layer = name not in self._by_name and any(one.name == name for one in self.layers)
        return looked_up(self._by_name, name, "variable", "; layer() has it" if layer else "")

    def __iter__(self) -> Iterator[str]:
        """The names of the variables, in model order."""
        return (one.name for one in self.variables)

    def __len__(self) -> int:
        """How many variables there are."""
        return len(self.variables)

    def variable(self, name: str) -> Sample:
        """The same as ``result[name]``."""
        return self[name]

    def layer(self, name: str) -> Sample:
        """The layer of that name.

        Raises:
            reporter.errors.UnknownName: it owns no selected variable; a KeyError that names those that are alike.
        """
        return looked_up({one.name: one for one in self.layers}, name, "layer")

    def named(self, name: str | None) -> Sample:
        """The variable of that name, else the layer; the whole for None.

        Raises:
            reporter.errors.UnknownName: there is neither.
        """
        if name is None:
            return self.whole
        return looked_up({one.name: one for one in self.layers} | self._by_name, name, "variable or layer")

    def histogram(
        self, name: str | None = None, *, bins: int = BINS, range: Range | None = None
    ) -> SampleHistogram | None:
        """A histogram of all values, or of those of a variable or layer; no weight is read again.

        Args:
            name: of the variable or layer.
            bins: how many, 1 … 512.
            range: (low, high); None for all finite values. What lies outside is counted as ``below`` and ``above``.

        Returns:
            Exact counts, shape (bins,), and edges, shape (bins + 1,). Where bins are not as asked, ``note`` says how
            they differ. None without finite values.

        Raises:
            reporter.errors.SettingError: an argument that cannot be used; UnknownName for the name.
        """
        return self.named(name).rebinned(bins, range)

    def plot(self, name: str | None = None, *, bins: int = BINS, range: Range | None = None) -> OpenFigure:
        """The same as a matplotlib ``Figure``, which is made without pyplot and touches no global state.

        Args:
            name: of the variable or layer; None for all values.
            bins: as :meth:`histogram`.
            range: as :meth:`histogram`.

        Raises:
            reporter.errors.SettingError: an argument that cannot be used; UnknownName for the name.
        """
        return self.named(name).plot(bins, range)

    def to_pandas(self, what: str = "variables") -> pd.DataFrame:
        """A tidy table.

        Args:
            what: has a row: ``variables`` and ``layers`` with a column for each statistic; ``quantiles``: name,
                probability, value; ``histograms``: name, left, right, count of each bin of each variable.

        Raises:
            reporter.errors.SettingError: there is no such table.
            reporter.errors.MissingPackage: pandas is not installed.
        """
        return samples_table(self.variables, self.layers, what)

    def to_dict(self) -> dict[str, Any]:
        """All numbers, as JSON can hold them: NaN and infinities are strings, what does not exist is None."""
        return {
            "step": self.step,
            "notes": list(self.notes),
            "whole": self.whole.to_dict(),
            "layers": [one.to_dict() for one in self.layers],
            "variables": [one.to_dict() for one in self.variables],
        }

    def to_json(self, indent: int | None = None) -> str:
        """:meth:`to_dict` as JSON text."""
        return json.dumps(self.to_dict(), indent=indent, ensure_ascii=False, allow_nan=False)

    def compare(self, other: Measurement) -> Diff:
        """This measurement and a later one, variable by variable.

        The weights are not at hand any more: changes are exact for variables of up to 1,024 values, and else
        estimated, the distance with a relative standard deviation of 2.2 %. :func:`reporter.diff` is exact for all.

        Args:
            other: the later one.

        Raises:
            reporter.errors.SettingError: ``other`` is no measurement.
        """
        from reporter.library.diff import Diff

        return Diff.of_measurements(self, other)

    def __repr__(self) -> str:
        mean, std = (number(self.whole.statistics.get(name)) for name in ("mean", "std"))
        return (
            f"<Measurement of {counted(len(self), 'variable')} in {counted(len(self.layers), 'layer')}: "
            f"{counted(self.whole.size, 'value')}, mean {mean}, std {std}>"
        )

    def _repr_html_(self) -> str:
        return samples_html(repr(self)[1:-1], self.variables, self.notes)
