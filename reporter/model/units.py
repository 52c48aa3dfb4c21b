"""Numbers of every output unit of a weight matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reporter.frozen import dataclass

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


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
