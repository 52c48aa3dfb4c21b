"""How alike the checkpoints of a series are, each to each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reporter.frozen import dataclass

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True, slots=True, eq=False)
class Similarity:
    """Distances and cosines between checkpoints, from the sketches of the tensors that all of them share.

    Attributes:
        places: the checkpoints, ascending places in the series; evenly chosen where there are many.
        distance: shape (n, n), symmetric: ‖W_b − W_a‖ / ‖W_a‖ where a is the earlier one; NaN where ‖W_a‖ is 0.
        cosine: shape (n, n), symmetric; NaN where a norm is 0.
        exact: whether every tensor is small enough for its sketch to hold its values.
        tensors, values: how many are compared.
    """

    places: tuple[int, ...]
    distance: npt.NDArray[np.float64]
    cosine: npt.NDArray[np.float64]
    exact: bool
    tensors: int
    values: int
