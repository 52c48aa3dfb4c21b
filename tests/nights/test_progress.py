"""What a run shows while it lasts: one line that changes on a terminal, and colours only where they are wanted."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any, cast

import pytest

from reporter.terminal.colours import Paint
from reporter.terminal.log import Log, Loudness
from reporter.terminal.progress import STAGES, Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def reference(name: str) -> Any:
    return cast(Any, SimpleNamespace(name=name, step=SimpleNamespace(value=1)))


@pytest.mark.parametrize(
    ("environment", "terminal", "coloured"),
    [({}, True, True), ({}, False, False), ({"NO_COLOR": "1"}, True, False), ({"NO_COLOR": ""}, True, True),
     ({"FORCE_COLOR": "1"}, False, True), ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, True, False),
     ({"TERM": "dumb"}, True, False)],
)  # fmt: skip
def test_colours(environment: dict[str, str], terminal: bool, coloured: bool) -> None:
    assert Paint.of(Terminal() if terminal else io.StringIO(), environment).wanted == coloured


def test_one_line_over_all_stages() -> None:
    stream = Terminal()
    progress = Progress(Log(stream))
    with progress.shown():
        for at, name in enumerate(STAGES, 1):
            progress.stage(name)
            assert f"[{at}/{len(STAGES)}] 0:00  {name}" in stream.getvalue()
    assert "\n" not in stream.getvalue()
    assert stream.getvalue().endswith("\r\x1b[2K"), "nothing is left of it"


def test_compiling_is_told_once() -> None:
    stream = io.StringIO()
    Progress(Log(stream)).compiling()
    assert stream.getvalue() == "compiling kernels once, a few seconds; later runs load them\n"


def test_a_line_for_each_checkpoint_unless_a_terminal_counts_them() -> None:
    for stream, loudness, lines in ((io.StringIO(), Loudness.USUAL, 1), (Terminal(), Loudness.USUAL, 0),
                                    (Terminal(), Loudness.VERBOSE, 1), (io.StringIO(), Loudness.QUIET, 0)):  # fmt: skip
        progress = Progress(Log(stream, loudness))
        progress.stage("measuring")
        with progress.counting(3):
            progress.known(reference("m-1\x1b[31m"))
        assert stream.getvalue().count("\n") == lines
        assert "\x1b[31m" not in stream.getvalue()


def test_everything_is_the_seconds_of_each_stage_as_well() -> None:
    stream = io.StringIO()
    progress = Progress(Log(stream, Loudness.VERBOSE))
    with progress.shown():
        progress.stage("drawing")
    assert stream.getvalue().startswith("drawing: ")
