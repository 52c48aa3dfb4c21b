"""What a real HTTP server gets wrong: errors, answers that end early, connections that are reset; here and there, or
for good."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from reporter.api import measure
from reporter.cli import main
from reporter.errors import OutputError
from reporter.gather.verify import verify
from reporter.model.output import POINTER
from reporter.settings.model import Settings
from reporter.storage import stores
from reporter.writers.stored_runs import StoredRuns
from tests.make.faulty_http import Fault, Faults, FaultyProxy, Request
from tests.storage.conftest import BUCKET
from tests.storage.test_publishing import FILES, NOW
from tests.storage.test_s3 import states, weights

MOST = 2 * stores.TRIES
"""Requests for one thing that a store refuses for good."""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "FIRST_PAUSE", 0.001)


@pytest.fixture
def url(s3: Any, request: pytest.FixtureRequest) -> str:
    """An object that nothing is known of yet."""
    key = f"{BUCKET}/faults/{abs(hash(request.node.name))}/model.safetensors"
    s3.pipe_file(key, weights(3))
    return f"s3://{key}"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("sound") / "model.safetensors"
    path.write_bytes(weights(3))
    return measure(path)


def each_second_time(fault: Fault, method: str = "GET") -> Faults:
    """Every request of a method is spoiled when it is made for the first time, the third time, and so on."""
    seen: Counter[str] = Counter()

    def spoil(request: Request) -> Fault | None:
        key = f"{request.path} {request.range}"
        seen[key] += 1
        return fault if request.method == method and seen[key] % 2 else None

    return spoil


PASSING = {
    "500": Fault(500),
    "503": Fault(503),
    "half a body": Fault(share=0.5),
    "no body": Fault(),
    "reset": Fault(share=0.5, reset=True),
}


@pytest.mark.parametrize("name", PASSING)
def test_what_passes_costs_nothing_but_time(proxy: FaultyProxy, url: str, sound: Any, name: str) -> None:
    with proxy.spoiling(each_second_time(PASSING[name])) as asked:
        measured = measure(url)
    assert measured.variables == sound.variables
    assert measured.layers == sound.layers
    times = Counter(request.range for request in asked if request.range)
    assert times
    assert all(count >= 2 for count in times.values()), "every range was asked for again"


@pytest.mark.parametrize(("status", "said"), [(500, "InternalError"), (503, "SlowDown")])
def test_what_does_not_pass_is_given_up_soon_and_said(proxy: FaultyProxy, url: str, status: int, said: str) -> None:
    began = time.monotonic()
    with proxy.spoiling(lambda request: Fault(status) if request.range else None) as asked:
        (state,) = states(url)
    assert state.startswith("not examined")
    assert f"the store answered {said}" in state
    assert "hidden-word" not in state
    for key, times in Counter((request.path, request.range) for request in asked if request.range).items():
        assert times <= MOST, key
    assert time.monotonic() - began < 60


def test_connections_that_are_always_reset(proxy: FaultyProxy, url: str) -> None:
    with proxy.spoiling(lambda request: Fault(reset=True) if request.range else None) as asked:
        (state,) = states(url)
    assert state.startswith("not examined")
    assert max(Counter(request.range for request in asked if request.range).values()) <= MOST


def test_what_is_forbidden_is_asked_once(proxy: FaultyProxy, url: str) -> None:
    with proxy.spoiling(lambda request: Fault(403) if request.range else None) as asked:
        (state,) = states(url)
    assert state.startswith("unreadable: it cannot be read: permission denied")
    assert max(Counter(request.range for request in asked if request.range).values()) == 1


def test_an_object_deleted_between_two_answers(proxy: FaultyProxy, s3: Any) -> None:
    key = f"{BUCKET}/faults-gone/model.safetensors"
    s3.pipe_file(key, weights(1, rows=5000))
    ranged: list[str] = []

    def spoil(request: Request) -> Fault | None:
        ranged.extend([request.range] if request.range else [])
        return Fault(404) if len(ranged) > 6 else None

    with proxy.spoiling(spoil):
        (state,) = states(f"s3://{key}")
    assert state.startswith("rotated away")


def test_an_object_written_anew_between_two_answers(proxy: FaultyProxy, s3: Any) -> None:
    """Bytes of two versions are never taken for one checkpoint: the etag tells."""
    key = f"{BUCKET}/faults-anew/model.safetensors"
    s3.pipe_file(key, weights(1))
    versions = iter(range(1000))

    def spoil(request: Request) -> Fault | None:
        if request.method == "HEAD":
            return Fault(etag=f"version-{next(versions)}")
        return None

    with proxy.spoiling(spoil):
        (state,) = states(f"s3://{key}")
    assert state.startswith("in progress")


def test_a_listing_that_fails_at_first(proxy: FaultyProxy, url: str) -> None:
    folder = url.rpartition("/")[0]
    with proxy.spoiling(each_second_time(Fault(500))):
        (verdict,) = verify(Settings(roots=(Path(folder),), settle=0.0))
    assert verdict.state == "sound"


def test_a_listing_that_always_fails(
    proxy: FaultyProxy, url: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with proxy.spoiling(lambda request: Fault(503)):
        assert main(["scan", url.rpartition("/")[0]]) == 2
    said = capsys.readouterr().err
    assert "cannot be listed: the store answered SlowDown" in said
    assert "hidden-word" not in said


@pytest.mark.parametrize("name", ["500", "503", "reset"])
def test_uploads_are_tried_again(proxy: FaultyProxy, s3: Any, name: str) -> None:
    out = f"s3://{BUCKET}/faults-out-{name}"
    with proxy.spoiling(each_second_time(PASSING[name], "PUT")) as asked:
        folder = StoredRuns(out).publish(NOW, "abc", FILES, latest=True)
    puts = Counter(request.path for request in asked if request.method == "PUT")
    assert set(puts.values()) == {2}, "every one was made twice"
    run = json.loads(s3.cat_file(f"{out}/{POINTER}"))["run"]
    assert run == folder.name
    for file, content in FILES.items():
        assert s3.cat_file(f"{out}/runs/{run}/{file}") == content


def test_an_upload_that_fails_in_the_middle(proxy: FaultyProxy, s3: Any) -> None:
    out = f"s3://{BUCKET}/faults-half"
    StoredRuns(out).publish(NOW, "abc", FILES, latest=True)
    before = s3.find(out)

    def spoil(request: Request) -> Fault | None:
        return Fault(503) if request.method == "PUT" and "report.json" in request.path else None

    with proxy.spoiling(spoil) as asked, pytest.raises(OutputError, match=r"answered SlowDown.*is as it was") as caught:
        StoredRuns(out).publish(NOW, "abc", FILES, latest=True)
    assert "hidden-word" not in str(caught.value)
    assert sum("report.json" in request.path and request.method == "PUT" for request in asked) <= MOST
    assert s3.find(out) == before
