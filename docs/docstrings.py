"""How mkdocstrings reads our sources: docstrings for Markdown, name by name, and our dataclasses as dataclasses."""

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

    def on_class_instance(self, *, cls: griffe.Class, **more: Any) -> None:
        """Called with every class: what constructs a dataclass of ours is shown as of any dataclass."""
        for decorator in cls.decorators:
            call = decorator.value
            if decorator.callable_path == "reporter.frozen.dataclass" and isinstance(call, griffe.ExprCall):
                call.function = griffe.ExprName("dataclasses.dataclass")
                cls.labels.add("dataclass")


def as_markdown(text: str) -> str:
    r"""A docstring with what Markdown would misread in its own words.

    >>> as_markdown("As :func:`a.b` does::\n\n    c()")
    'As `a.b` does:\n\n    c()'
    >>> as_markdown(">>" "> a.b()\n3\n\nEnd.")
    'Examples:\n    >>> a.b()\n    3\n\nEnd.'
    >>> as_markdown("Args:\n    a, b: what they\n        are.\n    c: this.")
    'Args:\n    a: what they\n        are.\n    b: what they\n        are.\n    c: this.'
    """
    text = re.sub(r":(?:func|class|mod|meth|attr|data|exc):`~?([^`]+)`", r"`\1`", text)
    text = re.sub(r"::$", ":", text, flags=re.MULTILINE)
    text = re.sub(r"``([^`]+)``", r"`\1`", text)
    text = re.sub(r"^    (\w+(?:, \w+)+)(: .*(?:\n {8}.*)*)", _each, text, flags=re.MULTILINE)
    doctest = r"^>>> (?:.+\n?)+"
    return re.sub(doctest, lambda found: "Examples:\n" + textwrap.indent(found[0], "    "), text, flags=re.MULTILINE)


def _each(found: re.Match[str]) -> str:
    """Each of several names that are described together, with that description."""
    return "\n".join(f"    {name}{found[2]}" for name in found[1].split(", "))
