"""TERM, HUP and Ctrl-C at every boundary between stages: nothing is left behind, and the last report stands."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reporter import documents, judged, pipeline
from reporter.gather import all_series
from reporter.writers import destination, publish, report_json, tensors_csv
from tests.faults.warm import Small

SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)

BOUNDARIES: tuple[tuple[Any, str], ...] = (
    (judged, "scan"),
    (all_series, "compare"),
    (judged, "judge"),
    (pipeline, "details"),
    (pipeline, "draw_all"),
    (report_json, "report_record"),
    (tensors_csv, "inert"),
    (pipeline, "draw_layers"),
    (documents, "page_makers"),
    (destination, "publish"),
    (publish, "_make_durable"),
    (publish, "_point"),
)
"""What begins a stage, or a step of publication."""


@pytest.fixture(autouse=True)
def heard() -> Iterator[None]:
    """Nothing is ignored, as SIGHUP is under nohup, and SIGINT in the background of a shell."""
    defaults = (signal.SIG_DFL, signal.SIG_DFL, signal.default_int_handler)
    before = [signal.signal(number, handler) for number, handler in zip(SIGNALS, defaults, strict=True)]
    yield
    for number, handler in zip(SIGNALS, before, strict=True):
        signal.signal(number, handler)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    return Small(tmp_path_factory.mktemp("signals"))


def stopping(real: Callable[..., Any], number: int) -> Callable[..., Any]:
    def first(*arguments: Any, **options: Any) -> Any:
        os.kill(os.getpid(), number)
        return real(*arguments, **options)

    return first


@pytest.mark.parametrize("place", range(len(BOUNDARIES)), ids=[name for _, name in BOUNDARIES])
def test_signals(small: Small, monkeypatch: pytest.MonkeyPatch, place: int) -> None:
    """Each boundary with one of the signals, in turn."""
    module, name = BOUNDARIES[place]
    number = SIGNALS[place % len(SIGNALS)]
    before = small.latest()
    handlers = [signal.getsignal(n) for n in SIGNALS]
    with monkeypatch.context() as patched:
        patched.setattr(module, name, stopping(getattr(module, name), number))
        ended = small.report()
    assert ended.code == 128 + number
    assert ended.said.strip().splitlines()[-1].endswith("; the last published report stands")
    assert small.latest() == before
    assert small.leftovers() == []
    assert {p.name for p in (small.out / "runs").iterdir()} == {Path(before).name}
    assert [signal.getsignal(n) for n in SIGNALS] == handlers


def test_a_signal_after_the_link_was_swapped_leaves_the_new_report(
    small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, real = small.latest(), publish._point

    def point(*arguments: Any) -> None:
        real(*arguments)
        os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patched:
        patched.setattr(publish, "_point", point)
        assert small.report("--title", "another").code == 143
    assert small.latest() != before
    assert small.record()["title"] == "another"


def test_what_is_ignored_stays_ignored(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    """As under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with monkeypatch.context() as patched:
            patched.setattr(judged, "judge", stopping(judged.judge, signal.SIGHUP))
            assert small.report().code in (0, 3)
    finally:
        signal.signal(signal.SIGHUP, before)
