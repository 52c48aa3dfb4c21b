"""Mistakes that a person makes: two items swapped, a sign dropped, a condition turned round, a key left out."""

from __future__ import annotations

import ast
import copy
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

OPPOSITE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
INVERSE: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Mod: ast.Mult, ast.Pow: ast.Mult,
}  # fmt: skip


SWAPPED = "two items swapped"


@dataclass(frozen=True)
class Mistake:
    """One changed node.

    Attributes:
        line: of the node in the module.
        before, after: what it was and is, as source.
        source: the whole module with the mistake in it.
    """

    kind: str
    line: int
    before: str
    after: str
    source: str


def mistakes(source: str) -> list[Mistake]:
    """Every one that we know how to make in a module, in an order that says nothing, the same every time."""
    tree = ast.parse(source)
    found = []
    for path, node in _nodes(tree, ()):
        for kind, changed in _changes(node):
            around = _at(tree, path[:-1])
            if kind == SWAPPED and isinstance(around, ast.Compare):
                continue  # what is among them is so in any order
            if isinstance(around, ast.Subscript) and ast.unparse(around.value) in ("tuple", "dict", "list", "set"):
                continue  # a type, which nobody computes with
            whole = copy.deepcopy(tree)
            _put(whole, path, changed)
            before, after = ast.unparse(node), ast.unparse(changed)
            if before != after:
                found.append(Mistake(kind, node.lineno, before, after, ast.unparse(ast.fix_missing_locations(whole))))
    return sorted(found, key=lambda m: hashlib.sha256(f"{m.kind} {m.before} {m.after} {m.line}".encode()).digest())


def chosen(found: list[Mistake], count: int) -> list[Mistake]:
    """So many of them, of as many kinds as there are."""
    by_kind: dict[str, list[Mistake]] = {}
    for mistake in found:
        by_kind.setdefault(mistake.kind, []).append(mistake)
    turns = [one for turn in range(count) for of in by_kind.values() for one in of[turn : turn + 1]]
    return turns[:count]


Path = tuple[tuple[str, int | None], ...]


def _nodes(node: ast.AST, path: Path) -> Iterator[tuple[Path, ast.expr]]:
    """Expressions that are computed, with the way to them; no annotations, and nothing of docstrings."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "type_params", "ctx", "op", "ops"):
            continue
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        items = enumerate(value) if isinstance(value, list) else [(None, value)]
        for i, item in items:
            if isinstance(item, ast.AST):
                below = (*path, (name, i))
                if isinstance(item, ast.expr) and not isinstance(node, ast.FormattedValue | ast.JoinedStr):
                    yield below, item
                yield from _nodes(item, below)


def _at(tree: ast.AST, path: Path) -> ast.AST:
    """The node that a way leads to."""
    node = tree
    for attribute, at in path:
        value = getattr(node, attribute)
        node = value if at is None else value[at]
    return node


def _put(tree: ast.AST, path: Path, new: ast.expr) -> None:
    (*ways, (name, i)) = path
    node = _at(tree, tuple(ways))
    if i is None:
        setattr(node, name, new)
    else:
        getattr(node, name)[i] = new


def _changes(node: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    new = copy.deepcopy(node)
    match new:
        case ast.Compare(ops=[op]):
            new.ops = [OPPOSITE[type(op)]()]
            yield "a condition turned round", new
        case ast.UnaryOp(op=ast.USub() | ast.Not()):
            yield "a sign or a not dropped", new.operand
        case ast.BinOp(op=op) if type(op) in INVERSE:
            new.op = INVERSE[type(op)]()
            yield "another operation", new
        case ast.BoolOp(op=op):
            new.op = ast.Or() if isinstance(op, ast.And) else ast.And()
            yield "and for or", new
        case ast.IfExp(test=test):
            new.test = ast.UnaryOp(ast.Not(), test)
            yield "a choice turned round", new
        case ast.Constant(value=value) if type(value) is int:
            new.value = value + 1
            yield "off by one", new
        case ast.Constant(value=value) if type(value) is bool:
            new.value = not value
            yield "a switch turned", new
        case ast.Call(args=args):
            yield from _swapped_arguments(node, args)
        case ast.Dict():
            yield from _swapped_values(node)
        case ast.List(elts=items) | ast.Tuple(elts=items) if isinstance(new.ctx, ast.Load):
            yield from _items(node, items)


def _swapped_arguments(node: ast.expr, arguments: list[ast.expr]) -> Iterator[tuple[str, ast.expr]]:
    for i in range(len(arguments) - 1):
        if type(arguments[i]) is type(arguments[i + 1]) and isinstance(
            arguments[i], ast.Name | ast.Attribute | ast.Call
        ):
            new = copy.deepcopy(node)
            assert isinstance(new, ast.Call)
            new.args[i], new.args[i + 1] = new.args[i + 1], new.args[i]
            yield "two arguments swapped", new


def _swapped_values(node: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    assert isinstance(node, ast.Dict)
    for i in range(len(node.values)):
        new = copy.deepcopy(node)
        assert isinstance(new, ast.Dict)
        if i + 1 < len(node.values) and node.keys[i] is not None and node.keys[i + 1] is not None:
            new.values[i], new.values[i + 1] = new.values[i + 1], new.values[i]
            yield "two values of a record swapped", new
            new = copy.deepcopy(node)
            assert isinstance(new, ast.Dict)
        del new.keys[i], new.values[i]
        yield "a key dropped", new


def _items(node: ast.expr, items: list[ast.expr]) -> Iterator[tuple[str, ast.expr]]:
    for i in range(len(items)):
        new = copy.deepcopy(node)
        assert isinstance(new, ast.List | ast.Tuple)
        if i + 1 < len(items):
            new.elts[i], new.elts[i + 1] = new.elts[i + 1], new.elts[i]
            yield SWAPPED, new
            new = copy.deepcopy(node)
            assert isinstance(new, ast.List | ast.Tuple)
        if len(items) > 1:
            del new.elts[i]
            yield "an item dropped", new
