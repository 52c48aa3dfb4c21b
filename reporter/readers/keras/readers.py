"""The three readers of files that Keras writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from reporter.errors import CheckpointError
from reporter.model.checkpoint import Claim, Probe
from reporter.model.tensor import Contents, Integrity, SkippedTensor
from reporter.readers.files.window import Window, open_file
from reporter.readers.keras import archive, claims

ASSET = "text that layers look up, without numbers"


class KerasArchiveReader:
    """``.keras``: a zip archive, or a folder, of configuration, metadata and weights."""

    name = claims.ARCHIVE
    title = "Keras 3 model (.keras)"

    def claim_folder(self, folder: Path, names: Mapping[str, Path]) -> Claim | None:
        """Claim a folder with ``metadata.json``, ``config.json`` and weights."""
        return claims.claim_folder(folder, names)

    def claim_file(self, probe: Probe, siblings: Mapping[str, Path]) -> Claim | None:
        """Claim a zip archive with these members."""
        return claims.claim_archive(probe)

    @contextmanager
    def open(self, path: Path) -> Iterator[Contents]:
        """Open an archive or a folder.

        Raises:
            CheckpointError: it cannot be read.
        """
        from reporter.readers.keras.contents import contents
        from reporter.readers.keras.hdf5 import open_hdf5
        from reporter.readers.keras.weights_v3 import read_v3
        from reporter.readers.keras_model.config import ConfigError, parse_model

        notes = []
        members_of = archive.open_folder if path.is_dir() else archive.open_archive
        with members_of(path) as members, _explained(path, members), open_hdf5(members.weights) as root:
            try:
                config = parse_model(members.config)
            except ConfigError as exc:
                config = None
                notes.append(f"{archive.CONFIG} cannot be read: {exc}")
            framework = _framework(members.metadata)
            inventory = read_v3(root, config, keras2=framework.startswith("Keras 2."))
            inventory.notes[:0] = notes
            found = contents(
                inventory,
                config,
                format=self.name,
                integrity=members.integrity,
                framework=framework,
            )
            texts = tuple(SkippedTensor(name, "string", (), ASSET) for name in members.assets)
            yield replace(found, skipped=found.skipped + texts, verify=members.verify)


class KerasWeightsReader:
    """``.weights.h5``: the weights of Keras 3, and of Keras 2 since 2.13, without a configuration."""

    name = claims.WEIGHTS
    title = "Keras 3 weights (.weights.h5)"

    def claim_folder(self, folder: Path, names: Mapping[str, Path]) -> Claim | None:
        """Never: it is a file."""
        return None

    def claim_file(self, probe: Probe, siblings: Mapping[str, Path]) -> Claim | None:
        """Claim an HDF5 file whose groups are objects with ``vars``."""
        claim = claims.claim_hdf5(probe)
        return claim if claim is not None and claim.format == self.name else None

    @contextmanager
    def open(self, path: Path) -> Iterator[Contents]:
        """Open a file.

        Raises:
            CheckpointError: it cannot be read.
        """
        from reporter.readers.keras.contents import contents
        from reporter.readers.keras.hdf5 import open_hdf5
        from reporter.readers.keras.weights_v3 import read_v3

        with open_file(path) as file, open_hdf5(Window(path, file)) as root:
            inventory = read_v3(root, None)
            yield contents(inventory, None, format=self.name, integrity=Integrity.LENGTHS, framework="Keras")


class KerasLegacyReader:
    """``.h5`` and ``.hdf5``: full models and weights of Keras 1 and 2, which Keras 3 still writes."""

    name = claims.LEGACY
    title = "Keras HDF5 (.h5, .hdf5)"

    def claim_folder(self, folder: Path, names: Mapping[str, Path]) -> Claim | None:
        """Never: it is a file."""
        return None

    def claim_file(self, probe: Probe, siblings: Mapping[str, Path]) -> Claim | None:
        """Claim an HDF5 file that lists its layers, and any other HDF5 file as one that holds no weights."""
        claim = claims.claim_hdf5(probe)
        return claim if claim is not None and claim.format == self.name else None

    @contextmanager
    def open(self, path: Path) -> Iterator[Contents]:
        """Open a file.

        Raises:
            CheckpointError: it cannot be read.
        """
        from reporter.readers.keras.contents import contents
        from reporter.readers.keras.hdf5 import open_hdf5
        from reporter.readers.keras.legacy import read_legacy

        with open_file(path) as file, open_hdf5(Window(path, file)) as root:
            inventory, config, framework = read_legacy(root, path)
            framework = framework or "Keras"
            yield contents(inventory, config, format=self.name, integrity=Integrity.LENGTHS, framework=framework)


@contextmanager
def _explained(path: Path, members: archive.Members) -> Iterator[None]:
    """What goes wrong in a member that fails its checksum is put down to that."""
    try:
        yield
    except CheckpointError as error:
        if error.path == path:
            members.verify()
        raise


def _framework(metadata: bytes) -> str:
    from reporter.readers.keras_model.config import ConfigError, parse_json

    try:
        version = parse_json(metadata).get("keras_version")
    except ConfigError:
        version = None
    return f"Keras {version}" if isinstance(version, str) else "Keras"
