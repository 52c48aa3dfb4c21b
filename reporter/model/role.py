"""What a tensor is for in its layer, told from its variable name; rules depend on it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from functools import lru_cache


class Role(StrEnum):
    """What a tensor is for; its text is what report.json says."""

    KERNEL = "kernel"
    RECURRENT_KERNEL = "recurrent_kernel"
    DEPTHWISE_KERNEL = "depthwise_kernel"
    POINTWISE_KERNEL = "pointwise_kernel"
    EMBEDDING = "embedding"
    BIAS = "bias"
    GAMMA = "gamma"
    BETA = "beta"
    MOVING_MEAN = "moving_mean"
    MOVING_VARIANCE = "moving_variance"
    EMA = "ema"
    """An average of a weight over time, kept beside it."""
    QUANTISATION = "quantisation"
    """Scales and the like, which integers are multiplied with."""
    MOMENTUM = "momentum"
    """A first moment of an optimizer: an average of gradients."""
    VELOCITY = "velocity"
    """A second moment of an optimizer: an average, sum or maximum of squares, never negative."""
    GRADIENT_ACCUMULATOR = "gradient_accumulator"
    SLOT = "slot"
    """Whatever else an optimizer keeps for each trained variable."""
    HYPERPARAMETER = "hyperparameter"
    STEP = "step"
    OTHER = "other"


ROLES: tuple[Role, ...] = tuple(Role)

WEIGHT_MATRICES: frozenset[Role] = frozenset(
    {Role.KERNEL, Role.RECURRENT_KERNEL, Role.DEPTHWISE_KERNEL, Role.POINTWISE_KERNEL, Role.EMBEDDING}
)
"""Roles whose values carry what was learned; all-zero or constant here is a defect."""

NEVER_TRAINABLE: frozenset[Role] = frozenset({Role.MOVING_MEAN, Role.MOVING_VARIANCE, Role.STEP, Role.HYPERPARAMETER})
"""Roles that no optimizer updates, whatever the format says or does not say."""

SLOTS: frozenset[Role] = frozenset({Role.MOMENTUM, Role.VELOCITY, Role.GRADIENT_ACCUMULATOR, Role.SLOT})
"""Roles of what an optimizer keeps for each trained variable and changes whenever it is given a gradient."""

# The last part of a variable's name -> role. Keras 2/3, tf.layers, Sonnet, Hugging Face and MLX terms.
_BY_VARIABLE: dict[str, Role] = {
    "kernel": Role.KERNEL,
    "w": Role.KERNEL,
    "weight": Role.KERNEL,
    "weights": Role.KERNEL,
    "lora_a": Role.KERNEL,
    "lora_b": Role.KERNEL,
    "w_i": Role.KERNEL,
    "w_h": Role.RECURRENT_KERNEL,
    "weight_ih": Role.KERNEL,
    "weight_hh": Role.RECURRENT_KERNEL,
    "recurrent_kernel": Role.RECURRENT_KERNEL,
    "depthwise_kernel": Role.DEPTHWISE_KERNEL,
    "pointwise_kernel": Role.POINTWISE_KERNEL,
    "depthwise": Role.DEPTHWISE_KERNEL,
    "pointwise": Role.POINTWISE_KERNEL,
    "embedding": Role.EMBEDDING,
    "embeddings": Role.EMBEDDING,
    "position_embeddings": Role.EMBEDDING,
    "bias": Role.BIAS,
    "biases": Role.BIAS,
    "b": Role.BIAS,
    "bias_ih": Role.BIAS,
    "bias_hh": Role.BIAS,
    "gamma": Role.GAMMA,
    "scale": Role.GAMMA,
    "beta": Role.BETA,
    "offset": Role.BETA,
    "moving_mean": Role.MOVING_MEAN,
    "moving_variance": Role.MOVING_VARIANCE,
    "moving_var": Role.MOVING_VARIANCE,
    "running_mean": Role.MOVING_MEAN,
    "running_var": Role.MOVING_VARIANCE,
    "exponentialmovingaverage": Role.EMA,
    "average": Role.EMA,
    "hidden": Role.OTHER,
    # What a quantised layer of Keras keeps beside its integers, or beside its weights where it trains in float8.
    "g_idx": Role.QUANTISATION,
    **dict.fromkeys(("kernel_scale", "embeddings_scale", "reverse_embeddings_scale"), Role.QUANTISATION),
    **dict.fromkeys(("kernel_zero", "embeddings_zero", "reverse_embeddings_zero"), Role.QUANTISATION),
    **dict.fromkeys(("inputs_scale", "outputs_grad_scale"), Role.QUANTISATION),
    **dict.fromkeys(("inputs_amax_history", "kernel_amax_history", "outputs_grad_amax_history"), Role.QUANTISATION),
}

# Optimizer variables (Keras slot names, TF1 slot names) -> role.
_BY_SLOT: dict[str, Role] = {
    # First moments: signed averages of gradients. `mom` and `accumulated_momentum` are Sonnet's.
    **dict.fromkeys(("m", "momentum", "momentums", "mom", "accumulated_momentum"), Role.MOMENTUM),
    **dict.fromkeys(("adam", "adamax", "nadam", "adam_m", "lamb_m"), Role.MOMENTUM),
    # Second moments: averages, sums or maxima of squares or magnitudes, never negative.
    **dict.fromkeys(("v", "velocity", "velocities", "vhat", "velocity_hat", "rms", "ms", "accumulator"), Role.VELOCITY),
    **dict.fromkeys(("adam_1", "adamax_1", "nadam_1", "adam_v", "lamb_v"), Role.VELOCITY),
    **dict.fromkeys(("rmsprop", "adagrad", "proximaladagrad", "adagradda_1", "adadelta"), Role.VELOCITY),
    **dict.fromkeys(("accum_grad", "accumulated_grad"), Role.VELOCITY),
    # Sums of gradients, signed: those not yet applied, or all of them (dual averaging).
    **dict.fromkeys(("gradient_accumulator", "accumulated_gradient", "adagradda"), Role.GRADIENT_ACCUMULATOR),
    # Averages of the trained variables themselves.
    **dict.fromkeys(("average", "moving_average", "exponentialmovingaverage"), Role.EMA),
    **dict.fromkeys(("iterations", "iteration", "iter", "step", "step_counter", "good_steps"), Role.STEP),
    **dict.fromkeys(("learning_rate", "lr", "decay", "beta_1", "beta_2", "epsilon", "rho"), Role.HYPERPARAMETER),
    **dict.fromkeys(("beta1_power", "beta2_power"), Role.HYPERPARAMETER),
    **dict.fromkeys(("loss_scale", "current_loss_scale", "dynamic_scale"), Role.HYPERPARAMETER),
}

# Slots that Keras 3 calls `<variable>_<slot>`; the longer of two that fit comes first.
_SLOT_ENDINGS: tuple[str, ...] = (
    "momentum", "velocity", "velocity_hat", "gradient_accumulator", "accumulator", "accumulated_grad", "average",
)  # fmt: skip

_STEPS: frozenset[str] = frozenset({"global_step", "step", "save_counter", "iterations", "iter", "counter"})

MANY_NAMES = 1 << 14
"""Names of tensors whose meaning is remembered, some 200 bytes each: the checkpoints of a series have the same ones. It
was a third of the time of listing 2,400 small files."""


@lru_cache(MANY_NAMES)
def last_part(name: str) -> str:
    """What stands behind the last slash or dot, in lower case.

    >>> last_part("encoder/Dense/Kernel:0"), last_part("h.9.weight")
    ('kernel', 'weight')
    """
    whole = name.rstrip("/")
    part = whole[max(whole.rfind("/"), whole.rfind(".")) + 1 :].lower()
    return re.sub(r":\d+$", "", part) if ":" in part else part


@lru_cache(MANY_NAMES)
def model_role(name: str, shape: tuple[int, ...] = ()) -> Role:
    """Role of a model variable from the last part of its name and, failing that, its rank.

    >>> [str(model_role(name)) for name in ("dense/kernel:0", "bn.running_var", "global_step")]
    ['kernel', 'moving_variance', 'step']
    >>> [str(model_role(name)) for name in ("words/embedding_weights", "lora_embeddings_a", "ln_scale")]
    ['embedding', 'embedding', 'other']
    """
    last = last_part(name)
    if last in _STEPS:
        return Role.STEP
    for candidate in _candidates(last):
        role = _BY_VARIABLE.get(candidate)
        if role == Role.KERNEL and len(shape) == 1 and last in {"weight", "weights"}:
            return Role.GAMMA  # PyTorch-style normalisation layers call their scale `weight`
        if role:
            return role
    if adapter := re.fullmatch(r"lora_?(kernel|embeddings?)?_?([ab])(_\d+)?", last):
        rows = adapter[1] and adapter[1].startswith("embed") and adapter[2] == "a"
        return Role.EMBEDDING if rows else Role.KERNEL
    for suffix, role in (
        ("recurrent_kernel", Role.RECURRENT_KERNEL),
        ("depthwise_kernel", Role.DEPTHWISE_KERNEL),
        ("pointwise_kernel", Role.POINTWISE_KERNEL),
        ("embeddings", Role.EMBEDDING),
        ("embedding", Role.EMBEDDING),
        ("kernel", Role.KERNEL),
        ("bias", Role.BIAS),
    ):
        if last.endswith(suffix):
            return role
    return Role.OTHER


def _candidates(last: str) -> Iterator[str]:
    """What a variable may be called, without the numbers and words that are appended to it."""
    yield last
    if "_" in last:
        yield re.sub(r"_\d+$|_l\d+$", "", last)
        yield re.sub(r"_weights?(_\d+)?$", "", last)


def slot_role(slot: str) -> Role:
    """Role of an optimizer variable from its slot name (``m``, ``velocity``, ``Adam_1`` …).

    >>> [str(slot_role(name)) for name in ("m", "dense_kernel_velocity", "Ftrl_1", "learning_rate")]
    ['momentum', 'velocity', 'slot', 'hyperparameter']
    >>> [str(slot_role(name)) for name in ("dense_kernel_gradient_accumulator", "dense_kernel_average")]
    ['gradient_accumulator', 'ema']
    """
    last = last_part(slot)
    if last in _BY_SLOT:
        return _BY_SLOT[last]
    for suffix in _SLOT_ENDINGS:
        if last.endswith("_" + suffix):
            return _BY_SLOT[suffix]
    return Role.SLOT


def output_axis(role: str, kind: str = "") -> int:
    """The axis that indexes output units, from the role and the layer's class.

    >>> output_axis("kernel", "Conv2DTranspose"), output_axis("embedding"), output_axis("kernel", "Dense")
    (-2, 0, -1)
    >>> output_axis("kernel", "DepthwiseConv2D")
    -2
    """
    if role == Role.EMBEDDING:
        return 0
    # (…, output, input) of a transposed convolution; (…, input, multiplier) of a depthwise one
    by_class = role == Role.KERNEL and (kind.endswith("Transpose") or kind.startswith("DepthwiseConv"))
    return -2 if by_class or role == Role.DEPTHWISE_KERNEL else -1


def input_axis(role: str, output: int, ndim: int, kind: str = "") -> int | None:
    """The axis that a weight matrix sums over, counted from the end; None for look-ups and depthwise filters.

    Args:
        output: the axis of the output units, from either end.

    >>> input_axis("kernel", -1, 4, "Conv2D"), input_axis("kernel", -2, 4, "Conv2DTranspose")
    (-2, -1)
    >>> input_axis("kernel", 0, 4), input_axis("embedding", 0, 2), input_axis("kernel", -2, 4, "DepthwiseConv2D")
    (-3, None, None)
    """
    if ndim < 2 or role in (Role.EMBEDDING, Role.DEPTHWISE_KERNEL) or kind.startswith("DepthwiseConv"):
        return None
    output = output % ndim - ndim
    if output == -ndim:
        return 1 - ndim  # (output, input, …), as PyTorch stores them
    return -2 if output == -1 else -1
