"""Roles where a name alone does not tell: rank, words of the name, and what else the layer holds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from reporter.model.neighbours import roles, with_roles
from reporter.model.role import model_role
from reporter.model.tensor import Contents, LayerInfo, TensorInfo
from tests.sources import ArraySource

Shapes = dict[str, tuple[int, ...]]


def infos(shapes: Shapes, layer: str = "layer", **given: Any) -> list[TensorInfo]:
    """Tensors with the roles that readers give them by their names."""
    about: dict[str, Any] = {"dtype": "float32", "trainable": None, "collection": "model", **given}
    return [TensorInfo(f"{layer}/{n}", layer, model_role(n, s), s, **about) for n, s in shapes.items()]


def told(shapes: Shapes, layer: str = "layer", kind: str = "", **given: Any) -> list[str]:
    return roles(infos(shapes, layer, **given), kind)


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [
        ({"embedding_weights": (9, 4)}, ["embedding"]),
        ({"bias_weights": (4,)}, ["bias"]),
        ({"Matrix": (4, 3), "Bias": (3,)}, ["kernel", "bias"]),
        ({"layer_norm_scale": (8,), "layer_norm_bias": (8,)}, ["gamma", "bias"]),
        ({"lora_a": (8, 2), "lora_b": (2, 8)}, ["kernel", "kernel"]),
        ({"lora_kernel_a": (8, 2), "lora_kernel_b": (2, 8)}, ["kernel", "kernel"]),
        ({"lora_embeddings_a": (8, 2), "lora_embeddings_b": (2, 8)}, ["embedding", "kernel"]),
        ({"a": (8, 2), "b": (2, 8)}, ["kernel", "kernel"]),
        ({"w": (8, 2), "b": (2,)}, ["kernel", "bias"]),
        ({"w": (8, 2), "b": (1, 2)}, ["kernel", "bias"]),
        ({"Variable": (8, 4), "Variable_1": (4,), "Variable_2": (4, 2), "Variable_3": (2,)},
         ["kernel", "bias", "kernel", "bias"]),
        ({"var_0": (3, 3, 8, 4), "var_1": (4,)}, ["kernel", "bias"]),
        ({"var_0": (5, 16), "var_1": (4, 16), "var_2": (16,)}, ["kernel", "recurrent_kernel", "bias"]),
        ({"var_0": (5, 12), "var_1": (4, 12), "var_2": (2, 12)}, ["kernel", "recurrent_kernel", "bias"]),
        ({"var_0": (8, 8), "var_1": (8, 8)}, ["kernel", "kernel"]),
        ({"scaling": (8, 8), "logit_scale": (), "temperature": (1,)}, ["other", "other", "other"]),
        ({"hidden": (1, 4), "running_stats": (2, 4), "attention_mask": (8, 8)}, ["other", "other", "other"]),
    ],
)  # fmt: skip
def test_roles_by_name_rank_and_neighbours(shapes: Shapes, expected: list[str]) -> None:
    assert told(shapes) == expected


def test_a_hidden_layer_is_no_recurrence() -> None:
    assert told({"w_i": (784, 128), "w_h": (128, 64), "w_o": (64, 10)})[1] == "kernel"
    assert told({"w_h": (784, 128), "b_h": (128,), "w_o": (128, 10)})[0] == "kernel"
    assert told({"w_i": (5, 16), "w_h": (4, 16), "b": (16,)}) == ["kernel", "recurrent_kernel", "bias"]
    projected = {"w_i": (1, 32), "w_h": (1, 32), "b": (32,), "projection": (8, 1)}
    assert told(projected, "lstm") == ["kernel", "recurrent_kernel", "bias", "kernel"]


def test_the_layer_tells_what_its_numbered_variables_are() -> None:
    four = {f"var_{i}": (6,) for i in range(4)}
    statistics = ["gamma", "beta", "moving_mean", "moving_variance"]
    assert told(four, "block/batch_norm") == told(four, kind="BatchNormalization") == statistics
    assert told(four) == ["other"] * 4
    assert told({"var_0": (50, 8)}, "word_embedding") == ["embedding"]
    assert told({"kernel": (3, 3, 8, 1)}, kind="DepthwiseConv2D") == ["depthwise_kernel"]
    assert told({"kernel": (3, 3, 8, 1)}, "block/depthwise_conv2d_1") == ["depthwise_kernel"]
    assert told({"depthwise_weights": (3, 3, 8, 1)}) == ["depthwise_kernel"]
    assert told({"weight": (8, 1, 3, 3)}, "depthwise") == ["kernel"]  # as PyTorch keeps it, by outputs


def test_what_is_not_trained_or_no_float_is_no_weight() -> None:
    assert told({"var_0": (8, 4)}, trainable=False) == ["other"]
    assert told({"var_0": (8, 4)}, dtype="int32") == ["other"]
    assert told({"var_0": (6,), "var_1": (6,)}, "norm", trainable=False) == ["gamma", "beta"]


def test_roles_are_completed_once_contents_are_there() -> None:
    values = {"m/bn/var_0": 1.0, "m/bn/var_1": 0.0, "m/bn/var_2": 2.0, "m/bn/var_3": 3.0}
    sources = [ArraySource(np.full(6, v, "f4"), n, "m/bn", "other") for n, v in values.items()]
    slot = ArraySource(np.zeros((8, 4), "f4"), "optimizer/var_0", "m/bn", "slot", False, "optimizer")
    contents = with_roles(Contents("test", (LayerInfo("m/bn"),), (*sources, slot)))
    assert [t.info.role for t in contents.tensors] == ["gamma", "beta", "moving_mean", "moving_variance", "slot"]
    assert [t.info.trainable for t in contents.tensors] == [True, True, False, False, False]
    assert [next(t.blocks())[0] for t in contents.tensors[:4]] == [1.0, 0.0, 2.0, 3.0]
    table = ArraySource(np.zeros((50, 8), "f4"), "words/var_0", "words/embedding", "other")
    (found,) = with_roles(Contents("test", (), (table,))).tensors
    assert (found.info.role, found.info.output_axis) == ("embedding", 0)


def test_whatever_needs_nothing_is_left_as_it_is() -> None:
    contents = Contents("test", (), (ArraySource(np.ones((2, 3), "f4")),))
    assert with_roles(contents) is contents
