"""Cache files: what comes back is what went in, to the bit, and what is damaged counts as not there."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from reporter.cache import container, pairs
from reporter.cache import entry as entries
from reporter.cache.container import Unusable
from reporter.cache.entry import Entry, Shelf, encode
from reporter.derive.statistics import STATISTICS, Statistic
from reporter.measuring.checkpoint import Plan, measure_checkpoint
from reporter.measuring.pairs import compare_contents
from reporter.model.change import Change
from reporter.model.changes import NO_CHANGES, Changes, MergedChanges, columns
from reporter.model.columns import COUNTS, MOMENTS, Columns
from reporter.model.layout import Layout
from reporter.model.measured import GroupMeasure, Measured, Measures, TensorMeasure
from reporter.model.summary import Summary
from reporter.model.tensor import Contents, Integrity, LayerInfo, SkippedTensor
from reporter.model.value import Absent
from tests.sources import ArraySource

PLAN = Plan("trainable", (0.01, 0.5, 0.95))
CONTENTS = Contents(
    "toy",
    (LayerInfo("dense", "Dense"), LayerInfo("empty")),
    (
        ArraySource(np.random.default_rng(1).standard_normal((70, 50)).astype("f4")),
        ArraySource(np.array([1, np.nan, -np.inf, 0, -0.0], "f4"), "dense/bias", role="bias", trainable=None),
        ArraySource(np.array([1e308, -1e308]), "norm/moving_mean", "norm", "moving_mean", False),
        ArraySource(np.array([], "f4").reshape(0, 4), "none", "", "other"),
        ArraySource(np.arange(-5, 1900, dtype="i8"), "adam/m", "dense", "momentum", None, "optimizer"),
        ArraySource(np.full((3, 3), np.nan, "f2"), "nan\udc80\n", "", "kernel"),
        ArraySource(np.arange(2000).astype(ml_dtypes.bfloat16), "brain", "dense", "embedding"),
    ),
    skipped=(SkippedTensor("table", "string", (3, 4), "not a number"),),
    layers_ordered=False,
    integrity=Integrity.CRC32C,
    framework="Toy 1.0",
    notes=("a remark",),
    missing_layers=("gone",),
    missing_weights=3,
)


def entry(content: bytes | Path) -> Entry:
    return Entry(container.opened(content), Shelf(), lambda error: AssertionError(f"damaged: {error}"))


def written(contents: Contents = CONTENTS, plan: Plan = PLAN) -> tuple[Measured, bytes]:
    numbers, _ = measure_checkpoint(contents, plan)
    return numbers, encode({"name": "x", "step": 3, "step_source": "toy"}, contents, {plan.variables: numbers})


def same(a: Any, b: Any) -> bool:
    """Equal to the bit, NaN included, whatever the classes are."""
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and a.dtype == b.dtype and a.tobytes() == b.tobytes()
    if isinstance(a, float):
        return isinstance(b, float) and (a.hex() == b.hex() or (math.isnan(a) and math.isnan(b)))
    if isinstance(a, tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if hasattr(a, "items"):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, Measures):
        return isinstance(b, Measures) and same(tuple(a), tuple(b))
    if hasattr(a, "__dataclass_fields__"):
        return type(a) is type(b) and all(same(getattr(a, name), getattr(b, name)) for name in shown(type(a)))
    return bool(a == b) and type(a) is type(b)


HOW = {"rows", "row", "of_tensors", "of_groups", "read_cells", "kept"}
"""Fields by which numbers are found, and which hold none themselves."""


def shown(kind: type) -> list[str]:
    """All that a dataclass shows: fields and properties."""
    names = [f.name for f in fields(kind)]
    names += [name for name in dir(kind) if isinstance(getattr(kind, name), property | cached_property)]
    return [name for name in names if name not in HOW]


@pytest.mark.parametrize("quantiles", [PLAN.quantiles, (0.5,), ()], ids=str)
def test_everything_measured_comes_back(quantiles: tuple[float, ...]) -> None:
    """Every number of every tensor, layer, role and whole; with the columns that a fresh measurement has."""
    _, content = written()
    numbers, _ = written(plan=Plan(PLAN.variables, quantiles))
    back = entry(content).measured(PLAN.variables, quantiles)
    for name in shown(Measured):
        assert same(getattr(numbers, name), getattr(back, name)) or name == "seconds", name
    kept = back.of_tensors.columns.slim(), back.of_groups.columns
    for fresh, known in zip((numbers.of_tensors.columns, numbers.of_groups.columns), kept, strict=True):
        assert all(same(getattr(fresh, f.name), getattr(known, f.name)) for f in fields(fresh))


def test_numbers_of_tensors_are_read_again_where_they_do_not_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand checkpoints may hold a million tensors; those of the few that are compared stay."""
    numbers, content = written()
    path = tmp_path / "x.checkpoint"
    path.write_bytes(content)
    read: list[int] = []
    real = entries.from_bytes

    def counted(data: bytes, *more: Any) -> Columns:
        read.append(len(data))
        return real(data, *more)

    monkeypatch.setattr(entries, "from_bytes", counted)
    monkeypatch.setattr(entries, "RECENT", 0)
    shelf = Shelf()
    some = [Entry(container.opened(path), shelf, error_of).measured(PLAN.variables, PLAN.quantiles) for _ in range(9)]
    read.clear()
    for _ in range(3):
        for one in some[-entries.FEWEST :]:
            assert same(one.of_tensors.columns.slim().values, numbers.of_tensors.columns.values)
    assert not read
    own = some[0].at_hand()
    assert len(read) == 1
    assert all(a.statistics == b.statistics for a, b in zip(own.tensors, numbers.tensors, strict=True))
    assert len(read) == 1
    path.write_bytes(content[: len(content) // 9])
    with pytest.raises(LookupError, match="cut off"):
        some[1].tensors[0].statistics  # noqa: B018


def error_of(error: Exception) -> Exception:
    return LookupError(str(error))


def test_nothing_that_is_measured_is_forgotten() -> None:
    """Whatever is added to a summary has a column, so that the comparison above covers it."""
    assert {*COUNTS, *MOMENTS, "read_cells"} == {f.name for f in fields(Summary)}
    assert not any(cls.__subclasses__() for cls in (TensorMeasure, GroupMeasure, Summary, Measured))


@given(
    arrays.arrays(
        st.sampled_from(["f4", "f8", "f2", "i4"]), arrays.array_shapes(max_dims=2, max_side=40), elements=None
    )
)
def test_any_values_come_back(values: np.ndarray) -> None:
    contents = Contents("toy", (), (ArraySource(values),))
    with np.errstate(all="ignore"):
        numbers, content = written(contents, Plan())
    back = entry(content).measured("model", Plan().quantiles)
    assert all(same(getattr(numbers, name), getattr(back, name)) for name in shown(Measured))


def test_whatever_differs_is_kept_under_another_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the same file: other numbers, other quantiles of them, another selection, another time that it took."""
    numbers, content = written()
    other, values = (Contents("toy", (), (ArraySource(np.full((2, 3), n, "f4")),)) for n in (1.0, 2.0))
    both = encode({"name": "x"}, CONTENTS, {one: written(plan=Plan(one))[0] for one in ("model", "all")})
    slow = encode({"name": "x"}, CONTENTS, {PLAN.variables: replace(numbers, seconds=numbers.seconds + 1)})
    kept = [
        entry(content).measured(PLAN.variables, PLAN.quantiles).kept,
        entry(content).measured(PLAN.variables, (0.5,)).kept,
        entry(slow).measured(PLAN.variables, PLAN.quantiles).kept,
        *(entry(both).measured(selection, ()).kept for selection in ("model", "all")),
        *(entry(written(one)[1]).measured(PLAN.variables, ()).kept for one in (other, values)),
    ]
    assert len(set(kept)) == len(kept) and all(kept)
    assert entry(content).measured(PLAN.variables, PLAN.quantiles).kept == kept[0]
    assert numbers.kept == "", "the cache does not know what was just measured"
    monkeypatch.setattr("reporter.cache.entry.STATISTICS", STATISTICS[1:])
    assert entry(content).measured(PLAN.variables, PLAN.quantiles).kept == "", "a statistic may be anybody's"


def test_fewer_quantiles_can_be_asked_for() -> None:
    numbers, content = written()
    back = entry(content).measured(PLAN.variables, (0.5,))
    assert dict(back.tensors[0].quantiles.values) == {0.5: numbers.tensors[0].quantiles.values[0.5]}


def test_structure_is_shared_between_checkpoints() -> None:
    _, content = written()
    shelf = Shelf()
    one, other = (Entry(container.opened(content), shelf, AssertionError) for _ in range(2))
    assert one.measured("trainable", ()).tensors[0].info is other.measured("trainable", ()).tensors[0].info
    assert one.measured("trainable", ()).layers[0].tensors is other.measured("trainable", ()).layers[0].tensors


def test_summaries_still_merge() -> None:
    numbers, content = written()
    back = entry(content).measured(PLAN.variables, PLAN.quantiles)
    assert same(
        numbers.tensors[0].summary + numbers.tensors[4].summary, back.tensors[0].summary + back.tensors[4].summary
    )


def test_changes_come_back() -> None:
    other = Contents("toy", (), tuple(ArraySource(np.ones_like(s.values), s.name) for s in CONTENTS.tensors))  # type: ignore[attr-defined]
    changes = compare_contents(CONTENTS, other)
    names = [s.info.name for s in other.tensors]
    layout = Layout.of(tuple(s.info for s in other.tensors))
    content = pairs.encode({}, changes, layout.places)
    back = pairs.decode(container.opened(content), layout)
    assert same(changes, back)
    assert "nothing" not in back
    for chosen in (names, names[2:5], ["nothing"]):
        assert same(changes.merged(chosen), back.merged(chosen))
    assert np.array_equal(columns(changes), columns(back))
    groups = {"all": names, "some": names[2:5], "none": ["nothing"], "one": names[:1]}
    updates = MergedChanges(back, groups).relative_updates()
    assert list(updates) == ["all", "some", "one"]
    assert same(updates, MergedChanges(changes, groups).relative_updates())
    with pytest.raises(Unusable):
        pairs.decode(container.opened(content), Layout.of(layout.infos[:2]))


def test_changes_of_some_tensors_come_back() -> None:
    change = Change(3, 1, 0.1, 0.2, 0.3, 0.4, 0.5)
    changes = Changes.of({"c": change, "a": change, "b": Change(1, exact=False)})
    layout = Layout.of(tuple(ArraySource(np.ones(3), name).info for name in "abc"))
    content = pairs.encode({}, changes, layout.places)
    back = pairs.decode(container.opened(content), layout)
    assert dict(back) == {"c": change, "a": change}


def test_changes_of_more_values_than_32_bits_count_come_back() -> None:
    many = Change(3 << 40, 1 << 33, 0.1, 0.2, 0.3, 0.4, 0.5, left_out=2)
    layout = Layout.of(tuple(ArraySource(np.ones(3), name).info for name in "ab"))
    for of in ({"a": many, "b": many}, {"a": Change((1 << 32) - 1), "b": Change((1 << 32) - 1)}):
        back = pairs.decode(container.opened(pairs.encode({}, Changes.of(of), layout.places)), layout)
        assert dict(back) == of
        assert back.merged("ab").count == 2 * of["a"].count


def test_changes_of_nothing_come_back() -> None:
    """Two checkpoints that share no tensor, such as those of another model and the baseline."""
    layout = Layout.of((ArraySource(np.ones(3), "a").info,))
    content = pairs.encode({}, NO_CHANGES, layout.places)
    assert dict(pairs.decode(container.opened(content), layout)) == {}


def test_a_file_cut_anywhere_is_none(tmp_path: Path) -> None:
    _, content = written()
    path = tmp_path / "x.checkpoint"
    for length in [*range(0, 400, 7), *range(400, len(content), 997), len(content) - 1]:
        path.write_bytes(content[:length])
        with pytest.raises(Unusable):
            container.opened(path)
    path.write_bytes(content + b"\0")
    with pytest.raises(Unusable):
        container.opened(path)


class Damaged(Exception):
    """A row turned out to be unusable."""


def noticed(content: bytes) -> bool:
    """Whether reading everything in a file raises."""
    try:
        opened = Entry(container.opened(content), Shelf(), Damaged)
        for tensor in opened.measured(PLAN.variables, PLAN.quantiles).tensors:
            assert tensor.summary.cells.total == tensor.summary.finite
            assert tensor.sketch is None or tensor.sketch.size == tensor.info.size
            assert tensor.units is None or len(tensor.units.norms)
        assert opened.measured(PLAN.variables, PLAN.quantiles).whole.summary.cells.total
    except (Unusable, Damaged):
        return True
    return False


def test_a_flipped_bit_anywhere_is_noticed() -> None:
    """In the header at once; in a block when it is read, before anything of it is believed."""
    _, content = written()
    assert not noticed(content)
    for place in [*range(0, 1500, 61), *range(1500, len(content), 503)]:
        damaged = bytearray(content)
        damaged[place] ^= 4
        assert noticed(bytes(damaged)), place


def test_a_table_holds_what_is_found_one_by_one() -> None:
    numbers, content = written()
    back = entry(content).measured(PLAN.variables, PLAN.quantiles)
    names = [s.name for s in STATISTICS]
    for kind in ("tensors", "layers", "roles"):
        for samples in (getattr(numbers, kind), getattr(back, kind)):
            one_by_one = [[sample.statistics[name] for name in names] for sample in samples]
            expected = [[np.nan if isinstance(value, Absent) else value for value in row] for row in one_by_one]
            np.testing.assert_array_equal(samples.table(names), expected)
            assert [samples[i].statistics["count"] for i in (0, -1)] == [one_by_one[i][0] for i in (0, -1)]


def test_columns_and_units_of_all_are_those_of_each() -> None:
    numbers, content = written()
    for one in (numbers, entry(content).measured(PLAN.variables, PLAN.quantiles)):
        columns = one.of_tensors.columns
        for name in columns.names:
            assert same(columns.listed(name), [t.statistics[name] for t in one.tensors]), name
        for p in (*PLAN.quantiles, 0.123):
            assert same(columns.quantile(p), [t.quantiles.values.get(p) for t in one.tensors]), p
        backwards = [info.name for info in reversed(one.infos)]
        found = one.units(backwards)
        assert any(units is not None for units in found)
        assert all(same(units, one.by_name[name].units) for name, units in zip(backwards, found, strict=True))


def test_a_statistic_added_since_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that needs cells, one that does not; one that was taken away is gone."""
    monkeypatch.setattr("reporter.derive.columns.STATISTICS", (*STATISTICS[:5], *STATISTICS[6:-4], STATISTICS[-1]))
    _, content = written()
    added = Statistic("cells", "Cells", "1", "Number of cells.", lambda s: len(s.cells.index))
    monkeypatch.setattr("reporter.derive.columns.STATISTICS", (*STATISTICS[:-1], added))
    expected, _ = written()
    back = entry(content).measured(PLAN.variables, PLAN.quantiles)
    assert list(back.whole.statistics) == [s.name for s in (*STATISTICS[:-1], added)]
    for name in ("tensors", "layers", "roles", "whole", "optimizer"):
        assert same(getattr(back, name), getattr(expected, name)), name
