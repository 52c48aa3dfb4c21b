"""The difference of two checkpoints as a table on a terminal, the output of ``ckpt-report diff``."""

from __future__ import annotations

from collections.abc import Sequence

from reporter.derive import kind_words
from reporter.derive.difference_words import outgrown
from reporter.model.difference import STATES, Difference, TensorDifference
from reporter.model.kind import ChangeKind
from reporter.numerals import NO_DATA, before_after, counted, integer, number, share
from reporter.printable import visible
from reporter.terminal.tables import table

SHOWN = 100
"""Most rows of the table. All tensors are in the JSON and on the HTML page."""

EXPLAINED = 20
"""Most tensors whose kind of change is told with its evidence, below the table."""


def text(difference: Difference) -> str:
    """The table, worst first, then a line about values that are not finite, and one about the whole model.

    Tensors that are finite and equal to the bit are left out of the table, and counted in the last line.
    """
    rows = [t for t in difference.tensors if t.state != "equal" or t.non_finite]
    header = [
        "tensor", "state", "shape and dtype", "NaN/Inf", "update", "cosine", "unchanged", "W1/σ", "norm before",
        "after", "kind of change",
    ]  # fmt: skip
    lines = [table(header, [_cells(t) for t in rows[:SHOWN]], left=3)] if rows else []
    if len(rows) > SHOWN:
        lines.append(f"and {integer(len(rows) - SHOWN)} more; --json and --html have all of them")
    lines += _explained(rows)
    lines += [visible(note) for note in difference.notes]
    if any(difference.bad):
        lines.append(non_finite(difference) + ".")
    if difference.kinds is not None and (difference.kinds.kinds or difference.kinds.extent):
        lines.append(visible(kind_words.line(difference.kinds)))
    if most := outgrown(difference):
        lines.append(visible(most[:1].upper() + most[1:] + "."))
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
    update = NO_DATA if tensor.update is None else number(tensor.update)
    if change_ is None and tensor.update is not None and tensor.state in ("changed", "unknown", "dtype changed"):
        update = f"≥ {update}"
    elif change_ is None:
        update = NO_DATA
    return [
        tensor.name,
        tensor.state,
        tensor.form,
        before_after(*tensor.bad),
        update,
        number(change_.cosine if change_ else None, 6),
        share(change_.equal_share if change_ else None),
        number(shift_.wasserstein if shift_ else None, 3),
        number(tensor.norms[0]),
        number(tensor.norms[1]),
        kind_words.short(tensor.kind) if tensor.kind is not None and tensor.kind.kind != ChangeKind.UPDATED else "",
    ]


def _explained(tensors: Sequence[TensorDifference]) -> list[str]:
    """What happened to the tensors that were changed by something else than a step of training."""
    remarks = ((t.name, kind_words.remark(t.kind, t.shape)) for t in tensors)
    found = [f"{name}: {remark}" for name, remark in remarks if remark]
    lines = [visible(line) for line in found[:EXPLAINED]]
    if len(found) > EXPLAINED:
        lines.append(f"and {integer(len(found) - EXPLAINED)} more of such kinds")
    return lines
