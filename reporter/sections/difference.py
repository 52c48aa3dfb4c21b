"""The page of ``ckpt-report diff --html``: the difference of two checkpoints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePath

from reporter.derive import kind_words
from reporter.derive.difference_words import outgrown
from reporter.model.blocks import Banner, Facts, Paragraph
from reporter.model.difference import OF_ANOTHER_FORM, STATES, Difference, DifferenceState, TensorDifference
from reporter.model.finding import Verdict
from reporter.model.page import Block, Page, Section
from reporter.model.side_by_side import HistogramPair, HistogramPairs
from reporter.model.table import Cell, Column, Level, Row, Table
from reporter.numerals import NO_DATA, before_after, counted, in_full, integer, number
from reporter.sections.base import bounded, number_cell
from reporter.sections.paired import (
    COSINE,
    DEFINITIONS,
    LARGEST,
    NON_FINITE,
    PER_STEP,
    UNCHANGED,
    UPDATE,
    WASSERSTEIN,
    bins,
    cosine_cell,
    counts_cell,
    js_cell,
    largest_cell,
    psi_cell,
    unchanged_cell,
    update_cell,
    wasserstein_cell,
)

AT_LEAST = Column("Update, at least", definition="|‖W‖ − ‖W′‖| / ‖W′‖, which is never more than ‖W − W′‖ / ‖W′‖.")

KIND = Column(
    "Kind of change",
    numeric=False,
    definition="What happened to the values, and what shows it: the same values in another order, all scaled "
    "or rounded alike, or changed in few places or few directions. Empty where it is none of these, as after training.",
)

_LEVELS: dict[str, Level] = {
    "reshaped": "warn",
    "removed": "warn",
    "added": "info",
    "dtype changed": "warn",
    "equal": "pass",
}


_VERDICTS: dict[Verdict, Level] = {Verdict.PASS: "pass", Verdict.WARN: "warn", Verdict.FAIL: "fail"}


def difference_page(difference: Difference, version: str) -> Page:
    """The page: the whole model, every tensor, and definitions."""
    columns = [*(c for c in DEFINITIONS if c is not PER_STEP), KIND] if difference.paired else [AT_LEAST, NON_FINITE]
    glossary = tuple((column.title, column.definition) for column in columns)
    before, after = (PurePath(path).name or path for path in (difference.before, difference.after))
    return Page(
        title=f"Difference: {before} → {after}",
        subtitle="Two checkpoints, tensor by tensor" if difference.paired else "Two reports, tensor by tensor",
        sections=(
            Section("verdict", "Verdict", (_banner(difference),)),
            Section("whole", "Trained weights", tuple(_whole(difference))),
            *_pictures(difference),
            *_by_tensor(difference),
            Section("glossary", "Definitions", (Facts(glossary, "terms"),), folded=True),
        ),
        facts=(f"ckpt-report {version}",),
    )


def _banner(difference: Difference) -> Banner:
    """The verdict, and in a line what kind of change it was."""
    verdict, (_, after) = difference.verdict, difference.bad
    if difference.kinds is not None:
        told = [kind_words.line(difference.kinds)]
    else:
        same = difference.count(DifferenceState.EQUAL) + difference.count(DifferenceState.UNKNOWN)
        told = [f"{integer(len(difference.tensors) - same)} of {counted(len(difference.tensors), 'tensor')} differ"]
    told += [most] if (most := outgrown(difference)) else _most(difference)
    told += [f"{integer(n)} {state}" for state in OF_ANOTHER_FORM if (n := difference.count(state))]
    told += [f"{counted(after, 'value')} NaN or infinite after"] if after else []
    told += [f"{integer(len(difference.uncompared))} series not compared"] if difference.uncompared else []
    return Banner(_VERDICTS[verdict], verdict, _sentence("; ".join(told)))


def _most(difference: Difference) -> list[str]:
    """Which tensor was updated most, and by how much."""
    tensor = difference.updated_most
    if tensor is None:
        return []
    update = update_cell(tensor.change).text if difference.paired else at_least(tensor)
    before, after = (NO_DATA if norm is None else in_full(norm, 3) for norm in tensor.norms)
    return [f"most in {tensor.name}: relative update {update}, L2 norm {before} → {after}"]


def _pictures(difference: Difference) -> Iterator[Section]:
    """What changed most, before and after."""
    pairs = tuple(
        HistogramPair(t.name, _told(t), *t.histograms) for t in difference.tensors if t.histograms is not None
    )
    if pairs:
        text = (
            "Before as a line, after filled, on the same values; each is as high as its fullest bin. Values far from "
            "all others are left out."
        )
        yield Section("pictures", "What changed most", (Paragraph(text, "note"), HistogramPairs(pairs)))


def _told(tensor: TensorDifference) -> str:
    """The update of a tensor, what kind of change it was, and how many values its picture leaves out."""
    left = sum(h.below + h.above for h in tensor.histograms or ())
    told = [f"update {update_cell(tensor.change).text}"]
    told += [kind_words.short(tensor.kind)] if tensor.kind else []
    told += [f"{counted(left, 'value')} beyond the picture"] if left else []
    return "; ".join(told)


def _by_tensor(difference: Difference) -> Iterator[Section]:
    """A table of what differs, and a folded one of what is equal to the bit."""
    equal = [t for t in difference.tensors if t.state is DifferenceState.EQUAL and not t.non_finite]
    others = [t for t in difference.tensors if not (t.state is DifferenceState.EQUAL and not t.non_finite)]
    if others:
        yield Section("tensors", "Tensors", (_tensors(difference, others, "Worst first"),))
    if equal:
        title = f"{counted(len(equal), 'tensor')} equal to the bit"
        yield Section("unchanged", title, (_tensors(difference, equal, "Unchanged"),), folded=bool(others))


def _whole(difference: Difference) -> Iterator[Block]:
    yield Facts((("Before, W′", difference.before), ("After, W", difference.after)))
    tiles: list[tuple[str, str]] = [
        (f"Tensors {state}", integer(n)) for state in STATES if (n := difference.count(state))
    ]
    tiles.append(("NaN or infinite", before_after(*difference.bad)))
    whole, shift = difference.trained, difference.shift
    if whole is not None and whole.count:
        tiles += [
            ("Relative update", update_cell(whole).text),
            ("Cosine", cosine_cell(whole).text),
            ("Unchanged", unchanged_cell(whole).text),
            ("Max change", largest_cell(whole).text),
        ]
    if shift is not None:
        tiles += [
            ("W1 / σ", wasserstein_cell(shift).text),
            ("PSI", psi_cell(shift).text),
            ("JS distance", js_cell(shift).text),
        ]
    yield Facts(tuple(tiles), "tiles")
    if any(difference.bad):
        text = (
            f"{counted(sum(t.non_finite > 0 for t in difference.tensors), 'tensor')} with NaN or infinite values come "
            "first in the table; updates, cosines, shifts and norms are of the finite values."
        )
        yield Paragraph(text, "warning")
    if whole is not None:
        yield Paragraph(
            f"Over {integer(whole.count)} values of trained weights that both hold, compared value by value."
            if whole.count
            else "No trained weight is in both under the same name, shape and dtype.",
        )
    if shift is not None and shift.bins:
        yield Paragraph(f"PSI and JS distance are over {bins(shift)}.", "note")
    for note in difference.notes:
        yield Paragraph(_sentence(note), "note")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."


def _tensors(difference: Difference, tensors: Sequence[TensorDifference], caption: str) -> Table:
    columns = (
        Column("Tensor", numeric=False),
        Column("State", numeric=False),
        NON_FINITE,
        UPDATE
        if difference.paired
        else Column("Update, at least", definition="|‖W‖ − ‖W′‖| / ‖W′‖ ≤ ‖W − W′‖ / ‖W′‖."),
        *((COSINE, UNCHANGED, LARGEST, WASSERSTEIN) if difference.paired else ()),
        *((KIND,) if difference.paired else ()),
        Column("L2 norm", unit="before"),
        Column("L2 norm", unit="after"),
        Column("Shape and dtype", numeric=False),
        Column("Role", numeric=False),
    )
    rows = [_row(tensor, difference.paired) for tensor in tensors]
    note = (
        "What is not finite first; then weights, moving statistics and the like, optimizer state; in each what came, "
        "went or changed its shape or dtype, then by update."
    )
    return bounded(caption, columns, rows, "html", note=note, where="what the comparison prints with --json")


def _row(tensor: TensorDifference, paired: bool) -> Row:
    update = update_cell(tensor.change) if paired else Cell(at_least(tensor), sort=tensor.update)
    return Row(
        (
            Cell(tensor.name),
            Cell(tensor.state, level=_LEVELS.get(tensor.state, "")),
            counts_cell(*tensor.bad),
            update,
            *(
                (
                    cosine_cell(tensor.change),
                    unchanged_cell(tensor.change),
                    largest_cell(tensor.change),
                    wasserstein_cell(tensor.shift),
                    Cell(kind_words.remark(tensor.kind, tensor.shape)),
                )
                if paired
                else ()
            ),
            *(number_cell(norm) for norm in tensor.norms),
            Cell(tensor.form),
            Cell(tensor.role),
        )
    )


def at_least(tensor: TensorDifference) -> str:
    """A lower bound of a relative update, from the norms alone: ≥ |‖W‖ − ‖W′‖| / ‖W′‖."""
    return NO_DATA if tensor.update is None else f"≥ {number(tensor.update, 3)}"
