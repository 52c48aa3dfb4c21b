"""Words for what stands out in the difference of two checkpoints."""

from __future__ import annotations

from reporter.model.difference import Difference, TensorDifference
from reporter.numerals import counted, in_full, number


def outgrown(difference: Difference) -> str:
    """Which kernel grew or shrank most of those that did so beyond what training explains, and how many others; "" if
    none did. Without a full stop."""
    found = difference.outgrown
    if not found:
        return ""
    others = f", and so of {counted(len(found) - 1, 'other')}" if len(found) > 1 else ""
    return f"the norm of {found[0].name} {grown(found[0])}{others}"


def grown(tensor: TensorDifference) -> str:
    r"""By what factor a norm grew or shrank, and from where to where.

    >>> from reporter.model.difference import DifferenceState
    >>> form = "(3, 5) float32"
    >>> grown(TensorDifference("k", "model", "kernel", DifferenceState.CHANGED, form, form, (2.0, 1600.0), (0, 0)))
    'grew × 800, from 2 to 1\u202f600'
    """
    before, after = (norm or 0.0 for norm in tensor.norms)
    if not after:
        told = "became 0"
    elif after > before:
        told = f"grew × {number(after / before, 3)}"
    else:
        told = f"shrank to 1 / {number(before / after, 3)}"
    return f"{told}, from {in_full(before, 3)} to {in_full(after, 3)}"
