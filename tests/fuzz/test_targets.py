"""The seeds of every fuzz target, a few mutations of them, and every input that ever broke one."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.fuzz.drive import mutated
from tests.fuzz.targets import TARGETS

REGRESSIONS = sorted(p for p in (Path(__file__).parent / "regressions").glob("*/*") if p.is_file())


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_and_a_few_mutations(name: str) -> None:
    target, rng = TARGETS[name], random.Random(name)
    for seed in target.seeds:
        target.run(seed)
        for _ in range(100):
            target.run(mutated(seed, rng))


@pytest.mark.parametrize("path", REGRESSIONS, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_what_broke_a_target_once(path: Path) -> None:
    TARGETS[path.parent.name].run(path.read_bytes())
