"""Cache files: what comes back is what went in, to the bit, and what is damaged counts as not there."""

from __future__ import annotations

import math
from dataclasses import fields
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from reporter.cache import container, pairs
from reporter.cache.container import Unusable
from reporter.cache.entry import Entry, Shelf, encode
from reporter.derive.statistics import STATISTICS
from reporter.measuring.checkpoint import Plan, measure_checkpoint
from reporter.measuring.pairs import compare_contents
from reporter.model.change import Change
from reporter.model.changes import NO_CHANGES, Changes, MergedChanges, columns
from reporter.model.measured import GroupMeasure, Layout, Measured, TensorMeasure
from reporter.model.summary import Summary
from reporter.model.table import table
from reporter.model.tensor import Contents, LayerInfo, SkippedTensor
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
    integrity="crc32c",
    framework="Toy 1.0",
    notes=("a remark",),
    missing_layers=("gone",),
    missing_weights=3,
)


def entry(content: bytes | Path) -> Entry:
    return Entry(container.opened(content), Shelf(), lambda error: AssertionError(f"damaged: {error}"))


def written(contents: Contents = CONTENTS, plan: Plan = PLAN) -> tuple[Measured, bytes]:
    numbers, _ = measure_checkpoint(contents, plan)
    return numbers, encode({"name": "x", "step": 3, "step_source": "toy"}, contents, plan.quantiles,
                           {plan.variables: numbers})  # fmt: skip


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
    if hasattr(a, "__dataclass_fields__"):
        return all(same(getattr(a, f.name), getattr(b, f.name)) for f in fields(a))
    return bool(a == b) and type(a) is type(b)


def test_everything_measured_comes_back() -> None:
    numbers, content = written()
    back = entry(content).measured(PLAN.variables, PLAN.quantiles)
    for one in fields(Measured):
        assert same(getattr(numbers, one.name), getattr(back, one.name)), one.name


@pytest.mark.parametrize("kind", [TensorMeasure, GroupMeasure, Summary, Measured])
def test_no_field_was_forgotten(kind: type) -> None:
    """A field added to the model has to be added to the cache: the comparison above then covers it."""
    stored = {f.name for f in fields(kind)}
    known = {
        TensorMeasure: "info summary statistics quantiles units sketch",
        GroupMeasure: "name kind tensors parameters trainable nbytes summary statistics quantiles",
        Summary: "count nan posinf neginf zeros mean m2 m3 m4 minimum maximum cells exponent",
        Measured: "layout tensors layers roles whole optimizer model_layers layers_ordered skipped integrity framework "
        "notes seconds missing_layers missing_weights",
    }
    of_the_series = {"own_names"}  # told anew when a checkpoint is put into its series
    assert stored - of_the_series == set(known[kind].split())


@given(
    arrays.arrays(
        st.sampled_from(["f4", "f8", "f2", "i4"]), arrays.array_shapes(max_dims=2, max_side=40), elements=None
    )
)
def test_any_values_come_back(values: np.ndarray) -> None:
    contents = Contents("toy", (), (ArraySource(values),))
    with np.errstate(all="ignore"):
        numbers, content = written(contents, Plan())
    assert same(numbers, entry(content).measured("model", Plan().quantiles))


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
    layout = Layout.of(tuple(s.info for s in other.tensors), ())
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
        pairs.decode(container.opened(content), Layout.of(layout.infos[:2], ()))


def test_changes_of_some_tensors_come_back() -> None:
    change = Change(3, 1, 0.1, 0.2, 0.3, 0.4, 0.5)
    changes = Changes.of({"c": change, "a": change, "b": Change(1, exact=False)})
    layout = Layout.of(tuple(ArraySource(np.ones(3), name).info for name in "abc"), ())
    content = pairs.encode({}, changes, layout.places)
    back = pairs.decode(container.opened(content), layout)
    assert dict(back) == {"c": change, "a": change}


def test_changes_of_nothing_come_back() -> None:
    """Two checkpoints that share no tensor, such as those of another model and the baseline."""
    layout = Layout.of((ArraySource(np.ones(3), "a").info,), ())
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
        plain, stored = getattr(numbers, kind), getattr(back, kind)
        assert not isinstance(stored, tuple)
        np.testing.assert_array_equal(table(stored, names), table(plain, names))
        np.testing.assert_array_equal(table(stored, names), table(tuple(stored), names))
        assert [stored[i].statistics["count"] for i in (0, -1)] == [plain[i].statistics["count"] for i in (0, -1)]


def test_a_statistic_added_since_is_in_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers, _ = measure_checkpoint(CONTENTS, PLAN)
    monkeypatch.setattr("reporter.cache.entry.STATISTICS", STATISTICS[:-1])
    content = encode({"name": "x", "step": 3, "step_source": "toy"}, CONTENTS, PLAN.quantiles,
                     {PLAN.variables: numbers})  # fmt: skip
    back, added = entry(content).measured(PLAN.variables, PLAN.quantiles), [STATISTICS[-1].name, "mean"]
    np.testing.assert_array_equal(table(back.tensors, added), table(numbers.tensors, added))
