"""Whatever a native library does, it costs one file: each limit is tripped, and the next request is answered."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reporter.errors import (
    CheckpointError,
    CorruptCheckpoint,
    NotExamined,
    PartialCheckpoint,
    RefusedCheckpoint,
    UnsupportedCheckpoint,
)
from reporter.readers.isolation import Kind, Limits, Session, end_children, frames, session

PARSER = "tests.readers.isolation.misbehaving"
KIND = Kind(PARSER, "the test library", Limits(memory=256 << 20, cpu=1, wall=20.0), "install it")
PATH = Path("runs/m.ckpt")


@contextlib.contextmanager
def opened(kind: Kind = KIND, **arguments: Any) -> Iterator[Session]:
    with session(kind, PATH, **arguments) as parsing:
        yield parsing


def pid(parsing: Session) -> int:
    return int(parsing.ask("calls_so_far")[0])


def test_one_child_answers_for_many_files(tmp_path: Path) -> None:
    pids = set()
    for i in range(5):
        (tmp_path / f"{i}").write_text(f"content of {i}")
        with (tmp_path / f"{i}").open("rb") as file, opened(files=[file.fileno(), file.fileno()], number=i) as parsing:
            assert parsing.ask("content") == [f"content of {i}"] * 2
            child, calls, arguments = parsing.ask("calls_so_far")
            assert (calls, arguments) == (1, {"number": i})
            pids.add(child)
    assert len(pids) == 1
    assert pids != {os.getpid()}


def test_closed_files_are_closed_in_the_child(tmp_path: Path) -> None:
    (tmp_path / "m").write_text("m")
    counts = []
    for refuse in (False, False, True, False):
        with (
            (tmp_path / "m").open("rb") as file,
            contextlib.suppress(UnsupportedCheckpoint),
            opened(files=[file.fileno()], refuse=refuse) as parsing,
        ):
            counts.append(parsing.ask("descriptors"))
    assert len(set(counts)) == 1


def test_raw_values_fill_the_buffer_exactly() -> None:
    with opened() as parsing:
        values = np.empty(3_000_000, np.int64)
        parsing.ask("numbers", into=values.view(np.uint8), count=values.size, start=7)
        np.testing.assert_array_equal(values, np.arange(7, 7 + values.size))
        for wrong in (bytearray(8), bytearray(24), b""):
            with pytest.raises(CorruptCheckpoint, match="gave nonsense back: an answer of 16 bytes instead of"):
                parsing.ask("numbers", into=wrong, count=2)


@pytest.mark.parametrize(
    ("question", "arguments", "error", "reason"),
    [
        ("crash", {}, CorruptCheckpoint, r"the test library crashed on it \(signal 11, SIGSEGV\)"),
        ("leave", {}, CorruptCheckpoint, r"the test library ended the process \(exit code 3\)"),
        ("loop", {}, RefusedCheckpoint, "the test library worked on it for 1 s"),
        (
            "allocate",
            {"size": 1 << 29},
            RefusedCheckpoint,
            "the test library needs more than 0.25 GiB of memory for it",
        ),
        ("talk", {"size": 200 << 20}, RefusedCheckpoint, "the test library needs more than 0.25 GiB of memory for it"),
        ("partial", {}, PartialCheckpoint, "its end is missing"),
    ],
)
def test_what_goes_wrong_costs_one_file(question: str, arguments: Any, error: type[Exception], reason: str) -> None:
    with opened(mark="other") as other, opened() as parsing:
        assert pid(other) == pid(parsing)
        with pytest.raises(error, match=reason) as caught:
            parsing.ask(question, tensor="dense/kernel", **arguments)
        assert isinstance(caught.value, CheckpointError)
        assert (caught.value.path, caught.value.tensor) == (PATH, "dense/kernel")
        assert other.ask("calls_so_far")[2] == {"mark": "other"}  # opened again, if need be
        assert pid(parsing) == pid(other)


def test_memory_within_the_limit() -> None:
    with opened() as parsing:
        assert parsing.ask("allocate", size=64 << 20) == 64 << 20


def test_processor_time_is_counted_per_request() -> None:
    """Many short requests take longer than the limit of one together."""
    with opened() as parsing:
        first = pid(parsing)
        while parsing.ask("processor_time") < 2.5 * KIND.limits.cpu:
            parsing.ask("numbers", into=bytearray(8_000_000), count=1_000_000)
        assert pid(parsing) == first


def test_too_long_without_working() -> None:
    kind = Kind(PARSER, "the test library", Limits(memory=256 << 20, wall=3.0), "")
    with opened(kind) as parsing:
        with pytest.raises(NotExamined, match=r"could not be examined here: .* did not come to an end within 3 s"):
            parsing.ask("sleep")
        pid(parsing)


def test_a_message_that_claims_to_be_huge_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    with opened() as parsing:
        monkeypatch.setattr(frames, "MAX_JSON", 5000)  # on this side only
        with pytest.raises(CorruptCheckpoint, match="gave nonsense back: a message of"):
            parsing.ask("talk", size=6000)
        pid(parsing)


def test_a_message_that_is_too_large_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "MAX_JSON", 5000)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        with pytest.raises(frames.FrameError, match="6,002 bytes of names and attributes"):
            frames.send(ours, "x" * 6000)
        frames.send(ours, ["x"], b"raw")
        assert frames.receive_head(theirs) == (["x"], 3)


@pytest.mark.parametrize("text", [b"{", b"\xff", b"[" * 100_000])
def test_a_message_that_is_not_json(text: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(struct.pack("<IQ", len(text), 0) + text)
        with pytest.raises(frames.FrameError, match="not JSON"):
            frames.receive_head(theirs)


def test_nothing_is_written_and_nothing_is_read_from_the_terminal(tmp_path: Path) -> None:
    with opened() as parsing:
        with pytest.raises(RuntimeError, match="File too large"):
            parsing.ask("write", path=str(tmp_path / "m"))
        assert (tmp_path / "m").read_bytes() == b""
        assert parsing.ask("core") == [0, 0]
        assert parsing.ask("stdin") == ""


def test_a_slip_of_the_parser_is_ours_not_the_files() -> None:
    with opened() as parsing:
        with pytest.raises(RuntimeError, match="a slip of the parser"):
            parsing.ask("slip")
        assert parsing.ask("calls_so_far")[1] == 1


def test_a_library_that_is_not_installed() -> None:
    kind = Kind("tests.readers.isolation.no_such_parser", "a library", Limits(memory=1 << 28), "pip install it")
    for _ in range(2):
        with pytest.raises(UnsupportedCheckpoint, match="pip install it"), opened(kind):
            pass


def test_an_error_while_opening() -> None:
    with pytest.raises(UnsupportedCheckpoint, match="a kind that is not read") as caught, opened(refuse=True):
        pass
    assert caught.value.path == PATH


def test_a_child_that_was_killed_is_replaced() -> None:
    with opened() as parsing:
        first = pid(parsing)
        os.kill(first, signal.SIGKILL)
        while alive(first):
            time.sleep(0.01)
        assert pid(parsing) != first


def test_children_that_are_ended_give_their_memory_back() -> None:
    with opened(mark="kept") as parsing:
        first = pid(parsing)
        end_children()
        assert not alive(first)
        assert parsing.ask("calls_so_far")[1:] == [1, {"mark": "kept"}]
        assert pid(parsing) != first


def test_many_threads_ask_at_once() -> None:
    wrong: list[str] = []
    with opened() as one, opened() as two:

        def ask(start: int) -> None:
            for i in range(20):
                values = np.empty(10_000 + start, np.int64)
                (one if i % 2 else two).ask("numbers", into=values.view(np.uint8), count=values.size, start=start)
                if not np.array_equal(values, np.arange(start, start + values.size)):
                    wrong.append(f"{start} {i}")

        threads = [threading.Thread(target=ask, args=(start,)) for start in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong


def test_the_child_outlives_the_thread_that_started_it() -> None:
    kind = Kind(PARSER, "the library of a thread", Limits(memory=256 << 20), "")
    pids = []

    def start() -> None:
        with opened(kind) as parsing:
            pids.append(pid(parsing))

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    with opened(kind) as parsing:
        assert [pid(parsing)] == pids


def test_a_forked_process_starts_a_child_of_its_own() -> None:
    with opened() as parsing:
        first = pid(parsing)
        read, write = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a library that another test has loaded, such as JAX
            forked = os.fork()
        if forked == 0:
            try:
                os.write(write, str(pid(parsing)).encode())
            finally:
                os._exit(0)
        os.waitpid(forked, 0)
        second = int(os.read(read, 100))
        assert second not in (first, os.getpid())
        assert pid(parsing) == first
    os.close(read)
    os.close(write)


PARENT = f"""
import sys, threading, time
from pathlib import Path
from reporter.readers.isolation import Kind, Limits, session
with session(Kind({PARSER!r}, "", Limits(1 << 28), ""), Path("m")) as parsing:
    print(parsing.ask("calls_so_far")[0], flush=True)
    parsing.ask(sys.argv[1])
"""


@pytest.mark.parametrize("doing", ["sleep", "loop"])
def test_children_die_with_the_parent(doing: str) -> None:
    """Killed without a chance to clean up, while the child is inside native code that does not return."""
    with subprocess.Popen([sys.executable, "-c", PARENT, doing], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
    end = time.monotonic() + 60
    while alive(child):
        assert time.monotonic() < end
        time.sleep(0.02)


def alive(process: int) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def test_what_a_child_said_last_is_told() -> None:
    with opened() as parsing:
        with pytest.raises(CorruptCheckpoint, match=r"ended the process \(exit code 3; it said: the heap is damaged\)"):
            parsing.ask("leave", saying="noise\n" * 1000 + "the heap is damaged\n")
        pid(parsing)
        with pytest.raises(CorruptCheckpoint, match=r"ended the process \(exit code 3\)"):
            parsing.ask("leave")
