"""Choose the pictures of several runs of one model."""

from __future__ import annotations

from collections.abc import Sequence

from reporter import plots
from reporter.model.comparison import Comparison
from reporter.model.figures import Course, Runs
from reporter.plots.drawable import drawn, update
from reporter.plots.renderer import Renderer


def draw_runs(renderer: Renderer, series: Sequence[Comparison], group: Sequence[int]) -> Runs:
    """Draw several runs of one model together: their norms in one picture, their relative updates in another.

    Args:
        renderer: draws, or finds a picture that was drawn before.
        series: all series of the report.
        group: the indices of the runs among them.
    """
    chosen = [series[i] for i in group]
    stepped = all(s.positions is not None for s in chosen)

    def course(of: Comparison, values: Sequence[float | None]) -> Course:
        positions = of.positions if stepped and of.positions is not None else tuple(map(float, range(len(of.refs))))
        return Course(of.labels, positions, values)

    norms = {s.name: course(s, [drawn(v) for v in s.trained("l2_norm")]) for s in chosen}
    updates = {s.name: course(s, [None, *(update(p.trained) for p in s.pairs)]) for s in chosen if s.pairs}
    axis = "step" if stepped else "checkpoint, in order"
    name = chosen[0].slug
    figures = [
        renderer.draw(plots.runs, f"{name}-runs-norm", "L2 norm of the trained weights, every run", norms, "", axis)
    ]
    if updates:
        title = "Relative update against the checkpoint before, every run"
        figures.append(renderer.draw(plots.runs, f"{name}-runs-update", title, updates, "‖ΔW‖ / ‖W‖", axis))
    return Runs(tuple(group), tuple(figures))
