"""Turn a page, its images and attachments into the bytes of a PDF; the only module that uses WeasyPrint."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC
from hashlib import sha256

from markupsafe import Markup
from weasyprint import HTML
from weasyprint import Attachment as EmbeddedFile
from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse

from reporter.errors import RenderError
from reporter.model.blocks import Figure
from reporter.model.look import Logo
from reporter.render.assets import read_asset
from reporter.render.environment import environment, told_of
from reporter.render.links import links_of
from reporter.render.own_style import own_style
from reporter.render.pdf import Job

VARIANT = "pdf/ua-1"
"""PDF/UA-1, which screen readers need: tagged and titled. PDF/A-3, made for archives, does not ensure that."""


class AssetFetcher(URLFetcher):  # type: ignore[misc]  # WeasyPrint has no types
    """Gives WeasyPrint the report's own images, under ``asset:`` addresses; any other address ends the rendering."""

    def __init__(self, assets: Mapping[str, bytes]) -> None:
        super().__init__(allowed_protocols={"asset"}, allow_redirects=False, fail_on_errors=True)
        self._assets = assets

    def fetch(self, url: str, headers: object = None) -> URLFetcherResponse:
        """The image at an address.

        Raises:
            ValueError: there is no image of the report at ``url``. WeasyPrint turns this into FatalURLFetchingError.
        """
        if url not in self._assets:
            raise ValueError(f"{url[:200]} is not part of the report")
        return URLFetcherResponse(url, self._assets[url], {"Content-Type": "image/png"})


def paint(job: Job) -> tuple[bytes, list[str]]:
    """Make a PDF.

    Returns:
        The bytes, and the warnings that WeasyPrint logged.

    Raises:
        RenderError: WeasyPrint failed, or logged an error, as it does when it leaves out an image or a link.
    """
    assets: dict[str, bytes] = {}

    def source(picture: Figure | Logo) -> Markup:
        data = picture.data if isinstance(picture, Logo) else picture.png
        url = f"asset:{sha256(data).hexdigest()}"
        assets[url] = data
        return Markup(url)

    created, own = job.created.astimezone(UTC), job.page.look.templates
    with told_of(own):
        template = environment(own).get_template("pdf.html")
        text = template.render(
            data=None,
            page=job.page,
            css=Markup(read_asset("css/pdf.css", own) + own_style(job.page.look)),
            links=links_of(job.page, files=False),
            source=source,
            attachments=job.attachments,
            created=created.strftime("%Y-%m-%dT%H:%M:%SZ"),
        )
    fetcher = AssetFetcher(assets)
    files = [
        EmbeddedFile(
            string=item.data, url_fetcher=fetcher, name=item.name, description=item.description,
            created=created, modified=created,
        )
        for item in job.attachments
    ]  # fmt: skip
    with _collected() as records:
        try:
            # WeasyPrint ends lines of a link within words in spite of <wbr>, but not where it has the character of that
            # meaning, which does not come along when text is copied from the PDF.
            html = HTML(string=text.replace("<wbr>", "\u200b"), url_fetcher=fetcher)
            pdf: bytes = html.write_pdf(attachments=files, pdf_variant=VARIANT)
        except FatalURLFetchingError as exc:
            raise RenderError(f"{exc}: {exc.__cause__}") from exc
        except Exception as exc:
            raise RenderError(f"WeasyPrint failed: {type(exc).__name__}: {exc}") from exc
    errors = [record.getMessage() for record in records if record.levelno >= logging.ERROR]
    if errors:
        raise RenderError("; ".join(errors[:5]))
    return pdf, list(dict.fromkeys(record.getMessage() for record in records))


@contextmanager
def _collected() -> Iterator[list[logging.LogRecord]]:
    """Collect what WeasyPrint logs as warnings and errors; it logs many problems instead of raising them."""
    records: list[logging.LogRecord] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = records.append  # type: ignore[assignment,method-assign]
    logger = logging.getLogger("weasyprint")
    logger.addHandler(handler)
    try:
        yield records
    finally:
        logger.removeHandler(handler)
