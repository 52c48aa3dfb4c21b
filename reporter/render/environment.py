"""The Jinja2 environment: texts are escaped, undefined names are errors, deceptive characters become visible."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from reporter.model.page import Block
from reporter.render.assets import templates_folder
from reporter.render.cells import alike, cells, mark
from reporter.render.columns import column_shares, density
from reporter.render.marks import svg
from reporter.render.text import clip, visible


def partial(block: Block) -> str:
    """The path of the template that prints a block, such as ``partials/table.html`` for a ``Table``."""
    return f"partials/{type(block).__name__.lower()}.html"


@cache
def environment() -> Environment:
    """The environment, which is made once per process.

    Raises:
        reporter.errors.RenderError: the templates are missing.
    """
    env = Environment(
        loader=FileSystemLoader(templates_folder()),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=visible,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    env.globals["mark"] = mark
    env.filters.update(
        svg=lambda mark: Markup(svg(mark)),
        alike=alike,
        cells=cells,
        clip=clip,
        partial=partial,
        column_shares=column_shares,
        density=density,
    )
    return env
