"""Signals that ask a run to stop: it tidies up, says so on one line, and ends with the code that shells expect."""

from __future__ import annotations

import resource
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

ASKING = (signal.SIGTERM, signal.SIGHUP, signal.SIGXCPU)
"""Beside SIGINT, of which Python makes a KeyboardInterrupt by itself."""

_REASONS = {
    signal.SIGINT: "interrupted",
    signal.SIGTERM: "terminated",
    signal.SIGHUP: "the terminal is gone",
    signal.SIGXCPU: "the processor time that is allowed is used up (raise `ulimit -t`)",
}


class Stopped(KeyboardInterrupt):
    """A signal asked to stop; whatever is open is closed and removed on the way up."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def ending(stop: KeyboardInterrupt) -> tuple[str, int]:
    """What to say, and the exit code: 128 and the number of the signal."""
    number = stop.number if isinstance(stop, Stopped) else signal.SIGINT
    return f"{_REASONS[signal.Signals(number)]}; the last published report stands", 128 + number


@contextmanager
def stopping() -> Iterator[None]:
    """While a command runs, signals stop it as Ctrl-C does; a second one ends it at once, whatever is left behind.

    What this process ignores already stays ignored, as under nohup.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in ASKING}
    limits = resource.getrlimit(resource.RLIMIT_CPU)
    try:
        for number, handler in before.items():
            if handler is signal.SIG_DFL:
                signal.signal(number, _stop)
        _ask_before_killing(*limits)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        resource.setrlimit(resource.RLIMIT_CPU, limits)


def _stop(number: int, frame: FrameType | None) -> None:
    for other in ASKING:
        if signal.getsignal(other) is _stop:
            signal.signal(other, signal.SIG_DFL)
    raise Stopped(number)


def _ask_before_killing(soft: int, hard: int) -> None:
    """Where `ulimit -t` has set both limits, the kernel kills at once: SIGXCPU is to come a second earlier."""
    if soft == hard != resource.RLIM_INFINITY and hard > 1:
        resource.setrlimit(resource.RLIMIT_CPU, (hard - 1, hard))
