"""Weights that Keras splits over several HDF5 files (``save_weights(…, max_shard_size=…)``, Keras 3.10 and later).

``x.weights.json`` maps every group of variables to the file that holds it, or to a list of files
(keras/src/saving/saving_lib.py, ``ShardedH5IOStore``). Together the files hold the tree of one ``.weights.h5``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reporter.errors import CorruptCheckpoint, PartialCheckpoint
from reporter.model.checkpoint import Claim, Probe
from reporter.model.tensor import Contents, Integrity
from reporter.readers.files.index import Index, claim_index, read_index, require_shards
from reporter.readers.files.window import Window, open_file

if TYPE_CHECKING:
    from reporter.readers.keras.tree import Group

_FAR = 1 << 48
"""Added to addresses for each file before, so that they grow in the order of writing over all files."""


class KerasShardedReader:
    """``.weights.json`` and its ``.weights.h5`` shards: one checkpoint."""

    name = "keras-sharded"
    title = "Keras 3 sharded weights (.weights.json)"

    def claim_folder(self, folder: Path, names: Mapping[str, Path]) -> Claim | None:
        """Never: it is a file, and those beside it that it lists."""
        return None

    def claim_file(self, probe: Probe, siblings: Mapping[str, Path]) -> Claim | None:
        """Claim a JSON file whose ``weight_map`` lists ``.weights.h5`` files."""
        return claim_index(probe, siblings, self.name, ".weights.json", ".weights.h5")

    @contextmanager
    def open(self, path: Path) -> Iterator[Contents]:
        """Open an index and all its shards.

        Raises:
            CheckpointError: it cannot be read; PartialCheckpoint if a shard, or part of one, is missing.
        """
        from reporter.readers.keras.contents import contents
        from reporter.readers.keras.hdf5 import open_hdf5
        from reporter.readers.keras.weights_v3 import read_v3

        with ExitStack() as stack:
            index = read_index(Window(path, stack.enter_context(open_file(path))))
            if index is None:
                raise CorruptCheckpoint(path, "it has no weight_map any more")
            require_shards(path, index)
            shards = {}
            for name in index.shards:
                window = Window(path.with_name(name), stack.enter_context(open_file(path.with_name(name))))
                shards[name] = stack.enter_context(open_hdf5(window))
            _check(path, index, shards)
            inventory = read_v3(merged(path, list(shards.values())), None)
            yield contents(inventory, None, format=self.name, integrity=Integrity.LENGTHS, framework="Keras")


def _check(path: Path, index: Index, shards: Mapping[str, Group]) -> None:
    """Every group must be where the index places it, and nothing anywhere else."""
    listed = 0
    for place, files in index.places.items():
        for file in dict.fromkeys(files):
            group = shards[file].group(place)
            if group is None or not group.datasets:
                reason = f"{file} holds no {place}, which the index places there: it belongs to another save"
                raise PartialCheckpoint(path, reason)
            listed += len(group.datasets)
    there = sum(1 for shard in shards.values() for _ in shard.everything())
    if there > listed:
        raise CorruptCheckpoint(path, f"its shards hold {there - listed} variables that the index does not list")


def merged(path: Path, shards: Sequence[Group]) -> Group:
    """The tree that several files hold together.

    Raises:
        CorruptCheckpoint: two of them hold the same variable.
    """
    return _merged(path, list(enumerate(shards)))


def _merged(path: Path, parts: list[tuple[int, Group]]) -> Group:
    from reporter.readers.keras.tree import Group

    place, first = parts[0]
    whole = Group(first.path, first.address + place * _FAR, _first_attributes(group for _, group in parts))
    inside: dict[str, list[tuple[int, Group]]] = {}
    for i, group in parts:
        for name, child in group.groups.items():
            inside.setdefault(name, []).append((i, child))
        for name, dataset in group.datasets.items():
            if name in whole.datasets:
                raise CorruptCheckpoint(path, f"two shards hold {dataset.path}")
            whole.datasets[name] = replace(dataset, address=dataset.address + i * _FAR)
    whole.groups.update((name, _merged(path, children)) for name, children in inside.items())
    return whole


def _first_attributes(groups: Iterable[Group]) -> dict[str, Any]:
    """Only the first shard of a group has its attributes."""
    found: dict[str, Any] = {}
    for group in groups:
        found = {**group.attributes, **found}
    return found
