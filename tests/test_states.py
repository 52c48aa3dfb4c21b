"""One enumeration has every state that a listing shows, and every error of a checkpoint one of them."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import reporter
from reporter.errors import CheckpointError, State, with_state
from reporter.model.checkpoint import ASIDE, HARMLESS


def test_each_error_has_a_state_of_its_own_and_is_made_from_it() -> None:
    kinds = CheckpointError.__subclasses__()
    states = [kind.state for kind in kinds]
    assert len(set(states)) == len(kinds)
    assert all(isinstance(state, State) for state in states)
    for kind in kinds:
        assert type(with_state(Path("m"), "why", kind.state)) is kind
    others = {
        State.MEASURED,
        State.RECORDED,
        State.FOUND,
        State.EMPTY,
        State.NO_CHECKPOINT,
        State.LEFT_OUT,
        State.SOUND,
    }
    assert set(State) - set(states) == others


def test_what_is_no_checkpoint_says_nothing_against_a_run() -> None:
    assert ASIDE < HARMLESS < set(State)
    assert {State.CORRUPT, State.PARTIAL, State.REFUSED, State.EMPTY}.isdisjoint(HARMLESS)


def test_the_schema_knows_every_state_of_a_file() -> None:
    text = (Path(reporter.__file__).parent / "writers" / "report.schema.json").read_text("utf-8")
    listed = next(
        found["enum"]
        for found in objects(json.loads(text))
        if isinstance(found, dict) and State.NO_CHECKPOINT in found.get("enum", [])
    )
    assert sorted(listed) == sorted(set(State) - {State.SOUND})


def objects(value: Any) -> Iterator[Any]:
    """Everything inside of a JSON value, itself included."""
    yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects(inner)


def test_nobody_spells_a_state_of_several_words_as_text() -> None:
    """A misspelt one would be another state, and no check would notice."""
    words = {state.value for state in State if " " in state.value}
    found = []
    for path in Path(reporter.__file__).parent.rglob("*.py"):
        if path.name != "errors.py":
            strings = (n for n in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(n, ast.Constant))
            found += [(path.name, node.value) for node in strings if node.value in words]
    assert not found
