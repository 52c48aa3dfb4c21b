"""The groups and datasets of an HDF5 file as plain objects, after they were found to be safe to read."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from typing import Any

import numpy as np

from reporter.frozen import dataclass
from reporter.readers.files.streams import Array, DirectStream, SlabStream


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset that was found in a file.

    Attributes:
        path: from the root of the file, without a leading "/".
        address: of its object header; grows in the order in which Keras writes, as seen with tf_keras 2.21 and 3.15.
        dtype: of the values, in native byte order; ``V…`` where they are opaque.
        problem: why it cannot be measured, or "".
    """

    path: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    address: int
    problem: str
    stream: DirectStream | SlabStream | None

    @property
    def key(self) -> str:
        """Its name in its group."""
        return self.path.rsplit("/", 1)[-1]

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    def blocks(self, tensor: str = "") -> Iterator[Array]:
        """Yield the values in C order as 1-D arrays of a few MiB; nothing if there is a problem.

        Raises:
            CheckpointError: with ``tensor`` named.
        """
        if self.stream is not None and not self.problem:
            yield from self.stream.blocks(tensor)

    def reinterpreted(self, dtype: np.dtype[Any]) -> Dataset:
        """The same opaque bytes as values of a type of the same size; itself if it is not opaque."""
        if self.stream is None or self.dtype.kind != "V" or not self.problem or dtype.itemsize != self.dtype.itemsize:
            return self
        return replace(self, dtype=dtype, problem="", stream=replace(self.stream, dtype=dtype))

    def scalar(self) -> int | float | None:
        """The only element of a numeric dataset of size 1, else None."""
        if self.size != 1 or self.dtype.kind not in "iuf":
            return None
        value: int | float | None = next((block[0].item() for block in self.blocks(self.path)), None)
        return value


@dataclass(slots=True)
class Group:
    """A group that was found in a file; children in the file's own (alphabetical) order.

    Attributes:
        attributes: those that matter: a string, a list of strings, or a number.
    """

    path: str
    address: int
    attributes: Mapping[str, Any] = field(default_factory=dict, repr=False)
    groups: dict[str, Group] = field(default_factory=dict)
    datasets: dict[str, Dataset] = field(default_factory=dict)

    def everything(self) -> Iterator[Dataset]:
        """Every dataset at or below this group."""
        yield from self.datasets.values()
        for group in self.groups.values():
            yield from group.everything()

    @property
    def first_address(self) -> int:
        """Address of the first dataset at or below this group, its own if it has none."""
        return min((dataset.address for dataset in self.everything()), default=self.address)

    @property
    def stored_name(self) -> str | None:
        """The name of the object that this group is, which Keras stores since 3.6, or None."""
        variables = self.groups.get("vars")
        return variables.text("name") if variables else None

    def numbered(self) -> list[Dataset]:
        """The datasets ``0``, ``1`` … of an object's ``vars`` in this order, then others as they were written."""
        variables = self.groups.get("vars")
        datasets = variables.datasets.values() if variables else ()
        numbers = sorted((d for d in datasets if d.key.isdecimal()), key=lambda d: (len(d.key), d.key))
        return numbers + sorted((d for d in datasets if not d.key.isdecimal()), key=lambda d: d.address)

    def find(self, path: str) -> Dataset | None:
        """The dataset at a path below this group, or None."""
        parent, _, name = path.strip("/").rpartition("/")
        group = self.group(parent) if parent else self
        return group.datasets.get(name) if group else None

    def group(self, path: str) -> Group | None:
        """The group at a path below this one, or None."""
        group: Group | None = self
        for name in path.strip("/").split("/"):
            group = group.groups.get(name) if group else None
        return group

    def text(self, name: str) -> str | None:
        """A string attribute, or None."""
        value = self.attributes.get(name)
        return value if isinstance(value, str) else None

    def texts(self, name: str) -> tuple[str, ...] | None:
        """A list of strings; None if it is absent."""
        value = self.attributes.get(name)
        if value is None:
            return None
        items = value if isinstance(value, list) else [value]
        return tuple(item for item in items if isinstance(item, str))


def decode(text: Any) -> str:
    r"""Text of a name or attribute; what is not UTF-8 is kept as backslash escapes.

    >>> decode(b"dense"), decode(b"\xff"), decode("a\udcff")
    ('dense', '\\xff', 'a\\xff')
    """
    raw = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else bytes(text)
    return raw.decode("utf-8", "backslashreplace")
