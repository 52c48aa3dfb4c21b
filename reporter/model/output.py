"""The mark by which this program knows its own output again, wherever the folder is moved as a whole."""

from __future__ import annotations

MARKER = ".ckpt-report"
"""File in every published run. What lies beside it was made by this program, and holds no checkpoint."""

LOCK = ".lock"
"""File in the output folder that a run holds as long as it lasts."""

POINTER = "latest.json"
"""Object in an output folder that lies in a store: it names the run that people are led to, as no link can."""

RECORDED = "recorded"
"""Folder in the output folder that holds what was recorded of a training, unless another one was asked for."""

RECORDING = "recording.json"
"""File that makes a folder a recording: summaries of the states of a training, measured in memory."""

UNFINISHED = ".new-"
"""Names of runs that are being written, or were interrupted, start so."""


def marker(run: str) -> bytes:
    """The content of the marker of a run.

    It names the run's folder, so that files copied out of a run, into a folder of checkpoints perhaps, mark nothing.

    >>> marker("20260102T030405Z-1a2b3c4d")
    b'A report of ckpt-report, in the folder 20260102T030405Z-1a2b3c4d\\n'
    """
    return f"A report of ckpt-report, in the folder {run}\n".encode("utf-8", "surrogateescape")
