"""Tables for a terminal: the outputs of ``ckpt-report inspect`` and ``ckpt-report scan``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reporter.model.checkpoint import ASIDE, FileEntry, Found, State
from reporter.model.measured import Measured
from reporter.model.tensor import Contents
from reporter.numerals import counted, integer, number, share
from reporter.printable import brief, visible

_BAD = ("nan_count", "posinf_count", "neginf_count")

NAMED = 4
"""Most folders that are named among those that were not looked into; the others are counted."""


def table(header: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """A table as text, with its columns aligned: the first ``left`` ones to the left, the others to the right.

    >>> print(table(["name", "n"], [["a", "10"], ["bcd", "2"]]))
    name   n
    a     10
    bcd    2
    """
    lines = [[visible(cell) for cell in row] for row in [header, *rows]]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    return "\n".join(
        "  ".join(
            c.ljust(w) if i < left else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def tensors(contents: Contents, numbers: Measured) -> str:
    """A table of all tensors of a checkpoint, then what was skipped, notes, and a line about the whole."""
    header = ["tensor", "role", "shape", "dtype", "mean", "std", "min", "max", "L2 norm", "zeros", "NaN/Inf"]
    rows = [
        [
            t.info.name,
            t.info.role,
            "×".join(str(n) for n in t.info.shape) or "scalar",
            t.info.dtype,
            *(number(values[s]) for s in ("mean", "std", "min", "max", "l2_norm")),
            share(values["zero_share"]),
            integer(int(bad)),
        ]
        for (t, values, _), bad in zip(numbers.tensors.each(), numbers.tensors.table(_BAD).sum(1), strict=True)
    ]
    whole = numbers.whole
    step = "" if contents.step is None else f", step {contents.step} ({contents.step_source})"
    summary = (
        f"{contents.format}{step}: {integer(len(numbers.tensors))} tensors, {integer(len(numbers.layers))} layers; "
        f"{whole.name} variables: {integer(whole.parameters)} values, mean {number(whole.statistics['mean'])}, "
        f"std {number(whole.statistics['std'])}, L2 norm {number(whole.statistics['l2_norm'])}"
    )
    missing = list(_missing(numbers))
    skipped = [f"skipped {visible(s.name)}: {visible(s.reason)}" for s in numbers.skipped]
    return "\n".join([table(header, rows, left=4), *skipped, *map(visible, numbers.notes), *missing, summary])


def _missing(numbers: Measured) -> Iterator[str]:
    """What the file lacks although its own configuration or the state of its optimizer says that it was there."""
    if numbers.missing_weights:
        lost = counted(numbers.missing_weights, "weight")
        yield f"incomplete: the optimizer keeps state of {lost} that the file does not hold"
    if numbers.missing_layers:
        yield f"incomplete: layers without their weights: {', '.join(map(visible, numbers.missing_layers))}"


def files(found: Found) -> str:
    """A table of all checkpoint files with their states; other files, and folders not looked into, are counted."""

    def step(entry: FileEntry) -> str:
        return "" if entry.step is None else str(entry.step)

    rows = [
        [
            brief(f.path),
            f.state,
            f.format,
            "" if f.step is None else str(f.step),
            f.integrity,
            brief(f.series),
            f.reason,
        ]
        for f in found.files
        if f.state not in ASIDE
    ]
    others = sum(f.state == State.NO_CHECKPOINT for f in found.files)
    left_out = [brief(f.path) for f in found.files if f.state == State.LEFT_OUT]
    more = f" and {len(left_out) - NAMED} more" if len(left_out) > NAMED else ""
    aside = f"; {len(left_out)} folders not looked into: {', '.join(left_out[:NAMED])}{more}" if left_out else ""
    notes = "".join(f"{visible(s.name)}: {visible(note)}\n" for s in found.series for note in s.notes)
    text = table(["path", "state", "format", "step", "check", "series", "reason"], rows, left=7) + "\n" if rows else ""
    checkpoints = sum(len(s.checkpoints) for s in found.series)
    return f"{text}{notes}{checkpoints} checkpoints in {len(found.series)} series; {others} other files{aside}"
