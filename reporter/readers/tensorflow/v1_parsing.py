"""V1 checkpoints, in a child process: TensorFlow itself reads them. Alone imports tensorflow.

Its C++ parses what it is given and aborts where it does not like it, so this runs nowhere but behind
:mod:`reporter.readers.isolation`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from reporter.errors import CorruptCheckpoint, RefusedCheckpoint, from_words
from reporter.readers.files.block_size import MAX_TENSORS

_FIRST = 300
_PATTERN = "/dev/fd/3??"
"""TensorFlow opens all files that a pattern matches: here the descriptors 300 … 399, so that it is given no path, whose
brackets it would take for a pattern, and whose file may be another one by now. The parent hands over 100 at most."""

_REASON = 300


def open_parsing(files: list[int]) -> Parsing:
    """Open the shards of a checkpoint.

    Raises:
        CorruptCheckpoint: TensorFlow does not accept them.
    """
    return Parsing(files)


class Parsing:
    """An open checkpoint; the tensor that was read last is kept, as TensorFlow reads whole ones only."""

    def __init__(self, files: list[int]) -> None:
        self._files = files
        with _offered(files):
            reader = tf.compat.v1.train.NewCheckpointReader(_PATTERN)
            self._shapes = reader.get_variable_to_shape_map()
            self._dtypes = reader.get_variable_to_dtype_map()
        self._last: tuple[str, Any] = ("", b"")

    def answer(self, question: str, **arguments: Any) -> tuple[Any, Any]:
        """The ``tensors``: name, number of the type, shape; or the bytes of one to ``read``, from one to another.

        Raises:
            CheckpointError: it is damaged, or out of proportion.
        """
        if question == "tensors":
            if len(self._shapes) > MAX_TENSORS:
                raise RefusedCheckpoint(Path(), f"it lists more than {MAX_TENSORS:,} tensors")
            names = sorted(self._shapes)
            return [[name, int(self._dtypes[name].as_datatype_enum), self._shapes[name]] for name in names], b""
        name = arguments["name"]
        if self._last[0] != name:
            self._last = ("", b"")  # before the next takes memory
            with _offered(self._files):
                # Unlike the reader's get_tensor it knows every type, and puts partitioned variables together.
                tensor = tf.raw_ops.Restore(file_pattern=_PATTERN, tensor_name=name, dt=self._dtypes[name])
                values = np.ascontiguousarray(tensor.numpy())
            self._last = (name, values.reshape(-1).view(np.uint8))
        return None, self._last[1][arguments["start"] : arguments["stop"]]

    def close(self) -> None:
        """Nothing is kept open."""


@contextmanager
def _offered(files: list[int]) -> Iterator[None]:
    """Let the pattern match these files, and turn what TensorFlow raises into an error of our own."""
    places = range(_FIRST, _FIRST + len(files))
    for descriptor, place in zip(files, places, strict=True):
        os.dup2(descriptor, place, inheritable=False)
    try:
        yield
    except tf.errors.ResourceExhaustedError as exc:
        raise MemoryError from exc
    except (tf.errors.OpError, RuntimeError, ValueError, LookupError) as exc:
        text = re.sub(r"\s+", " ", getattr(exc, "message", "") or str(exc))
        damage = CorruptCheckpoint(Path(), f"TensorFlow cannot read it: {text[:_REASON]}")
        raise from_words(Path(), text) or damage from exc
    finally:
        for place in places:
            os.close(place)
