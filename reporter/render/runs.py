"""Render the page over all kept runs: a strip of verdicts over weeks, and a row for each run."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from datetime import date, timedelta
from hashlib import sha256
from urllib.parse import quote

from markupsafe import Markup

from reporter.frozen import dataclass
from reporter.model.finding import Verdict
from reporter.model.kept import Kept
from reporter.numerals import NO_DATA, counted, integer
from reporter.render.assets import read_asset
from reporter.render.environment import environment

STYLES = ("css/page/tokens.css", "css/runs.css")

MADE_BY = "ckpt-report runs"
"""In the head of the page, by which this program knows it again before it writes over it."""

WEEKS = 26
"""Most weeks in the strip."""

ROWS = 400
"""Most runs in the table; all are in the folder."""

_RANK = (None, Verdict.PASS, Verdict.WARN, Verdict.FAIL)
_MARKS = {Verdict.PASS: "✓", Verdict.WARN: "!", Verdict.FAIL: "✗"}


@dataclass(frozen=True, slots=True)
class Day:
    """A cell of the strip: the worst verdict of a day, and where the run is that has it; of most days there is none."""

    level: str = ""
    mark: str = ""
    label: str = ""
    href: str = ""


def render_runs(runs: Sequence[Kept]) -> bytes:
    """The page as UTF-8.

    Args:
        runs: the last one first.

    Raises:
        reporter.errors.RenderError: the installation lacks a template or a style sheet.
    """
    css = "\n".join(read_asset(name) for name in STYLES)
    digest = b64encode(sha256(css.encode()).digest()).decode("ascii")
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    weeks, strip = _strip(runs)
    text = environment().get_template("runs.html").render(
        title=next((run.title for run in runs if run.title), "Runs"),
        made_by=MADE_BY,
        css=Markup(css),
        policy=policy,
        rows=[_row(run) for run in runs[:ROWS]],
        more=max(0, len(runs) - ROWS),
        summary=f"{counted(len(runs), 'run')} kept",
        weeks=weeks,
        strip=strip,
    )  # fmt: skip
    return text.encode("utf-8", "backslashreplace")


def _strip(runs: Sequence[Kept]) -> tuple[list[str], list[tuple[str, list[Day]]]]:
    """The Mondays of the weeks, and for each day of the week its name and its days."""
    judged = [run for run in runs if run.verdict is not None]
    if not judged:
        return [], []
    worst: dict[date, Kept] = {}
    for run in reversed(judged):  # of equal ones the last
        day = run.created.date()
        if day not in worst or _RANK.index(run.verdict) >= _RANK.index(worst[day].verdict):
            worst[day] = run
    last = _monday(max(worst))
    first = max(_monday(min(worst)), last - timedelta(weeks=WEEKS - 1))
    mondays = [first + timedelta(weeks=n) for n in range((last - first).days // 7 + 1)]
    names = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    rows = [
        (name, [_day(worst.get(monday + timedelta(days=at)), monday + timedelta(days=at)) for monday in mondays])
        for at, name in enumerate(names)
    ]
    return [f"{monday:%d %b}" for monday in mondays], rows


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _day(run: Kept | None, day: date) -> Day:
    if run is None or run.verdict is None:
        return Day()
    return Day(run.verdict.lower(), _MARKS[run.verdict], f"{day:%Y-%m-%d}: {run.verdict}", _href(run, "index.html"))


def _href(run: Kept, file: str) -> str:
    return f"runs/{quote(run.name)}/{file}"


def _row(run: Kept) -> dict[str, str]:
    """The texts of a row of the table."""
    known = run.verdict is not None
    words = [counted(n, word) for n, word in ((run.failures, "failure"), (run.warnings, "warning")) if n]
    news = [
        f"{integer(n)} {word}" for n, word in ((run.new, "new"), (run.worse, "worse"), (run.resolved, "resolved")) if n
    ]
    first = "first report" if known and run.new is None else NO_DATA
    return {
        "date": f"{run.created:%Y-%m-%d %H:%M}",
        "iso": run.created.isoformat(),
        "level": run.verdict.lower() if run.verdict else "",
        "mark": _MARKS[run.verdict] if run.verdict else "",
        "verdict": run.verdict or "unknown",
        "findings": (", ".join(words) or "none") if known else NO_DATA,
        "news": ", ".join(news) or ("nothing new" if run.new is not None else first),
        "checkpoints": integer(run.checkpoints) if known else NO_DATA,
        "newest": run.newest or NO_DATA,
        "age": NO_DATA if run.age is None else _age(run.age),
        "href": _href(run, "index.html"),
        "pdf": _href(run, "report.pdf") if run.pdf else "",
        "json": _href(run, "summary.json") if known else "",
    }


def _age(seconds: float) -> str:
    """An age in the unit that fits.

    >>> _age(59), _age(3600), _age(100_000), _age(1e7)
    ('59 s', '1 h', '28 h', '116 days')
    """
    for size, unit, below in ((1, "s", 120), (60, "min", 7200), (3600, "h", 3 * 86400)):
        if seconds < below and (unit != "min" or seconds < 3600):
            return f"{round(max(seconds, 0) / size)} {unit}"
    return counted(round(seconds / 86400), "day")
