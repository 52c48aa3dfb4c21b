"""Render a page as one self-contained HTML file. Its content security policy lets it load nothing and run one
script."""

from __future__ import annotations

import re
from base64 import b64encode
from functools import cache
from hashlib import sha256

from markupsafe import Markup

from reporter.model.blocks import Figure
from reporter.model.look import Logo, Templates
from reporter.model.page import Page, every_block
from reporter.model.table import Table
from reporter.render.assets import read_asset
from reporter.render.columns import hiding
from reporter.render.environment import environment, told_of
from reporter.render.links import links_of
from reporter.render.own_style import own_style

STYLES = (
    "tokens",
    "frame",
    "head",
    "sections",
    "verdict",
    "hero",
    "findings",
    "tables",
    "menus",
    "figures",
    "compare",
    "cards",
    "print",
)
"""The style sheets of a page in ``templates/css/page``, in the order in which they apply."""

SCRIPTS = (
    "page",
    "address",
    "theme",
    "menu",
    "tables",
    "sorting",
    "columns",
    "copying",
    "edges",
    "entries",
    "search",
    "findings",
    "folds",
    "cards",
    "links",
    "keys",
    "contents",
    "health",
    "data",
    "reading",
    "trend",
    "compare",
)
"""The scripts of a page in ``templates/js``. Joined in this order they are one function, so each sees the names of
those before it."""

_COMMENT = re.compile(r"^[ \t]*(?://[^\n]*|/\*\*(?:(?!\*/).)*\*/[ \t]*)\n", re.MULTILINE | re.DOTALL)
"""A comment that has its lines for itself. They are a third of the scripts, and no reader of a page needs them."""


def render_html(page: Page) -> str:
    """The text of the file. It can always be encoded as UTF-8.

    Raises:
        reporter.errors.RenderError: the installation lacks a template, style sheet or script, or a template of the
            user's own fails.
    """
    from reporter.render.page_data import PageData  # which loads NumPy: the process that prints a PDF does without

    own = page.look.templates
    widest = max((len(block.columns) for block in every_block(page) if isinstance(block, Table)), default=0)
    css, js = "\n".join([_styles(own), hiding(widest), own_style(page.look)]), _script(own)
    policy = (
        f"default-src 'none'; img-src data:; style-src '{_digest(css)}'; script-src '{_digest(js)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    links = links_of(page, files=True)
    data = PageData()
    with told_of(own):
        template = environment(own).get_template("report.html")
        return template.render(
            page=page, css=Markup(css), js=Markup(js), policy=policy, links=links, source=_data_uri, data=data
        )


@cache
def _styles(own: Templates | None) -> str:
    """The style sheets of every page, read once: a report may have thousands of pages."""
    return "\n".join(read_asset(f"css/page/{name}.css", own) for name in STYLES)


@cache
def _script(own: Templates | None) -> str:
    """The script of every page, made once."""
    scripts = "\n".join(_COMMENT.sub("", read_asset(f"js/{name}.js", own)) for name in SCRIPTS)
    return f'"use strict";\n(() => {{\n{scripts}}})();'


def _digest(text: str) -> str:
    """The source expression of a content security policy that admits exactly this inline text, by its hash."""
    return "sha256-" + b64encode(sha256(text.encode()).digest()).decode("ascii")


def _data_uri(picture: Figure | Logo) -> Markup:
    """The image as a ``data:`` address, so that the file needs no other."""
    kind, data = (picture.kind, picture.data) if isinstance(picture, Logo) else ("image/png", picture.png)
    return Markup(f"data:{kind};base64," + b64encode(data).decode("ascii"))
