"""safetensors in several files: ``*.safetensors.index.json`` maps each tensor to the shard that holds it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from reporter.errors import CorruptCheckpoint, PartialCheckpoint
from reporter.model.checkpoint import Claim, Probe
from reporter.model.tensor import Contents, SkippedTensor
from reporter.readers.files.index import claim_index, read_index, require_shards
from reporter.readers.files.window import Window, open_file
from reporter.readers.safetensors import contents, read_file


class SafetensorsIndexReader:
    """An index and its ``.safetensors`` shards: one checkpoint."""

    name = "safetensors-index"
    title = "safetensors shards with their index (.index.json)"

    def claim_folder(self, folder: Path, names: Mapping[str, Path]) -> Claim | None:
        """Never: it is a file, and those beside it that it lists."""
        return None

    def claim_file(self, probe: Probe, siblings: Mapping[str, Path]) -> Claim | None:
        """Claim a JSON file whose ``weight_map`` lists ``.safetensors`` files."""
        return claim_index(probe, siblings, self.name, ".safetensors.index.json", ".safetensors")

    @contextmanager
    def open(self, path: Path) -> Iterator[Contents]:
        """Open an index and all its shards; a tensor is read from the shard that the index gives.

        Raises:
            CheckpointError: it cannot be read; PartialCheckpoint if a shard, or a tensor of one, is missing.
        """
        with ExitStack() as stack:
            index = read_index(Window(path, stack.enter_context(open_file(path))))
            if index is None:
                raise CorruptCheckpoint(path, "it has no weight_map any more")
            require_shards(path, index)
            found, skipped, missing = [], [], dict(index.places)
            for name in index.shards:
                file = read_file(Window(path.with_name(name), stack.enter_context(open_file(path.with_name(name)))))
                for entry in file.entries:
                    if name in missing.get(entry.name, ()):
                        del missing[entry.name]
                        found.append((file, entry))
                    else:
                        reason = f"in {name}, where the index does not place it"
                        skipped.append(SkippedTensor(f"{entry.name} ({name})", entry.dtype, entry.shape, reason))
            for lost, files in missing.items():
                reason = f"{files[0]} does not hold it, though the index places it there: it belongs to another save"
                raise PartialCheckpoint(path, reason, tensor=lost)
            yield contents(self.name, found, skipped)
