"""The result of ``reporter.measure``: a mapping, tables, pictures, HTML, JSON and pickles of the same numbers."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from typing import Any

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

import reporter
from reporter import Measurement

RNG = np.random.default_rng(0)
ARRAYS = {
    "dense/kernel": RNG.normal(size=(30, 20)).astype(np.float32),
    "dense/bias": np.zeros(20, np.float32),
    "out/$kernel_1$ <b>": RNG.normal(size=(20, 3)),
    "out/bad": np.array([1.0, np.nan, np.inf, -np.inf]),
}


@pytest.fixture(scope="module")
def result() -> Measurement:
    return reporter.measure(ARRAYS)


def test_it_is_a_mapping_in_model_order(result: Measurement) -> None:
    assert list(result) == list(ARRAYS)
    assert len(result) == 4
    assert "dense/kernel" in result
    assert "nothing" not in result
    assert result.get("nothing") is None
    assert result["dense/kernel"] is result.variable("dense/kernel") is result.variables[0]
    assert [name for name, _ in result.items()] == list(ARRAYS)
    assert [layer.name for layer in result.layers] == ["dense", "out"]


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda r: r["dense/kernal"], "there is no variable 'dense/kernal'; did you mean dense/kernel?"),
        (lambda r: r["KERNEL"], "there is no variable 'KERNEL'; did you mean dense/kernel or out/$kernel_1$ <b>?"),
        (lambda r: r["zzz"], "there is no variable 'zzz'; there are dense/kernel, dense/bias, out/$kernel_1$ <b>"),
        (lambda r: r["dense"], "there is no variable 'dense'; layer() has it"),
        (lambda r: r.layer("dens"), "there is no layer 'dens'; did you mean dense?"),
        (lambda r: r.histogram("dens"), "there is no variable or layer 'dens'; did you mean dense"),
        (lambda r: r[3], "there is no variable 3"),
    ],
)
def test_a_misspelt_name_is_a_key_error_of_our_tree(result: Measurement, ask: Any, message: str) -> None:
    with pytest.raises(KeyError) as caught:
        ask(result)
    assert isinstance(caught.value, reporter.UnknownName)
    assert isinstance(caught.value, reporter.ReportError)
    assert str(caught.value).startswith(message)


def test_repr_is_short(result: Measurement) -> None:
    assert repr(result).startswith("<Measurement of 4 variables in 2 layers: 684 values, mean ")
    assert len(repr(result)) < 120
    assert repr(result["dense/bias"]) == "<Sample dense/bias (20,) float32: 20 values, mean 0, std 0>"


def test_variables_as_a_table(result: Measurement) -> None:
    frame = result.to_pandas()
    assert list(frame["name"]) == list(ARRAYS)
    for row, values in zip(frame.to_dict("records"), ARRAYS.values(), strict=True):
        finite = values[np.isfinite(values)].astype(np.float64)
        assert row["count"] == values.size
        assert row["mean"] == pytest.approx(finite.mean(), abs=1e-12)
        assert row["std"] == pytest.approx(finite.std(), abs=1e-12)
        assert row["shape"] == values.shape


def test_the_other_tables(result: Measurement) -> None:
    layers = result.to_pandas("layers")
    assert list(layers["name"]) == ["dense", "out"]
    assert list(layers["count"]) == [620, 64]
    quantiles = result.to_pandas("quantiles")
    kernel = quantiles[quantiles["name"] == "dense/kernel"]
    values = np.quantile(ARRAYS["dense/kernel"].astype(np.float64), kernel["probability"])
    assert list(kernel["value"]) == values.tolist()
    histograms = result.to_pandas("histograms").groupby("name")["count"].sum()
    assert histograms["dense/kernel"] == 600
    assert histograms["out/bad"] == 1
    with pytest.raises(reporter.SettingError, match="what: 'rows' is not one of variables, layers, quantiles"):
        result.to_pandas("rows")


def test_without_pandas_the_error_says_what_to_install(result: Measurement, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(reporter.MissingPackage, match=r"pip install 'ckpt-report\[pandas\]'") as caught:
        result.to_pandas()
    assert isinstance(caught.value, ImportError)


def test_pandas_and_matplotlib_are_imported_when_they_are_used() -> None:
    code = (
        "import reporter, sys, numpy; r = reporter.measure({'a': numpy.ones(3)})\n"
        "r._repr_html_(), repr(r), r.to_json()\n"
        "r.compare(r)._repr_html_(), r.histogram()\n"
        "assert not {'pandas', 'matplotlib'} & set(sys.modules)\n"
        "r.plot(); assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_pickled_and_back(result: Measurement) -> None:
    back = pickle.loads(pickle.dumps(result))
    assert back == result
    assert back.histogram(bins=7) == result.histogram(bins=7)
    assert back.compare(result)["dense/bias"].state == "equal"


def test_json_holds_all_numbers(result: Measurement) -> None:
    record = json.loads(result.to_json())
    assert record == json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert [one["name"] for one in record["variables"]] == list(ARRAYS)
    kernel = record["variables"][0]
    assert kernel["statistics"]["mean"] == result["dense/kernel"].statistics["mean"]
    assert kernel["histogram"]["counts"] == list(result["dense/kernel"].histogram.counts)  # type: ignore[union-attr]
    assert record["variables"][3]["statistics"]["posinf_count"] == 1


def test_plots_are_figures_and_leave_no_trace(result: Measurement) -> None:
    before = dict(matplotlib.rcParams)
    for figure in (result.plot(), result.plot("dense", bins=9), result["out/$kernel_1$ <b>"].plot(range=(0, 1))):
        assert isinstance(figure, Figure)
        assert figure._repr_png_().startswith(b"\x89PNG")
    assert dict(matplotlib.rcParams) == before
    if "matplotlib.pyplot" in sys.modules:
        assert not sys.modules["matplotlib.pyplot"].get_fignums()
    assert result["out/$kernel_1$ <b>"].plot().axes[0].get_title("left") == "out/$kernel_1$ <b>"


def test_a_plot_of_nothing_says_so() -> None:
    figure = reporter.measure({"w": np.array([np.nan])}).plot()
    assert [text.get_text() for text in figure.axes[0].texts] == ["no finite values"]


def test_html_shows_every_variable_and_no_markup_of_a_checkpoint(result: Measurement) -> None:
    html = result._repr_html_()
    assert "out/$kernel_1$ &lt;b&gt;" in html
    assert "<td><b>3</b>" in html  # values that are not finite
    assert html.count("<tr>") == 5
    assert "█" in html
    assert ".ckr i{white-space:pre" in html  # else a run of empty bins would be drawn as one


@pytest.mark.parametrize("count", [320, 1500])
def test_html_is_small_however_many_variables_there_are(count: int) -> None:
    arrays = {
        f"conv{i % 5}_block{i}_3_conv/kernel": RNG.normal(size=(3, 3, 4, 2)).astype(np.float32) for i in range(count)
    }
    html = reporter.measure(arrays)._repr_html_()
    assert len(html.encode()) <= 50_000
    shown = html.count("<tr>") - 1
    if shown < count:
        assert f"{count - shown:,} more rows: to_pandas() has all of them" in html
    assert shown >= 300
