"""What a file that no reader claims is, told from its first bytes: a reviewer asks why it was left out.

Nothing is parsed further than it takes to be sure, and nothing is ever unpickled.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from reporter.discover.listing import words
from reporter.frozen import dataclass
from reporter.model.checkpoint import Probe
from reporter.storage import open_binary

HEAD_BYTES = 16 << 10
"""Bytes at the start of a file that are looked at."""


@dataclass(frozen=True, slots=True)
class Look:
    """The bytes at the ends of a file; 64 at the end, as a probe has them."""

    head: bytes
    tail: bytes
    size: int


Predicate = Callable[[Look], bool]


def foreign(probe: Probe) -> str:
    """One sentence on what an unclaimed file is, as far as its first bytes tell."""
    try:
        with open_binary(probe.path) as file:
            look = Look(file.read(HEAD_BYTES), probe.tail, probe.size)
    except OSError as error:
        return f"not known: it cannot be read any more: {words(error)}"
    for title, is_one in (*FORMATS, *NO_MODELS):
        if is_one(look):
            return f"not a TensorFlow/Keras checkpoint: {title}"
    return "none of the formats that are read here, by its content"


def _starts(*magics: bytes) -> Predicate:
    return lambda look: look.head.startswith(magics)


def _matches(pattern: bytes) -> Predicate:
    compiled = re.compile(pattern, re.DOTALL)
    return lambda look: compiled.match(look.head) is not None


def _json(*keys: bytes) -> Predicate:
    """A JSON object with all of these keys near its start."""
    wanted = [re.compile(rb'"' + key + rb'"\s*:') for key in keys]
    return lambda look: bool(re.match(rb"\s*\{", look.head)) and all(one.search(look.head) for one in wanted)


def _zip(member: bytes) -> Predicate:
    """A zip archive whose first member has a name that matches."""
    compiled = re.compile(member, re.DOTALL)

    def is_one(look: Look) -> bool:
        length = int.from_bytes(look.head[26:28], "little")
        return look.head.startswith(b"PK\x03\x04") and compiled.fullmatch(look.head[30 : 30 + length]) is not None

    return is_one


def _fields(head: bytes, count: int) -> list[tuple[int, bytes | int]]:
    """The first fields of a protocol buffer, number and value, of which the last may be cut; [] if it is none."""
    found: list[tuple[int, bytes | int]] = []
    at = 0
    while at < len(head) and len(found) < count:
        tag, at = _varint(head, at)
        value, at = _varint(head, at)
        if tag < 8 or tag >> 3 > 1 << 16 or tag & 7 not in (0, 2) or at < 0:
            return []
        if tag & 7 == 0:
            found.append((tag >> 3, value))
            continue
        found.append((tag >> 3, head[at : at + value]))
        at += value
    return found


def _varint(head: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while 0 <= at < len(head) and shift < 64:
        value |= (head[at] & 127) << shift
        shift += 7
        at += 1
        if head[at - 1] < 128:
            return value, at
    return 0, -1


def _is_text(value: bytes | int) -> bool:
    return isinstance(value, bytes) and 0 < len(value) < 256 and value.isascii() and value.decode("ascii").isprintable()


def _is_graph_def(look: Look) -> bool:
    """GraphDef {1 node: NodeDef {1 name, 2 op …}}, both of them text (tensorflow/core/framework/graph.proto)."""
    first = next(iter(_fields(look.head, 1)), (0, b""))
    if first[0] != 1 or not isinstance(first[1], bytes):
        return False
    node = _fields(first[1], 2)
    return (
        [number for number, _ in node] == [1, 2]
        and all(_is_text(value) for _, value in node)
        and re.fullmatch(rb"_?[A-Z][A-Za-z0-9]+", bytes(node[1][1])) is not None  # an op, such as Placeholder
    )


def _is_saved_model(look: Look) -> bool:
    """SavedModel {1 schema version, 2 meta graph {1 … 7}} (tensorflow/core/protobuf/saved_model.proto)."""
    fields = _fields(look.head, 2)
    if [number for number, _ in fields] != [1, 2] or fields[0][1] != 1 or not isinstance(fields[1][1], bytes):
        return False
    return len(fields[1][1]) > 255 and fields[1][1][:1] in b'\n\x12\x1a"*2:'


def _is_meta_graph(look: Look) -> bool:
    """MetaGraphDef {1 meta info {2 ops {1 op {1 name …}}}} (tensorflow/core/protobuf/meta_graph.proto)."""
    value: bytes | int = look.head
    for number in (1, 2, 1, 1):
        first = next(iter(_fields(value, 1)), (0, b"")) if isinstance(value, bytes) else (0, b"")
        if first[0] != number:
            return False
        value = first[1]
    return isinstance(value, bytes) and re.fullmatch(rb"_?[A-Z][A-Za-z0-9]+", value) is not None


def _is_keras_metadata(look: Look) -> bool:
    """SavedMetadata {1 node {3 path, 4 identifier …}} (keras/protobuf/saved_metadata.proto)."""
    number, node = next(iter(_fields(look.head, 1)), (0, b""))
    if number != 1 or not isinstance(node, bytes):
        return False
    return any(n == 4 and isinstance(value, bytes) and value.startswith(b"_tf_keras_") for n, value in _fields(node, 4))


def _is_fingerprint(look: Look) -> bool:
    """FingerprintDef {1 … 5 hashes, 6 version, 7 name}, in either order (tensorflow/core/protobuf/fingerprint.proto).

    A hash of 0 is not written.
    """
    fields = dict(_fields(look.head, 8))
    hashes = {number for number, value in fields.items() if isinstance(value, int)}
    return look.size < 256 and {1, 2, 3} <= hashes <= {1, 2, 3, 4, 5} and {6} <= fields.keys() - hashes <= {6, 7}


def _is_keras_config(look: Look) -> bool:
    """A serialised object: class and configuration stand at the top, in any order, not somewhere below."""
    first = re.match(rb'\s*\{\s*"(?:module|class_name|config|registered_name|backend|keras_version)"\s*:', look.head)
    return first is not None and _json(b"class_name", b"config")(look)


def _is_onnx(look: Look) -> bool:
    """ModelProto {1 IR version, 2 producer name, 3 its version … 7 graph, 8 opsets} (onnx/onnx.proto)."""
    fields = _fields(look.head, 8)
    if not fields or fields[0][0] != 1 or not isinstance(fields[0][1], int) or not 0 < fields[0][1] < 100:
        return False
    numbers = [number for number, _ in fields]
    texts = [value for number, value in fields if number in (2, 3, 4)]
    if any(value != b"" and not _is_text(value) for value in texts):
        return False
    graph = next((value for number, value in fields if number == 7), b"")
    # GraphProto {1 node {1 input, 2 output, 3 name, 4 op type}}
    return set(numbers) <= {1, 2, 3, 4, 5, 6, 7, 8, 14, 20, 25, 26} and isinstance(graph, bytes) and graph[:1] == b"\n"


def _is_flax(look: Look) -> bool:
    """A msgpack map of texts that holds arrays as extension 1: [shape, dtype, bytes] (flax/serialization.py)."""
    return (
        re.match(rb"[\x81-\x8f\xde\xdf]", look.head) is not None
        and re.search(rb"(?:\xc7.|\xc8..|\xc9....)\x01\x93[\x90-\x9f\xdc]", look.head, re.DOTALL) is not None
    )


def _is_pickle(look: Look) -> bool:
    """Protocol 2 to 5: PROTO, a known opcode, and STOP at the end."""
    return (
        re.match(rb"\x80[\x02-\x05][\x95}\](c\x8c\x8aXK)NG\x88\x89MJ]", look.head) is not None
        and look.tail[-1:] == b"."
    )


FORMATS: tuple[tuple[str, Predicate], ...] = (
    ("a PyTorch file (.pt, .pth)", _zip(rb"(?:[^/]+/)?(?:data\.pkl|constants\.pkl|code/.*)")),
    ("a PyTorch file from before 1.6", _starts(b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.")),
    ("an index of PyTorch shards", _matches(rb'\s*\{.*"weight_map"\s*:\s*\{\s*"[^"]*"\s*:\s*"[^"]*\.(?:bin|pt|pth)"')),
    ("a TensorFlow Lite model", lambda look: look.head[4:8] == b"TFL3"),
    ("a GGUF model (llama.cpp)", _starts(b"GGUF")),
    ("a TensorFlow.js model; its weights are in the .bin files beside it", _json(b"(?:modelTopology|weightsManifest)")),
    ("KerasTuner's record of a search, without weights", _json(b"hyperparameters", b"space")),
    ("a Keras model's configuration, without weights", _is_keras_config),
    ("a Core ML package's manifest", _json(b"itemInfoEntries", b"rootModelIdentifier")),
    ("an OpenVINO model; its weights are in the .bin file beside it",
     _matches(rb'(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*\?>)?\s*<net\s[^>]*version="1[01]"')),
    ("a SavedModel without its variables, or out of its place", _is_saved_model),
    ("an ONNX model", _is_onnx),
    ("a TensorFlow graph (GraphDef, maybe frozen)", _is_graph_def),
    ("Flax parameters (msgpack)", _is_flax),
    ("Python objects of joblib (a pickle, never loaded)",
     lambda look: _is_pickle(look) and b"joblib.numpy_pickle" in look.head),
    ("a Python pickle (never loaded)", _is_pickle),
)  # fmt: skip
"""Asked in this order; the first that is sure gives the name. Raw weights (.bin of TF.js, OpenVINO) tell nothing."""


def _is_plain_text(look: Look) -> bool:
    """UTF-8, but for a character cut at the end, without control characters."""
    try:
        text = look.head.decode("utf-8")
    except UnicodeDecodeError as error:
        if len(look.head) < HEAD_BYTES or error.start < HEAD_BYTES - 3:
            return False
        text = look.head[: error.start].decode("utf-8")
    return all(c.isprintable() or c in "\t\n\r\f\x1b\ufeff" for c in text)


def _is_event_file(look: Look) -> bool:
    """A record whose first event tells the version of the file (tensorflow/core/util/events_writer.cc)."""
    return b"brain.Event:" in look.head[:64]


UNPACK = "; unpack it to have what is in it read"

NO_MODELS: tuple[tuple[str, Predicate], ...] = (
    ("an empty file", lambda look: look.size == 0),
    (f"compressed by gzip{UNPACK}", _starts(b"\x1f\x8b")),
    (f"compressed by bzip2{UNPACK}", _starts(b"BZh")),
    (f"compressed by xz{UNPACK}", _starts(b"\xfd7zXZ\0")),
    (f"compressed by zstandard{UNPACK}", _starts(b"\x28\xb5\x2f\xfd")),
    (f"compressed by lz4{UNPACK}", _starts(b"\x04\x22\x4d\x18", b"\x02\x21\x4c\x18")),
    (f"a 7-Zip archive{UNPACK}", _starts(b"7z\xbc\xaf\x27\x1c")),
    (f"a RAR archive{UNPACK}", _starts(b"Rar!\x1a\x07")),
    (f"a tar archive{UNPACK}", lambda look: look.head[257:262] == b"ustar"),
    (f"a zip archive of other things{UNPACK}", _starts(b"PK\x03\x04", b"PK\x05\x06")),
    ("TensorFlow's list of its latest checkpoints, without weights",
     _matches(rb"\s*(?:model_checkpoint_path|all_model)")),
    ("TensorBoard's events, without weights", _is_event_file),
    ("a SavedModel's fingerprint, without weights", _is_fingerprint),
    ("what Keras adds to a SavedModel, without weights", _is_keras_metadata),
    ("a TensorFlow graph with its signatures (.meta), without weights", _is_meta_graph),
    ("a cache file of ckpt-report", _starts(b"CKPTRPT1")),
    ("a picture", _starts(b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"RIFF")),
    ("a PDF document", _starts(b"%PDF-")),
    ("compiled Python", lambda look: look.head[2:4] == b"\r\n" and look.size > 16),
    ("a program or library", _starts(b"\x7fELF", b"MZ", b"\xcf\xfa\xed\xfe")),
    ("text", _is_plain_text),
)  # fmt: skip
"""What else lies in folders of checkpoints; asked after :data:`FORMATS`."""
