"""The reader of TensorFlow's checkpoints in V2 format, ``prefix.index`` and ``prefix.data-00000-of-00001``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from reporter.model.checkpoint import Claim, Probe
from reporter.model.tensor import Contents
from reporter.readers.tensorflow.head import FOOTER_BYTES, MAGIC, first_entry, header_shards, shard_path
from reporter.readers.tensorflow.v1_reader import is_v1

_SUFFIX = ".index"
_DATA = re.compile(r"(?s)(?P<prefix>.+)\.data-\d{5}-of-\d{5}")


class BundleReader:
    """Checkpoints of ``tf.train.Checkpoint``, ``save_weights`` of Keras 2, Estimators and ``tf.train.Saver``."""

    name = "tf-bundle"
    title = "TensorFlow checkpoint (V2)"

    def claim_folder(self, folder: Path, names: Mapping[str, Path]) -> Claim | None:
        """A bundle is never a whole folder."""
        return None

    def claim_file(self, probe: Probe, siblings: Mapping[str, Path]) -> Claim | None:
        """Claim an index by its content, or data files that lost theirs, on the first of them."""
        name = probe.path.name
        if probe.path.parent.name.endswith("_temp") or ".tempstate" in name:
            return None  # files of a save that is going on: TensorFlow renames them when it is done
        if data := _DATA.fullmatch(name):
            return self._orphan(probe.path, data["prefix"], siblings)
        if is_v1(probe):
            return None
        shards = _shards(probe)
        if not name.endswith(_SUFFIX) or name == _SUFFIX:
            if not shards:
                return None
            reason = f"an index whose name does not end in {_SUFFIX}: its data files cannot be located; rename it back"
            return Claim(self.name, probe.path, (probe.path,), name, reason, "partial")
        prefix = name.removesuffix(_SUFFIX)
        data_files = _data_files(prefix, siblings)
        if not shards and not data_files:
            return None
        problem, state = _problem(probe, prefix, shards, siblings)
        members = (probe.path, *data_files)
        return Claim(self.name, probe.path.with_name(prefix), members, prefix, problem, state)

    def open(self, path: Path) -> AbstractContextManager[Contents]:
        """Open the checkpoint with this prefix.

        Raises:
            reporter.errors.CheckpointError: it cannot be read.
        """
        from reporter.readers.tensorflow.contents import open_bundle

        return open_bundle(path, self.name)

    def _orphan(self, path: Path, prefix: str, siblings: Mapping[str, Path]) -> Claim | None:
        files = _data_files(prefix, siblings)
        if prefix + _SUFFIX in siblings or not files or files[0].name != path.name:
            return None
        problem = "no .index: being saved, rotated away, or an orphan"
        return Claim(self.name, path.with_name(prefix), files, prefix, problem, "partial")


def _shards(probe: Probe) -> int:
    """Number of shards if this is the index of a V2 checkpoint, else 0."""
    if probe.size < FOOTER_BYTES or not probe.tail.endswith(MAGIC):
        return 0
    entry = first_entry(probe.head)
    return header_shards(entry[1]) if entry is not None and entry[0] == b"" else 0


def _data_files(prefix: str, siblings: Mapping[str, Path]) -> tuple[Path, ...]:
    found = (name for name in siblings if name.startswith(prefix) and (m := _DATA.fullmatch(name)) and m[1] == prefix)
    return tuple(siblings[name] for name in sorted(found))


def _problem(probe: Probe, prefix: str, shards: int, siblings: Mapping[str, Path]) -> tuple[str, str]:
    if not shards and probe.tail.endswith(MAGIC):
        return "the index does not begin with the header of a V2 checkpoint: damaged, or compressed", "corrupt"
    if not shards:
        return f"the index is cut off after {probe.size} bytes, or still being written", "corrupt"
    for number in range(shards):
        name = shard_path(Path(prefix), number, shards).name
        if name not in siblings:
            return f"data file {number + 1} of {shards} is missing: {name}", "partial"
    return "", ""
