"""A run over what another run has seen: what is made anew, and that the bytes are those of a run without a cache."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reporter import pipeline, sections
from reporter.model.blocks import Paragraph
from reporter.model.page import Page, Section
from reporter.model.report import Report
from reporter.model.shown import FEW_SERIES
from reporter.render.html import render_html
from reporter.sections.fit import MOST_BYTES
from reporter.settings.model import Settings
from reporter.terminal.progress import Progress
from tests.cache.test_renderings import NOW
from tests.cache.test_runs import content
from tests.make.safetensors import safetensors
from tests.make.small import weights

STEPS = (1, 2, 3)
RULE = """
from reporter.rules.base import Check, Rule, Severity

def check(timeline, limits):
    for track in timeline.tracks:
        yield Check.of(track.info, 1.0, 1.0, Severity.WARN, place=track.places[-1], message="It fires")

MINE = Rule("mine", "Mine", 0.5, "f", "s", check, meaning="It means {means}")
"""


def train(folder: Path) -> Path:
    """Checkpoints of a model, one of whose names is no UTF-8."""
    for step in STEPS:
        odd = {"odd\udc80.kernel": np.random.default_rng(step).standard_normal((8, 8)).astype("f4")}
        safetensors(folder / f"m-{step}.safetensors", weights(step) | odd)
    return folder


def run(ckpts: Path, cache: Path | None, out: str = "", **settings: Any) -> dict[str, bytes]:
    """The outputs of a run that is the first one in its folder, unless that has a name."""
    if not out:
        shutil.rmtree(ckpts.parent / "out", ignore_errors=True)
    given: dict[str, Any] = {"pdf": False, "threads": 1, "now": NOW, **settings}
    now = given.pop("now")
    chosen = Settings(roots=(ckpts,), out=ckpts.parent / (out or "out"), cache=cache, settle=0.0, **given)
    return content(pipeline.run(chosen, Progress(quiet=True), now=now).folder)


@pytest.fixture
def composed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the checkpoints whose pages are composed from here on."""
    names: list[str] = []

    def noting(report: Report, at: int, place: int) -> Iterator[Section]:
        names.append(report.series[at].refs[place].name)
        return iter(())

    monkeypatch.setattr(sections, "CHECKPOINT_SECTIONS", (noting, *sections.CHECKPOINT_SECTIONS))
    return names


def test_pages_of_checkpoints_are_composed_once(tmp_path: Path, composed: list[str]) -> None:
    ckpts, cache = train(tmp_path / "ckpts"), tmp_path / "cache"
    every = [f"m-{step}.safetensors" for step in STEPS]
    first = run(ckpts, cache)
    assert composed == every
    assert run(ckpts, cache) == first
    run(ckpts, cache, now=NOW + timedelta(days=1))
    run(ckpts, cache, plots_folder=False)
    assert composed == every, "neither the time nor what becomes of pictures decides about them"
    run(ckpts, cache, bins=20)
    assert composed == 2 * every
    page, *_ = sorted((cache / "v1").rglob("*.page.rendering"), key=lambda path: path.stat().st_mtime_ns)
    page.unlink()
    composed.clear()
    assert run(ckpts, cache) == first
    assert len(composed) == 1, "only the page that is lost"
    for kind in ("pages", "histograms"):
        for damaged in sorted((cache / "v1").rglob(f"*.{kind}.rendering")):
            damaged.write_bytes(damaged.read_bytes()[:-1])
    assert run(ckpts, cache) == first
    assert len(composed) == 4


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Titles of the pages that are rendered from here on."""
    titles: list[str] = []

    def noting(page: Page) -> str:
        titles.append(page.title)
        return render_html(page)

    monkeypatch.setattr("reporter.documents.render_html", noting)
    return titles


@pytest.mark.parametrize("series", [1, 2])
def test_the_first_page_is_rendered_once_and_tells_the_time(tmp_path: Path, series: int, rendered: list[str]) -> None:
    """It is kept by the first run that reads nothing; that of several series tells how old their checkpoints are."""
    ckpts, cache = train(tmp_path / "ckpts"), tmp_path / "cache"
    if series == 2:
        safetensors(ckpts / "n-1.safetensors", {"other": np.ones((3, 4), "f4")})
    times = [NOW + timedelta(days=day) for day in range(1000, 1004)]
    right = [run(ckpts, None, "right", now=now) for now in times]
    rendered.clear()
    known: list[dict[str, bytes]] = []
    made = []
    for now in times:
        known.append(run(ckpts, cache, "known", now=now))
        made.append(rendered.count("Checkpoints of ckpts"))
    assert known == right
    assert made == ([1, 2, 2, 2] if series == 1 else [1, 2, 3, 4])
    assert len({one["index.html"] for one in known}) == len(times)


def test_templates_of_the_users_own_may_do_what_they_like_with_the_time(tmp_path: Path, rendered: list[str]) -> None:
    ckpts, cache, own = train(tmp_path / "ckpts"), tmp_path / "cache", tmp_path / "own"
    (own / "partials").mkdir(parents=True)
    (own / "partials" / "head.html").write_text("<h1>{{ page.facts[1][:10] if page.facts|length > 1 }}</h1>\n")
    times = [NOW + timedelta(days=day) for day in range(3)]
    right = [run(ckpts, None, "right", now=now, templates=own) for now in times]
    assert [run(ckpts, cache, "known", now=now, templates=own) for now in times] == right
    assert all(f"<h1>{now:%Y-%m-%d}</h1>".encode() in one["index.html"] for now, one in zip(times, right, strict=True))


def test_copies_of_the_process_make_the_same(tmp_path: Path) -> None:
    ckpts, cache = train(tmp_path / "ckpts"), tmp_path / "cache"
    alone = run(ckpts, None)
    assert alone == run(ckpts, cache, threads=3) == run(ckpts, cache, threads=3) == run(ckpts, cache)


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of checkpoints beside a cache that knows their report."""
    folder = tmp_path_factory.mktemp("known")
    train(folder / "ckpts")
    safetensors(folder / "base.safetensors", weights(7))
    (folder / "log.csv").write_text("step,loss\n1,0.5\n2,0.4\n3,0.3\n")
    (folder / "rule.py").write_text(RULE.format(means="that"))
    (folder / "other.py").write_text(RULE.format(means="another thing"))
    return folder


CHANGED: dict[str, Callable[[Path], dict[str, Any]]] = {
    "nothing": lambda _: {},
    "bins": lambda _: {"bins": 17},
    "quantiles": lambda _: {"quantiles": (0.3,)},
    "more quantiles": lambda _: {"quantiles": (0.3, 0.7)},
    "variables": lambda _: {"variables": "all"},
    "trainable": lambda _: {"variables": "trainable"},
    "title": lambda _: {"title": "Another"},
    "note": lambda _: {"note": "A note"},
    "accent": lambda _: {"accent": "#123456"},
    "no pictures": lambda _: {"plots_folder": False},
    "rules": lambda _: {"rules": {"violent-update": {"threshold": 0.001}}},
    "severity": lambda _: {"rules": {"violent-update": {"threshold": 0.001, "severity": "info"}}},
    "age": lambda _: {"max_age": 1.0},
    "deployment": lambda _: {"deployment": "off"},
    "spectral": lambda _: {"spectral": True},
    "baseline": lambda folder: {"baseline": folder / "base.safetensors"},
    "metrics": lambda folder: {"metrics": (folder / "log.csv",)},
    "a rule": lambda folder: {"rule_files": (folder / "rule.py",)},
    "another rule": lambda folder: {"rule_files": (folder / "other.py",)},
}
"""Settings that pages of checkpoints may show, or all that is shown follows from."""


@pytest.mark.usefixtures("painted")
@pytest.mark.parametrize("change", CHANGED)
def test_whatever_is_set_a_cache_changes_no_byte(known: Path, change: str) -> None:
    """The cache knows the report with other settings; afterwards it knows this one as well."""
    ckpts, cache, changed = known / "ckpts", known / "cache", CHANGED[change](known)
    run(ckpts, cache)
    right = run(ckpts, None, **changed)
    assert run(ckpts, cache, **changed) == right
    assert run(ckpts, cache, **changed) == right


def _other_value(ckpts: Path) -> None:
    tensors = weights(2)
    next(iter(tensors.values())).flat[0] = np.nan
    safetensors(ckpts / "m-2.safetensors", tensors)


def _other_name(ckpts: Path) -> None:
    safetensors(ckpts / "m-1.safetensors", {f"x.{name}": values for name, values in weights(1).items()})


FILES: dict[str, Callable[[Path], object]] = {
    "a new one": lambda ckpts: safetensors(ckpts / "m-4.safetensors", weights(4)),
    "another step": lambda ckpts: (ckpts / "m-3.safetensors").rename(ckpts / "m-7.safetensors"),
    "one is gone": lambda ckpts: (ckpts / "m-2.safetensors").unlink(),
    "another value": _other_value,
    "another name": _other_name,
    "a log": lambda ckpts: (ckpts / "log.csv").write_text("step,loss\n1,0.5\n2,nan\n3,0.3\n"),
    "another series": lambda ckpts: safetensors(ckpts / "n-1.safetensors", {"other": np.ones((3, 4), "f4")}),
    "a damaged one": lambda ckpts: (ckpts / "m-9.safetensors").write_bytes(b"no header"),
    "another time": lambda ckpts: (ckpts / "m-1.safetensors").touch(),
}
"""What may become of files between two runs."""


@pytest.mark.usefixtures("painted")
@pytest.mark.parametrize("change", FILES)
def test_whatever_becomes_of_files_a_cache_changes_no_byte(tmp_path: Path, change: str) -> None:
    """But for checkpoints that are gone, which only the cache knows, and which are left out here."""
    ckpts, cache = train(tmp_path / "ckpts"), tmp_path / "cache"
    before = run(ckpts, cache, history=False)
    FILES[change](ckpts)
    right = run(ckpts, None, history=False)
    assert right != before
    assert run(ckpts, cache, history=False) == right
    assert run(ckpts, cache, history=False) == right


def test_reviewed_findings_change_pages_of_checkpoints(tmp_path: Path) -> None:
    ckpts, cache = train(tmp_path / "ckpts"), tmp_path / "cache"
    _other_value(ckpts)
    before = run(ckpts, cache)
    assert json.loads(before["report.json"])["findings"]
    accept = tmp_path / "accept.toml"
    accept.write_text('[[accept]]\nrule = "non-finite"\ntensor = "*"\nreason = "known"\nuntil = 2027-01-01\n')
    for now in (NOW, NOW + timedelta(days=400)):
        right = run(ckpts, None, accept=accept, now=now)
        assert run(ckpts, cache, accept=accept, now=now) == right
        assert run(ckpts, cache, accept=accept, now=now) == right


def test_where_pages_lead_back_to_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a large section of an installed package, each of two series gets a page; without it, neither has one."""
    ckpts, cache, told = train(tmp_path / "ckpts"), tmp_path / "cache", [""]
    safetensors(ckpts / "n-1.safetensors", {"other": np.ones((3, 4), "f4")})

    def large(report: Report, _: str) -> Iterator[Section]:
        yield Section("large", "Large", (Paragraph(told[0]),))

    monkeypatch.setattr(sections, "installed_sections", lambda: (large,))
    run(ckpts, cache)
    for text, back in (("x" * MOST_BYTES, "../series/"), ("", "../index.html")):
        told[0] = text
        right, known = run(ckpts, None), run(ckpts, cache)
        assert known == right
        page = next(data.decode() for path, data in known.items() if path.startswith("checkpoints/m-"))
        assert f'href="{back}' in page


def test_sections_of_packages_on_pages_of_series_see_when_it_was_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(FEW_SERIES + 1):
        shape = (2, 2 + number)
        safetensors(tmp_path / "ckpts" / f"{number}" / "m-1.safetensors", {"w": np.ones(shape, "f4")})

    def dated(report: Report, _: str) -> Iterator[Section]:
        yield Section("dated", "Dated", (Paragraph(f"made in {report.created:%Y}"),))

    monkeypatch.setattr(sections, "installed_sections", lambda: (dated,))
    pages = {path: data for path, data in run(tmp_path / "ckpts", None).items() if path.startswith("series/")}
    assert len(pages) == FEW_SERIES + 1
    assert all(f"made in {NOW:%Y}".encode() in data for data in pages.values())
