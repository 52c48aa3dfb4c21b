"""Judge: what is wrong with the weights, by an explicit list of rules. A new rule is one file and one line."""

from __future__ import annotations

from collections.abc import Iterable

from reporter.model.comparison import Comparison
from reporter.model.finding import Judgement
from reporter.rules.adam_state import ADAM_STATE
from reporter.rules.all_zero import ALL_ZERO
from reporter.rules.base import Rule
from reporter.rules.batch_norm import BATCH_NORM
from reporter.rules.constant import CONSTANT
from reporter.rules.dead_layers import DEAD_LAYERS
from reporter.rules.dead_units import DEAD_UNITS
from reporter.rules.duplicate_outputs import DUPLICATE_OUTPUTS
from reporter.rules.fading import FADING
from reporter.rules.float16_overflow import FLOAT16_OVERFLOW
from reporter.rules.float16_underflow import FLOAT16_UNDERFLOW
from reporter.rules.frozen import FROZEN
from reporter.rules.heavy_tails import HEAVY_TAILS
from reporter.rules.incomplete import INCOMPLETE
from reporter.rules.int8_ready import INT8_READY
from reporter.rules.judging import Policy, judge_by
from reporter.rules.metric_non_finite import METRIC_NON_FINITE
from reporter.rules.non_finite import NON_FINITE
from reporter.rules.norm_jump import NORM_JUMP
from reporter.rules.norm_trend import NORM_TREND
from reporter.rules.nothing_moves import NOTHING_MOVES
from reporter.rules.shrunken import SHRUNKEN
from reporter.rules.sparsity_jump import SPARSITY_JUMP
from reporter.rules.stopped import STOPPED
from reporter.rules.structure import STRUCTURE
from reporter.rules.vanished import VANISHED
from reporter.rules.violent_update import VIOLENT_UPDATE

RULES: tuple[Rule, ...] = (
    NON_FINITE,
    METRIC_NON_FINITE,
    NOTHING_MOVES,
    ALL_ZERO,
    VANISHED,
    INCOMPLETE,
    SHRUNKEN,
    STRUCTURE,
    DEAD_LAYERS,
    STOPPED,
    FROZEN,
    DEAD_UNITS,
    FADING,
    NORM_JUMP,
    NORM_TREND,
    VIOLENT_UPDATE,
    SPARSITY_JUMP,
    CONSTANT,
    BATCH_NORM,
    ADAM_STATE,
    HEAVY_TAILS,
    INT8_READY,
    FLOAT16_OVERFLOW,
    FLOAT16_UNDERFLOW,
    DUPLICATE_OUTPUTS,
)
"""In the order of the report's table of checks; of findings that weigh the same, the earlier rule's comes first."""


def judge(comparisons: Iterable[Comparison], policy: Policy | None = None) -> Judgement:
    """Apply every rule to every series, with its defaults unless a policy says otherwise."""
    return judge_by(policy or Policy(RULES), comparisons)
