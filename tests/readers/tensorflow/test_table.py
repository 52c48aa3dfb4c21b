"""Tables: what a builder wrote comes back; what is damaged is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reporter.errors import CheckpointError, CorruptCheckpoint, RefusedCheckpoint
from reporter.readers.files.wire import WireError, varint
from reporter.readers.tensorflow.head import first_entry
from reporter.readers.tensorflow.snappy import beginning, decompress
from reporter.readers.tensorflow.table import read_table

PATH = Path("run/ckpt-1.index")
ROWS = st.dictionaries(st.binary(max_size=12), st.binary(max_size=40), max_size=20).map(lambda d: sorted(d.items()))


def compress(data: bytes) -> bytes:
    """A snappy encoder: literals, and copies of all three kinds where the last bytes repeat."""
    out = bytearray()
    size = len(data)
    while size > 0x7F:
        out.append(size & 0x7F | 0x80)
        size >>= 7
    out.append(size)
    at, literal = 0, b""

    def flush() -> None:
        nonlocal literal
        if literal:
            n = len(literal) - 1
            out.extend(bytes([n << 2]) if n < 60 else bytes([61 << 2]) + n.to_bytes(2, "little"))
            out.extend(literal)
            literal = b""

    while at < len(data):
        start = data.rfind(data[at : at + 4], 0, at + 3)
        if len(data) - at < 4 or start < 0 or start == at:
            literal += data[at : at + 1]
            at += 1
            continue
        flush()
        offset, length = at - start, 4
        while length < 60 and at + length < len(data) and data[start + length] == data[at + length]:
            length += 1
        if length < 12 and offset < 2048:
            out.extend(bytes([offset >> 8 << 5 | length - 4 << 2 | 1, offset & 255]))
        elif offset % 2:
            out.extend(bytes([length - 1 << 2 | 2]) + offset.to_bytes(2, "little"))
        else:
            out.extend(bytes([length - 1 << 2 | 3]) + offset.to_bytes(4, "little"))
        at += length
    flush()
    return bytes(out)


@given(rows=ROWS, per_block=st.integers(1, 7), interval=st.integers(1, 5), packed=st.booleans())
def test_entries_come_back(
    handmade: Any, rows: list[tuple[bytes, bytes]], per_block: int, interval: int, packed: bool
) -> None:
    table = handmade.Table(rows, per_block, interval, compress if packed else None)
    assert read_table(table.bytes, PATH) == rows
    if rows:
        first = first_entry(table.bytes[:64])
        assert first is not None
        assert first[0] == rows[0][0]
        assert rows[0][1].startswith(first[1])


@given(st.binary(max_size=300) | st.text("ab", max_size=300).map(str.encode))
def test_snappy_comes_back(data: bytes) -> None:
    packed = compress(data)
    assert decompress(packed, len(data)) == data
    for cut in (len(packed) // 3, len(packed) - 1):
        if cut > 0:
            assert data.startswith(beginning(packed[:cut]))
            with pytest.raises(WireError):
                decompress(packed[:cut], len(data))


@given(st.binary(max_size=80))
def test_any_bytes_are_snappy_or_an_error(data: bytes) -> None:
    try:
        out = decompress(data, 1000)
    except WireError:
        return
    assert len(out) == varint(data, 0, len(data))[0] <= 1000


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\xff\xff\x7f", "declares 2097151 bytes"),
        (b"\x05\x08abc", "3 of 5"),
        (b"\x05\x01\x00", "refers to nothing"),
        (b"\x05\x00a\x15\x02", "refers to nothing"),
        (b"\x05\x0cab", "past its compressed block"),
        (b"\x02\x08abc", "more than it declares"),
        (b"\x05\x00a\x01", "refers to nothing"),
    ],
)
def test_what_is_no_snappy(data: bytes, why: str) -> None:
    with pytest.raises(WireError, match=why):
        decompress(data, 1000)


def test_every_truncation_and_every_flip_is_noticed(handmade: Any) -> None:
    rows = [(b"%03d" % i, bytes(i)) for i in range(12)]
    data = handmade.Table(rows).bytes
    for cut in range(len(data)):
        with pytest.raises(CorruptCheckpoint):
            read_table(data[:cut], PATH)
    for at in range(len(data)):
        for bit in (1, 128):
            flipped = data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :]
            try:
                found = read_table(flipped, PATH)
            except CheckpointError as error:
                assert error.path == PATH  # noqa: PT017
            else:
                assert found == rows  # padding of the footer


@given(st.data())
def test_damage_under_a_valid_checksum_is_noticed(handmade: Any, data: st.DataObject) -> None:
    """An attacker can write correct checksums: the structure must be checked as well."""

    class Damaged(handmade.Table):  # type: ignore[name-defined, misc]
        def block(self, entries: Any) -> bytes:
            block = bytearray(super().block(entries))
            at = data.draw(st.integers(0, len(block) - 1))
            block[at] = data.draw(st.integers(0, 255))
            return bytes(block)

    try:
        found = read_table(Damaged([(b"%d" % i, b"value") for i in range(6)]).bytes, PATH)
    except CheckpointError:
        return
    assert [key for key, _ in found] == sorted({key for key, _ in found})


def test_blocks_may_not_overlap(handmade: Any) -> None:
    """Else a file of a few kilobytes could have one block decoded a million times."""
    table = handmade.Table([(b"a", b""), (b"b", b"")], per_block=1)
    size = len(table.block([(b"a", b"")]))
    table.offsets = [(0, size), (0, size)]
    with pytest.raises(CorruptCheckpoint, match="overlaps"):
        read_table(table.bytes, PATH)


def test_a_block_outside_the_file(handmade: Any) -> None:
    table = handmade.Table([(b"a", b"")])
    table.offsets = [(2**60, 10)]
    with pytest.raises(CorruptCheckpoint, match="outside"):
        read_table(table.bytes, PATH)


def test_keys_must_rise(handmade: Any) -> None:
    with pytest.raises(CorruptCheckpoint, match="out of order"):
        read_table(handmade.Table([(b"b", b""), (b"a", b"")]).bytes, PATH)
    with pytest.raises(CorruptCheckpoint, match="out of order"):
        read_table(handmade.Table([(b"a", b"1"), (b"a", b"2")], per_block=1).bytes, PATH)


def test_an_unknown_type_of_block(handmade: Any) -> None:
    with pytest.raises(CorruptCheckpoint, match="unknown type 2"):
        read_table(handmade.Table([(b"a", b"")], kind=2).bytes, PATH)


def test_limits(handmade: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    module = "reporter.readers.tensorflow.table."
    data = handmade.Table([(b"a" * 50 + b"%d" % i, b"") for i in range(9)]).bytes
    for name, limit in (("MAX_ENTRIES", 8), ("MAX_KEYS_BYTES", 400), ("MAX_KEY_BYTES", 50), ("MAX_EXPANDED_BYTES", 99)):
        with monkeypatch.context() as patch:
            patch.setattr(module + name, limit)
            with pytest.raises(RefusedCheckpoint):
                read_table(data, PATH)
    monkeypatch.setattr(module + "MAX_BLOCK_BYTES", 60)
    with pytest.raises(CorruptCheckpoint, match="declares"):
        read_table(handmade.Table([(b"a" * 70, b"")], compress=compress).bytes, PATH)
