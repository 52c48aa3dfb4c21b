"""What the variables of Keras's own layers are called, by class: ``.weights.h5`` files number them only.

The order is that of ``Layer.save_own_variables``: trainable, then non-trainable (keras/src/layers, Keras 3.15; checked
there by the tests). The names are those of Keras 3.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple


class Variable(NamedTuple):
    """A variable of a class: its name, the option that must be set for it to exist, and whether it is trained."""

    name: str
    option: str = ""
    trainable: bool = True


def _spec(trainable: str, frozen: str = "") -> tuple[Variable, ...]:
    """``"kernel bias:use_bias"`` in, variables out."""
    parts = [(part, True) for part in trainable.split()] + [(part, False) for part in frozen.split()]
    return tuple(Variable(part.partition(":")[0], part.partition(":")[2], trained) for part, trained in parts)


_KERNEL = _spec("kernel bias:use_bias")
_SEPARABLE = _spec("depthwise_kernel pointwise_kernel bias:use_bias")
_CELL = _spec("kernel recurrent_kernel bias:use_bias")
_AFFINE = _spec("gamma:scale beta:center")

VARIABLES: dict[str, tuple[Variable, ...]] = {
    "Dense": _KERNEL,
    "EinsumDense": _spec("kernel bias:bias_axes"),
    "Embedding": _spec("embeddings"),
    "ReversibleEmbedding": _spec("embeddings reverse_embeddings:untied"),
    **{f"{kind}{rank}D{suffix}": _KERNEL for rank in "123" for kind in ("Conv", "Convolution", "DepthwiseConv")
       for suffix in ("", "Transpose")},
    **{f"{kind}{rank}D": _SEPARABLE for rank in "12" for kind in ("SeparableConv", "SeparableConvolution")},
    "BatchNormalization": _AFFINE + _spec("", "moving_mean moving_variance moving_stddev:renorm renorm_mean:renorm "
                                              "renorm_stddev:renorm"),
    "LayerNormalization": _AFFINE,
    "GroupNormalization": _AFFINE,
    "RMSNormalization": _spec("scale"),
    "UnitNormalization": (),
    "SpectralNormalization": _spec("kernel", "vector_u"),
    "Normalization": _spec("", "mean variance count"),
    "PReLU": _spec("alpha"),
    "AdditiveAttention": _spec("scale:use_scale"),
    "Attention": _spec("scale:use_scale concat_score_weight:concat"),
    **dict.fromkeys(("LSTMCell", "GRUCell", "SimpleRNNCell", "ConvLSTMCell", "RNNCell"), _CELL),
}  # fmt: skip

# Dense.variable_serialization_spec and its like, for quantised layers.
_FLOAT8 = _spec(" ".join(f"{what}_{kept}" for what in ("inputs", "kernel", "outputs_grad")
                         for kept in ("scale", "amax_history")))  # fmt: skip

_QUANTISED: dict[str, dict[str, tuple[Variable, ...]]] = {
    kind: {
        "int8": (Variable(first, "", False), *bias, Variable(f"{first}_scale", "", False)),
        "int4": (
            Variable(first, "", False),
            *bias,
            Variable(f"{first}_scale", "", False),
            Variable(f"{first}_zero", "grouped", False),  # of groups of inputs, not of whole channels
            Variable("g_idx", "grouped", False),
        ),
        **({"float8": (Variable(first), *bias, *_FLOAT8)} if kind != "Embedding" else {}),
    }
    for kind, first, bias in (
        ("Dense", "kernel", _KERNEL[1:]),
        ("EinsumDense", "kernel", (Variable("bias", "bias_axes"),)),
        ("Embedding", "embeddings", ()),
    )
}

_ATTENTION = {
    f"{name}_dense": ("EinsumDense", "attention_output" if name == "output" else name)
    for name in ("query", "key", "gate", "value", "output")
}

SUBLAYERS: dict[str, dict[str, tuple[str, str]]] = {
    "LSTM": {"cell": ("LSTMCell", "lstm_cell")},
    "GRU": {"cell": ("GRUCell", "gru_cell")},
    "SimpleRNN": {"cell": ("SimpleRNNCell", "simple_rnn_cell")},
    **{f"ConvLSTM{rank}D": {"cell": ("ConvLSTMCell", "conv_lstm_cell")} for rank in "123"},
    "MultiHeadAttention": _ATTENTION,
    "GroupedQueryAttention": _ATTENTION,
    "GroupQueryAttention": _ATTENTION,
    "Bidirectional": {"forward_layer": ("RNN", ""), "backward_layer": ("RNN", "")},
    "RNN": {"cell": ("RNNCell", "")},
    "TimeDistributed": {"layer": ("", "")},
}
"""Layers that own others: attribute -> class and name of what it holds, in the order of creation. "" is told by the
configuration alone; without one, any recurrent layer and cell has the variables of Keras's own."""

ADAPTED = frozenset({"idf_weights"})
"""What text layers were adapted to and store by name, in place of the weights that they do not have: Keras does not
count it among a model's weights (keras/src/layers/preprocessing/index_lookup.py)."""

_WRAPPERS = frozenset({"Bidirectional", "TimeDistributed", "RNN"})


def owns_weights(kind: str, options: Mapping[str, Any]) -> bool:
    """Whether a layer of this class is known to have variables once it is built.

    >>> owns_weights("Dense", {}), owns_weights("LayerNormalization", {"scale": False, "center": False})
    (True, False)
    """
    if kind in SUBLAYERS and kind not in _WRAPPERS:
        return True
    return any(_exists(kind, variable, options) for variable in VARIABLES.get(kind, ()))


def names_of(
    kind: str,
    options: Mapping[str, Any] | None,
    shapes: Sequence[tuple[int, ...]],
    policy: str = "",
    *,
    integers: bool = False,
) -> tuple[tuple[str, bool | None], ...]:
    """Names of a layer's own variables in the order in which they are stored, and whether the class trains them.

    Args:
        options: of the configuration; None where there is none: then a name is given only if the number of variables
            leaves no doubt.
        policy: name of the dtype policy.
        integers: whether the first variable is stored as integers, which only a quantised layer's is.

    >>> names_of("BatchNormalization", {"scale": False}, [(4,)] * 3)
    (('beta', True), ('moving_mean', False), ('moving_variance', False))
    >>> names_of("BatchNormalization", None, [(4,)] * 3)
    (('var_0', True), ('moving_mean', False), ('moving_variance', False))
    """
    unknown = tuple((f"var_{i}", None) for i in range(len(shapes)))
    spec = VARIABLES.get(kind)
    quantised = _QUANTISED.get(kind, {}).get(quantisation(policy))
    if spec is None or (quantisation(policy) and quantised is None):
        return unknown
    if quantised is not None:
        spec = quantised
    if options is None:
        modes = _QUANTISED.get(kind, {})
        specs = [modes[mode] for mode in ("int8", "int4")] if integers and modes else [spec]
        if "float8" in modes and not integers and len(shapes) > len(_FLOAT8):
            specs = [modes["float8"]]
        candidates = [c for one in specs for c in _subsets(one, len(shapes)) if _plausible(c, shapes)]
    else:
        known = tuple(v for v in spec if _exists(kind, v, options))
        candidates = [known] if quantised is None else _subsets(known, len(shapes))
        candidates = [c for c in candidates if len(c) == len(shapes)]
    if not candidates:
        return unknown
    named: list[tuple[str, bool | None]] = []
    for i, choices in enumerate(zip(*candidates, strict=True)):
        names, trained = {v.name for v in choices}, {v.trainable for v in choices}
        named.append((names.pop() if len(names) == 1 else f"var_{i}", trained.pop() if len(trained) == 1 else None))
    return tuple(named)


def _subsets(spec: tuple[Variable, ...], count: int) -> list[tuple[Variable, ...]]:
    """Every choice of ``count`` variables that leaves out optional ones only, all of an option's or none."""
    optional = {v.option for v in spec if v.option}
    found = []
    for n in range(len(optional) + 1):
        for absent in combinations(sorted(optional), n):
            chosen = tuple(v for v in spec if v.option not in absent)
            if len(chosen) == count:
                found.append(chosen)
    return found


def _plausible(variables: Sequence[Variable], shapes: Sequence[tuple[int, ...]]) -> bool:
    """Kernels have two axes or more; guards against a class that only shares its name with Keras's."""
    pairs = zip(variables, shapes, strict=True)
    return all(len(shape) >= 2 for variable, shape in pairs if variable.name.endswith("kernel"))


def _exists(kind: str, variable: Variable, options: Mapping[str, Any]) -> bool:
    match variable.option:
        case "":
            return True
        case "untied":
            return options.get("tie_weights") is False
        case "concat":
            return options.get("score_mode") == "concat"
        case "bias_axes":
            return options.get("bias_axes") is not None
        case "use_scale":
            return bool(options.get("use_scale", kind == "AdditiveAttention"))
        case "renorm":
            return options.get("renorm") is True
        case "scale" if options.get("rms_scaling"):
            return True
        case "center" if options.get("rms_scaling"):
            return False
        case option:
            return options.get(option) is not False


def quantisation(policy: str) -> str:
    """The mode of a quantised dtype policy, or "".

    >>> quantisation("int8_from_float32"), quantisation("gptq/4/128_from_float32"), quantisation("mixed_bfloat16")
    ('int8', 'gptq', '')
    """
    return re.split(r"[/_]", policy)[0] if "_from_" in policy else ""


def kind_of(stem: str) -> str:
    """The class whose snake-case name, with or without a counter, this is, or "".

    >>> kind_of("conv2d_transpose_3"), kind_of("conv2d"), kind_of("p_re_lu_1"), kind_of("stem")
    ('Conv2DTranspose', 'Conv2D', 'PReLU', '')
    """
    return _KINDS.get(stem) or _KINDS.get(re.sub(r"_\d+$", "", stem), "")


def snake_case(kind: str) -> str:
    """The name that Keras 3 gives to an object of a class (keras/src/utils/naming.py).

    >>> snake_case("Conv2DTranspose"), snake_case("BatchNormalization"), snake_case("PReLU"), snake_case("LSTM")
    ('conv2d_transpose', 'batch_normalization', 'p_re_lu', 'lstm')
    """
    name = re.sub(r"\W+", "", kind)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


_KINDS = {snake_case(kind): kind for kind in (*VARIABLES, *SUBLAYERS) if "Convolution" not in kind}
