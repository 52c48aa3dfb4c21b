"""Bundles of one structure are interpreted once; whatever an interpretation looks at makes another."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reporter.readers.meaning import Interpretation
from reporter.readers.tensorflow import remembered
from reporter.readers.tensorflow.bundle import Entry

ENTRIES = {"a": Entry(1, (2, 3), 0, 0, 24, crc=5), "b": Entry(1, (2, 3), 0, 24, 24, crc=6)}


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "_kept", {})


def ask(graph: bytes, entries: dict[str, Entry]) -> bool:
    """Whether it was interpreted anew."""
    calls: list[None] = []

    def interpret() -> Interpretation:
        calls.append(None)
        return Interpretation((), (), ordered=True)

    remembered.remembered(graph, entries, interpret)
    return bool(calls)


def test_the_next_checkpoint_of_a_series_is_not_interpreted_again() -> None:
    assert ask(b"graph", ENTRIES)
    trained = {"a": replace(ENTRIES["a"], crc=7), "b": replace(ENTRIES["b"], crc=8)}
    assert not ask(b"graph", trained)


@pytest.mark.parametrize(
    ("graph", "entries"),
    [
        (b"other", ENTRIES),
        (b"graph", {"a": ENTRIES["a"]}),
        (b"graph", {"c": ENTRIES["a"], "b": ENTRIES["b"]}),
        (b"graph", {**ENTRIES, "b": replace(ENTRIES["b"], dtype=2)}),
        (b"graph", {**ENTRIES, "b": replace(ENTRIES["b"], shape=(3, 2))}),
        (b"graph", {**ENTRIES, "b": replace(ENTRIES["b"], offset=0)}),
        (b"graph", {**ENTRIES, "b": replace(ENTRIES["b"], shard=1)}),
        (b"graph", {**ENTRIES, "b": replace(ENTRIES["b"], crc=5)}),  # equal checksums tell copies
    ],
)
def test_another_graph_or_other_entries_are_interpreted(graph: bytes, entries: dict[str, Entry]) -> None:
    assert ask(b"graph", ENTRIES)
    assert ask(graph, entries)


def test_only_the_last_are_kept() -> None:
    for number in range(remembered.MOST + 1):
        assert ask(b"%d" % number, ENTRIES)
    assert ask(b"0", ENTRIES)
    assert not ask(b"%d" % remembered.MOST, ENTRIES)
