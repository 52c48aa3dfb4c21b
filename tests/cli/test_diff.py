"""``ckpt-report diff``: two checkpoints, or two reports, against numpy and against what was done to them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from reporter.cli import main
from tests.make.safetensors import safetensors

RNG = np.random.default_rng(2)
BEFORE = {
    "body.kernel": RNG.standard_normal((50, 60)).astype("f4"),
    "body.bias": np.zeros(60, "f4"),
    "gone.kernel": np.ones((3, 3), "f4"),
    "head.kernel": RNG.standard_normal((60, 4)).astype("f4"),
    "still.kernel": np.ones((5, 5), "f4"),
}
AFTER = {
    "body.kernel": (BEFORE["body.kernel"] * 1.1 + 0.01).astype("f4"),
    "body.bias": np.full(60, 0.1, "f4"),
    "head.kernel": np.ones((60, 5), "f4"),
    "new.kernel": np.ones((2, 2), "f4"),
    "still.kernel": BEFORE["still.kernel"],
}


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    a, b = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    safetensors(a, BEFORE)
    safetensors(b, AFTER)
    return a, b


def test_the_numbers_are_numpys(two: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", str(two[0]), str(two[1]), "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["counts"] == {
        "reshaped": 1, "removed": 1, "added": 1, "dtype changed": 0, "changed": 2, "unknown": 0, "equal": 1,
    }  # fmt: skip
    assert [t["name"] for t in record["tensors"]] == [
        "head.kernel", "gone.kernel", "new.kernel", "body.kernel", "body.bias", "still.kernel",
    ]  # fmt: skip
    tensors = {t["name"]: t for t in record["tensors"]}
    x, y = (side["body.kernel"].astype(np.float64) for side in (BEFORE, AFTER))
    change = tensors["body.kernel"]["change"]
    assert change["exact"]
    assert change["relative_update"] == pytest.approx(np.linalg.norm(y - x) / np.linalg.norm(x), rel=1e-12)
    assert change["cosine"] == pytest.approx((x * y).sum() / np.linalg.norm(x) / np.linalg.norm(y), rel=1e-12)
    assert change["largest"] == np.abs(y - x).max()
    moved = np.abs(np.sort(y.ravel()) - np.sort(x.ravel())).mean() / x.std()
    shift = tensors["body.kernel"]["shift"]
    assert shift["wasserstein"] == pytest.approx(moved, abs=shift["wasserstein_error"])
    assert tensors["head.kernel"]["before"] == "(60, 4) float32"
    assert tensors["head.kernel"]["after"] == "(60, 5) float32"
    assert tensors["body.bias"]["change"]["relative_update"] is None, "it was all zero"
    assert tensors["still.kernel"]["change"]["equal_share"] == 1.0


def test_the_terminal_shows_the_worst_first_and_only_counts_what_is_equal(
    two: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["diff", str(two[0]), str(two[1])]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[1:6]] == [
        ["head.kernel", "reshaped"],
        ["gone.kernel", "removed"],
        ["new.kernel", "added"],
        ["body.kernel", "changed"],
        ["body.bias", "changed"],
    ]
    assert "still.kernel" not in "\n".join(lines)
    expected = "6 tensors: 1 reshaped, 1 removed, 1 added, 2 changed, 1 equal; trained weights: relative update"
    assert lines[-1].startswith(expected)


def test_the_page_is_written_and_nothing_else_is_overwritten(
    two: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "diff.html"
    assert main(["diff", str(two[0]), str(two[1]), "--html", str(page)]) == 0
    text = page.read_text()
    for word in ("head.kernel", "(60, 4) float32 → (60, 5) float32", "Jensen-Shannon", "Content-Security-Policy"):
        assert word in text
    assert text.count('<svg viewBox="0 0 240 60"') == 2, "the two that changed, before and after"
    assert "<details>" in text[text.index('id="unchanged"') :]
    before = two[0].read_bytes()
    assert main(["diff", str(two[0]), str(two[1]), "--html", str(two[0])]) == 2
    assert two[0].read_bytes() == before
    assert "does not end in .html" in capsys.readouterr().err
    assert main(["diff", str(two[0]), str(two[1]), "--html", str(tmp_path / "nowhere" / "x.html")]) == 1
    assert "name a file in a folder that exists" in capsys.readouterr().err
    assert not list(tmp_path.glob(".new-*"))


def test_the_verdict_of_the_page_names_what_grew_and_by_how_much(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    before = {f"layer_{i}.kernel": rng.standard_normal((40, 30)).astype("f4") for i in range(6)}
    after = {name: (w + 0.05 * rng.standard_normal(w.shape)).astype("f4") for name, w in before.items()}
    after["layer_4.kernel"] = (8 * rng.standard_normal((40, 30))).astype("f4")
    # A kernel leads, whatever biases and moving statistics do.
    before |= {"layer_4.bias": np.ones(30, "f4"), "norm.moving_variance": np.ones(30, "f4")}
    after |= {"layer_4.bias": np.full(30, 90, "f4"), "norm.moving_variance": np.full(30, 900, "f4")}
    for name, arrays in (("a", before), ("b", after)):
        safetensors(tmp_path / f"{name}.safetensors", arrays)
    page, files = tmp_path / "diff.html", [str(tmp_path / f"{name}.safetensors") for name in "ab"]
    assert main(["diff", *files, "--html", str(page)]) == 0
    x, y = (of["layer_4.kernel"].astype(np.float64) for of in (before, after))
    update, norms = np.linalg.norm(y - x) / np.linalg.norm(x), [np.linalg.norm(w) for w in (x, y)]
    (told,) = re.findall(r'class="sentence">([^<]*)<', page.read_text())
    said = re.search(r"most in layer_4\.kernel: relative update ([\d.]+), L2 norm ([\d.]+) → ([\d. \u202f]+)", told)
    assert said, told
    assert [float(n.replace("\u202f", "")) for n in said.groups()] == pytest.approx([update, *norms], rel=0.006)


def test_a_checkpoint_equals_itself(two: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", str(two[0]), str(two[0])]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("5 tensors: 5 equal; trained weights: relative update 0, cosine 1, 100 % of")


def report(folder: Path, arrays: dict[str, np.ndarray]) -> Path:
    (folder / "c").mkdir(parents=True)
    safetensors(folder / "c" / "model-1.safetensors", arrays)
    assert main(["report", str(folder / "c"), "-o", str(folder / "out"), "--no-pdf", "-q", "--fail-on", "none"]) == 0
    return folder / "out" / "latest" / "report.json"


def test_two_reports(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = report(tmp_path / "a", BEFORE), report(tmp_path / "b", AFTER)
    capsys.readouterr()
    assert main(["diff", str(a), str(b), "--json", "--html", str(tmp_path / "d.html")]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["counts"] == {
        "reshaped": 1, "removed": 1, "added": 1, "dtype changed": 0, "changed": 2, "unknown": 1, "equal": 0,
    }  # fmt: skip
    assert not record["paired"]
    tensors = {t["name"]: t for t in record["tensors"]}
    x, y = (side["body.kernel"].astype(np.float64) for side in (BEFORE, AFTER))
    least = tensors["body.kernel"]["update_at_least"]
    assert least == pytest.approx(abs(np.linalg.norm(y) - np.linalg.norm(x)) / np.linalg.norm(x), rel=1e-12)
    assert least <= np.linalg.norm(y - x) / np.linalg.norm(x)
    assert "Update, at least" in (tmp_path / "d.html").read_text()
    assert main(["diff", str(a), str(b)]) == 0
    assert "two reports hold statistics, not values" in capsys.readouterr().out


def test_reports_over_many_series_do_not_lose_the_tensors_that_they_leave_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They were told as removed."""
    whole = report(tmp_path / "a", BEFORE)
    record = json.loads(whole.read_text())
    (series,) = record["series"]
    bare = json.loads(json.dumps(series)) | {"name": "bare"}
    bare["checkpoints"][-1] |= {"detailed": False, "tensors": []}
    two, left_out = tmp_path / "two.json", tmp_path / "left-out.json"
    two.write_text(json.dumps(record | {"series": [series, series | {"name": "bare"}]}))
    left_out.write_text(json.dumps(record | {"series": [series, bare]}))
    capsys.readouterr()
    assert main(["diff", str(two), str(left_out), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["counts"]["removed"] == found["counts"]["added"] == 0
    assert len(found["tensors"]) == len(BEFORE)
    assert any(note.startswith("not compared: series bare,") for note in found["notes"])
    assert found["verdict"] == "WARN", "nothing is known of what was not compared"
    left_out.write_text(json.dumps(record | {"series": [series, bare, bare | {"name": "b"}]}))
    assert main(["diff", str(two), str(left_out)]) == 0
    assert "series bare and 1 other, whose" in " ".join(capsys.readouterr().out.split())
    left_out.write_text(json.dumps(record | {"series": [bare]}))
    assert main(["diff", str(whole), str(left_out)]) == 2
    assert "a report over fewer series has them" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is no JSON"),
        ("[]", "not a report.json"),
        ('{"schema_version": 1}', "not two report.json"),
        ('{"schema_version": 1, "series": [{"name": "a", "checkpoints": [{"tensors": [{"name": 3}]}]}]}', "not two"),
    ],
)
def test_what_is_no_report_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, message: str
) -> None:
    path = tmp_path / "x.json"
    path.write_text(content)
    assert main(["diff", str(path), str(path)]) == 2
    assert message in capsys.readouterr().err


def poisoned() -> dict[str, np.ndarray]:
    """The first checkpoint, but for five NaN and an infinity in one kernel; everything else is equal to the bit."""
    after = {name: values.copy() for name, values in BEFORE.items()}
    after["body.kernel"].reshape(-1)[:5] = np.nan
    after["body.kernel"][-1, -1] = np.inf
    return after


def test_a_nan_never_looks_like_rest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Over the pairs of finite values the update is 0 and the cosine 1: what came is what has to be told first."""
    a, b, page = tmp_path / "a.safetensors", tmp_path / "b.safetensors", tmp_path / "d.html"
    safetensors(a, BEFORE)
    safetensors(b, poisoned())
    assert main(["diff", str(a), str(b), "--html", str(page)]) == 3
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split()[:2] == ["body.kernel", "changed"]
    assert "0 → 6" in lines[1]
    assert "NaN or infinite: 0 values before, 6 after, in 1 tensor" in lines[-3]
    assert lines[-2] == "1 of 5 changed: 1 gained NaN/Inf; only the layer body; 4 equal"
    assert "of the 3\u202f328 values that are finite in both" in lines[-1]
    assert main(["diff", str(a), str(b), "--json"]) == 3
    record = json.loads(capsys.readouterr().out)
    assert (record["verdict"], record["non_finite"]) == ("FAIL", {"before": 0, "after": 6})
    first = record["tensors"][0]
    assert (first["name"], first["non_finite"]) == ("body.kernel", [0, 6])
    change = first["change"]
    assert (change["non_finite_before"], change["non_finite_after"], change["finite_pairs"]) == (0, 6, 2994)
    text = page.read_text()
    assert text.index("body.kernel") < text.index("head.kernel")
    assert "1 tensor with NaN or infinite values come first" in text
    assert "0 (finite)" in text, "an update that is not of all values says so"


def test_a_nan_that_stays_is_shown_although_its_bits_are_equal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both = tmp_path / "b.safetensors"
    safetensors(both, poisoned())
    assert main(["diff", str(both), str(both)]) == 3
    out = capsys.readouterr().out
    assert "6 → 6" in out.splitlines()[1]
    assert "5 equal" in out


@pytest.mark.parametrize(
    ("after", "fail_on", "code"),
    [
        (AFTER, "fail", 0),
        (AFTER, "warn", 3),
        (AFTER, "none", 0),
        (BEFORE, "warn", 0),
        (poisoned(), "none", 0),
        (poisoned(), "fail", 3),
    ],
)
def test_what_ends_in_exit_code_3(
    tmp_path: Path, after: dict[str, np.ndarray], fail_on: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    safetensors(tmp_path / "a.safetensors", BEFORE)
    safetensors(tmp_path / "b.safetensors", after)
    paths = [str(tmp_path / name) for name in ("a.safetensors", "b.safetensors")]
    assert main(["diff", *paths, "--fail-on", fail_on]) == code


@pytest.mark.parametrize(
    ("factor", "scale", "told"),
    [
        (800.0, 1.0, "The norm of head.kernel grew × 8"),
        (0.001, 1.0, "The norm of head.kernel shrank to 1 / "),
        (0.0, 1.0, "The norm of head.kernel became 0"),
        (5.0, 1.0, ""),
        (800.0, 1e-6, ""),  # from nearly nothing, as the second matrix of an adapter
    ],
)
def test_a_norm_that_no_training_explains_is_a_warning_with_its_reason(
    factor: float, scale: float, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kernel, noise = (RNG.normal(0, 0.2, (40, 30)).astype("f4") for _ in range(2))
    a, b = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    safetensors(a, {"head.kernel": scale * kernel, "head.bias": np.full(30, 1e-6, "f4")})
    after = factor * scale * (kernel + (0.1 * noise if factor else 0))
    safetensors(b, {"head.kernel": after.astype("f4"), "head.bias": np.full(30, 2.0, "f4")})  # a bias may grow
    assert main(["diff", str(a), str(b), "--fail-on", "warn"]) == (3 if told else 0)
    printed = capsys.readouterr().out
    assert told in printed
    assert told or "norm of head.kernel" not in printed
    page = tmp_path / "page.html"
    main(["diff", str(a), str(b), "--html", str(page), "--json"])
    record = json.loads(capsys.readouterr().out)
    assert (record["verdict"], record["outgrown"]) == (("WARN", ["head.kernel"]) if told else ("PASS", []))
    assert told[1:] in page.read_text("utf-8")


def test_a_nan_that_is_gone_is_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    safetensors(tmp_path / "a.safetensors", poisoned())
    safetensors(tmp_path / "b.safetensors", BEFORE)
    paths = [str(tmp_path / name) for name in ("a.safetensors", "b.safetensors")]
    assert main(["diff", *paths]) == 0
    assert "6 → 0" in capsys.readouterr().out
    assert main(["diff", *paths, "--fail-on", "warn"]) == 3


def test_two_reports_count_what_is_not_finite_as_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = report(tmp_path / "a", BEFORE), report(tmp_path / "b", poisoned())
    capsys.readouterr()
    assert main(["diff", str(a), str(b), "--json"]) == 3
    first = json.loads(capsys.readouterr().out)["tensors"][0]
    assert (first["name"], first["non_finite"]) == ("body.kernel", [0, 6])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_a_mere_change_of_dtype_is_called_so_and_floats_are_compared_by_value(
    dtype: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    large = np.random.default_rng(3).standard_normal((1200, 1000)).astype("f4")  # more than one piece of either type
    later = large.astype(getattr(ml_dtypes, dtype, dtype))
    codes = np.ones((4, 4), "i1")
    safetensors(tmp_path / "a.safetensors", {"d.kernel": large, "q.kernel": np.full((4, 4), 0.5, "f4")})
    safetensors(tmp_path / "b.safetensors", {"d.kernel": later, "q.kernel": codes})
    paths = [str(tmp_path / f"{name}.safetensors") for name in "ab"]
    assert main(["diff", *paths, "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["counts"]["dtype changed"] == 2
    assert record["verdict"] == "WARN"
    tensors = {t["name"]: t for t in record["tensors"]}
    assert tensors["q.kernel"]["change"] is None, "codes are not on the scale of the floats that they stand for"
    change, (x, y) = tensors["d.kernel"]["change"], (one.astype("f8") for one in (large, later))
    assert change["relative_update"] == pytest.approx(np.linalg.norm(y - x) / np.linalg.norm(x), rel=1e-12, abs=0)
    assert change["largest"] == np.abs(y - x).max()
    assert change["equal_share"] == (x == y).mean()
    assert main(["diff", *paths]) == 0
    printed = capsys.readouterr().out
    assert f"(1200, 1000) float32 → (1200, 1000) {dtype}" in printed
    assert "reshaped" not in printed


@pytest.mark.parametrize("swapped", [False, True])
def test_names_in_one_common_scope_are_compared_without_it(
    swapped: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    safetensors(tmp_path / "a.safetensors", BEFORE)
    safetensors(tmp_path / "b.safetensors", {f"model.{name}": array for name, array in BEFORE.items()})
    paths = [str(tmp_path / f"{name}.safetensors") for name in ("ba" if swapped else "ab")]
    assert main(["diff", *paths]) == 0
    printed = capsys.readouterr().out
    assert "begin with model." in printed
    assert "5 tensors: 5 equal" in printed


def test_a_common_scope_that_leaves_other_shapes_is_no_match(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    safetensors(tmp_path / "a.safetensors", BEFORE)
    other = {f"model.{name}": np.ones((*array.shape, 2), "f4") for name, array in BEFORE.items()}
    safetensors(tmp_path / "b.safetensors", other)
    assert main(["diff", *(str(tmp_path / f"{name}.safetensors") for name in "ab")]) == 0
    assert "10 tensors: 5 removed, 5 added" in capsys.readouterr().out
