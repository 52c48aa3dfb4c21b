"""V1 checkpoints, in a child process: TensorFlow itself reads them. Alone imports tensorflow.

Its C++ parses what it is given and aborts where it does not like it, so this runs nowhere but behind
:mod:`reporter.readers.isolation`.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from reporter.errors import CorruptCheckpoint, RefusedCheckpoint, from_words
from reporter.readers.files.block_size import MAX_TENSORS

_FIRST = 300
_PATTERN = "/dev/fd/3??"
"""TensorFlow opens all files that a pattern matches: here the descriptors 300 … 399, so that it is given no path, whose
brackets it would take for a pattern, and whose file may be another one by now. The parent hands over 100 at most."""

_REASON = 300


def _imported() -> tuple[Any, Any, Any]:
    """``NewCheckpointReader``, the operation ``Restore``, and the module of errors, each as TensorFlow has it.

    ``import tensorflow`` takes 9 s of processor time for 3,900 modules, and what is needed here 2 s for 600 of them. So
    they are imported beside ``tensorflow/__init__.py``, unless it has run. Their places are no public interface: a
    version that has them elsewhere is imported whole.
    """
    found = None if "tensorflow" in sys.modules else find_spec("tensorflow")
    if found:
        package = sys.modules["tensorflow"] = ModuleType("tensorflow")
        package.__path__ = found.submodule_search_locations or []
    try:
        import tensorflow.python.framework.constant_op  # makes a tensor of the text of the pattern
        from tensorflow.python.eager.context import eager_mode
        from tensorflow.python.framework import errors_impl
        from tensorflow.python.ops import gen_io_ops
        from tensorflow.python.training.py_checkpoint_reader import NewCheckpointReader

        return NewCheckpointReader, eager_mode()(gen_io_ops.restore), errors_impl
    except (ImportError, AttributeError):
        if found:  # all below it stays: what of its C++ is loaded ends the process when it is loaded once more
            del sys.modules["tensorflow"]
        import tensorflow as tf

        return tf.compat.v1.train.NewCheckpointReader, tf.raw_ops.Restore, tf.errors


_open, _restore, _errors = _imported()


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
            reader = _open(_PATTERN)
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
                tensor = _restore(file_pattern=_PATTERN, tensor_name=name, dt=self._dtypes[name])
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
    except _errors.ResourceExhaustedError as exc:
        raise MemoryError from exc
    except (_errors.OpError, RuntimeError, ValueError, LookupError) as exc:
        text = re.sub(r"\s+", " ", getattr(exc, "message", "") or str(exc))
        damage = CorruptCheckpoint(Path(), f"TensorFlow cannot read it: {text[:_REASON]}")
        raise from_words(Path(), text) or damage from exc
    finally:
        for place in places:
            os.close(place)
