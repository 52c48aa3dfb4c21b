"""Judge: what is wrong with the weights, by an explicit list of rules. A new rule is one file and one line."""

from __future__ import annotations

from reporter.rules.adam_state import ADAM_STATE
from reporter.rules.all_zero import ALL_ZERO
from reporter.rules.base import Rule
from reporter.rules.batch_norm import BATCH_NORM
from reporter.rules.bias_jump import BIAS_JUMP
from reporter.rules.constant import CONSTANT
from reporter.rules.dead_layers import DEAD_LAYERS
from reporter.rules.dead_units import DEAD_UNITS
from reporter.rules.dequantised import DEQUANTISED
from reporter.rules.duplicate_outputs import DUPLICATE_OUTPUTS
from reporter.rules.embedding_collapse import EMBEDDING_COLLAPSE
from reporter.rules.fading import FADING
from reporter.rules.float16_overflow import FLOAT16_OVERFLOW
from reporter.rules.float16_underflow import FLOAT16_UNDERFLOW
from reporter.rules.frozen import FROZEN
from reporter.rules.gamma_jump import GAMMA_JUMP
from reporter.rules.heavy_tails import HEAVY_TAILS
from reporter.rules.idle_copy import IDLE_COPY
from reporter.rules.idle_inputs import IDLE_INPUTS
from reporter.rules.idle_statistics import IDLE_STATISTICS
from reporter.rules.incomplete import INCOMPLETE
from reporter.rules.int8_ready import INT8_READY
from reporter.rules.loss_scale import LOSS_SCALE
from reporter.rules.lost_moments import LOST_MOMENTS
from reporter.rules.metric_non_finite import METRIC_NON_FINITE
from reporter.rules.moment_jump import MOMENT_JUMP
from reporter.rules.no_gradient import NO_GRADIENT
from reporter.rules.non_finite import NON_FINITE
from reporter.rules.norm_jump import NORM_JUMP
from reporter.rules.norm_trend import NORM_TREND
from reporter.rules.nothing_moves import NOTHING_MOVES
from reporter.rules.one_value import ONE_VALUE
from reporter.rules.rank_collapse import RANK_COLLAPSE
from reporter.rules.rearranged import REARRANGED
from reporter.rules.shrunken import SHRUNKEN
from reporter.rules.sparsity_jump import SPARSITY_JUMP
from reporter.rules.stopped import STOPPED
from reporter.rules.stray_checkpoint import STRAY_CHECKPOINT
from reporter.rules.structure import STRUCTURE
from reporter.rules.symmetry import SYMMETRY
from reporter.rules.untrained import UNTRAINED
from reporter.rules.vanished import VANISHED
from reporter.rules.vanishing_gradient import VANISHING_GRADIENT
from reporter.rules.variance_jump import VARIANCE_JUMP
from reporter.rules.violent_update import VIOLENT_UPDATE

RULES: tuple[Rule, ...] = (
    NON_FINITE,
    LOSS_SCALE,
    METRIC_NON_FINITE,
    NOTHING_MOVES,
    STRAY_CHECKPOINT,
    REARRANGED,
    ALL_ZERO,
    VANISHED,
    SYMMETRY,
    ONE_VALUE,
    INCOMPLETE,
    SHRUNKEN,
    STRUCTURE,
    DEAD_LAYERS,
    STOPPED,
    FROZEN,
    IDLE_COPY,
    NO_GRADIENT,
    UNTRAINED,
    VANISHING_GRADIENT,
    DEAD_UNITS,
    FADING,
    LOST_MOMENTS,
    MOMENT_JUMP,
    VARIANCE_JUMP,
    BIAS_JUMP,
    GAMMA_JUMP,
    NORM_JUMP,
    NORM_TREND,
    VIOLENT_UPDATE,
    SPARSITY_JUMP,
    CONSTANT,
    EMBEDDING_COLLAPSE,
    RANK_COLLAPSE,
    BATCH_NORM,
    IDLE_STATISTICS,
    ADAM_STATE,
    IDLE_INPUTS,
    DEQUANTISED,
    HEAVY_TAILS,
    INT8_READY,
    FLOAT16_OVERFLOW,
    FLOAT16_UNDERFLOW,
    DUPLICATE_OUTPUTS,
)
"""In the order of the report's table of checks; of findings that weigh the same, the earlier rule's comes first."""
