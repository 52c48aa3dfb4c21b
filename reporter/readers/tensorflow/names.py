"""TensorFlow 1 checkpoints, which store names only: slots, counters and moving averages told by convention.

Conventions: tensorflow/python/training/*.py (``scope/weights/Adam``), Estimators on Keras optimizers
(``training/Adagrad/scope/weights/accumulator``), tensor2tensor (``training/scope/weights/Adam``), BERT (``adam_m``).
"""

from __future__ import annotations

import re
from collections.abc import Collection as Names
from collections.abc import Mapping

from reporter.model.role import model_role, slot_role
from reporter.model.tensor import LayerInfo
from reporter.readers.tensorflow.bundle import Entry
from reporter.readers.tensorflow.dtypes import numeric
from reporter.readers.tensorflow.meaning import Interpretation, Meaning, arranged, model_trainable

_SLOT = re.compile(
    r"(Adam|AdamW|Momentum|Ftrl|Adagrad|Adadelta|RMSProp|ProximalAdagrad|AdaMax|Nadam|LARS|lamb_[mv]|adam_[mv]"
    r"|m|v|vhat|rms|mg|momentum|accumulator|linear|accum_grad|accum_var|vr|vc|average)(_\d+)?$"
)
_UNMISTAKABLE = re.compile(r"(Adam|AdamW|Momentum|Ftrl|Adagrad|Adadelta|RMSProp|ProximalAdagrad)(_\d+)?$")
_OPTIMIZER_SCOPE = re.compile(
    r"(Adam|AdamW|Adamax|Nadam|SGD|GradientDescent|Momentum|RMSprop|RMSProp|Adagrad|Adadelta|Ftrl|LossScaleOptimizer)"
    r"(_\d+)?$"
)
_HYPER = re.compile(r"(beta[12]?_power|beta_[12]|learning_rate|loss_scale|current_loss_scale|good_steps)(_\d+)?$")
_AVERAGE = "ExponentialMovingAverage"
_PARTITION = re.compile(r"/part_\d+$")
_MAX_SCOPES = 64


def interpret_names(entries: Mapping[str, Entry]) -> Interpretation:
    """Find out what every entry is for, from its name and from which other names exist."""
    keys = sorted((key for key, entry in entries.items() if numeric(entry.dtype)), key=natural)
    slots = {key: slot for key in keys if (slot := _slot_of(key, entries)) is not None}
    averages = {
        key: key.rpartition("/")[0]
        for key in keys
        if key.endswith("/" + _AVERAGE) and key.rpartition("/")[0] in entries
    }
    trained = {target for target, _ in slots.values()}
    meanings: list[Meaning] = []
    for key in keys:
        shape, last = entries[key].shape, key.rpartition("/")[2]
        if key in slots:
            target, kind = slots[key]
            layer = _layer(target) if target in entries else ""
            meanings.append(Meaning(key, f"optimizer/{target}/{kind}", layer, slot_role(kind), False, "optimizer"))
        elif key in averages:
            meanings.append(Meaning(key, key, _layer(averages[key]), "ema", False, "model"))
        elif _is_optimizers(key, last, shape):
            role = slot_role(re.sub(r"_\d+$", "", last) if _HYPER.match(last) else last)
            meanings.append(Meaning(key, f"optimizer/{key}", "", _hyper_role(role, shape), False, "optimizer"))
        elif shape == () and (model_role(key) == "step" or _is_integer(entries[key])):
            meanings.append(Meaning(key, key, "", "step", False, "other"))
        elif shape == () and trained and key not in trained:
            # Statistics of the training loop: in a file with optimizer state, what is trained has slots.
            meanings.append(Meaning(key, key, "", "other", False, "other"))
        else:
            role = model_role(_PARTITION.sub("", key), shape)
            told = model_trainable(role, True if key in trained else None)
            meanings.append(Meaning(key, key, _layer(key), role, told, "model"))
    layers = dict.fromkeys(m.layer for m in meanings if m.collection == "model" and m.layer)
    scalars = [key for key in keys if entries[key].shape == ()]
    counts = tuple(key for key in scalars if key.rpartition("/")[2] in ("iter", "iterations"))
    return Interpretation(
        meanings=arranged(meanings),
        layers=tuple(LayerInfo(name) for name in layers),
        ordered=False,
        steps=(("global_step",) if "global_step" in scalars else (), counts),
        step_source=("variable global_step", "optimizer iterations"),
    )


def _slot_of(key: str, names: Names[str]) -> tuple[str, str] | None:
    """Target and slot, if the last part of the key is a slot's name and what is before it is another key.

    Leading scopes of the optimizer are dropped to find the target: ``training/Adagrad/<target>/accumulator``.
    """
    base, _, last = key.rpartition("/")
    if not base or not _SLOT.match(last):
        return None
    target, dropped = base, 0
    while target and dropped < _MAX_SCOPES:
        if target in names:
            return target, last
        _, _, target = target.partition("/")
        dropped += 1
    return (base, last) if _UNMISTAKABLE.match(last) else None


def _is_optimizers(key: str, last: str, shape: tuple[int, ...]) -> bool:
    scopes = key.split("/")[:-1]
    return any(_OPTIMIZER_SCOPE.match(scope) for scope in scopes) or (shape == () and bool(_HYPER.match(last)))


def _hyper_role(role: str, shape: tuple[int, ...]) -> str:
    return "hyperparameter" if shape == () and role not in ("step", "hyperparameter") else role


def _layer(key: str) -> str:
    return _PARTITION.sub("", key).rpartition("/")[0]


def _is_integer(entry: Entry) -> bool:
    kind = numeric(entry.dtype)
    return kind is not None and kind.numpy.kind in "iu"


def natural(key: str) -> list[tuple[int, int, str]]:
    """Sort key in which numbers inside names count by value: ``layer_2`` before ``layer_10``."""
    return [
        (0, int(part), part) if part.isdecimal() and len(part) < 19 else (1, 0, part)
        for part in re.split(r"([0-9]+)", key)
    ]
