"""Render a page as one self-contained HTML file. Its content security policy lets it load nothing and run one
script."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256

from markupsafe import Markup

from reporter.model.page import Figure, Page
from reporter.render.assets import read_asset
from reporter.render.environment import environment
from reporter.render.links import links_of

STYLES = ("tokens", "frame", "sections", "verdict", "findings", "tables", "figures", "cards", "print")
"""The style sheets of a page in ``templates/css/page``, in the order in which they apply."""

SCRIPTS = ("page", "tables", "search", "findings", "folds", "cards", "links", "contents")
"""The scripts of a page in ``templates/js``. Joined in this order they are one function, so each sees the names of
those before it."""


def render_html(page: Page) -> str:
    """The text of the file. It can always be encoded as UTF-8.

    Raises:
        reporter.errors.RenderError: the installation lacks a template, style sheet or script.
    """
    css = "\n".join(read_asset(f"css/page/{name}.css") for name in STYLES)
    scripts = "\n".join(read_asset(f"js/{name}.js") for name in SCRIPTS)
    js = f'"use strict";\n(() => {{\n{scripts}}})();'
    policy = (
        f"default-src 'none'; img-src data:; style-src '{_digest(css)}'; script-src '{_digest(js)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    template = environment().get_template("report.html")
    links = links_of(page, files=True)
    return template.render(page=page, css=Markup(css), js=Markup(js), policy=policy, links=links, source=_data_uri)


def _digest(text: str) -> str:
    """The source expression of a content security policy that admits exactly this inline text, by its hash."""
    return "sha256-" + b64encode(sha256(text.encode()).digest()).decode("ascii")


def _data_uri(figure: Figure) -> Markup:
    """The image as a ``data:`` address, so that the file needs no other."""
    return Markup("data:image/png;base64," + b64encode(figure.png).decode("ascii"))
