"""The first section: the verdict, where it comes from, and what a reader must know beside it."""

from __future__ import annotations

from collections.abc import Iterator

from reporter.model.blocks import Paragraph
from reporter.model.measured import GroupMeasure
from reporter.model.page import Block, Section
from reporter.model.report import Report
from reporter.numerals import counted, number
from reporter.sections.base import Medium
from reporter.sections.hero import hero
from reporter.sections.series_names import endings

CAUTIONS = 5
"""Most cautions about how files were combined into series; the others are only in the sections of their series."""

UNREADABLE, ROOM = 3, 50
"""Most files that are named here, and most characters of a path that is shown whole."""


def subtitle(report: Report) -> str:
    """What the report covers, in one line."""
    names = [s.name for s in report.series]
    if len(names) == 1:
        (one,) = report.series
        n = len(one.refs)
        covered = f"{counted(n, 'state')} recorded in memory" if one.recorded else counted(n, "checkpoint")
        return covered if report.title == one.name else f"{one.name}: {covered}"
    return f"{counted(report.checkpoints, 'checkpoint')} in {counted(len(names), 'series', 'series')}"


def build(report: Report, medium: Medium) -> Iterator[Section]:
    """The section: the first screen, cautions, and files that could not be measured."""
    blocks: list[Block] = [hero(report, medium), *_cautions(report)]
    if unreadable := report.unmeasured:
        paths = endings([f.path for f in unreadable], ROOM)
        named = ", ".join(f"{path} ({f.state})" for path, f in zip(paths[:UNREADABLE], unreadable, strict=False))
        rest = f" and {len(unreadable) - UNREADABLE} more" if len(unreadable) > UNREADABLE else ""
        blocks.append(
            Paragraph(f"{counted(len(unreadable), 'file')} could not be measured: {named}{rest}. See Files.", "warning")
        )
    yield Section("verdict", "Verdict", tuple(blocks))


def _cautions(report: Report) -> Iterator[Paragraph]:
    """Cautions about how files were combined into series, without which the verdict could be misread."""
    cautions = list(dict.fromkeys(text for series in report.series for text in series.cautions))
    yield from (Paragraph(text) for text in cautions[:CAUTIONS])
    if len(cautions) > CAUTIONS:
        more = counted(len(cautions) - CAUTIONS, "remark")
        yield Paragraph(f"{more} more of this kind: see each series.", "note")


def norm_of(group: GroupMeasure) -> str:
    """The L2 norm of some values; where not all of them are finite there is none."""
    return "NaN/Inf" if group.summary.non_finite else number(group.statistics["l2_norm"])
