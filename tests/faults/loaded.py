"""The program in processes that have loaded everything already: ``python -m tests.faults.loaded SOCKET``.

A server, which has imported the program and its kernels, forks a process for every client that connects. The client, a
bare interpreter that starts at once, stands where the program would in a line of a shell: it hands over its arguments,
its working folder and its standard streams, as far as they are open, and ends as that process does. The streams are
real, so is the process, and it ends as any other interpreter.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from types import FrameType

CLIENT = """
import json, os, socket, sys
streams = [number for number in (0, 1, 2) if os.path.exists(f"/proc/self/fd/{number}")]
server = socket.socket(socket.AF_UNIX)
server.connect(sys.argv[1])
request = json.dumps([sys.argv[2:], os.getcwd(), streams]).encode()
socket.send_fds(server, [len(request).to_bytes(4, "big")], [*streams, os.open("/", os.O_RDONLY)])
server.sendall(request)
os._exit(int(server.recv(16)))
"""
"""Without a stream it still has a descriptor to pass, which is dropped."""


def serve(path: str) -> None:
    """Answer clients, one at a time, until standard input is closed."""
    from reporter import pipeline  # noqa: F401 (everything a report needs)
    from reporter.cli import main

    signal.signal(signal.SIGTERM, _leave)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        print("ready", flush=True)
        while True:
            client, _ = listening.accept()
            arguments, folder, streams, received = _request(client)
            child = os.fork()
            if child == 0:
                listening.close()
                client.close()
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
                os.chdir(folder)
                _take(streams, received)
                raise SystemExit(main(arguments))
            for descriptor in received:
                os.close(descriptor)
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            client.sendall(str(code if code >= 0 else 128 - code).encode())
            client.close()


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit


def _request(client: socket.socket) -> tuple[list[str], str, list[int], list[int]]:
    length, received, _, _ = socket.recv_fds(client, 4, 4)
    wanted, text = int.from_bytes(length, "big"), b""
    while len(text) < wanted:
        text += client.recv(wanted - len(text))
    arguments, folder, streams = json.loads(text)
    return arguments, folder, streams, received


def _take(streams: list[int], received: list[int]) -> None:
    """The client's standard streams, and none where it has none, as Python sets them up (``init_sys_streams``)."""
    for number in (0, 1, 2):
        os.close(number)
    for number, descriptor in zip(streams, received, strict=False):
        os.dup2(descriptor, number)
    for descriptor in received:
        os.close(descriptor)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        stream = None
        if number in streams:
            errors = "backslashreplace" if number == 2 else "strict"
            line = number == 2 or os.isatty(number)
            mode, buffering = "w" if number else "r", 1 if line else -1
            stream = os.fdopen(number, mode, buffering, errors=errors, closefd=False)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


if __name__ == "__main__":
    serve(sys.argv[1])
