"""Render a page: as a self-contained HTML document, or as a PDF with the data attached."""

from reporter.render.html import render_html
from reporter.render.pdf import Attachment, Printer, render_pdf

__all__ = ["Attachment", "Printer", "render_html", "render_pdf"]
