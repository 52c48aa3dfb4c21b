"""The documents that people read: HTML pages, and the PDF, which another process makes at the same time."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial

from reporter.ahead import NONE, Copies, made_ahead
from reporter.cache.renderings import Renderings, key_of
from reporter.errors import RenderError
from reporter.model.page import Page
from reporter.model.report import Report
from reporter.numerals import size
from reporter.plots import first_screen
from reporter.render.html import render_html
from reporter.render.pdf import Attachment, Printer
from reporter.sections import DRAWN, INDEX, Drawing, Maker, document_page, moment, page_makers
from reporter.sections.base import OF_CHECKPOINTS
from reporter.sections.hero import hero
from reporter.writers.aside import IN_MEMORY, Aside, Content, read, size_of
from reporter.writers.plots import Picture, Plots, pictures_of
from reporter.writers.report_json import timestamp

ATTACHED = {
    "report.json": "What was measured and judged",
    "tensors.csv": "Statistics of tensors, a row for each in each checkpoint",
}
"""Files inside the PDF, with the description that readers show, as far as :data:`MOST_ATTACHED` allows."""

MOST_ATTACHED = 25_000_000
"""Most bytes of all files inside the PDF. They are packed to a fifth there (measured: 174 to 35 MB), and mail servers
refuse messages above 10 to 25 MB, to which their encoding adds a third."""

_Kept = tuple[Content, tuple[Picture, ...]]
"""A page as a file of a run, and its pictures."""

MANY = 4
"""Pages from which on other processors make some: each takes about a tenth of a second, and a copy 20 ms to make."""


class Documents:
    """Makes the documents of one run.

    The PDF takes about as long as all pages together, so a child process makes it beside them: :meth:`warm_up` starts
    that process, :meth:`begin` hands it the page, and :meth:`finish` waits for what it made.

    Attributes:
        problem: why there is no PDF, "" if there is one or none was wanted.
    """

    def __init__(self, renderings: Renderings, printer: Printer | None, paper: str = "A4", plots: bool = True) -> None:
        self.problem = ""
        self._paper = paper
        self._plots = plots
        self._renderings = renderings
        self._printer = printer
        self._key = ""
        self._known: bytes | None = None

    @classmethod
    @contextmanager
    def of(
        cls,
        renderings: Renderings,
        created: datetime,
        *,
        pdf: bool,
        paper: str = "A4",
        plots: bool = True,
    ) -> Iterator[Documents]:
        """As a context, at whose end no child process is left, whatever became of it.

        Args:
            created: the time that the PDF says it was made at.
            pdf: whether to make one.
            paper: its size.
            plots: whether every picture is also a file of its own.
        """
        with ExitStack() as stack:
            yield cls(renderings, stack.enter_context(Printer(created)) if pdf else None, paper, plots)

    def warm_up(self) -> None:
        """Start the child process, which takes a second to load what it needs."""
        if self._printer is not None:
            self._printer.start()

    def begin(self, report: Report, files: Mapping[str, Content], drawing: Drawing = DRAWN) -> None:
        """Start the PDF, unless one of the same report is known from an earlier run.

        Args:
            drawing: adds what only the PDF shows.
            files: what was written so far, with every name of :data:`ATTACHED` among it. Those that are not attached
                are named on the last page, as all others speak of report.json wherever it is.
        """
        if self._printer is None:
            return
        attached = _small({name: files[name] for name in ATTACHED})
        page = document_page(report, drawing)
        facts = [
            f"Beside this PDF, too large to be attached: {n}, {size(size_of(files[n]))}"
            for n in ATTACHED
            if n not in attached
        ]
        page = replace(page, paper=self._paper, facts=(*page.facts, *facts))
        self._key, self._known = self._renderings.document(page, attached, timestamp(report.created).encode())
        if self._known is None:
            self._printer.send(page, tuple(Attachment(name, data, ATTACHED[name]) for name, data in attached.items()))

    @contextmanager
    def pages(
        self,
        report: Report,
        drawing: Drawing = DRAWN,
        copies: Copies = NONE,
        aside: Aside = IN_MEMORY,
        substance: str = "",
        *,
        unchanged: bool = False,
    ) -> Iterator[Callable[[], dict[str, Content]]]:
        """As a context, in which copies of this process make the last pages while it does something else.

        Args:
            report: see :func:`reporter.sections.page_makers`.
            drawing: adds what only single pages show.
            copies: how many may help.
            aside: for what is made.
            substance: see :func:`reporter.cache.substance.substance`.
            unchanged: whether the first page may be that of an earlier run, or of a later one, but for the time: it is
                large, and not kept for nothing.

        Yields:
            What makes the others, and gives the HTML files by path, and their pictures as files.
        """
        makers = page_makers(report, drawing)
        # Pages of checkpoints lead back to those of series where there are some, which installed sections may decide.
        substance = substance and key_of(substance, [path for path, _ in makers])
        kept = self._renderings.pages_of(substance)
        known = {path: self._renderings.rendered(key) for path, key in kept.items()}
        left = [maker for maker in makers if known.get(maker[0]) is None]

        def every(made: Iterator[tuple[_Kept, str]]) -> dict[str, Content]:
            files: dict[str, Content] = {}
            pictures, keys = Plots(), {}
            for path, _ in makers:
                data = known.pop(path, None)
                if data is None:
                    (files[path], shown), key = next(made)
                else:
                    (files[path], shown), key = self._kept(aside, path, *_unpacked(data)), kept[path]
                pictures.add(shown)
                if path.startswith(OF_CHECKPOINTS):
                    keys[path] = key
            if keys != kept:
                self._renderings.keep_pages(substance, keys)
            # What is new, curves and facts are not in the picture, and would have it drawn anew in every run.
            told = replace(hero(report, "html"), news="", curves=None, facts=())
            screen = self._renderings.draw(first_screen, "summary", report.title, told)
            return files | pictures.files | {"summary.png": screen.png}

        told = moment(report) if unchanged and report.look.templates is None else ""
        with made_ahead(left, partial(self._made, aside, told), copies if len(left) >= MANY else NONE) as made:
            yield partial(every, made)

    def _made(self, aside: Aside, moment: str, maker: Maker) -> tuple[_Kept, str]:
        """A page and its pictures, and its key. The first page has none, as it tells when it was made.

        Args:
            aside: for both.
            moment: as the first page has it, if one that differs in nothing else may be used; "" if not.
        """
        path, make = maker
        page = make()
        if path != INDEX:
            packed, key = self._renderings.render(_packed, page)
            return self._kept(aside, path, *_unpacked(packed)), key
        if not moment:
            return self._kept(aside, path, _html(page), pictures_of(page)), ""
        packed, stand_in = self._renderings.render_undated(_packed, page, moment)
        html, pictures = _unpacked(packed)
        return self._kept(aside, path, html.replace(stand_in.encode(), moment.encode()), pictures), ""

    def _kept(self, aside: Aside, path: str, html: bytes, pictures: tuple[tuple[str, bytes], ...]) -> _Kept:
        """A page and its pictures, which are kept aside."""
        shown = tuple((name, aside.keep_named(name, png)) for name, png in pictures) if self._plots else ()
        return aside.keep_named(path, html), shown

    def finish(self) -> dict[str, bytes]:
        """The PDF by path; nothing, and the :attr:`problem` noted, where it could not be made or none was wanted."""
        if self._printer is None:
            return {}
        if self._known is not None:
            return {"report.pdf": self._known}
        try:
            pdf = self._printer.receive()
        except RenderError as error:
            self.problem = str(error)
            return {}
        self._renderings.keep_document(self._key, pdf)
        return {"report.pdf": pdf}


def _small(files: Mapping[str, Content]) -> dict[str, bytes]:
    """Those of the files that can be attached, in their order: each that there is still room for."""
    kept: dict[str, bytes] = {}
    for name, content in files.items():
        if sum(map(len, kept.values())) + size_of(content) <= MOST_ATTACHED:
            kept[name] = read(content)
    return kept


def _packed(page: Page) -> bytes:
    """A page as a file, and its pictures: a line of JSON about these parts, then their bytes."""
    parts = [("", _html(page)), *pictures_of(page)]
    head = json.dumps([(name, len(data)) for name, data in parts])
    return b"".join([head.encode(), b"\n", *(data for _, data in parts)])


def _unpacked(packed: bytes) -> tuple[bytes, tuple[tuple[str, bytes], ...]]:
    """The HTML and the pictures of what :func:`_packed` made."""
    head, _, data = packed.partition(b"\n")
    stream = io.BytesIO(data)
    (_, html), *pictures = [(name, stream.read(length)) for name, length in json.loads(head)]
    return html, tuple(pictures)


def _html(page: Page) -> bytes:
    return render_html(page).encode("utf-8", "backslashreplace")
