"""What travels between this program and its children: JSON, raw bytes and open files. Never pickles: a child that has
parsed a hostile file may say anything."""

from __future__ import annotations

import json
import math
import socket
import struct
import time
from collections.abc import Sequence
from typing import Any

from reporter.readers.files.bounded import TooLarge, parse_json

MAX_JSON = 64 << 20
"""Bytes. The structure of an HDF5 file with the most objects that are read (200,000) takes 24 MiB."""

MAX_VALUES = 6_000_000
"""In one message, as of :mod:`reporter.readers.files.bounded`: 32 for each of the most HDF5 objects that are read."""

MAX_FILES = 128
"""Descriptors in one message; Linux passes 253 at most (SCM_MAX_FD)."""

_HEADER = struct.Struct("<IQ")  # length of the JSON, length of the bytes after it
_FROM_CHILD = (ValueError, RecursionError)


class FrameError(Exception):
    """What arrived is no message, or is larger than messages may be."""


def send(channel: socket.socket, message: Any, data: Any = b"", files: Sequence[int] = ()) -> None:
    """Send one message.

    Args:
        message: what :mod:`json` can write.
        data: C-contiguous bytes-like object.
        files: descriptors, of which the other side gets duplicates.

    Raises:
        FrameError: the message is too large; nothing was sent.
        OSError: the other side is gone, or the timeout of the channel is over.
    """
    text = json.dumps(message).encode()
    if len(text) > MAX_JSON:
        raise FrameError(f"{len(text):,} bytes of names and attributes, more than {MAX_JSON:,}")
    view = memoryview(data).cast("B") if len(data) else memoryview(b"")
    header = _HEADER.pack(len(text), len(view))
    if files:
        socket.send_fds(channel, [header], files)
    else:
        channel.sendall(header)
    channel.sendall(text)
    channel.sendall(view)


def receive_head(channel: socket.socket, files: list[int] | None = None, until: float = math.inf) -> tuple[Any, int]:
    """Receive a message up to its raw bytes, and how many of these follow.

    Args:
        channel: where it comes from.
        files: descriptors that came with it are added here; without, none are taken.
        until: as in :func:`receive_into`.

    Raises:
        FrameError: it is no message.
        EOFError, TimeoutError: as :func:`receive_into`.
    """
    header = b""
    if files is not None:
        header, received, _, _ = socket.recv_fds(channel, _HEADER.size, MAX_FILES)
        files += received
        if not header:
            raise EOFError
    rest = bytearray(_HEADER.size - len(header))
    receive_into(channel, rest, until)
    length, following = _HEADER.unpack(header + rest)
    if length > MAX_JSON:
        raise FrameError(f"a message of {length:,} bytes")
    text = bytearray(length)
    receive_into(channel, text, until)
    try:
        return parse_json(bytes(text), MAX_JSON, max_values=MAX_VALUES), following
    except TooLarge as exc:
        raise FrameError(f"a message that cannot be: {exc}") from exc
    except _FROM_CHILD as exc:
        raise FrameError("a message that is not JSON") from exc


def receive_into(channel: socket.socket, buffer: Any, until: float = math.inf) -> None:
    """Fill a buffer.

    Args:
        channel: where the bytes come from.
        buffer: a writable bytes-like object.
        until: when :func:`time.monotonic` says so, it is too late.

    Raises:
        EOFError: the other side is gone.
        TimeoutError: it was too late.
    """
    view = memoryview(buffer).cast("B") if len(buffer) else memoryview(b"")
    done = 0
    while done < len(view):
        if until < math.inf:
            channel.settimeout(max(until - time.monotonic(), 0.001))
        count = channel.recv_into(view[done:])
        if count == 0:
            raise EOFError
        done += count
