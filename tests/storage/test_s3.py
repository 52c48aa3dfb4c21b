"""Checkpoints in S3: what a run reads of them, that it says the same as of local files, and what faults come to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from reporter.api import measure
from reporter.cli import main
from reporter.gather.catalog import scan
from reporter.gather.verify import verify
from reporter.settings.model import Settings
from reporter.storage import stores
from tests.storage.conftest import BUCKET, Traffic

STEPS = 3


def weights(step: int, rows: int = 1000) -> bytes:
    values = np.random.default_rng(step).normal(size=(rows, 1000)).astype(np.float32)
    return bytes(save({"dense.kernel": values, "dense.bias": values[0], "out.kernel": values[:, :500].copy()}))


@pytest.fixture(scope="module")
def run(s3: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A series of checkpoints in the store, and the same on the disk."""
    folder = tmp_path_factory.mktemp("local") / "run"
    folder.mkdir()
    for step in range(STEPS):
        data = weights(step)
        (folder / f"model-{step}.safetensors").write_bytes(data)
        s3.pipe_file(f"{BUCKET}/run/model-{step}.safetensors", data)
    return f"s3://{BUCKET}/run", folder


def put(s3: Any, name: str, data: bytes) -> str:
    s3.pipe_file(f"{BUCKET}/{name}", data)
    return f"s3://{BUCKET}/{name}"


def states(url: str) -> list[str]:
    return [f"{verdict.state}: {verdict.reason}" for verdict in verify(Settings(roots=(Path(url),), settle=0.0))]


def test_little_more_is_read_than_the_tensors_have(s3: Any, traffic: Traffic) -> None:
    data = weights(7, rows=4000)
    url = put(s3, "measure/model.safetensors", data)
    measure(url)
    assert len(data) <= traffic.fetched <= 1.05 * len(data)
    assert len(traffic.ranges) <= 14 + len(data) // (4 << 20)


def test_a_report_is_that_of_the_local_files(run: tuple[str, Path], traffic: Traffic, tmp_path: Path) -> None:
    url, folder = run
    arguments = ["--no-pdf", "--no-plots-folder", "--settle", "0"]
    for name, root in (("there", url), ("here", str(folder))):
        assert main(["report", root, "--out", str(tmp_path / name), *arguments]) == 0
    there, here = (json.loads((tmp_path / name / "latest" / "report.json").read_text()) for name in ("there", "here"))
    sizes = [path.stat().st_size for path in sorted(folder.iterdir())]
    probes = STEPS * (192 << 10)  # small parts of each, from which its format is told
    # The last one is opened again for its int8 and float16 readiness, and nothing of it is fetched again.
    assert traffic.fetched <= 1.05 * sum(sizes) + probes
    assert len(traffic.looks) <= 8 * STEPS
    assert there["settings"].pop("folders") == url
    assert here["settings"].pop("folders") == str(folder)
    for key in ("created", "timings", "news"):
        there.pop(key, None)
        here.pop(key, None)
    assert without_times(there) == without_times(here)
    told = "".join(path.read_text() for path in (tmp_path / "there" / "latest").glob("*.*ml"))
    assert "hidden-word" not in told
    assert "/ckpt-report-" not in told  # the folder that stands for the store


def without_times(value: Any) -> Any:
    """A record without what tells when files were written."""
    if isinstance(value, dict):
        return {k: without_times(v) for k, v in value.items() if "mtime" not in k and "modified" not in k}
    return [without_times(one) for one in value] if isinstance(value, list) else value


def test_the_second_run_reads_nothing(run: tuple[str, Path], traffic: Traffic, tmp_path: Path) -> None:
    arguments = ["report", run[0], "--out", str(tmp_path / "out"), "--no-pdf", "--no-plots-folder", "--settle", "0"]
    assert main(arguments) == 0
    traffic.ranges.clear()
    assert main(arguments) == 0
    assert traffic.fetched <= STEPS * (64 << 10)


def test_errors_of_the_store_are_tried_again(s3: Any, traffic: Traffic, monkeypatch: pytest.MonkeyPatch) -> None:
    url, store = put(s3, "flaky/model.safetensors", weights(1)), stores.filesystem("s3://")
    real, asked = store.cat_file, []

    def flaky(path: str, **named: Any) -> bytes:
        asked.append(path)
        data: bytes = real(path, **named)
        if len(asked) % 3 == 1:
            raise ConnectionResetError("reset by peer; Authorization: hidden-word")
        return data[: len(data) // 2] if len(asked) % 3 == 2 else data

    monkeypatch.setattr(store, "cat_file", flaky)
    assert states(url) == ["sound: "]
    assert len(asked) > len(traffic.ranges)


def test_a_store_that_never_answers_is_said_without_secrets(
    s3: Any, traffic: Traffic, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = put(s3, "silent/model.safetensors", weights(1))

    def silent(path: str, **named: Any) -> bytes:
        raise ConnectionResetError("reset by peer; Authorization: hidden-word")

    monkeypatch.setattr(stores.filesystem("s3://"), "cat_file", silent)
    found = scan(Settings(roots=(Path(url),), settle=0.0))
    (entry,) = found.files
    assert entry.harmful
    assert "ConnectionResetError" in entry.reason
    assert "hidden-word" not in entry.reason


def test_an_object_deleted_meanwhile_is_rotated_away(s3: Any, traffic: Traffic) -> None:
    url = put(s3, "gone/model.safetensors", weights(1, rows=5000))

    def delete(number: int) -> None:
        if number == 8:
            s3.rm_file(f"{BUCKET}/gone/model.safetensors")

    traffic.before = delete
    (said,) = states(url)
    assert said.startswith("rotated away")


def test_an_object_written_anew_meanwhile_is_in_progress(s3: Any, traffic: Traffic) -> None:
    url = put(s3, "anew/model.safetensors", weights(1))
    before = len(weights(1))

    def write(number: int) -> None:
        if number >= 6:  # whenever something is read: the second try meets it as well
            s3.pipe_file(f"{BUCKET}/anew/model.safetensors", weights(number)[:before])

    traffic.before = write
    (said,) = states(url)
    assert said.startswith("in progress")


def test_a_secret_in_an_address_is_refused_and_not_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    for url in ("s3://key:hidden-word@bucket/run", "s3://bucket/run?X-Amz-Signature=hidden-word"):
        for command in (["report", url], ["scan", url], ["inspect", url], ["report", "x", "--baseline", url]):
            assert main(command) == 2
            said = capsys.readouterr()
            assert "hidden-word" not in said.out + said.err
            assert "AWS_PROFILE" in said.err
