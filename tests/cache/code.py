"""Code as a hash: of all that some functions can reach by imports, whatever its comments say.

Two versions of the program that share the hash give the same numbers of the same file. What is followed is every
import inside the package, also one in a function's body, and every module that is named in a string, since child
processes load their parsers by name. What no number can depend on is left out: comments, layout, and strings that are
statements, which are docstrings.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

Sources = Mapping[str, str]
"""Text of every module of a package by its dotted name."""


def sources(package: ModuleType) -> dict[str, str]:
    """The modules of an imported package, without the one that is its public face and imports everything."""
    (folder,) = map(Path, package.__path__)
    found = {}
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        found[".".join((package.__name__, *parts)).removesuffix(".__init__")] = path.read_text("utf-8")
    del found[package.__name__]
    return found


def reached(of: Sources, entries: Iterable[str]) -> dict[str, str]:
    """What the entries consist of, and every module that they import, directly or not.

    Args:
        of: where modules are looked up; imports of anything else are not followed.
        entries: dotted names of modules.

    Returns:
        A hash of the syntax tree by name.
    """
    found: dict[str, str] = {}
    waiting = list(entries)
    while waiting:
        entry = waiting.pop()
        if entry not in found:
            found[entry], names = _read(of[entry])
            waiting += names & of.keys()
    return found


def digest(found: Mapping[str, str]) -> str:
    """Sixteen characters that change with any of them."""
    return hashlib.sha256(repr(sorted(found.items())).encode()).hexdigest()[:16]


@cache
def _read(text: str) -> tuple[str, frozenset[str]]:
    """A hash of a module's tree, and all that may be names of modules in it."""
    names: set[str] = set()
    words = "".join(_words(ast.parse(text), names))
    return hashlib.sha256(words.encode()).hexdigest(), frozenset(names)


def _words(node: Any, names: set[str]) -> Iterator[str]:
    """A tree as text, the same on every version of Python: fields that are empty or None are new in some."""
    if isinstance(node, ast.AST):
        names.update(_named(node))
        yield type(node).__name__ + "("
        for name, value in ast.iter_fields(node):
            if value is not None and value != []:
                yield name + "="
                yield from _words(value, names)
        yield ")"
    elif isinstance(node, list):
        yield "["
        for item in node:
            if not _is_docstring(item):
                yield from _words(item, names)
        yield "]"
    else:
        yield repr(node) + ","


def _named(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield node.module
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value


def _is_docstring(node: Any) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
