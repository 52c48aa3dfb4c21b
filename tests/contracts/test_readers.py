"""What every registered format must do; a new reader is tested once it is listed and has a maker in tests/make."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from reporter import errors
from reporter.api import Measurement, measure
from reporter.gather.catalog import scan
from reporter.model.role import Role
from reporter.model.tensor import COLLECTIONS, Collection, Integrity
from reporter.readers.opening import open_checkpoint
from reporter.settings.model import Settings
from tests.make.formats import MAKERS, NAMES, files_of

STATES = {"found", "not a checkpoint", "unreadable"} | {
    e.state for e in vars(errors).values() if isinstance(e, type) and issubclass(e, errors.CheckpointError)
}
CUTS = 40


UNORDERED = {"safetensors", "safetensors-index", "tf-v1"}
"""Formats that store names alone, in an order of their own."""

FOLDERS = {"savedmodel", "orbax"}
"""Formats that are a folder of files with names of their own."""


def test_every_reader_has_a_maker() -> None:
    assert set(MAKERS) == set(NAMES)
    assert len(set(NAMES)) == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_found_and_attributed(made: dict[str, Path], name: str) -> None:
    found = scan(Settings(roots=(made[name].parent,), settle=0.0))
    (series,) = found.series
    assert series.format == name
    assert [f.state for f in found.files if f.state != "not a checkpoint"] == ["found"]


@pytest.mark.parametrize("name", [n for n in NAMES if n not in FOLDERS])
def test_recognised_by_content_under_a_wrong_name(made: dict[str, Path], tmp_path: Path, name: str) -> None:
    for path in files_of(made[name]):
        shutil.copyfile(path, tmp_path / path.name.replace(made[name].name, "notes.v2.txt", 1))
    found = scan(Settings(roots=(tmp_path,), settle=0.0))
    assert [s.format for s in found.series] == [name]
    same(measure(made[name]), measure(next(iter(found.series)).checkpoints[0].path))


def same(a: Measurement, b: Measurement) -> None:
    assert [v.statistics for v in a.variables] == [v.statistics for v in b.variables]
    assert [v.quantiles for v in a.variables] == [v.quantiles for v in b.variables]


@pytest.mark.parametrize("name", NAMES)
def test_numbers_are_the_live_models_to_the_bit(model: Any, made: dict[str, Path], name: str) -> None:
    """Same layers, variables and statistics; some formats store names in an order of their own."""
    live, back = measure(model), measure(made[name])
    assert back.whole.statistics["count"] == live.whole.statistics["count"]
    by_name = {v.name.replace(".", "/"): v for v in back.variables}
    assert set(by_name) == {v.name for v in live.variables}
    for variable in live.variables:
        other = by_name[variable.name]
        assert (other.statistics, other.quantiles, other.histogram) == (
            variable.statistics,
            variable.quantiles,
            variable.histogram,
        )
        assert (other.layer, other.role, other.shape, other.dtype) == (
            variable.layer,
            variable.role,
            variable.shape,
            variable.dtype,
        )
    if name not in UNORDERED:
        assert [layer.name for layer in back.layers] == [layer.name for layer in live.layers]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_found_is_told_in_known_words_and_in_order(made: dict[str, Path], name: str) -> None:
    """Roles, collections and the check are members of enumerations; model tensors come first; names are unique."""
    with open_checkpoint(name, made[name]) as contents:
        infos = [tensor.info for tensor in contents.tensors]
        assert contents.integrity in set(Integrity) - {Integrity.UNKNOWN, Integrity.IN_MEMORY}
        assert type(contents.integrity) is Integrity
    assert {type(info.collection) for info in infos} == {Collection}
    assert {type(info.role) for info in infos} == {Role}
    assert infos == sorted(infos, key=lambda info: COLLECTIONS.index(info.collection))
    assert len({info.name for info in infos}) == len(infos)


@pytest.mark.parametrize("name", NAMES)
def test_reading_changes_nothing(made: dict[str, Path], name: str) -> None:
    before = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in files_of(made[name])}
    measure(made[name])
    assert {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in files_of(made[name])} == before


def attempt(path: Path) -> Measurement | errors.ReportError:
    try:
        return measure(path)
    except errors.ReportError as error:
        return error


@pytest.mark.parametrize("name", NAMES)
def test_truncation_is_a_state_never_an_exception(made: dict[str, Path], tmp_path: Path, name: str) -> None:
    """Each file of the format cut at many places: listed with a reason, or not a checkpoint any more."""
    whole = measure(made[name])
    for file in files_of(made[name]):
        content = file.read_bytes()
        cuts = CUTS if len(files_of(made[name])) <= 4 else CUTS // 5
        for cut in sorted({len(content) * i // cuts for i in range(cuts)}):
            folder = tmp_path / f"{file.name}-{cut}"
            shutil.copytree(made[name].parent, folder)
            (folder / file.relative_to(made[name].parent)).write_bytes(content[:cut])
            found = scan(Settings(roots=(folder,), settle=0.0))
            assert {f.state for f in found.files} <= STATES
            for entry in found.files:
                assert entry.reason or entry.state in ("found", "not a checkpoint")
            for ref in (r for s in found.series for r in s.checkpoints):
                result = attempt(ref.path)
                if isinstance(result, errors.ReportError):
                    assert str(folder) in str(result)
                else:  # what was cut off was no weight, or the reader says what it could still read
                    numbers = {v.name: v.statistics for v in whole.variables}
                    assert all(numbers.get(v.name, v.statistics) == v.statistics for v in result.variables)
            shutil.rmtree(folder)
