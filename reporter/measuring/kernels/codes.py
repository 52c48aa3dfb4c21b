"""From the stored bits of 8- and 16-bit values, their codes, to float32.

The value of a code can be looked up in a table, one after the other. Where it follows from the code by a few steps,
these are taken for eight values at once, with the same result to the bit. ``form`` says how:

====================  ================================================================
:data:`TABLE`         by the table: floats of 8 bits, and whatever else there is
:data:`FLOAT16`       IEEE's binary16
:data:`BFLOAT16`      the upper half of a float32
0                     unsigned integers
0x80, 0x8000          signed integers of 8 and of 16 bits: the place of the sign bit
====================  ================================================================
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from reporter.measuring.kernels.compiled import inner
from reporter.measuring.kernels.sizes import BFLOAT16, FLOAT16, TABLE

Codes = npt.NDArray[np.unsignedinteger[Any]]


@inner
def to_float32(
    codes: Codes,
    values: npt.NDArray[np.float32],
    form: int,
    x: npt.NDArray[np.float32],
    bits: npt.NDArray[np.int32],
) -> None:
    """Write the values of codes, 0 for those that are not finite.

    Args:
        codes: of 8 or 16 bits.
        values: the value of each code.
        form: how values follow from codes.
        x: receives the values.
        bits: the same memory.
    """
    if form == FLOAT16:
        _of_float16(codes, bits)
    elif form == BFLOAT16:
        for i in range(codes.size):
            h = np.uint32(codes[i])
            finite = (h & np.uint32(0x7F80)) != np.uint32(0x7F80)
            bits[i] = np.int32(np.uint32(h << np.uint32(16)) if finite else np.uint32(0))
    elif form == TABLE:
        for i in range(codes.size):
            x[i] = values[codes[i]]
    else:
        sign = np.int32(form)
        for i in range(codes.size):
            x[i] = np.float32(np.int32((np.int32(codes[i]) ^ sign) - sign))


@inner
def _of_float16(codes: Codes, bits: npt.NDArray[np.int32]) -> None:
    """Shift exponent and fraction to their places, and count the exponent from another zero; 15 becomes 127.

    Below the smallest normal number 2⁻¹⁴ values are multiples of 2⁻²⁴.
    """
    for i in range(codes.size):
        h = np.uint32(codes[i])
        magnitude = np.uint32(h & np.uint32(0x7FFF))
        normal = np.uint32(np.uint32(magnitude << np.uint32(13)) + np.uint32(112 << 23))
        small = np.float32(np.float32(np.int32(magnitude)) * np.float32(2.0**-24)).view(np.uint32)
        b = np.uint32(normal if magnitude >= np.uint32(0x400) else small)
        b = np.uint32(b | np.uint32((h & np.uint32(0x8000)) << np.uint32(16)))
        bits[i] = np.int32(b if magnitude < np.uint32(0x7C00) else np.uint32(0))
