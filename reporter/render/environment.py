"""The Jinja2 environment: texts are escaped, undefined names are errors, deceptive characters become visible."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from jinja2 import BaseLoader, ChoiceLoader, Environment, FileSystemLoader, PrefixLoader, StrictUndefined
from markupsafe import Markup

from reporter.errors import RenderError
from reporter.model.look import Templates
from reporter.model.page import Block
from reporter.numerals import in_full, number
from reporter.render.assets import templates_folder
from reporter.render.cells import alike, breaking, cells, mark
from reporter.render.columns import column_shares, defined, density, extras
from reporter.render.compiled import kept
from reporter.render.contents import contents
from reporter.render.health import heads, health_cells, key, row_names, spans, stretches, widest
from reporter.render.marks import drawn_once, svg
from reporter.render.outlines import outline, used
from reporter.render.text import clip, visible


def partial(block: Block) -> str:
    """The path of the template that prints a block, such as ``partials/table.html`` for a ``Table``."""
    return f"partials/{type(block).__name__.lower()}.html"


ORIGINAL = "ckpt-report"
"""Before the path of a template: that of the program, which a template of the user's own may extend or include."""


@cache
def environment(own: Templates | None = None) -> Environment:
    """The environment, which is made once per process.

    Args:
        own: templates of the user's, each of which replaces that of the program with the same path.

    Raises:
        reporter.errors.RenderError: the templates are missing.
    """
    env = Environment(
        loader=_loader(own),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=visible,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        bytecode_cache=kept() if own is None else None,
    )
    env.globals["mark"] = mark
    env.filters.update(heads=heads, health_cells=health_cells, row_names=row_names, spans=spans)
    env.filters.update(key=key, stretches=stretches, widest=widest)
    env.filters.update(
        alike=alike,
        breaking=breaking,
        cells=cells,
        clip=clip,
        contents=contents,
        partial=partial,
        column_shares=column_shares,
        defined=defined,
        drawn_once=drawn_once,
        density=density,
        extras=extras,
        number=number,
        in_full=in_full,
        outline=outline,
        used_bins=used,
        svg=lambda mark: Markup(svg(mark)),
    )
    return env


@contextmanager
def told_of(own: Templates | None) -> Iterator[None]:
    """A context in which whatever fails in templates of the user's own is told as a fault of these.

    Raises:
        RenderError: naming the template and the line, where they are known.
    """
    try:
        yield
    except (RenderError, MemoryError):
        raise
    except Exception as error:
        if own is None:
            raise
        frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename.endswith(".html")]
        where = f"{frames[-1].filename}, line {frames[-1].lineno}" if frames else own.folder
        raise RenderError(
            f"templates: {where}: {type(error).__name__}: {error}; docs/templates.md lists what a template is given"
        ) from error


def _loader(own: Templates | None) -> BaseLoader:
    """Where templates come from: the user's folder first, if there is one."""
    ours = FileSystemLoader(templates_folder())
    if own is None:
        return ours
    return ChoiceLoader([FileSystemLoader(own.folder), ours, PrefixLoader({ORIGINAL: ours})])
