"""Copies of this process work from the other end, and nothing depends on them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from reporter.ahead import Copies, made_ahead, possible, worked_ahead

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="copies are made on Linux only")

ITEMS = [(number, number) for number in range(100)]

Tell = Callable[[str], None]


TESTS = (
    Path(__file__),
    Path(__file__).with_name("test_copies.py"),
    Path(__file__).parent / "gather" / "test_stretches.py",
    f"{Path(__file__).parent / 'storage' / 'test_hdf5.py'}::test_a_copy_of_the_process_has_files_of_its_own",
)


@pytest.fixture(autouse=True)
def _alone(request: pytest.FixtureRequest) -> None:
    if not possible() and request.function is not test_all_of_these_in_a_process_of_their_own:
        pytest.skip("libraries that other tests loaded have threads here")


def test_all_of_these_in_a_process_of_their_own() -> None:
    """Where libraries that other tests loaded have threads, as copies are made of a process without others."""
    if possible():
        pytest.skip("they run here")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *map(str, TESTS)]
    run = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stdout[-3000:]
    assert "1 skipped" in run.stdout, "this test alone"


def writes(folder: Path) -> Callable[[int, Tell], None]:
    def work(item: int, tell: Tell) -> None:
        (folder / str(item)).write_text(str(os.getpid()))
        tell(f"item {item}")

    return work


def eventually(what: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not what():
        assert time.monotonic() < until
        time.sleep(0.01)


def numbers(folder: Path) -> set[int]:
    return {int(path.name) for path in folder.iterdir()}


def test_copies_work_from_the_back_until_they_meet_the_front(tmp_path: Path) -> None:
    def work(item: int, tell: Tell) -> None:
        writes(tmp_path)(item, tell)
        while item == 90 and not (tmp_path.parent / "go").exists():
            time.sleep(0.01)

    (tmp_path.parent / "go").unlink(missing_ok=True)
    with worked_ahead(ITEMS, work, 1) as front:
        eventually(lambda: 90 in numbers(tmp_path))
        for _ in range(81):  # this process has begun items 0 to 80
            front.advance()
        (tmp_path.parent / "go").touch()
        eventually(lambda: 81 in numbers(tmp_path))
        time.sleep(0.1)
        assert numbers(tmp_path) == set(range(81, 100))
        assert front.told == {f"item {number}" for number in range(81, 100)}


def test_several_copies_share_the_work(tmp_path: Path) -> None:
    with worked_ahead(ITEMS, writes(tmp_path), 3):
        eventually(lambda: numbers(tmp_path) == set(range(100)))
    assert len({path.read_text() for path in tmp_path.iterdir()}) == 3


def test_what_fails_in_a_copy_costs_nothing(tmp_path: Path) -> None:
    def work(item: int, tell: Tell) -> None:
        writes(tmp_path)(item, tell)
        raise ValueError(item)

    with worked_ahead(ITEMS, work, 1) as front:
        eventually(lambda: bool(front.told))
    assert numbers(tmp_path) == {99}


def test_copies_are_gone_at_the_end_also_if_they_are_busy(tmp_path: Path) -> None:
    def work(item: int, tell: Tell) -> None:
        try:
            writes(tmp_path)(item, tell)
            time.sleep(1000)
        finally:
            (tmp_path / "1000").touch()  # what is open is closed on the way

    with worked_ahead(ITEMS, work, 2):
        eventually(lambda: numbers(tmp_path) == {98, 99} and all(path.read_text() for path in tmp_path.iterdir()))
    assert numbers(tmp_path) == {98, 99, 1000}
    for number in (98, 99):
        with pytest.raises(ProcessLookupError):
            os.kill(int((tmp_path / str(number)).read_text()), 0)


def test_a_copy_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    def work(item: int, tell: Tell) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        writes(tmp_path)(item, tell)
        time.sleep(1000)

    with worked_ahead(ITEMS, work, 1):
        eventually(lambda: numbers(tmp_path) == {99})
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "99").read_text()), 0)


def test_a_copy_says_nothing_and_holds_no_file(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    reading, writing = os.pipe()

    def work(item: int, tell: Tell) -> None:
        os.write(1, b"loud")
        os.write(2, b"louder")
        tell(f"item {item}")
        time.sleep(1000)

    with worked_ahead(ITEMS, work, 1) as front:
        os.close(writing)
        eventually(lambda: bool(front.told))
        assert os.read(reading, 1) == b""  # the end of the pipe: no copy holds it open
    os.close(reading)
    assert capfd.readouterr() == ("", "")


def test_no_files_of_copies_lie_where_others_may_put_theirs(tmp_path: Path) -> None:
    for mode, used in ((0o755, True), (0o775, False), (0o777, False), (0o1777, True)):
        tmp_path.chmod(mode)
        seen: list[bool] = []

        def make(item: int, seen: list[bool] = seen) -> int:
            seen.append(any(tmp_path.iterdir()))
            return item

        with made_ahead([1, 2, 3], make, Copies(1, tmp_path)) as made:
            seen.append(any(tmp_path.iterdir()))
            assert list(made) == [1, 2, 3]
        assert seen[0] is used, oct(mode)


def test_no_copy_is_made_beside_other_threads(tmp_path: Path) -> None:
    done = threading.Event()
    other = threading.Thread(target=done.wait)
    other.start()
    try:
        with worked_ahead(ITEMS, writes(tmp_path), 1) as front:
            time.sleep(0.2)
            assert front.told == set()
        assert numbers(tmp_path) == set()
    finally:
        done.set()
        other.join()


def test_copies_die_with_the_process_itself(tmp_path: Path) -> None:
    program = f"""
import os, time
from pathlib import Path
from reporter.ahead import worked_ahead

def work(item, tell):
    Path({str(tmp_path)!r}, "copy").write_text(str(os.getpid()))
    time.sleep(1000)

with worked_ahead([(0, 0)], work, 1):
    time.sleep(1000)
"""
    with subprocess.Popen([sys.executable, "-c", program], cwd=Path(__file__).parents[1]) as parent:
        eventually(lambda: bool((tmp_path / "copy").exists() and (tmp_path / "copy").read_text()))
        parent.kill()
    copy = int((tmp_path / "copy").read_text())

    def gone() -> bool:
        try:
            return "Z" in Path(f"/proc/{copy}/stat").read_text().split(")")[1][:3]
        except OSError:
            return True

    eventually(gone)


def finished(folder: Path) -> int:
    """How many items the copies have made."""
    return sum(path.name.isdigit() for path in folder.glob("*/*"))


@pytest.mark.parametrize("number", [0, 1, 2, 8])
def test_what_is_made_comes_in_order_whoever_made_it_and_leaves_no_file(tmp_path: Path, number: int) -> None:
    with made_ahead(range(100), lambda item: (item, os.getpid()), Copies(number, tmp_path, ".new-")) as made:
        if number:
            eventually(lambda: finished(tmp_path) == 100)
            assert [path.name.startswith(".new-") for path in tmp_path.iterdir()] == [True]
        given = list(made)
    assert [item for item, _ in given] == list(range(100))
    assert len({pid for _, pid in given} - {os.getpid()}) == number
    assert list(tmp_path.iterdir()) == []


def test_what_no_copy_has_made_is_made_here(tmp_path: Path) -> None:
    here = os.getpid()

    def make(item: int) -> int:
        if item == 50 and os.getpid() != here:
            raise ValueError(item)
        return item * item

    with made_ahead(range(100), make, Copies(1, tmp_path)) as made:
        eventually(lambda: finished(tmp_path) == 49)
        assert list(made) == [item * item for item in range(100)]


def test_an_error_comes_from_the_item_that_has_it(tmp_path: Path) -> None:
    def make(item: int) -> int:
        if item == 3:
            raise LookupError("the third")
        return item

    with made_ahead(range(9), make, Copies(2, tmp_path)) as made:
        assert [next(made) for _ in range(3)] == [0, 1, 2]
        with pytest.raises(LookupError, match="the third"):
            next(made)
    assert list(tmp_path.iterdir()) == []


def test_without_a_folder_or_further_processes_everything_is_made_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with made_ahead(range(9), str, Copies(2, tmp_path / "missing")) as made:
        assert list(made) == list("012345678")

    def refused() -> int:
        raise BlockingIOError("Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", refused)
    with made_ahead(range(9), str, Copies(2, tmp_path)) as made:
        assert list(made) == list("012345678")
    assert list(tmp_path.iterdir()) == []


def test_what_a_copy_is_making_is_waited_for(tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    begun.mkdir()

    def make(item: int) -> int:
        (begun / f"{item}-{os.getpid()}").touch()
        time.sleep(0.3 if item else 0)
        return os.getpid()

    with made_ahead([0, 1], make, Copies(1, tmp_path)) as made:
        eventually(lambda: len(list(begun.iterdir())) == 1)
        here, there = list(made)
    assert here == os.getpid() != there
    assert {path.name for path in begun.iterdir()} == {f"0-{here}", f"1-{there}"}, "each is made once"


def test_a_copy_that_ends_in_the_middle_is_not_waited_for(tmp_path: Path) -> None:
    here = os.getpid()

    def make(item: int) -> int:
        if os.getpid() != here:
            time.sleep(0.2)
            os._exit(1)
        return item

    with made_ahead([0, 1], make, Copies(1, tmp_path, ".new-")) as made:
        eventually(lambda: bool(list(tmp_path.glob(".new-*/1.*"))))
        assert list(made) == [0, 1]


def test_what_copies_remember_is_handed_over(tmp_path: Path) -> None:
    memory = {-1: 0}

    def make(item: int) -> int:
        memory[item] = os.getpid()
        return item

    with made_ahead(range(9), make, Copies(1, tmp_path), memory) as made:
        eventually(lambda: finished(tmp_path) == 9)
        assert list(made) == list(range(9))
    assert memory.keys() == set(range(-1, 9))
    assert os.getpid() not in memory.values()
