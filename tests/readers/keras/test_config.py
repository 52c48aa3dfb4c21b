"""Configurations are inert: any JSON gives layers or a ConfigError."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reporter.readers.keras_model.config import ConfigError, leaves, parse_model


def dense(name: str, **more: Any) -> dict[str, Any]:
    return {"class_name": "Dense", "config": {"name": name, **more}}


def test_sequential_leaves_its_input_out_as_keras_does() -> None:
    layers = [{"class_name": "InputLayer", "config": {"name": "in"}}, dense("a"), dense("b")]
    for config in (layers, {"name": "s", "layers": layers}):
        model = parse_model(json.dumps({"class_name": "Sequential", "config": config})).model
        assert [layer.name for layer in model.layers] == ["a", "b"]
    functional = parse_model(json.dumps({"class_name": "Functional", "config": {"layers": layers}})).model
    assert [layer.name for layer in functional.layers] == ["in", "a", "b"]


def test_nested_models_are_entered_and_composite_layers_are_not() -> None:
    inner = {"class_name": "Model", "name": "enc", "config": {"name": "enc", "layers": [dense("x")]}}
    wrapper = {"class_name": "TimeDistributed", "config": {"name": "td", "layer": dense("y", trainable=False)}}
    pipeline = {"class_name": "Pipeline", "config": {"name": "pipe", "layers": [dense("z")]}}
    text = json.dumps({"class_name": "Model", "config": {"layers": [inner, wrapper, pipeline]}})
    found = dict(leaves(parse_model(text).model))
    assert list(found) == ["enc/x", "td", "pipe"]
    assert found["td"].inner("layer")[0].trainable is False
    assert found["td"].inner("nothing") == ()


def test_classes_of_the_user_s_own_are_told_apart() -> None:
    kinds = [
        ({"module": "keras.layers", "class_name": "Dense", "registered_name": None}, True),
        ({"module": None, "class_name": "Dense", "registered_name": "my>Dense"}, False),
        ({"class_name": "my>Dense"}, False),
        ({"class_name": "Dense"}, True),
        ({"module": "evil", "class_name": "Dense"}, False),
    ]
    for raw, builtin in kinds:
        model = parse_model(
            json.dumps({"class_name": "Sequential", "config": [{**raw, "config": {"name": "d"}}]})
        ).model
        assert (model.layers[0].kind, model.layers[0].builtin) == ("Dense", builtin)


@pytest.mark.parametrize(
    ("keras_3", "keras_2"),
    [("forward_lstm", "lstm"), ("forward_x", "x")],
)
def test_the_directions_of_a_bidirectional_layer(keras_3: str, keras_2: str) -> None:
    for name in (keras_3, keras_2):
        lstm = {"class_name": "LSTM", "config": {"name": name}}
        config = {"class_name": "Bidirectional", "config": {"name": "b", "layer": lstm}}
        layer = parse_model(json.dumps({"class_name": "Sequential", "config": [config]})).model.layers[0]
        assert [one.name for one in layer.inner("forward_layer")] == [keras_3]
        if name == keras_2:
            assert [one.name for one in layer.inner("backward_layer")] == [f"backward_{keras_2}"]


def test_optimizers() -> None:
    model = {"class_name": "Sequential", "config": []}
    for optimizer, kind, rate in (
        ({"class_name": "Custom>Adam", "config": {"learning_rate": 0.1}}, "Adam", 0.1),
        ("rmsprop", "RMSprop", None),
        (None, "", None),
    ):
        found = parse_model(json.dumps({**model, "compile_config": {"optimizer": optimizer}}))
        assert (found.optimizer, found.optimizer_options.get("learning_rate")) == (kind, rate)
        if optimizer:
            assert parse_model(json.dumps(model), json.dumps({"optimizer_config": optimizer})).optimizer == kind


def test_policies() -> None:
    policy = {"class_name": "QuantizedDTypePolicy", "config": {"mode": "int8", "source_name": "float32"}}
    for given_, name in (("bfloat16", "bfloat16"), (policy, "int8_from_float32"), ({"config": 3}, ""), (None, "")):
        text = json.dumps({"class_name": "Sequential", "config": [dense("d", dtype=given_)]})
        assert parse_model(text).model.layers[0].dtype == name


def test_nesting_and_size_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    text = '{"class_name": "Model", "config": {"layers": [' * 100 + "]}}" * 100
    with pytest.raises(ConfigError, match="nested more than 64 deep"):
        parse_model(text)
    with pytest.raises(ConfigError, match="not JSON"):
        parse_model("[" * 100_000)
    wrapped = dense("d")
    for _ in range(150):
        wrapped = {"class_name": "Model", "config": {"layers": [wrapped]}}
    layer = parse_model(json.dumps({"class_name": "Sequential", "config": [dense("t", layer=wrapped)]})).model.layers[0]
    assert layer.inner("layer") == ()
    monkeypatch.setattr("reporter.readers.keras_model.config.MAX_CONFIG", 10)
    with pytest.raises(ConfigError, match="more than 10"):
        parse_model(json.dumps({"class_name": "Sequential", "config": []}))


KEYS = st.sampled_from(["class_name", "config", "layers", "name", "layer", "cells", "module", "dtype", "inbound_nodes",
                        "registered_name", "compile_config", "optimizer", "trainable"])  # fmt: skip
VALUES = st.sampled_from(["Sequential", "Functional", "Dense", "Bidirectional", "", "a>b"]) | st.none() | st.booleans()
JSON = st.recursive(VALUES | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner), max_leaves=40)


@given(JSON, JSON)
def test_any_json_gives_layers_or_a_config_error(raw: Any, training: Any) -> None:
    try:
        found = parse_model(json.dumps({"class_name": "Model", "config": raw, "compile_config": training}))
    except ConfigError:
        return
    for path, layer in leaves(found.model):
        assert isinstance(path, str)
        assert isinstance(layer.dtype, str)
        assert layer.trainable in (True, False, None)
        for attribute in ("layer", "cells", "forward_layer", "backward_layer"):
            layer.inner(attribute)


def remarks(*layers: dict[str, Any], **around: Any) -> tuple[str, ...]:
    return parse_model(json.dumps({"class_name": "Sequential", "config": {"layers": list(layers)}, **around})).remarks


def test_code_that_loading_would_run_is_told() -> None:
    """Functions stored as byte code, by Keras 3 and Keras 2; classes and functions that are not Keras's own."""
    dense = {"module": "keras.layers", "class_name": "Dense", "config": {"name": "d"}, "registered_name": None}
    assert remarks(dense) == ()
    new = {"class_name": "__lambda__", "config": {"value": "4wEAAA==", "defaults": None, "closure": None}}
    old = {"function": ["4wEAAA==", None, None], "function_type": "lambda"}
    for function in ({"function": new}, old):
        layer = {"class_name": "Lambda", "config": {"name": "twice", **function}}
        assert remarks(dense, layer) == ("loading this runs code stored in it (twice); this program does not",)
    activation = {**dense, "config": {"name": "d", "activation": new}}
    assert remarks(activation) == ("loading this runs code stored in it (d); this program does not",)
    named = {"class_name": "Lambda", "config": {"name": "l", "function": "mine", "function_type": "function"}}
    own = {"module": None, "class_name": "Own", "config": {"name": "o"}, "registered_name": "pack>Own"}
    text = "loading this runs code that is not Keras's own (mine, pack>Own); this program does not"
    assert remarks(named, own, own) == (text,)
    many = [{**own, "registered_name": f"pack>Own{i}"} for i in range(5)]
    assert "pack>Own0, pack>Own1, pack>Own2 and 2 more" in remarks(*many)[0]
    compiled = {"optimizer": {"module": None, "class_name": "Mine", "config": {}, "registered_name": "pack>Mine"}}
    assert "(pack>Mine)" in remarks(dense, compile_config=compiled)[0]
    assert remarks({"class_name": "Lambda", "config": []}, {"class_name": "Own>", "config": [[]]})[0]
