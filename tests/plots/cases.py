"""Every picture with ordinary, degenerate and hostile input: literals that the contract tests iterate over."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from reporter import plots
from reporter.model.blocks import Figure
from reporter.model.figures import Around, Course, Line, Mark, Sample
from reporter.model.hero import HealthCell, HealthMap, HealthRow, Hero, Link
from reporter.model.histogram import Histogram
from reporter.model.table import Level

Draw = Callable[[], Figure | list[Figure]]

HOSTILE = (
    "",
    " \t\n ",
    "$\\frac{1}{0}$ and $unclosed",
    "<script>alert(1)</script>",
    "line one\nline two\r\x00\x1b[31m",
    "层/核 🔥 \U0010ffff",
    "\udc80\ud800 lone surrogates",
    "\u202eright to left \u200f عربي עברית",
    "e\u0301\u0301\u0301\u0301 combining \u0300",
    "very/long/" * 5000,
    "W" * 300,
    "&amp; \"quoted\" 'name' \\",
)
"""Names that a checkpoint may bring along."""

INF, NAN = math.inf, math.nan


def bell(centre: float = 0.0, width: float = 0.2, count: int = 50, below: int = 0, above: int = 0) -> Histogram:
    """A bell of about 10 000 values in ``count`` bins of ±1."""
    edges = np.linspace(-1.0, 1.0, count + 1)
    middles = (edges[1:] + edges[:-1]) / 2
    weight = np.exp(-(((middles - centre) / width) ** 2) / 2)
    counts = np.rint(10_000 * weight / weight.sum()).astype(int)
    return Histogram(tuple(edges.tolist()), tuple(counts.tolist()), below, above)


def even(low: float, high: float, counts: Sequence[int], below: int = 0, above: int = 0) -> Histogram:
    """Bins of equal width from ``low`` to ``high``."""
    share = np.linspace(0.0, 1.0, len(counts) + 1)
    return Histogram(tuple((low * (1 - share) + high * share).tolist()), tuple(counts), below, above)


HISTOGRAMS: dict[str, Histogram] = {
    "bell": bell(),
    "tails": bell(below=12, above=3),
    "one bin": even(0.5, 0.50390625, [7]),
    "one value": even(0.0, 9.2e-41, [1]),
    "empty": even(-1.0, 1.0, [0, 0, 0]),
    "all outside": even(-1.0, 1.0, [0, 0], below=4, above=5),
    "one peak": even(-1.0, 1.0, [0] * 20 + [1_000_000] + [0] * 19 + [1]),
    "huge": even(-(2.0**128), 2.0**128, [1, 5, 2]),
    "float64": even(-1.7e308, 1.7e308, [3, 0, 9]),
    "tiny": even(-9.2e-41, 9.2e-41, [4, 4]),
    "smallest": even(0.0, 5e-324, [4]),
    "narrow": even(1.0, 1.0 + 2**-7, [3, 9, 27]),
    "narrowest": even(1e300, math.nextafter(1e300, INF), [3]),
    "512 bins": bell(count=512),
    "large counts": even(-3.0, 3.0, [10**9, 2 * 10**10, 7]),
    "uneven": Histogram((0.0, 1e-38, 1e-3, 1.0, 1e30), (5, 6, 7, 8)),
}
"""What a histogram can look like."""


def series(count: int, gaps: Sequence[int] = ()) -> list[Histogram | None]:
    """A bell that moves and widens; none at ``gaps``."""
    return [None if i in gaps else bell(-0.5 + i / max(count, 2), 0.1 + 0.1 * i / max(count, 2)) for i in range(count)]


def labels(count: int) -> list[str]:
    """Steps of a run."""
    return [str(1000 * i) for i in range(count)]


def spread(values: Sequence[float]) -> list[dict[float, float]]:
    """Quantiles of distributions of such widths."""
    return [{0.05: -2 * v, 0.25: -v, 0.5: 0.1 * v, 0.75: v, 0.95: 2 * v} for v in values]


def _histograms() -> dict[str, Draw]:
    cases: dict[str, Draw] = {
        f"global_histogram {n}": lambda h=h: plots.global_histogram("g", "All weights", h)  # type: ignore[misc]
        for n, h in HISTOGRAMS.items()
    }
    cases |= {
        f"global_histogram hostile {i}": lambda t=t: plots.global_histogram("g", t, bell(below=1))  # type: ignore[misc]
        for i, t in enumerate(HOSTILE)
    }
    mixed = [*HISTOGRAMS.values(), None]
    names = [*HISTOGRAMS, "nothing"]
    return cases | {
        "small_multiples mixed": lambda: plots.small_multiples("s", names, mixed),
        "small_multiples one": lambda: plots.small_multiples("s", ["a"], [bell()]),
        "small_multiples none": lambda: plots.small_multiples("s", ["a", "b"], [None, None]),
        "small_multiples 95": lambda: plots.small_multiples("s", [f"layer_{i}" for i in range(95)], series(95)),
        "small_multiples one column": lambda: plots.small_multiples("s", names, mixed, columns=1),
        "small_multiples too many columns": lambda: plots.small_multiples("s", names, mixed, columns=99),
        "small_multiples hostile": lambda: plots.small_multiples("s", HOSTILE, series(len(HOSTILE), gaps=[3])),
    }


def _over_steps() -> dict[str, Draw]:
    cases: dict[str, Draw] = {}
    for draw in (plots.ridge, plots.distribution_heat):
        for count in (1, 2, 9, 30, 100, 1000):
            cases[f"{draw.__name__} {count}"] = lambda d=draw, n=count: d("r", "Kernel", labels(n), series(n))  # type: ignore[misc]
        for name, h in HISTOGRAMS.items():
            cases[f"{draw.__name__} {name}"] = lambda d=draw, h=h: d("r", "Kernel", labels(3), [h, h, None])  # type: ignore[misc]
        cases |= {
            f"{draw.__name__} gaps": lambda d=draw: d("r", "Kernel", labels(9), series(9, gaps=[0, 4, 8])),  # type: ignore[misc]
            f"{draw.__name__} none": lambda d=draw: d("r", "Kernel", labels(3), [None] * 3),  # type: ignore[misc]
            f"{draw.__name__} nothing": lambda d=draw: d("r", "Kernel", [], []),  # type: ignore[misc]
            f"{draw.__name__} spike first": lambda d=draw: d("r", "Bias", labels(6), [SPIKE, *series(5)]),  # type: ignore[misc]
            f"{draw.__name__} hostile": lambda d=draw: d("r", HOSTILE[2], HOSTILE, series(len(HOSTILE))),  # type: ignore[misc]
        }
    return cases


SPIKE = even(-1.0, 1.0, [0] * 25 + [10_000] + [0] * 24)


def _bands() -> dict[str, Draw]:
    def draw(
        widths: Sequence[float],
        x: Sequence[float] | None = None,
        names: Sequence[str] | None = None,
        far: float = 3.0,
    ) -> Draw:
        chosen = labels(len(widths)) if names is None else names
        low, high = [-far * w for w in widths], [far * w for w in widths]
        return lambda: plots.bands("b", "Percentiles", chosen, x, spread(widths), low, high)

    nothing: list[dict[float, float]] = [{}, {}, {}]
    return {
        "bands": draw([1.0, 1.2, 1.1, 1.5]),
        "bands uneven": draw([1.0, 1.2, 1.1, 1.5], x=[0.0, 1.0, 10.0, 1000.0]),
        "bands falling x": draw([1.0, 1.2], x=[5.0, 1.0]),
        "bands NaN x": draw([1.0, 1.2], x=[NAN, 1.0]),
        "bands one": draw([1.0], x=[7.0]),
        "bands constant": draw([0.0, 0.0, 0.0]),
        "bands far extremes": draw([1.0, 1.2, 1.1], far=1e6),
        "bands huge": draw([1e38, 2e38, 3e38]),
        "bands float64": draw([1e307, 2e307, 5e307]),
        "bands tiny": draw([1e-45, 3e-45, 2e-45]),
        "bands 500": draw([1.0 + math.sin(i / 40) / 3 for i in range(500)]),
        "bands hostile": draw([1.0] * len(HOSTILE), names=HOSTILE),
        "bands gaps": lambda: plots.bands(
            "b", "P", labels(5), None, [*spread([1.0]), {}, *spread([1.0, 2.0]), {}], [None] * 5, [None] * 5
        ),
        "bands lonely": lambda: plots.bands(
            "b", "P", labels(3), None, [{}, *spread([1.0]), {}], [None] * 3, [None] * 3
        ),
        "bands none": lambda: plots.bands("b", "P", labels(3), None, nothing, [None] * 3, [None] * 3),
        "bands nothing": lambda: plots.bands("b", "P", [], None, [], [], []),
        "bands one-sided": lambda: plots.bands(
            "b", "P", labels(2), None, [{0.0: 0.0, 0.9: 2.0, 0.99: 5.0}] * 2, [0.0] * 2, [9.0] * 2
        ),
        "bands not finite": lambda: plots.bands(
            "b", "P", labels(2), None, [{0.5: NAN}, {0.5: INF}], [-INF, NAN], [INF, None]
        ),
        "bands many": lambda: plots.bands(
            "b", "P", labels(3), None, [{i / 20: i * 1.0 for i in range(21)}] * 3, [0.0] * 3, [20.0] * 3
        ),
    }


def _change_heats() -> dict[str, Draw]:
    def draw(
        values: Sequence[Sequence[float | None]], log: bool = True, names: Sequence[str] | None = None, unit: str = "1"
    ) -> Draw:
        rows = [f"block_{i}/dense/kernel" for i in range(len(values))] if names is None else names
        return lambda: plots.change_heat(
            "c", "Update", rows, labels(len(values[0]) if values else 3), values, unit, log
        )

    def wave(rows: int, columns: int) -> list[list[float | None]]:
        return [[10 ** math.sin(i + j / 3) for j in range(columns)] for i in range(rows)]

    return {
        "change_heat": draw(wave(12, 9)),
        "change_heat linear": draw(wave(12, 9), log=False),
        "change_heat all kinds": draw([[None, 0.0, 1.0], [NAN, INF, 2.0], [-INF, 1e-3, 0.0]]),
        "change_heat negative": draw([[-1.0, 0.0, 1.0]]),
        "change_heat one": draw([[0.5]]),
        "change_heat one linear": draw([[0.5]], log=False),
        "change_heat zeros": draw([[0.0, 0.0], [0.0, 0.0]]),
        "change_heat zeros linear": draw([[0.0, 0.0], [0.0, 0.0]], log=False),
        "change_heat none": draw([[None, None], [None, None]]),
        "change_heat not finite": draw([[NAN, INF]]),
        "change_heat nothing": draw([]),
        "change_heat no checkpoints": draw([[], []]),
        "change_heat huge": draw([[1e-300, 1e300], [1e308, 1.7e308]]),
        "change_heat float64 linear": draw([[-1.7e308, 1.7e308]], log=False),
        "change_heat tiny": draw([[1e-45, 2e-45], [5e-324, 1e-320]]),
        "change_heat narrow": draw([[1.0, 1.0 + 1e-12]]),
        "change_heat 60 rows": draw(wave(60, 9)),
        "change_heat 300 rows": draw(wave(300, 9)),
        "change_heat 2000 columns": draw(wave(4, 2000)),
        "change_heat hostile": draw(wave(len(HOSTILE), 3), names=HOSTILE, unit=HOSTILE[-3]),
    }


def _lines() -> dict[str, Draw]:
    def draw(
        values: dict[str, list[float | None]], x: Sequence[float] | None = None, unit: str = "", title: str = "L2 norm"
    ) -> Draw:
        count = len(next(iter(values.values()), []))
        return lambda: plots.lines("l", title, labels(count), x, values, unit)

    rising: list[float | None] = [1.0, 2.0, 2.5, 4.0]
    return {
        "lines": draw({"norm": rising}),
        "lines uneven": draw({"norm": rising}, x=[0.0, 1.0, 10.0, 500.0]),
        "lines share": draw({"zeros": [0.0, 0.1, 0.35, 1.0]}, unit="share"),
        "lines counts": draw({"NaN": [0.0, 1.0, 1.0, 2.0]}, unit="values"),
        "lines large counts": draw({"n": [0.0, 12e6, 3e9]}, unit="values"),
        "lines gaps": draw({"a": [1.0, None, 2.0, None, NAN, 3.0, 4.0], "b": [None, 1.0, INF, 2.0, 2.5, -INF, 1.0]}),
        "lines one": draw({"a": [3.0]}, x=[5.0]),
        "lines constant": draw({"a": [3.0, 3.0, 3.0]}),
        "lines zero": draw({"a": [0.0, 0.0]}),
        "lines none": draw({"a": [None, None, NAN]}),
        "lines nothing": draw({}),
        "lines eight": draw({f"layer_{i}": [i * 1.0, i + 2.0, i + 1.0] for i in range(8)}),
        "lines twenty": draw({f"layer_{i}": [i * 1.0, i + 2.0, i + 1.0] for i in range(20)}),
        "lines 1000 steps": draw({"a": [math.sin(i / 50) for i in range(1000)], "b": [i / 1000 for i in range(1000)]}),
        "lines huge": draw({"a": [-1.7e308, 1.7e308, 0.0]}),
        "lines tiny": draw({"a": [5e-324, 1e-323]}),
        "lines narrow": draw({"a": [1000.0001, 1000.0002]}),
        "lines narrowest": draw({"a": [1.0, math.nextafter(1.0, 2.0)]}),
        "lines hostile": draw(
            {h: [float(i), i + 1.0] for i, h in enumerate(HOSTILE)}, unit=HOSTILE[4], title=HOSTILE[9]
        ),
    }


def _squares() -> dict[str, Draw]:
    def draw(values: Sequence[Sequence[float]], names: Sequence[str] | None = None, unit: str = "‖ΔW‖ / ‖W‖") -> Draw:
        chosen = labels(len(values)) if names is None else names
        return lambda: plots.each_to_each("e", "Distance", chosen, values, unit)

    def apart(count: int) -> list[list[float]]:
        return [[abs(i - j) / 10 for j in range(count)] for i in range(count)]

    return {
        "each_to_each": draw(apart(9)),
        "each_to_each two": draw(apart(2)),
        "each_to_each one": draw([[0.0]]),
        "each_to_each 40": draw(apart(40)),
        "each_to_each zeros": draw([[0.0, 0.0], [0.0, 0.0]]),
        "each_to_each none": draw([[NAN, NAN], [NAN, NAN]]),
        "each_to_each nothing": draw([]),
        "each_to_each all kinds": draw([[0.0, NAN, 1.0], [NAN, 0.0, INF], [1.0, INF, 0.0]]),
        "each_to_each huge": draw([[0.0, 1e308], [1e308, 0.0]]),
        "each_to_each tiny": draw([[0.0, 5e-324], [5e-324, 0.0]]),
        "each_to_each hostile": draw(apart(len(HOSTILE)), names=HOSTILE, unit=HOSTILE[-3]),
    }


def _runs() -> dict[str, Draw]:
    def draw(values: dict[str, list[float | None]], unit: str = "", title: str = "L2 norm", axis: str = "step") -> Draw:
        courses = {n: Course(labels(len(v)), [7.0 * i for i in range(len(v))], v) for n, v in values.items()}
        return lambda: plots.runs("r", title, courses, unit, axis)

    return {
        "runs": draw({"a": [1.0, 2.0, 3.0], "b": [1.5, 1.0]}),
        "runs one checkpoint": draw({"a": [1.0], "b": [2.0]}),
        "runs gaps": draw({"a": [1.0, None, NAN, 3.0], "b": [None, INF]}),
        "runs none": draw({"a": [None], "b": []}),
        "runs nothing": draw({}),
        "runs constant": draw({"a": [2.0, 2.0], "b": [2.0]}),
        "runs twenty": draw({f"run_{i}": [i * 1.0, i + 2.0, i + 1.0] for i in range(20)}),
        "runs long": draw({"a": [math.sin(i / 50) for i in range(1000)], "b": [0.5] * 100}),
        "runs huge": draw({"a": [-1.7e308, 1.7e308], "b": [0.0]}),
        "runs hostile": draw(
            {h: [float(i), i + 1.0] for i, h in enumerate(HOSTILE)}, unit=HOSTILE[4], title=HOSTILE[9], axis=HOSTILE[3]
        ),
    }


def _multiples() -> dict[str, Draw]:
    def draw(
        *panels: dict[str, list[float | None]],
        x: Sequence[float] | None = None,
        mark: float | None = None,
        title: str = "Metrics",
        axis: str = "step",
        small: bool = False,
    ) -> Draw:
        marks = () if mark is None else (Mark(mark, "first finding: step 7"),)
        held = [{n: Line(x or [7.0 * i for i in range(len(v))], v) for n, v in panel.items()} for panel in panels]
        return lambda: plots.multiples("m", title, held, marks, axis, small=small)

    return {
        "multiples": draw({"loss": [3.0, 2.0, 1.0], "val_loss": [3.5, 2.5, 2.0]}, {"norm": [1.0, 2.0, 3.0]}, mark=7.0),
        "multiples small": draw({"loss": [3.0, NAN]}, {"zero": [0.0, 0.0]}, {"norm": [1.0, 2.0]}, mark=7.0, small=True),
        "multiples small hostile": draw({h: [0.0, 1.0] for h in HOSTILE[:4]}, title=HOSTILE[9], small=True),
        "multiples bad": draw({"loss": [3.0, NAN, INF, -INF]}, {"acc": [0.1, None, 0.3, 0.4]}, mark=21.0),
        "multiples all bad": draw({"loss": [NAN, NAN]}, {"acc": [None, None]}),
        "multiples one value": draw({"loss": [3.0]}, {"acc": [0.5]}, x=[5.0]),
        "multiples constant": draw({"loss": [3.0, 3.0]}, {"zero": [0.0, 0.0]}),
        "multiples close steps": draw({"loss": [3.0, 3.1]}, x=[1000.0, 1001.0]),
        "multiples far steps": draw({"loss": [3.0, 3.1]}, x=[0.0, 2.0**53]),
        "multiples long": draw({"loss": [math.sin(i / 50) for i in range(2000)]}, mark=3000.0),
        "multiples many lines": draw({f"metric_{i}": [i * 1.0, i + 1.0] for i in range(20)}),
        "multiples many panels": draw(*({f"metric_{i}": [i * 1.0, i + 1.0]} for i in range(8))),
        "multiples huge": draw({"a": [-1.7e308, 1.7e308]}, {"b": [5e-324, 1e-323]}),
        "multiples nothing": draw(),
        "multiples no values": draw({"a": []}),
        "multiples hostile": draw(
            *({h: [float(i), i + 1.0]} for i, h in enumerate(HOSTILE)), title=HOSTILE[9], axis=HOSTILE[3]
        ),
    }


def _proofs() -> dict[str, Draw]:
    def draw(
        *held: Histogram | None,
        course: Sequence[float | None] | None = (1.0, 1.5, 4.0),
        odd: int = 0,
        title: str = "dense/kernel",
        label: str = "step",
        unit: str = "",
        event: int = 1,
        x: Sequence[float] | None = None,
    ) -> Draw:
        samples = tuple(Sample(f"{label} {i}", h, odd * (i == len(held) - 1)) for i, h in enumerate(held))
        around = None
        if course is not None:
            labels = tuple(f"{label} {i}" for i in range(len(course)))
            around = Around(title, unit, labels, Line(x or [10.0 * i for i in range(len(course))], course), event)
        return lambda: plots.proof("f", title, samples, around)

    return {
        "proof": draw(bell(), bell(0.1, 0.4)),
        "proof alone": draw(bell(), course=None),
        "proof of nothing": draw(None, None, course=(None, None)),
        "proof all bad": draw(bell(), None, odd=7, course=(1.0, NAN, INF)),
        "proof bad at the end": draw(bell(), bell(), odd=1, course=(1.0, 2.0, NAN), event=2),
        "proof of shares": draw(bell(), HISTOGRAMS["one peak"], course=(0.0, 0.0, 0.5), unit="share", event=2),
        "proof outside": draw(HISTOGRAMS["all outside"], HISTOGRAMS["all outside"]),
        "proof one value": draw(HISTOGRAMS["one value"], HISTOGRAMS["one bin"], course=(1.0,), event=0),
        "proof huge": draw(HISTOGRAMS["huge"], HISTOGRAMS["float64"], course=(-1.7e308, 1.7e308), event=0),
        "proof long": draw(bell(), course=[float(i) for i in range(30)], event=29),
        "proof close steps": draw(bell(), bell(), x=[1e6, 1e6 + 1, 1e6 + 2]),
        "proof hostile": draw(bell(), bell(), title=HOSTILE[9], label=HOSTILE[3], unit=HOSTILE[2], odd=10**12),
        "proof hostile names": draw(bell(), bell(), title=HOSTILE[4], label=HOSTILE[8], unit=HOSTILE[10]),
    }


def _first_screens() -> dict[str, Draw]:
    levels: tuple[Level, ...] = ("pass", "info", "warn", "fail", "")

    def draw(
        rows: Sequence[str],
        cells: int,
        columns: Sequence[str] = (),
        title: str = "Checkpoints of ckpts",
        sentence: str = "Nothing looks wrong: every value is finite.",
        found: Sequence[str] = (),
    ) -> Draw:
        row = tuple(HealthCell(levels[i % len(levels)], f"at {i}: fine") for i in range(cells))
        known = HealthMap("Layers × checkpoints.", tuple(columns), tuple(HealthRow(Link(name), row) for name in rows))
        links = tuple(Link(text, "", "fail") for text in found)
        hero = Hero("fail", "FAIL", "2 failures", sentence, "Use step 3.", links, known if rows else None)
        return lambda: plots.first_screen("f", title, hero)

    return {
        "first_screen": draw(["all", "dense"], 5, ["10", "20", "30", "40", "50"], found=["NaN in dense from 3 on"]),
        "first_screen one cell": draw(["all"], 1, ["10"]),
        "first_screen 30": draw([f"block_{i}/dense" for i in range(30)], 24, [str(i) for i in range(24)]),
        "first_screen of series": draw([f"some/rather/long/folder/of/a/series_{i}/model" for i in range(9)], 1),
        "first_screen of nothing": draw([], 0),
        "first_screen hostile": draw(
            HOSTILE, 3, [HOSTILE[9]] * 3, title=HOSTILE[9], sentence=f"{HOSTILE[9]} {HOSTILE[4]}.", found=HOSTILE
        ),
    }


CASES: dict[str, Draw] = (
    _proofs()
    | _first_screens()
    | _multiples()
    | _histograms()
    | _over_steps()
    | _bands()
    | _change_heats()
    | _lines()
    | _squares()
    | _runs()
)
