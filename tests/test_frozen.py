"""Frozen dataclasses of this program's own making are as those of ``dataclasses``."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from dataclasses import FrozenInstanceError, field
from typing import Any

import pytest

from reporter.frozen import dataclass
from tests.contracts.test_layers import PACKAGE


@dataclass(frozen=True, slots=True)
class Ours:
    """One."""

    name: str
    size: int = 3
    parts: list[int] = field(default_factory=list)
    hidden: int = field(default=0, repr=False, compare=False)
    twice: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "twice", 2 * self.size)


@dataclasses.dataclass(frozen=True, slots=True)
class Theirs:
    """The same."""

    name: str
    size: int = 3
    parts: list[int] = field(default_factory=list)
    hidden: int = field(default=0, repr=False, compare=False)
    twice: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "twice", 2 * self.size)


@dataclass(frozen=True, slots=True)
class Longer(Ours):
    """A field more."""

    more: str = ""


@dataclass(frozen=True, slots=True)
class Point:
    """Two."""

    x: int
    y: int = 0


@pytest.mark.parametrize("arguments", [{"name": "a"}, {"name": "a", "size": 1, "parts": [2], "hidden": 4}])
def test_they_print_compare_and_are_copied_alike(arguments: dict[str, Any]) -> None:
    ours, theirs = Ours(**arguments), Theirs(**arguments)
    assert repr(ours).replace("Ours", "Theirs") == repr(theirs)
    assert dataclasses.asdict(ours) == dataclasses.asdict(theirs)
    assert [f.name for f in dataclasses.fields(Ours)] == [f.name for f in dataclasses.fields(Theirs)]
    assert Ours.__match_args__ == Theirs.__match_args__
    assert Ours.__slots__ == Theirs.__slots__
    assert Ours.__init__.__annotations__ == Theirs.__init__.__annotations__
    assert list(inspect.signature(Ours).parameters) == list(inspect.signature(Theirs).parameters)
    for one in (pickle.loads(pickle.dumps(ours)), copy.deepcopy(ours), dataclasses.replace(ours, hidden=9)):
        assert one == ours and one is not ours
    assert dataclasses.replace(ours, size=9) != ours
    assert ours != theirs and Longer(**arguments) != ours


def test_a_default_is_made_anew_for_each() -> None:
    assert Ours("a").parts is not Ours("b").parts


def test_nothing_of_them_changes() -> None:
    one = Point(1)
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'x'"):
        one.x = 2  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError, match="cannot delete field 'x'"):
        del one.x


def test_they_are_keys() -> None:
    assert {Point(1): "a", Point(2, 3): "b"}[Point(2, 3)] == "b"
    with pytest.raises(TypeError, match="unhashable"):
        hash(Ours("a"))


def test_what_is_missing_or_unknown_is_refused() -> None:
    with pytest.raises(TypeError, match=r"^Ours.__init__\(\) missing 1 required positional argument: 'name'"):
        Ours()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="unexpected keyword argument 'z'"):
        Point(1, z=2)  # type: ignore[call-arg]


def test_classes_of_others_inherit_from_them_as_from_any_frozen_one() -> None:
    @dataclasses.dataclass(frozen=True)
    class Named(Point):
        name: str = ""

    one = Named(1, name="a")
    assert one == copy.deepcopy(one) != Named(1) and hash(one) != hash(Named(1))
    with pytest.raises(FrozenInstanceError):
        one.x = 2  # type: ignore[misc]
    with pytest.raises(TypeError, match="cannot inherit non-frozen dataclass from a frozen one"):

        @dataclasses.dataclass
        class _Changing(Point):  # type: ignore[misc]
            name: str = ""

    with pytest.raises(TypeError, match="cannot inherit non-frozen dataclass from a frozen one"):
        dataclass()(type("Ours", (Longer,), {}))


def test_every_module_makes_its_frozen_classes_so() -> None:
    """But for the sources of kernels, whose hash names the machine code that is kept."""
    slow = []
    for path in sorted(PACKAGE.rglob("*.py")):
        text = path.read_text()
        makes = any(line.startswith("@dataclass(frozen=True") for line in text.splitlines())
        kernels = path.parent.name == "kernels" or path == PACKAGE / "model" / "sketch.py"
        if makes and not kernels:
            slow += [path] * ("from reporter.frozen import dataclass" not in text)
    assert not slow
