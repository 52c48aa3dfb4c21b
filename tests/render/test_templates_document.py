"""docs/template-context.md lists every field that templates are given, as the classes document them."""

from __future__ import annotations

import inspect
import os
import re
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path

from reporter.model import blocks, cards, finding_list, hero, look, page, side_by_side, table

MODULES = (page, blocks, table, hero, finding_list, cards, side_by_side, look)
DOCUMENT = Path(__file__).parents[2] / "docs" / "template-context.md"


def described() -> str:
    """The document: a part for each class, a row for each of its fields."""
    lines = [
        "# What templates are given",
        "",
        f"Version {page.CONTEXT_VERSION}. Written by `make golden` from the classes of `reporter/model`; all "
        "text is raw, and templates escape it. A block is printed by the partial of its name in small letters.",
    ]
    for module in MODULES:
        for name, kind in vars(module).items():
            if inspect.isclass(kind) and is_dataclass(kind) and kind.__module__ == module.__name__:
                lines += ["", f"## {name}", "", *part(kind)]
    return "\n".join(lines) + "\n"


def part(kind: type) -> list[str]:
    """The docstring of a class, and a row for each field with its type, default and meaning."""
    text = inspect.cleandoc(kind.__doc__ or "")
    head, _, attributes = text.partition("Attributes:\n")
    meanings: dict[str, str] = {}
    for found in re.finditer(r"^    ([a-z_, ]+): (.+?)(?=^    [a-z_, ]+: |\Z)", attributes, re.MULTILINE | re.DOTALL):
        for name in found[1].split(", "):
            meanings[name] = " ".join(found[2].split())
    rows = ["| field | type | default | |", "|---|---|---|---|"]
    for one in fields(kind):
        default = "" if one.default is MISSING else f"`{one.default!r}`" if one.name != "look" else "the program's"
        typed = str(one.type).replace("|", "\\|")
        rows.append(f"| `{one.name}` | `{typed}` | {default} | {meanings.get(one.name, '')} |")
    return [" ".join(head.split()), "", *rows]


def test_the_document_is_true() -> None:
    if os.environ.get("UPDATE_GOLDEN"):
        DOCUMENT.write_text(described())
    assert DOCUMENT.read_text() == described(), "run `make golden`, and read the difference"


def test_every_field_has_a_meaning() -> None:
    assert not [line for line in described().splitlines() if line.startswith("| `") and line.endswith("|  |")]
