"""TFRecord files: records with a length and two masked crc32c, read as far as they are whole.

A record is its length as 8 bytes, the crc of these, the data, and the crc of that
(tensorflow/core/lib/io/record_writer.h).
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path

from reporter.errors import from_os
from reporter.metrics.logged import Log
from reporter.readers.files.crc32c import extend, mask
from reporter.readers.files.window import open_file

MAX_RECORDS = 500_000
"""Records of one file; about five seconds of one core."""

MAX_RECORD = 16 << 20
"""Bytes of a record that is read; larger ones are pictures and graphs, and are stepped over."""

_HEAD, _CRC = 12, 4


def records(path: Path, log: Log) -> Iterator[bytes]:
    """The data of each record whose checksums are right.

    Where the file ends within a record, it is being written, or was cut: all before is whole. A length with a wrong
    checksum hides where the next record begins, so that reading ends there.

    Raises:
        CheckpointError: it cannot be opened or read.
    """
    with open_file(path) as raw:
        size = os.fstat(raw.fileno()).st_size
        file, at, count, wrong = io.BufferedReader(raw, 1 << 18), 0, 0, 0
        try:
            while at < size:
                count += 1
                if count > MAX_RECORDS:
                    log.notes.append(f"{path.name}: only its first {MAX_RECORDS:,} records are read")
                    break
                head = file.read(_HEAD)
                if len(head) < _HEAD:
                    log.notes.append(_unfinished(path, at))
                    break
                length = int.from_bytes(head[:8], "little")
                if not _right(head[:8], head[8:]):
                    log.damage.append(
                        f"{path.name} is damaged at byte {at:,}: what it holds from there to its end, "
                        f"{size - at:,} bytes, is not known"
                    )
                    break
                at += _HEAD + length + _CRC
                if at > size:
                    log.notes.append(_unfinished(path, at - _HEAD - length - _CRC))
                    break
                if length > MAX_RECORD:
                    file.seek(at)
                    continue
                data = file.read(length)
                if _right(data, file.read(_CRC)):
                    yield data
                else:
                    wrong += 1
        except OSError as error:
            raise from_os(path, error) from error
    if wrong:
        log.damage.append(f"{path.name}: {wrong:,} records are left out, as their checksums are wrong")


def _right(data: bytes, crc: bytes) -> bool:
    return mask(extend(0, data)) == int.from_bytes(crc, "little")


def _unfinished(path: Path, at: int) -> str:
    return f"{path.name} ends within a record, as while it is being written: what is whole, {at:,} bytes, is used"
