"""The numbers of tensors, or of groups of tensors, wherever they are: in memory, or in a file of the cache."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from reporter.frozen import dataclass
from reporter.model.cells import Cells
from reporter.model.columns import Columns
from reporter.model.sketch import Sketch
from reporter.model.units import Units


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The numbers of several samples of one kind, tensors or groups of tensors.

    Attributes:
        read_columns: gives :attr:`columns`, which may lie in a file.
        cells: the cells of a sample, by its row; they may be read from a file.
    """

    read_columns: Callable[[], Columns]
    cells: Callable[[int], Cells]

    @property
    def columns(self) -> Columns:
        """What is small, of all of them: whoever needs it several times keeps it meanwhile."""
        return self.read_columns()


@dataclass(frozen=True, slots=True, eq=False)
class TensorRows(Rows):
    """The numbers of a checkpoint's tensors.

    Attributes:
        units: those of some tensors, by their rows; None for one that has none.
        sketches: that of a tensor, by its row; None where it has none.
    """

    units: Callable[[Sequence[int]], Sequence[Units | None]]
    sketches: Callable[[int], Sketch | None]
