"""Files that a trainer leaves only while it saves, told by the names that TensorFlow and Keras give them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

_PARTS = re.compile(r".*_temp(_[0-9a-f]{32})?")
"""Folder of the parts of a checkpoint until they are merged: ``<prefix>_temp``, and by TensorFlow 1 with a random end
(tensorflow/python/training/saver.py, ``_AddShardedSaveOpsForV2``)."""

_STATE = re.compile(r".*\.tmp[0-9a-f]{8,}")
"""``checkpoint.tmp<hex>``, renamed to ``checkpoint`` (tensorflow/python/lib/io/file_io.py, atomic_write_string)."""

_KERAS = re.compile(r"tmp[a-z0-9_]{8}")
"""What Python's tempfile names a file; Keras keeps the weights there while it writes a large ``.keras`` beside it."""


def unfinished(path: Path, siblings: Iterable[str]) -> str:
    """Why a file is part of a save that goes on or was interrupted, "" if it is not.

    >>> unfinished(Path("ckpts/ckpt-7_temp/part-00000-of-00001.index"), ())
    'a file of a save that is going on, or was interrupted: TensorFlow renames it at the end'
    >>> unfinished(Path("ckpts/ckpt-7.index"), ())
    ''
    >>> unfinished(Path("model.ckpt-7_temp_0123456789abcdef0123456789abcdef/part-00000-of-00001.index"), ())[:14]
    'a file of a sa'
    """
    name = path.name
    if _PARTS.fullmatch(path.parent.name) or ".tempstate" in name:
        return "a file of a save that is going on, or was interrupted: TensorFlow renames it at the end"
    if _STATE.fullmatch(name) and "checkpoint" in name:
        return "the list of checkpoints while it is being replaced, or was interrupted"
    if _KERAS.fullmatch(name) and any(s.endswith(".keras") for s in siblings):
        return "weights that Keras is about to put into a .keras archive, or an interrupted save"
    return ""
