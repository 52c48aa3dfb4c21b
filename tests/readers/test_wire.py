"""The wire format against Google's own encoder, and against anything at all."""

from __future__ import annotations

import io

import pytest
from google.protobuf.descriptor_pb2 import FieldDescriptorProto
from hypothesis import given
from hypothesis import strategies as st

from reporter.readers.files.wire import Field, WireError, fields, spans, varint

INT32 = st.integers(-(2**31), 2**31 - 1)


@given(number=INT32, index=INT32, name=st.text(), default=st.text())
def test_fields_are_those_that_protobuf_wrote(number: int, index: int, name: str, default: str) -> None:
    data = FieldDescriptorProto(number=number, oneof_index=index, name=name, default_value=default).SerializeToString()
    found = {field.number: field for field in fields(data)}
    assert {k: f.signed if isinstance(f.raw, int) else f.text for k, f in found.items()} == {
        1: name,
        3: number,
        7: default,
        9: index,
    }


@given(st.binary(max_size=60))
def test_any_bytes_are_a_message_or_an_error(data: bytes) -> None:
    try:
        found = list(fields(data))
    except WireError:
        return
    assert all(field.number > 0 for field in found)
    assert sum(len(field.raw) for field in found if isinstance(field.raw, bytes)) <= len(data)


@given(st.lists(st.tuples(st.integers(1, 40), st.binary(max_size=20)), max_size=6), st.binary(max_size=5))
def test_spans_lie_where_fields_are(parts: list[tuple[int, bytes]], before: bytes) -> None:
    body = b"".join(bytes([*_varint(n << 3 | 2), len(data)]) + data for n, data in parts)
    body += b"\x08\x05" + b"\x15abcd"  # a varint and a fixed32, passed over
    whole = before + body + b"rest"
    found = list(spans(io.BytesIO(whole), len(before), len(before) + len(body)))
    assert [(n, whole[a:b]) for n, a, b in found] == parts


def _varint(value: int) -> bytes:
    return bytes([value & 0x7F | 0x80, value >> 7]) if value > 127 else bytes([value])


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\x80" * 11, "no end"),
        (b"\x80" * 9 + b"\x02", "64 bits"),
        (b"\x80", "no end"),
        (b"\x00\x01", "number 0"),
        (b"\x0b", "wire type 3"),
        (b"\x0a\x05abc", "5 bytes where 3 are left"),
        (b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "where 0 are left"),
        (b"\x0d\x01\x02", "needs 4 bytes"),
        (b"\x09\x01\x02", "needs 8 bytes"),
    ],
)
def test_what_is_no_message(data: bytes, why: str) -> None:
    with pytest.raises(WireError, match=why):
        list(fields(data))
    with pytest.raises(WireError):
        list(spans(io.BytesIO(data), 0, len(data)))


def test_a_varint_stops_at_its_end() -> None:
    assert varint(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 0, 10) == (2**64 - 1, 10)
    with pytest.raises(WireError):
        varint(b"\x80\x01", 0, 1)


def test_a_field_is_not_read_as_another_kind() -> None:
    with pytest.raises(WireError, match="bytes where a number"):
        _ = Field(1, b"x").integer
    with pytest.raises(WireError, match="number where bytes"):
        _ = Field(1, 7).data
    assert Field(1, 2**64 - 1).signed == -1
    assert Field(1, b"\xff<b>").text == "\\xff<b>"


def test_a_walk_over_a_file_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reporter.readers.files.wire.MAX_SPANS", 3)
    with pytest.raises(WireError, match="more than 3 fields"):
        list(spans(io.BytesIO(b"\x08\x01" * 4), 0, 8))
