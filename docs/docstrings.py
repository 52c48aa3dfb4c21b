"""How mkdocstrings reads our docstrings: doctests become blocks of code, and roles of Sphinx plain code."""

from __future__ import annotations

import re
import textwrap
from typing import Any

import griffe


class Docstrings(griffe.Extension):
    """Changes every docstring before it is rendered."""

    def on_object(self, *, obj: griffe.Object, **more: Any) -> None:
        """Called with everything that was found in the source."""
        if obj.docstring:
            obj.docstring.value = as_markdown(obj.docstring.value)


def as_markdown(text: str) -> str:
    r"""A docstring with what Markdown would misread in its own words.

    >>> as_markdown("As :func:`a.b` does::\n\n    c()")
    'As `a.b` does:\n\n    c()'
    >>> as_markdown(">>" "> a.b()\n3\n\nEnd.")
    'Examples:\n    >>> a.b()\n    3\n\nEnd.'
    """
    text = re.sub(r":(?:func|class|mod|meth|attr|data|exc):`~?([^`]+)`", r"`\1`", text)
    text = re.sub(r"::$", ":", text, flags=re.MULTILINE)
    text = re.sub(r"``([^`]+)``", r"`\1`", text)
    doctest = r"^>>> (?:.+\n?)+"
    return re.sub(doctest, lambda found: "Examples:\n" + textwrap.indent(found[0], "    "), text, flags=re.MULTILINE)
