"""The difference of two checkpoints as a table on a terminal, the output of ``ckpt-report diff``."""

from __future__ import annotations

from reporter.model.difference import STATES, Difference, TensorDifference
from reporter.numerals import NO_DATA, before_after, counted, integer, number, share
from reporter.printable import visible
from reporter.terminal.tables import table

SHOWN = 100
"""Most rows of the table. All tensors are in the JSON and on the HTML page."""


def text(difference: Difference) -> str:
    """The table, worst first, then a line about values that are not finite, and one about the whole model.

    Tensors that are finite and equal to the bit are left out of the table, and counted in the last line.
    """
    rows = [t for t in difference.tensors if t.state != "equal" or t.non_finite]
    header = [
        "tensor", "state", "shape and dtype", "NaN/Inf", "update", "cosine", "unchanged", "W1/σ", "norm before",
        "after",
    ]  # fmt: skip
    lines = [table(header, [_cells(t) for t in rows[:SHOWN]], left=3)] if rows else []
    if len(rows) > SHOWN:
        lines.append(f"and {integer(len(rows) - SHOWN)} more; --json and --html have all of them")
    lines += [visible(note) for note in difference.notes]
    if any(difference.bad):
        lines.append(non_finite(difference) + ".")
    counts = ", ".join(f"{integer(n)} {state}" for state in STATES if (n := difference.count(state)))
    summary = f"{integer(len(difference.tensors))} tensors: {counts or 'none'}"
    trained = difference.trained
    if trained is not None and trained.count:
        finite = f" of the {integer(trained.finite)} values that are finite in both" if trained.left_out else ""
        summary += (
            f"; trained weights: relative update {number(trained.relative_update)}, cosine "
            f"{number(trained.cosine, 6)}{finite}, {share(trained.equal_share)} of {integer(trained.count)} values "
            "equal to the bit"
        )
    return "\n".join([*lines, summary])


def non_finite(difference: Difference) -> str:
    """A sentence, without its full stop, on how many values are not finite, before and after, in how many tensors."""
    before, after = difference.bad
    tensors = sum(t.non_finite > 0 for t in difference.tensors)
    return (
        f"NaN or infinite: {counted(before, 'value')} before, {integer(after)} after, in {counted(tensors, 'tensor')}; "
        "updates, cosines, shifts and norms are of the finite values"
    )


def _cells(tensor: TensorDifference) -> list[str]:
    """The row of a tensor."""
    change_, shift_ = tensor.change, tensor.shift
    shape = tensor.after or tensor.before
    update = NO_DATA if tensor.update is None else number(tensor.update)
    if change_ is None and tensor.update is not None and tensor.state in ("changed", "unknown"):
        update = f"≥ {update}"
    elif change_ is None:
        update = NO_DATA
    return [
        tensor.name,
        tensor.state,
        f"{tensor.before} → {tensor.after}" if tensor.state == "reshaped" else shape,
        before_after(*tensor.bad),
        update,
        number(change_.cosine if change_ else None, 6),
        share(change_.equal_share if change_ else None),
        number(shift_.wasserstein if shift_ else None, 3),
        number(tensor.norms[0]),
        number(tensor.norms[1]),
    ]
