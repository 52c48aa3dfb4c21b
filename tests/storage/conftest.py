"""One S3 server of moto on loopback for all tests here, and what a test may see and spoil of its traffic."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from reporter.storage import file as stored_file
from reporter.storage import mirror, pieces, stores
from tests.make.faulty_http import FaultyProxy

BUCKET = "checkpoints"


@dataclass
class Traffic:
    """What was asked of stores.

    Attributes:
        ranges: key, start and stop of every range that was fetched.
        looks: keys that were asked for without reading.
        before: called before each range is fetched, with its number from 0 on.
    """

    ranges: list[tuple[str, int, int]] = field(default_factory=list)
    looks: list[str] = field(default_factory=list)
    before: Callable[[int], None] = lambda number: None

    @property
    def fetched(self) -> int:
        """Bytes."""
        return sum(stop - start for _, start, stop in self.ranges)


@pytest.fixture
def traffic(monkeypatch: pytest.MonkeyPatch) -> Traffic:
    """Counts the requests of a test."""
    seen, fetch, look = Traffic(), stores.fetched, stores.looked_at

    def fetched(store: Any, key: str, start: int, stop: int) -> bytes:
        seen.before(len(seen.ranges))
        seen.ranges.append((key, start, stop))
        return fetch(store, key, start, stop)

    def looked_at(store: Any, key: str) -> stores.Details:
        seen.looks.append(key)
        return look(store, key)

    monkeypatch.setattr(pieces, "fetched", fetched)
    monkeypatch.setattr(stored_file, "fetched", fetched)
    monkeypatch.setattr(mirror, "looked_at", looked_at)
    monkeypatch.setattr(stores, "FIRST_PAUSE", 0.001)
    return seen


@pytest.fixture(scope="session")
def proxy() -> Iterator[FaultyProxy]:
    """What stands between S3 and everybody, and can spoil its answers."""
    pytest.importorskip("s3fs")
    server_of = pytest.importorskip("moto.server")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the server's libraries
        server = server_of.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
    between = FaultyProxy(*server.get_host_and_port())
    yield between
    between.stop()
    server.stop()


@pytest.fixture(scope="session")
def s3(proxy: FaultyProxy) -> Iterator[Any]:
    """An S3 file system with an empty bucket."""
    given = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "hidden-word", "AWS_DEFAULT_REGION": "us-east-1"}
    before = {name: os.environ.get(name) for name in (*given, "AWS_ENDPOINT_URL")}
    os.environ.update(given, AWS_ENDPOINT_URL=proxy.url)
    import fsspec

    store = fsspec.filesystem("s3", use_listings_cache=False)
    store.mkdir(BUCKET)
    yield store
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
