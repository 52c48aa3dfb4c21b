"""TensorFlow 1 checkpoints, which store names only: slots, counters and moving averages told by convention.

Conventions: tensorflow/python/training/*.py (``scope/weights/Adam``), Estimators on Keras optimizers
(``training/Adagrad/scope/weights/accumulator``), tensor2tensor (``training/scope/weights/Adam``), BERT (``adam_m``).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection as Names
from collections.abc import Mapping, Sequence
from typing import Literal

from reporter.frozen import dataclass
from reporter.model.natural_order import natural
from reporter.model.role import NEVER_TRAINABLE, model_role, slot_role
from reporter.model.tensor import Collection, LayerInfo
from reporter.readers.meaning import Interpretation, Meaning, arranged, model_trainable
from reporter.readers.tensorflow.bundle import Entry
from reporter.readers.tensorflow.dtypes import numeric

# What optimizers call themselves unless the program gives them a name, and so their slots.
_OPTIMIZERS = "Adam|AdamW|Momentum|Ftrl|Adagrad|AdagradDA|Adadelta|RMSProp|ProximalAdagrad"
_UNMISTAKABLE = re.compile(rf"({_OPTIMIZERS})(_\d+)?$")
_KNOWN_SLOT = re.compile(
    rf"({_OPTIMIZERS}|AdaMax|Nadam|LARS|lamb_[mv]|adam_[mv]"
    r"|m|v|vhat|rms|mg|momentum|accumulator|linear|accum_grad|accum_var|vr|vc|average)(_\d+)?$"
)
_OPTIMIZER_SCOPE = re.compile(rf"({_OPTIMIZERS}|Adamax|Nadam|SGD|GradientDescent|RMSprop|LossScaleOptimizer)(_\d+)?$")
_HYPER = re.compile(r"(beta[12]?_power|beta_[12]|learning_rate|loss_scale|current_loss_scale|good_steps)(_\d+)?$")
_MOVING_AVERAGE = "ExponentialMovingAverage"
_AVERAGE = re.compile(rf"({_MOVING_AVERAGE}|(\w*_)?(ema|EMA|moving_average))(_\d+)?$")
_PARTITION = re.compile(r"/part_\d+$")
_MAX_SCOPES = 64


def interpret_names(entries: Mapping[str, Entry]) -> Interpretation:
    """Find out what every entry is for, from its name and from which other names exist."""
    keys = sorted((key for key, entry in entries.items() if numeric(entry.dtype)), key=natural)
    names = _plain(keys)
    shapes = {name: entries[key].shape for key, name in names.items()}
    found = _owned(shapes)
    adams = _adams(shapes, found)
    trained = {owned.target for owned in found.values() if owned.kind == "slot"}
    meanings: list[Meaning] = []
    for key, name in names.items():
        shape, last, owned = shapes[name], name.rpartition("/")[2], found.get(name)
        if owned is not None and owned.kind == "slot":
            layer = _layer(owned.target) if owned.target in shapes else ""
            slot = _ADAMS[last.removeprefix(owned.scope)] if owned.scope in adams else last
            meanings.append(
                Meaning(key, f"optimizer/{owned.target}/{last}", layer, slot_role(slot), False, Collection.OPTIMIZER)
            )
        elif owned is not None:
            role = "ema" if owned.kind == "average" else "step" if shape == () else "other"
            told = None if owned.kind == "average" and owned.target not in shapes else False
            meanings.append(Meaning(key, name, _layer(owned.target), role, told, Collection.MODEL))
        elif _is_optimizers(name, last, shape):
            role = slot_role(re.sub(r"_\d+$", "", last) if _HYPER.match(last) else last)
            role = _hyper_role(role, shape)
            meanings.append(Meaning(key, f"optimizer/{name}", "", role, False, Collection.OPTIMIZER))
        elif shape == () and (model_role(name) == "step" or _is_integer(entries[key])):
            meanings.append(Meaning(key, name, "", "step", False, Collection.OTHER))
        elif shape == () and trained and name not in trained:
            # Statistics of the training loop: in a file with optimizer state, what is trained has slots.
            meanings.append(Meaning(key, name, "", "other", False, Collection.OTHER))
        else:
            role = model_role(_PARTITION.sub("", name), shape)
            told = model_trainable(role, True if name in trained else None)
            meanings.append(Meaning(key, name, _layer(name), role, told, Collection.MODEL))
    layers = dict.fromkeys(m.layer for m in meanings if m.collection == "model" and m.layer)
    scalars = {name: key for key, name in names.items() if shapes[name] == ()}
    counts = tuple(key for name, key in scalars.items() if name.rpartition("/")[2] in ("iter", "iterations"))
    return Interpretation(
        meanings=arranged(meanings),
        layers=tuple(LayerInfo(name) for name in layers),
        ordered=False,
        steps=((scalars["global_step"],) if "global_step" in scalars else (), counts),
        step_source=("variable global_step", "optimizer iterations"),
    )


def _plain(keys: Sequence[str]) -> dict[str, str]:
    """Keys, and names without the number of an operation's output, ``:0``, that some programs store with them."""
    names = {key: re.sub(r":\d+$", "", key) for key in keys}
    return names if len(set(names.values())) == len(names) else {key: key for key in keys}


@dataclass(frozen=True, slots=True)
class _Owned:
    """What lies below a variable's name.

    Attributes:
        target: the variable.
        kind: "slot" of an optimizer, its "average", or the model's own "state" beside it.
        scope: of a slot: its name without the number, which is what the optimizer is called.
    """

    target: str
    kind: Literal["slot", "average", "state"]
    scope: str = ""


def _owned(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, _Owned]:
    """Everything that belongs to another variable: whatever lies below its name and has its shape.

    TensorFlow calls a slot ``<variable>/<optimizer>`` after the name that the program gave the optimizer, so that it
    may be anything. Leading scopes of the optimizer are dropped: ``training/Adagrad/<variable>/accumulator``.
    """
    found: dict[str, _Owned] = {}
    for name in shapes:
        base, _, last = name.rpartition("/")
        target = _target(base, last, shapes, name)
        if target is None:
            continue
        if _AVERAGE.match(last):
            found[name] = _Owned(target, "average")
        elif model_role(target) in NEVER_TRAINABLE:
            found[name] = _Owned(target, "state")  # `moving_mean/biased`, `moving_mean/local_step` of zero_debias
        else:
            found[name] = _Owned(target, "slot", re.sub(r"_\d+$", "", last))
    slots = {name.rpartition("/")[2] for name, owned in found.items() if owned.kind == "slot"}
    foreign = {last for last in slots if not _KNOWN_SLOT.match(last)}
    for name in shapes:  # those of variables that the file does not hold
        base, _, last = name.rpartition("/")
        if not base or name in found:
            continue
        if last in foreign or _UNMISTAKABLE.match(last):
            found[name] = _Owned(base, "slot", re.sub(r"_\d+$", "", last))
        elif last == _MOVING_AVERAGE:
            found[name] = _Owned(base, "average")
    return {name: _Owned(_root(owned.target, found), owned.kind, owned.scope) for name, owned in found.items()}


def _target(base: str, last: str, shapes: Mapping[str, tuple[int, ...]], name: str) -> str | None:
    """The variable below whose name another lies, perhaps behind scopes of an optimizer, and whose shape it has."""
    known = bool(_KNOWN_SLOT.match(last))
    if not known and model_role(last) not in ("other", "ema", "step"):
        return None  # no optimizer is called `kernel`: a scope has the name of a variable
    target = base
    for dropped in range(_MAX_SCOPES):
        if not target:
            break
        if target in shapes:
            if _fits(shapes[name], shapes[target], last) and (known or not dropped or "/" in target):
                return target
            if not dropped and model_role(target) in NEVER_TRAINABLE:
                return target
        target = target.partition("/")[2]
    return None


def _fits(shape: tuple[int, ...], target: tuple[int, ...], last: str) -> bool:
    """The same, or, of Adafactor's two factors, without one of the last two axes."""
    factors = {target[:-1], target[:-2] + target[-1:]} if len(target) > 1 else set()
    return shape == target or (re.match(r"v[rc](_\d+)?$", last) is not None and shape in factors)


def _root(target: str, found: Mapping[str, _Owned]) -> str:
    """The variable itself, of the average of a slot or the slot of an average."""
    for _ in range(_MAX_SCOPES):
        if target not in found:
            break
        target = found[target].target
    return target


_ADAMS = {"": "adam", "_1": "adam_1"}


def _adams(shapes: Names[str], found: Mapping[str, _Owned]) -> set[str]:
    """Names that programs gave to Adam: two slots for each variable, and as many ``beta1_power`` as such names."""
    suffixes: dict[str, set[str]] = defaultdict(set)
    for name, owned in found.items():
        if owned.kind == "slot":
            suffixes[owned.scope].add(name.rpartition("/")[2].removeprefix(owned.scope))
    own = {scope for scope in suffixes if not _KNOWN_SLOT.match(scope)}
    powers = sum(bool(re.search(r"(^|/)beta1_power(_\d+)?$", name)) for name in shapes)
    named = any(re.match(r"(Adam|Nadam|AdaMax)", scope) for scope in suffixes)
    pairs = {scope for scope in own if suffixes[scope] == set(_ADAMS)}
    return pairs if len(pairs) == powers and not named else set()


def _is_optimizers(name: str, last: str, shape: tuple[int, ...]) -> bool:
    scopes = name.split("/")[:-1]
    return any(_OPTIMIZER_SCOPE.match(scope) for scope in scopes) or (shape == () and bool(_HYPER.match(last)))


def _hyper_role(role: str, shape: tuple[int, ...]) -> str:
    return "hyperparameter" if shape == () and role not in ("step", "hyperparameter") else role


def _layer(key: str) -> str:
    return _PARTITION.sub("", key).rpartition("/")[0]


def _is_integer(entry: Entry) -> bool:
    kind = numeric(entry.dtype)
    return kind is not None and kind.numpy.kind in "iu"
