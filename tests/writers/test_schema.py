"""That long records are checked with few of their entries that are alike misses no entry that is wrong."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from jsonschema import ValidationError

from tests.make.command import validate
from tests.writers.expected import Record

WRONG: dict[str, Callable[[Record], object]] = {
    "a negative number": lambda tensor: tensor.update(bytes=-1),
    "no integer": lambda tensor: tensor.update(bytes=1.5),
    "a text": lambda tensor: tensor.update(bytes="1"),
    "a word that is not known": lambda tensor: tensor.update(collection="neither"),
    "a number for a truth value": lambda tensor: tensor.update(trainable=0),
    "nothing": lambda tensor: tensor.pop("dtype"),
    "deep inside": lambda tensor: tensor["statistics"].update(count=-2),
    "in a list inside": lambda tensor: tensor["shape"].append(0.5),
}


@pytest.mark.parametrize("how", WRONG)
@pytest.mark.parametrize("at", [0, 1, 2, 3, 40, -1])
def test_what_is_wrong_with_one_of_many_entries_is_noticed(record: Mapping[str, Any], how: str, at: int) -> None:
    tensor = next(t for s in record["series"] for c in s["checkpoints"] for t in c["tensors"] if t["shape"])
    tensors = [copy.deepcopy(tensor) for _ in range(60)]
    long = {**record, "series": [copy.deepcopy(record["series"][0])]}
    long["series"][0]["checkpoints"][0]["tensors"] = tensors
    validate(long)
    WRONG[how](tensors[at])
    with pytest.raises(ValidationError):
        validate(long)
