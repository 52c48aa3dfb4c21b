"""The table of variable names against Keras's own layers."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from reporter.readers.keras_model.variables import SUBLAYERS, VARIABLES, names_of, owns_weights, snake_case

IMAGES: dict[str, Any] = {f"{rank}D": (None, *(8,) * rank, 3) for rank in (1, 2, 3)}

OPTIONS: dict[str, list[dict[str, Any]]] = {
    "EinsumDense": [{"equation": "ab,bc->ac", "output_shape": 3, "bias_axes": "c"},
                    {"equation": "ab,bc->ac", "output_shape": 3}],
    "Embedding": [{"input_dim": 5, "output_dim": 2}],
    "ReversibleEmbedding": [{"input_dim": 5, "output_dim": 2}, {"input_dim": 5, "output_dim": 2, "tie_weights": False}],
    "BatchNormalization": [{}, {"scale": False}, {"center": False}, {"scale": False, "center": False},
                           {"renorm": True}],
    "LayerNormalization": [{}, {"scale": False}, {"center": False}, {"rms_scaling": True}],
    "GroupNormalization": [{"groups": 3}, {"groups": 3, "scale": False}],
    "Dense": [{"units": 2}, {"units": 2, "use_bias": False}],
    "AdditiveAttention": [{}, {"use_scale": False}],
    "Attention": [{}, {"use_scale": True}, {"use_scale": True, "score_mode": "concat"}],
}  # fmt: skip

NOT_IN_KERAS_3 = {"Convolution", "ConvLSTMCell", "RNNCell"}


def layer_cases() -> list[Any]:
    cases = []
    for kind in VARIABLES:
        if any(word in kind for word in NOT_IN_KERAS_3) or kind in {"SpectralNormalization", "DepthwiseConv3D"}:
            continue
        if kind.startswith("DepthwiseConv") and kind.endswith("Transpose"):
            continue
        default: list[dict[str, Any]] = [{}]
        if "Conv" in kind:
            default = [{"kernel_size": 2}, {"kernel_size": 2, "use_bias": False}]
            if not kind.startswith("Depthwise"):
                default = [{"filters": 4, **options} for options in default]
        elif kind.endswith("Cell"):
            default = [{"units": 4}, {"units": 4, "use_bias": False}]
        cases += [pytest.param(kind, options, id=f"{kind}-{options}") for options in OPTIONS.get(kind, default)]
    return cases


@pytest.mark.parametrize(("kind", "options"), layer_cases())
def test_names_and_order_are_those_of_keras(kind: str, options: dict[str, Any], keras: ModuleType, quiet: None) -> None:
    layer = getattr(keras.layers, kind)(**options)
    shape: Any = next((shape for rank, shape in IMAGES.items() if rank in kind), (None, 6))
    if kind.endswith("Attention"):
        shape = [(None, 4, 6), (None, 4, 6)]
    layer.build(shape)
    stored = [*layer._trainable_variables, *layer._non_trainable_variables]
    named = names_of(kind, layer.get_config(), [tuple(variable.shape) for variable in stored])
    assert [(variable.name, variable.trainable) for variable in stored] == list(named)
    assert owns_weights(kind, layer.get_config()) is bool(stored)
    told = names_of(kind, None, [tuple(variable.shape) for variable in stored])
    for (name, _), (guess, _) in zip(named, told, strict=True):
        assert guess == name or guess.startswith("var_")  # without the configuration: the same, or no name


def test_more_variables_than_the_class_has_are_numbered() -> None:
    assert names_of("Dense", {}, [(2, 3), (3,), (1,)]) == (("var_0", None), ("var_1", None), ("var_2", None))
    assert names_of("Mine", {}, [(2,)]) == (("var_0", None),)
    assert names_of("Dense", None, [(3,), (3,)]) == (("var_0", None), ("var_1", None))  # no kernel has one axis
    assert names_of("Dense", {}, [(2, 3)], "gptq/4/128_from_float32") == (("var_0", None),)


def test_attributes_and_names_of_sublayers(keras: ModuleType, quiet: None) -> None:
    layers = keras.layers
    attention = layers.MultiHeadAttention(2, 4)
    attention.build((None, 5, 8), (None, 5, 8))
    grouped = layers.GroupQueryAttention(4, 2, 2)
    grouped.build((None, 5, 8), (None, 5, 8))
    for kind, layer in (
        ("MultiHeadAttention", attention),
        (type(grouped).__name__, grouped),
        ("LSTM", layers.LSTM(2)),
        ("GRU", layers.GRU(2)),
        ("SimpleRNN", layers.SimpleRNN(2)),
        ("ConvLSTM2D", layers.ConvLSTM2D(2, 2)),
    ):
        for attribute, (cell, name) in SUBLAYERS[kind].items():
            found = getattr(layer, attribute, None) or getattr(layer, f"_{attribute}", None)
            if attribute != "gate_dense":
                assert (type(found).__name__, found.name) == (cell, name)


def test_snake_case_is_keras_s(keras: ModuleType) -> None:
    from keras.src.utils.naming import to_snake_case

    for kind in [*VARIABLES, *SUBLAYERS, "TFOpLambda", "My>Layer", "A1B2cDE", "_Private"]:
        assert snake_case(kind) == to_snake_case(kind)
