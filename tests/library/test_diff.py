"""``reporter.diff`` and ``Measurement.compare`` against numpy, and the same on paths, live models and arrays."""

from __future__ import annotations

import json
import pickle
import warnings
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from matplotlib.figure import Figure

import reporter

RNG = np.random.default_rng(3)
BEFORE = {
    "a/kernel": RNG.normal(size=(80, 40)).astype(np.float32),
    "a/bias": RNG.normal(size=40).astype(np.float32),
    "gone/kernel": np.ones((2, 2)),
    "wide/kernel": np.ones((2, 3)),
    "cast/kernel": np.linspace(0, 1, 5, dtype=np.float32),
}
AFTER = {
    "a/kernel": BEFORE["a/kernel"] * np.float32(1.01),
    "a/bias": BEFORE["a/bias"],
    "wide/kernel": np.ones((2, 4)),
    "cast/kernel": BEFORE["cast/kernel"].astype(np.float16),
    "new/kernel": np.zeros((2, 2)),
}
STATES = {
    "a/kernel": "changed",
    "a/bias": "equal",
    "gone/kernel": "removed",
    "wide/kernel": "reshaped",
    "cast/kernel": "dtype changed",
    "new/kernel": "added",
}


@pytest.fixture(scope="module")
def found() -> reporter.Diff:
    return reporter.diff(BEFORE, AFTER)


def test_states(found: reporter.Diff) -> None:
    assert {name: str(one.state) for name, one in found.items()} == STATES
    assert len(found) == 6
    assert found.whole.state == "changed"
    assert found.changed()[0].name == "a/kernel"
    with pytest.raises(KeyError, match="did you mean a/kernel"):
        found["a/kernle"]


def test_changes_are_numpys(found: reporter.Diff) -> None:
    change = found["a/kernel"].change
    assert change is not None
    a, b = (of["a/kernel"].astype(np.float64).ravel() for of in (BEFORE, AFTER))
    assert change.exact
    assert change.distance == pytest.approx(np.linalg.norm(b - a), rel=1e-12)
    assert change.relative_update == pytest.approx(np.linalg.norm(b - a) / np.linalg.norm(a), rel=1e-12)
    assert change.largest == np.abs(b - a).max()
    assert change.cosine == pytest.approx(a @ b / np.linalg.norm(a) / np.linalg.norm(b), abs=1e-12)
    assert change.equal == (a == b).sum()


def test_histograms_share_edges(found: reporter.Diff) -> None:
    before, after = found["a/kernel"].histograms(bins=30)
    assert before is not None
    assert after is not None
    assert before.edges == after.edges
    for histogram, of in ((before, BEFORE), (after, AFTER)):
        assert histogram.counts == tuple(np.histogram(of["a/kernel"], histogram.edges)[0])
    assert found["new/kernel"].histograms()[0] is None


def test_table_json_pickle_and_pictures(found: reporter.Diff) -> None:
    frame = found.to_pandas().set_index("name")
    assert dict(frame["state"]) == STATES
    assert frame.loc["a/kernel", "relative_update"] == found["a/kernel"].change.relative_update  # type: ignore[union-attr]
    assert np.isnan(frame.loc["new/kernel", "norm_before"])
    record = json.loads(found.to_json())
    assert {one["name"]: one["state"] for one in record["variables"]} == STATES
    assert pickle.loads(pickle.dumps(found)) == found
    for figure in (found.plot(), found.plot("a/kernel"), found.plot("new/kernel"), reporter.diff(AFTER, AFTER).plot()):
        assert isinstance(figure, Figure)
        assert figure._repr_png_().startswith(b"\x89PNG")
    html = found._repr_html_()
    assert "a/kernel" in html
    assert "1 variable not shown: equal" in html
    assert repr(found).startswith("<Diff of 6 variables: 1 reshaped, 1 removed, 1 added, 1 dtype changed, 1 changed, ")


def test_compare_knows_small_variables_exactly_and_estimates_others() -> None:
    before, after = reporter.measure(BEFORE), reporter.measure(AFTER)
    compared, exact = before.compare(after), reporter.diff(BEFORE, AFTER)
    assert {name: one.state for name, one in compared.items()} == {name: one.state for name, one in exact.items()}
    assert compared["a/bias"].change == exact["a/bias"].change
    small, known = compared["a/kernel"].change, exact["a/kernel"].change
    assert small is not None
    assert known is not None
    assert not small.exact
    assert small.distance == pytest.approx(known.distance, rel=0.1)
    assert any("estimated" in note for note in compared.notes)
    assert compared["a/kernel"].histograms(20) == exact["a/kernel"].histograms(20)
    assert "≈" in compared._repr_html_()
    with pytest.raises(reporter.SettingError, match=r"compare: dict is no Measurement; reporter\.diff"):
        before.compare(BEFORE)  # type: ignore[arg-type]


def test_compare_cannot_tell_what_sketches_leave_out() -> None:
    bad = np.ones(2000, np.float32)
    bad[0] = np.nan
    result = reporter.measure({"w": bad})
    assert result.compare(result)["w"].state == "unknown"
    assert reporter.diff({"w": bad}, {"w": bad})["w"].state == "equal"


def test_a_model_and_its_file(any_keras: ModuleType, tmp_path: Path) -> None:
    k = any_keras
    model = k.Sequential([k.layers.Dense(4, name="one"), k.layers.Dense(2, name="two")])
    model.build((None, 3))
    path = tmp_path / "m.weights.h5" if k.__name__ == "keras" else tmp_path / "m.h5"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save_weights(path)
    same = reporter.diff(path, model)
    assert {str(one.state) for one in same.values()} == {"equal"}
    assert same.whole.state == "equal"
    model.layers[1].set_weights([w + 1 for w in model.layers[1].get_weights()])
    later = reporter.diff(path, model)
    assert [name for name, one in later.items() if one.state == "changed"] == ["two/kernel", "two/bias"]
    assert reporter.diff(model, path)["two/bias"].change.largest == 1  # type: ignore[union-attr]


def test_errors_are_those_of_measure() -> None:
    with pytest.raises(reporter.SettingError, match="no such folder or checkpoint"):
        reporter.diff("/nowhere/at/all", AFTER)
    with pytest.raises(reporter.SettingError, match="bins"):
        reporter.diff(BEFORE, AFTER, bins=0)
