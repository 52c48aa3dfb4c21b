"""Readers of installed packages, which have the name of a format of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import cast

from reporter.errors import SettingError
from reporter.frozen import dataclass
from reporter.installed import Group, installed
from reporter.model.checkpoint import Claim, Probe
from reporter.model.reader import Reader
from reporter.model.tensor import Contents

_PARTS = ("claim_folder", "claim_file", "open")


@dataclass(frozen=True, slots=True)
class External:
    """A reader of an installed package, with a name for whatever fails in it while it is asked.

    What fails while it reads is told as that of every reader is, see :mod:`reporter.readers.opening`.

    Attributes:
        inner: the reader.
        where: its entry point in words.
    """

    inner: Reader
    where: str

    @property
    def name(self) -> str:
        """Of the format."""
        return self.inner.name

    @property
    def title(self) -> str:
        """The format in words."""
        return self.inner.title

    def claim_folder(self, folder: Path, names: Mapping[str, Path]) -> Claim | None:
        """See :class:`reporter.model.reader.Reader`.

        Raises:
            SettingError: the reader failed, or gave back something else.
        """
        return self._told(lambda: self.inner.claim_folder(folder, names))

    def claim_file(self, probe: Probe, siblings: Mapping[str, Path]) -> Claim | None:
        """See :class:`reporter.model.reader.Reader`.

        Raises:
            SettingError: the reader failed, or gave back something else.
        """
        return self._told(lambda: self.inner.claim_file(probe, siblings))

    def open(self, path: Path) -> AbstractContextManager[Contents]:
        """See :class:`reporter.model.reader.Reader`."""
        return self.inner.open(path)

    def _told(self, ask: Callable[[], object]) -> Claim | None:
        try:
            claim = ask()
        except OSError:
            raise  # of a file: whoever looks through the folder tells it in the row of that file
        except Exception as error:
            raise SettingError(f"{self.where}: {type(error).__name__} while it was asked: {error}") from error
        if claim is not None and not (isinstance(claim, Claim) and claim.format == self.name):
            raise SettingError(f"{self.where}: gave back {claim!r:.80}, not a Claim of the format {self.name}, or None")
        return claim


def with_installed(readers: tuple[Reader, ...]) -> tuple[Reader, ...]:
    """Those of installed packages, which are asked first, and then those of this program.

    A package that knows a special kind of a common format can so claim it before the reader of the common one does.

    Raises:
        SettingError: what a package offers is no reader, or has the name of another.
    """
    names, found = {reader.name for reader in readers}, list[Reader]()
    for where, _, thing in installed(Group.READERS):
        name, title = getattr(thing, "name", None), getattr(thing, "title", None)
        if not (isinstance(name, str) and name and isinstance(title, str)):
            raise SettingError(f"{where}: {type(thing).__name__} is no reader: it lacks a name and a title of text")
        if lacking := [part for part in _PARTS if not callable(getattr(thing, part, None))]:
            raise SettingError(f"{where}: {type(thing).__name__} is no reader: it lacks {', '.join(lacking)}")
        if name in names:
            raise SettingError(f"{where}: there already is a reader of {name}; give it another name")
        names.add(name)
        found.append(External(cast("Reader", thing), where))
    return (*found, *readers)
