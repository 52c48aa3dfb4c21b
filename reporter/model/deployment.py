"""How a tensor would survive deployment: int8, narrower floats, sparsity, and what could be left out of it."""

from __future__ import annotations

from typing import Literal

from reporter.frozen import dataclass

GOOD_SQNR = 30.0
"""dB; below it int8 usually costs accuracy. Weights as scattered as a normal sample keep about 40 dB."""

UNFIT_SQNR = 20.0
"""dB; below it the noise is more than a tenth of the weights' norm."""

FEW_LEVELS = 8
"""Of the 127 of int8: a channel of normal weights whose largest one reaches the 8th keeps about 20 dB of its own."""

Advice = Literal["repair first", "int8 per tensor", "int8 per channel", "int8 per channel, measure", "keep in float"]
"""What to do with a weight matrix; "measure" the accuracy of the quantised model. What holds
NaN or infinite values is of no use in any format."""


@dataclass(frozen=True, slots=True)
class Cast:
    """What rounding every value to a narrower float (to nearest even, without a scale) would lose.

    Attributes:
        format: name of the dtype, as numpy and ml_dtypes have it.
        overflow: finite values that have no finite counterpart.
        flushed: values other than zero that become zero.
        subnormal: values that become subnormal, with fewer significant bits than the format promises.
        sqnr: signal to quantisation noise in dB, ∞ if nothing is lost; None where a value overflows (the noise would
            not be finite) or where there is no signal.
    """

    format: str
    overflow: int
    flushed: int
    subnormal: int
    sqnr: float | None


@dataclass(frozen=True, slots=True)
class Readiness:
    """One tensor of a checkpoint on its way to a device; None wherever a measure does not apply.

    Attributes:
        int8_tensor: SQNR in dB after symmetric int8 quantisation with one max-abs scale; ∞ if nothing is lost.
        int8_channel: the same with a scale per output channel.
        coarse: output channels that the common scale leaves fewer than 8 of its 127 levels, because another channel is
            so much larger; the SQNR of the tensor does not show it. Negligible channels are left out.
        casts: one per narrower float, in a fixed order.
        pattern_2_4: share of the groups of 4 values along the input axis with at least 2 zeros; for tensors with at
            least 40 % zeros.
        distinct: number of distinct values where at most 256: clustered or quantised weights.
        channels: output channels (or values of a normalisation's gamma).
        prunable: how many of them have hardly any weight (norm, or |gamma|, at most 1 % of the median's).
        duplicates: output channels that repeat an earlier one up to scale, |cos| > 0.999.
        common: of an embedding, ‖mean row‖² / mean ‖row‖²: 1 where all rows are one vector.
        rank: of a kernel, effective rank / smaller side; of a part of a large one.
        non_finite: values that are NaN or infinite, of which the other numbers do not speak.
    """

    int8_tensor: float | None = None
    int8_channel: float | None = None
    coarse: int | None = None
    casts: tuple[Cast, ...] = ()
    pattern_2_4: float | None = None
    distinct: int | None = None
    channels: int | None = None
    prunable: int | None = None
    duplicates: int | None = None
    common: float | None = None
    rank: float | None = None
    non_finite: int = 0

    def cast(self, name: str) -> Cast | None:
        """The cast to a format."""
        return next((c for c in self.casts if c.format == name), None)

    @property
    def best(self) -> float | None:
        """SQNR of int8 with a scale per channel where there are channels, else per tensor."""
        return self.int8_tensor if self.int8_channel is None else self.int8_channel

    @property
    def advice(self) -> Advice | None:
        """What to do; None for what is no weight matrix."""
        if self.int8_tensor is None or self.best is None:
            return None
        if self.non_finite:
            return "repair first"
        if self.int8_tensor >= GOOD_SQNR and not self.coarse:
            return "int8 per tensor"
        if self.best >= GOOD_SQNR:
            return "int8 per channel"
        return "int8 per channel, measure" if self.best >= UNFIT_SQNR else "keep in float"
