"""What a tensor is for in its layer, told from its variable name; rules depend on it."""

from __future__ import annotations

import re
from collections.abc import Sequence

ROLES: tuple[str, ...] = (
    "kernel",
    "recurrent_kernel",
    "depthwise_kernel",
    "pointwise_kernel",
    "embedding",
    "bias",
    "gamma",
    "beta",
    "moving_mean",
    "moving_variance",
    "ema",
    "quantisation",
    "momentum",
    "velocity",
    "gradient_accumulator",
    "slot",
    "hyperparameter",
    "step",
    "other",
)

WEIGHT_MATRICES: frozenset[str] = frozenset(
    {"kernel", "recurrent_kernel", "depthwise_kernel", "pointwise_kernel", "embedding"}
)
"""Roles whose values carry what was learned; all-zero or constant here is a defect."""

NEVER_TRAINABLE: frozenset[str] = frozenset({"moving_mean", "moving_variance", "step", "hyperparameter"})
"""Roles that no optimizer updates, whatever the format says or does not say."""

SLOTS: frozenset[str] = frozenset({"momentum", "velocity", "gradient_accumulator", "slot"})
"""Roles of what an optimizer keeps for each trained variable and changes whenever it is given a gradient."""

# The last part of a variable's name -> role. Keras 2/3, tf.layers, Sonnet, Hugging Face and MLX terms.
_BY_VARIABLE: dict[str, str] = {
    "kernel": "kernel",
    "w": "kernel",
    "weight": "kernel",
    "weights": "kernel",
    "lora_a": "kernel",
    "lora_b": "kernel",
    "w_i": "kernel",
    "w_h": "recurrent_kernel",
    "weight_ih": "kernel",
    "weight_hh": "recurrent_kernel",
    "recurrent_kernel": "recurrent_kernel",
    "depthwise_kernel": "depthwise_kernel",
    "pointwise_kernel": "pointwise_kernel",
    "depthwise": "depthwise_kernel",
    "pointwise": "pointwise_kernel",
    "embedding": "embedding",
    "embeddings": "embedding",
    "position_embeddings": "embedding",
    "bias": "bias",
    "biases": "bias",
    "b": "bias",
    "bias_ih": "bias",
    "bias_hh": "bias",
    "gamma": "gamma",
    "scale": "gamma",
    "beta": "beta",
    "offset": "beta",
    "moving_mean": "moving_mean",
    "moving_variance": "moving_variance",
    "moving_var": "moving_variance",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
    "exponentialmovingaverage": "ema",
    "average": "ema",
    "hidden": "other",
    # What a quantised layer of Keras keeps beside its integers, or beside its weights where it trains in float8.
    "g_idx": "quantisation",
    **dict.fromkeys(("kernel_scale", "embeddings_scale", "reverse_embeddings_scale"), "quantisation"),
    **dict.fromkeys(("kernel_zero", "embeddings_zero", "reverse_embeddings_zero"), "quantisation"),
    **dict.fromkeys(("inputs_scale", "outputs_grad_scale"), "quantisation"),
    **dict.fromkeys(("inputs_amax_history", "kernel_amax_history", "outputs_grad_amax_history"), "quantisation"),
}

# Optimizer variables (Keras slot names, TF1 slot names) -> role.
_BY_SLOT: dict[str, str] = {
    # First moments: signed averages of gradients. `mom` and `accumulated_momentum` are Sonnet's.
    **dict.fromkeys(("m", "momentum", "momentums", "mom", "accumulated_momentum"), "momentum"),
    **dict.fromkeys(("adam", "adamax", "nadam", "adam_m", "lamb_m"), "momentum"),
    # Second moments: averages, sums or maxima of squares or magnitudes, never negative.
    **dict.fromkeys(("v", "velocity", "velocities", "vhat", "velocity_hat", "rms", "ms", "accumulator"), "velocity"),
    **dict.fromkeys(("adam_1", "adamax_1", "nadam_1", "adam_v", "lamb_v"), "velocity"),
    **dict.fromkeys(("rmsprop", "adagrad", "proximaladagrad", "adagradda_1", "adadelta"), "velocity"),
    **dict.fromkeys(("accum_grad", "accumulated_grad"), "velocity"),
    # Sums of gradients, signed: those not yet applied, or all of them (dual averaging).
    **dict.fromkeys(("gradient_accumulator", "accumulated_gradient", "adagradda"), "gradient_accumulator"),
    # Averages of the trained variables themselves.
    **dict.fromkeys(("average", "moving_average", "exponentialmovingaverage"), "ema"),
    **dict.fromkeys(("iterations", "iteration", "iter", "step", "step_counter", "good_steps"), "step"),
    **dict.fromkeys(("learning_rate", "lr", "decay", "beta_1", "beta_2", "epsilon", "rho"), "hyperparameter"),
    **dict.fromkeys(("beta1_power", "beta2_power"), "hyperparameter"),
    **dict.fromkeys(("loss_scale", "current_loss_scale", "dynamic_scale"), "hyperparameter"),
}

# Slots that Keras 3 calls `<variable>_<slot>`; the longer of two that fit comes first.
_SLOT_ENDINGS: tuple[str, ...] = (
    "momentum", "velocity", "velocity_hat", "gradient_accumulator", "accumulator", "accumulated_grad", "average",
)  # fmt: skip

_STEPS: frozenset[str] = frozenset({"global_step", "step", "save_counter", "iterations", "iter", "counter"})


def last_part(name: str) -> str:
    """What stands behind the last slash or dot, in lower case.

    >>> last_part("encoder/Dense/Kernel:0"), last_part("h.9.weight")
    ('kernel', 'weight')
    """
    part = re.split(r"[/.]", name.rstrip("/"))[-1].lower()
    return re.sub(r":\d+$", "", part)


def model_role(name: str, shape: Sequence[int] = ()) -> str:
    """Role of a model variable from the last part of its name and, failing that, its rank.

    >>> model_role("dense/kernel:0"), model_role("bn.running_var"), model_role("global_step")
    ('kernel', 'moving_variance', 'step')
    >>> model_role("words/embedding_weights"), model_role("lora_embeddings_a"), model_role("ln_scale")
    ('embedding', 'embedding', 'other')
    """
    last = last_part(name)
    if last in _STEPS:
        return "step"
    for candidate in (last, re.sub(r"_\d+$|_l\d+$", "", last), re.sub(r"_weights?(_\d+)?$", "", last)):
        role = _BY_VARIABLE.get(candidate)
        if role == "kernel" and len(shape) == 1 and last in {"weight", "weights"}:
            return "gamma"  # PyTorch-style normalisation layers call their scale `weight`
        if role:
            return role
    if adapter := re.fullmatch(r"lora_?(kernel|embeddings?)?_?([ab])(_\d+)?", last):
        rows = adapter[1] and adapter[1].startswith("embed") and adapter[2] == "a"
        return "embedding" if rows else "kernel"
    for suffix, role in (
        ("recurrent_kernel", "recurrent_kernel"),
        ("depthwise_kernel", "depthwise_kernel"),
        ("pointwise_kernel", "pointwise_kernel"),
        ("embeddings", "embedding"),
        ("embedding", "embedding"),
        ("kernel", "kernel"),
        ("bias", "bias"),
    ):
        if last.endswith(suffix):
            return role
    return "other"


def slot_role(slot: str) -> str:
    """Role of an optimizer variable from its slot name (``m``, ``velocity``, ``Adam_1`` …).

    >>> slot_role("m"), slot_role("dense_kernel_velocity"), slot_role("Ftrl_1"), slot_role("learning_rate")
    ('momentum', 'velocity', 'slot', 'hyperparameter')
    >>> slot_role("dense_kernel_gradient_accumulator"), slot_role("dense_kernel_average")
    ('gradient_accumulator', 'ema')
    """
    last = last_part(slot)
    if last in _BY_SLOT:
        return _BY_SLOT[last]
    for suffix in _SLOT_ENDINGS:
        if last.endswith("_" + suffix):
            return _BY_SLOT[suffix]
    return "slot"


def output_axis(role: str, kind: str = "") -> int:
    """The axis that indexes output units, from the role and the layer's class.

    >>> output_axis("kernel", "Conv2DTranspose"), output_axis("embedding"), output_axis("kernel", "Dense")
    (-2, 0, -1)
    >>> output_axis("kernel", "DepthwiseConv2D")
    -2
    """
    if role == "embedding":
        return 0
    # (…, output, input) of a transposed convolution; (…, input, multiplier) of a depthwise one
    by_class = role == "kernel" and (kind.endswith("Transpose") or kind.startswith("DepthwiseConv"))
    return -2 if by_class or role == "depthwise_kernel" else -1


def input_axis(role: str, output: int, ndim: int, kind: str = "") -> int | None:
    """The axis that a weight matrix sums over, counted from the end; None for look-ups and depthwise filters.

    Args:
        output: the axis of the output units, from either end.

    >>> input_axis("kernel", -1, 4, "Conv2D"), input_axis("kernel", -2, 4, "Conv2DTranspose")
    (-2, -1)
    >>> input_axis("kernel", 0, 4), input_axis("embedding", 0, 2), input_axis("kernel", -2, 4, "DepthwiseConv2D")
    (-3, None, None)
    """
    if ndim < 2 or role in ("embedding", "depthwise_kernel") or kind.startswith("DepthwiseConv"):
        return None
    output = output % ndim - ndim
    if output == -ndim:
        return 1 - ndim  # (output, input, …), as PyTorch stores them
    return -2 if output == -1 else -1
