"""Sections of installed packages, after those of this program; one that fails says so in its place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from reporter.errors import SettingError
from reporter.installed import Group, installed
from reporter.model.blocks import Paragraph
from reporter.model.page import Section
from reporter.model.report import Report
from reporter.sections.base import Medium, ReportSection


def installed_sections() -> tuple[ReportSection, ...]:
    """The functions that build the sections of installed packages.

    Raises:
        SettingError: what a package offers cannot be called.
    """
    found: list[ReportSection] = []
    for where, package, thing in installed(Group.SECTIONS):
        if not callable(thing):
            raise SettingError(f"{where}: {type(thing).__name__} is no function of a report and a medium")
        found.append(_guarded(cast("ReportSection", thing), where, package))
    return tuple(found)


def _guarded(build: ReportSection, where: str, package: str) -> ReportSection:
    """The same, with a section that tells what went wrong in place of an exception, which would cost the report."""

    def sections(report: Report, medium: Medium) -> Iterator[Section]:
        try:
            for section in build(report, medium):
                if not isinstance(section, Section):
                    raise TypeError(f"it yields {type(section).__name__}, not a Section")
                yield section
        except Exception as error:
            text = f"{where}: this section could not be made: {type(error).__name__}: {error}"
            yield Section("", f"Section of {package}", (Paragraph(text, "warning"),), listed=False)

    return sections
