"""What is inside the PDF, and what is only beside it."""

from __future__ import annotations

from typing import cast

import pytest

from reporter import documents
from reporter.cache import Cache
from reporter.cache.renderings import Renderings
from reporter.documents import ATTACHED, Documents
from reporter.model.page import Page
from reporter.render.pdf import Attachment, Printer
from tests.make.rich import Rich
from tests.make.text import as_text

FILES = {"report.json": b"{" + b" " * 2998 + b"}", "tensors.csv": b"a" * 2000, "summary.md": b"b"}


class Paper:
    """Takes what would be printed."""

    page: Page
    attached: tuple[Attachment, ...]

    def send(self, page: Page, attachments: tuple[Attachment, ...]) -> None:
        self.page, self.attached = page, attachments


@pytest.mark.parametrize(
    ("most", "inside"),
    [(5000, ["report.json", "tensors.csv"]), (4999, ["report.json"]), (2500, ["tensors.csv"]), (100, [])],
)
def test_only_what_is_small_is_attached_and_the_rest_is_named(
    rich: Rich, monkeypatch: pytest.MonkeyPatch, most: int, inside: list[str]
) -> None:
    """Mail servers refuse large messages: a report over 560 series was a PDF of 35 MB, of which 34 were these files."""
    monkeypatch.setattr(documents, "MOST_ATTACHED", most)
    paper = Paper()
    Documents(Renderings(Cache(None)), cast(Printer, paper)).begin(rich.report, FILES)
    assert [file.name for file in paper.attached] == inside
    assert all(FILES[file.name] == file.data for file in paper.attached)
    beside = [fact for fact in paper.page.facts if "too large to be attached" in fact]
    assert [
        name for name in ATTACHED if any(f"attached: {name}, {len(FILES[name]) // 1000} kB" in f for f in beside)
    ] == [name for name in ATTACHED if name not in inside]
    assert "the attached" not in as_text(paper.page), "which would be wrong where it is not"
