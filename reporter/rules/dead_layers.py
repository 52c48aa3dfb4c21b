"""Layers that nothing gets through: the next layer's bias learns, its kernel does not, so its input is always zero."""

from __future__ import annotations

from collections.abc import Iterator

from reporter.frozen import dataclass
from reporter.model.finding import Severity
from reporter.model.role import Role, input_axis
from reporter.rules.base import Check, Limit, Limits, Rule
from reporter.rules.movement import Movement, equal_share, movements
from reporter.rules.timeline import Timeline, Track

NAMED = 3
"""Layers named in a message; a finding lists all of them."""

RESTING = ("never", "stopped")
"""Kinds of movement of what does not move any more, or never did."""


@dataclass(frozen=True, slots=True)
class _Layer:
    """A layer's weights and how they move."""

    name: str
    tracks: tuple[Track, ...]
    moves: tuple[Movement, ...]

    def role(self, role: Role) -> Movement | None:
        """How its tensor of a role moves; None where it has none."""
        return next((m for t, m in zip(self.tracks, self.moves, strict=True) if t.info.role == role), None)

    @property
    def kernel(self) -> Track | None:
        """Its kernel, if it has one that is a matrix."""
        return next((t for t in self.tracks if t.info.role == Role.KERNEL and len(t.info.shape) > 1), None)

    @property
    def still(self) -> bool:
        """Whether nothing of it moves any more, or ever did."""
        return all(m.kind in RESTING for m in self.moves)


def check(timeline: Timeline, limits: Limits) -> Iterator[Check]:
    """One check per layer with a kernel and a bias: how much of the kernel stays equal while the bias learns.

    The gradient of a kernel is input × error, that of its bias the error alone: a kernel that stays equal to the bit
    while its bias moves sees only zeros. The layers in front of it are still as well, for no gradient gets through.
    """
    layers = _layers(timeline, limits["threshold"])
    ordered = all(measured.layers_ordered for measured in timeline.series.measured)
    biases_only = _biases_only(layers)
    for at, layer in enumerate(layers):
        kernel, bias = layer.role(Role.KERNEL), layer.role(Role.BIAS)
        if kernel is None or bias is None:
            continue
        own = next(t for t in layer.tracks if t.info.role == Role.KERNEL)
        learning = bias.kind not in RESTING
        share = (equal_share(own) or 0.0) if learning else 0.0
        starved = learning and kernel.kind in RESTING and kernel.still >= limits["pairs"] and not biases_only
        chain = _chain(layers, at, ordered, never=kernel.kind == "never") if starved else []
        if any(one.kernel for one in chain):  # an embedding alone has no units that could be dead
            yield _dead(timeline, chain, layer, kernel, own, share)
        else:
            yield Check(share, share, place=kernel.until, layer=layer.name)


def _biases_only(layers: list[_Layer]) -> bool:
    """Whether biases alone are trained on purpose (E. Ben Zaken et al., *BitFit*, 2022), as most layers show.

    Behind a dead layer it is one whose bias learns while its kernel never does: those further on see that bias.
    """
    both = [(k, b) for one in layers if (k := one.role(Role.KERNEL)) and (b := one.role(Role.BIAS))]
    learning = [kernel.kind == "never" for kernel, bias in both if bias.kind not in RESTING]
    return sum(learning) > 1 and 2 * sum(learning) > len(learning)


def _layers(timeline: Timeline, threshold: float) -> list[_Layer]:
    """The layers whose weights all have a dtype in which updates show, in model order."""
    known: dict[str, list[tuple[Track, Movement]]] = {}
    for track, how in movements(timeline, threshold):
        known.setdefault(track.info.layer, []).append((track, how))
    return [
        _Layer(name, tuple(t for t, _ in pairs), tuple(m for _, m in pairs))
        for name, pairs in known.items()
        if not any(t.coarse for t, _ in pairs)
    ]


def _dead(
    timeline: Timeline, chain: list[_Layer], after: _Layer, kernel: Movement, starved: Track, share: float
) -> Check:
    """The check that fired.

    Args:
        timeline: the series.
        chain: the dead layers.
        after: the layer that only zeros reach.
        kernel: how its kernel moves.
        starved: that kernel.
        share: of its values that stay equal to the bit.
    """
    never = kernel.kind == "never"
    since = [how.faded for one in chain for how in one.moves if how.kind == "stopped"]
    place = min([kernel.faded, *since])
    concerned = [track.info for one in chain for track in one.tracks] + [starved.info]
    return Check(
        value=share,
        excess=1.0 + share,
        severity=Severity.FAIL,
        place=kernel.since if never else place,
        good=None if never else place - 1,
        layer=chain[-1].name,
        tensors=tuple(info.name for info in concerned),
        whole=True,
        parameters=sum(info.size for info in concerned),
        message=_sentence(
            [one.name for one in chain],
            after.name,
            "from the first checkpoint on" if never else f"from {timeline.step(place)} on",
        ),
    )


def _sentence(dead: list[str], after: str, since: str) -> str:
    shown = ", ".join(dead[:NAMED]) + (f" and {len(dead) - NAMED} more" if len(dead) > NAMED else "")
    what, them, their = (
        (f"{shown} is dead {since}", "it", "of its weights changes")
        if len(dead) == 1
        else (
            f"nothing gets through {shown} {since}, so one of them is dead at least",
            "them",
            "of their weights changes",
        )
    )
    return (
        f"{what}: only zeros reach {after}, the layer after {them} (its bias learns, its kernel is equal to the bit), "
        f"and none {their}; the model's output does not depend on its input"
    )


def _chain(layers: list[_Layer], at: int, ordered: bool, *, never: bool) -> list[_Layer]:
    """The still layers in front of one.

    Where the order is not known, the layer in front is one of those with as many outputs as this one has inputs; if all
    of them are still, so is the layer in front. Where nothing has moved from the start, all still layers count.
    """
    chain: list[_Layer] = []
    if ordered:
        for one in reversed(layers[:at]):
            if not one.still:
                break
            chain.insert(0, one)
        return chain
    if never:
        return [one for i, one in enumerate(layers) if i != at and one.still]
    behind = [layers[at]]
    while behind:
        fitting = [one for one in layers if one not in (*chain, layers[at]) and any(_fits(one, b) for b in behind)]
        if not all(one.still for one in fitting):
            break
        chain = [*fitting, *chain]
        behind = fitting
    return chain


def _fits(one: _Layer, behind: _Layer) -> bool:
    """Whether a layer has as many outputs as another one has inputs, by the shapes of their kernels."""
    a, b = one.kernel, behind.kernel
    if a is None or b is None or a is b:
        return False
    inputs = input_axis(b.info.role, b.info.output_axis, len(b.info.shape))
    return inputs is not None and a.info.shape[a.info.output_axis] == b.info.shape[inputs]


DEAD_LAYERS = Rule(
    name="dead-layers",
    title="Dead layers",
    threshold=1.0,
    limits=(Limit("pairs", 2, "pairs of checkpoints that have to agree"),),
    formula="share of values of a kernel that are equal to the bit in neighbouring checkpoints while the bias of its "
    "layer moves; it fires where this lasts and the layers in front are wholly still as well",
    source="the gradient of a kernel is input × error, that of its bias the error alone; dying ReLU (L. Lu et al., "
    "2019)",
    check=check,
    follows=True,
    compares=True,
    many="belong to dead layers or to kernels that receive only zeros",
    meaning="All units of a layer output zero for every input (such as ReLUs that are always off), so nothing passes "
    "forward and no gradient passes back, to the layers in front of it either: the model can only learn a constant.",
    next_step="Run one batch through the model and look for the first layer that outputs zeros only; check the scale "
    "of the inputs, the initialisation (through kernels that are too small a signal dies out) and the biases, and the "
    "learning rate of the first epoch; start again, as dead layers do not recover.",
    evidence="very likely: every value was compared with the checkpoint before; activations are not in a checkpoint",
    covers=("frozen", "stopped", "fading", "dead-units", "untrained", "no-gradient", "bias-jump"),
    covers_elsewhere=("stopped", "fading", "dead-units"),
)
