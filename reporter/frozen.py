"""Frozen dataclasses that are made in two fifths of the time, since a command begins with making some hundred of them.

``dataclasses`` writes the text of six methods for each frozen class and has Python compile them, which takes 0.9 ms a
class: with Python 3.11, 0.3 of the 2.0 seconds of processor time of a small report, and 0.1 of the 0.65 of ``inspect``.
Here only ``__init__`` is compiled. The others are the same functions for all classes, or read all fields at once
(:func:`operator.attrgetter`), which is as fast where they are called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # to those who check types it is what it stands for
    from dataclasses import dataclass as dataclass
else:
    from dataclasses import MISSING, FrozenInstanceError, fields, is_dataclass
    from dataclasses import dataclass as _dataclass
    from operator import attrgetter

    def dataclass(*, frozen=False, slots=False, eq=True, repr=True):
        """``dataclasses.dataclass`` with the options that this program uses; it makes those that are not frozen itself.

        ``fields``, ``replace``, ``asdict``, copies and pickles work as with any dataclass. A field without ``init`` has
        to be set by ``__post_init__``.

        >>> @dataclass(frozen=True, slots=True)
        ... class Point:
        ...     x: int
        ...     y: int = 0
        >>> Point(1), Point(1) == Point(1, 0), hash(Point(1)) == hash(Point(1, 0))
        (Point(x=1, y=0), True, True)
        >>> Point(1).x = 2
        Traceback (most recent call last):
        dataclasses.FrozenInstanceError: cannot assign to field 'x'
        """
        if not frozen:
            return _dataclass(slots=slots, eq=eq, repr=repr)

        def made(cls):
            own = cls.__dict__
            # Where it inherits from another, ``dataclasses`` sees to it that this is a frozen one too.
            new = _dataclass(init=False, repr=False, eq=False, frozen=is_dataclass(cls), slots=slots)(cls)
            new.__dataclass_params__.frozen = True  # which it looks at where a class of others inherits from this one
            new.__init__ = _init(new, slots)
            new.__setattr__, new.__delattr__ = _refuse_to_set, _refuse_to_delete
            if slots:
                new.__getstate__, new.__setstate__ = _state, _set_state
            if repr and "__repr__" not in own:
                new.__repr__ = _repr
            if eq:
                values = _values(new)
                if "__eq__" not in own:
                    new.__eq__ = _equals(values)
                if own.get("__hash__") is None:  # which Python puts there for a class that compares
                    new.__hash__ = lambda self: hash(values(self))
            return new

        return made

    def _init(cls, slots):
        """``__init__`` of all fields, compiled from its text, as the one of ``dataclasses``.

        It sets slots without looking them up by name, in two thirds of the time: many objects are made.
        """
        names = {"_set": object.__setattr__, "_MISSING": MISSING}
        parameters, lines = ["self"], []
        for one in fields(cls):
            name = value = one.name
            if not one.init:
                continue
            if one.default_factory is not MISSING:
                names[f"_made_{name}"] = one.default_factory
                parameters.append(f"{name}=_MISSING")
                value = f"_made_{name}() if {name} is _MISSING else {name}"
            elif one.default is not MISSING:
                names[f"_default_{name}"] = one.default
                parameters.append(f"{name}=_default_{name}")
            else:
                parameters.append(name)
            if slots:
                names[f"_set_{name}"] = getattr(cls, name).__set__
            lines.append(f" _set_{name}(self, {value})" if slots else f" _set(self, {name!r}, {value})")
        if hasattr(cls, "__post_init__"):
            lines.append(" self.__post_init__()")
        exec(f"def __init__({', '.join(parameters)}):\n" + "\n".join(lines or [" pass"]), names)
        init = names["__init__"]
        init.__qualname__ = f"{cls.__qualname__}.__init__"  # which stands in messages
        init.__annotations__ = {one.name: one.type for one in fields(cls) if one.init} | {"return": None}
        return init

    def _values(cls):
        """What gives the values of an object that are compared, as a tuple."""
        names = [one.name for one in fields(cls) if one.compare]
        if len(names) > 1:
            return attrgetter(*names)
        return lambda self: tuple(getattr(self, name) for name in names)

    def _equals(values):
        def equal(self, other):
            return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

        return equal

    def _repr(self):
        shown = ", ".join(f"{one.name}={getattr(self, one.name)!r}" for one in fields(self) if one.repr)
        return f"{type(self).__qualname__}({shown})"

    def _refuse_to_set(self, name, value):
        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def _refuse_to_delete(self, name):
        raise FrozenInstanceError(f"cannot delete field {name!r}")

    def _state(self):
        return [getattr(self, one.name) for one in fields(self)]

    def _set_state(self, state):
        for one, value in zip(fields(self), state, strict=True):
            object.__setattr__(self, one.name, value)
