"""The rows of the health map: what is bad has its own, no two look alike, and those of series tell what is wrong."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from reporter.errors import RenderError
from reporter.model.hero import NAME_OF_SERIES, HealthMap, Hero
from reporter.model.report import Report
from reporter.model.table import Table
from reporter.pipeline import Outcome, run
from reporter.render import worker
from reporter.render.columns import extras
from reporter.render.health import row_names, widest
from reporter.render.links import Links
from reporter.render.pdf import Job
from reporter.sections import layer_cards, overview, report_page
from reporter.sections.base import Medium
from reporter.sections.hero import ROWS, hero
from reporter.settings.model import Settings
from reporter.terminal.progress import Progress
from tests.make.blank import undrawn, unpainted
from tests.make.safetensors import safetensors

NOW = datetime(2026, 1, 2, tzinfo=UTC)
LAYERS = [name for i in range(14) for name in (f"separable_conv2d_{i}", f"batch_normalization_{i}")]
"""As Keras names them: of two neighbours both ends are like those of the next two."""


def report(
    folder: Path,
    series: Mapping[str, Mapping[int, str]],
    layers: Sequence[str] = LAYERS,
    steps: int = 4,
    longer: int = 1,
    *,
    drawn: bool = True,
) -> Outcome:
    """Series of checkpoints whose layers move a little.

    Args:
        folder: an empty one.
        series: name of each -> at which step which of its layers becomes NaN.
        layers: the names of all.
        steps: checkpoints of the first series.
        longer: how many more each next one has.
        drawn: whether to make pictures and pages; the first screen of several series is known without them.
    """
    rng = np.random.default_rng(0)
    for at, (name, broken) in enumerate(series.items()):
        weights = {layer: rng.standard_normal((6, 4)) for layer in layers}
        for step in range(1, steps + at * longer + 1):
            weights = {layer: w + 0.02 * rng.standard_normal(w.shape) for layer, w in weights.items()}
            if step in broken:
                weights[broken[step]][0, 0] = np.nan
            arrays = {f"{layer}/kernel": w.astype("f4") for layer, w in weights.items()}
            safetensors(folder / "ckpts" / name / f"model-{step}.safetensors", arrays)
    settings = Settings(roots=(folder / "ckpts",), out=folder / "out", pdf=False, settle=0.0)
    with pytest.MonkeyPatch.context() as patch:
        (unpainted if drawn else undrawn)(patch)
        return run(settings, Progress(quiet=True), now=NOW)


def first_screen(of: Report, medium: Medium) -> tuple[Hero, HealthMap]:
    shown = hero(of, medium)
    assert shown.health is not None
    return shown, shown.health


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return report(tmp_path_factory.mktemp("one"), {"run": {3: LAYERS[9]}}).report


def test_a_bad_layer_has_a_row_of_its_own_on_paper(one: Report) -> None:
    _, known = first_screen(one, "pdf")
    assert len(known.rows) == ROWS["pdf"] + 1, "no row of those that paper has room for is left unused"
    failed = [row.name.text for row in known.rows if any(cell.level == "fail" for cell in row.cells)]
    assert failed == ["all", LAYERS[9]]


def test_names_of_rows_are_told_apart_on_paper_and_on_a_screen(one: Report) -> None:
    for medium, files in (("pdf", False), ("html", True)):
        _, known = first_screen(one, "pdf" if medium == "pdf" else "html")
        shown = [row_names(known, Links(frozenset(), files=files))[row.name.text] for row in known.rows]
        assert len(set(shown)) == len(known.rows), shown


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    folder = tmp_path_factory.mktemp("several")
    return report(folder, {"a": {}, "b": {2: LAYERS[1]}, "c": {4: LAYERS[3]}}, LAYERS[:6])


def test_each_of_many_series_tells_what_is_wrong_with_it_where_and_since_when(several: Outcome) -> None:
    for medium in ("html", "pdf"):
        _, known = first_screen(several.report, "html" if medium == "html" else "pdf")
        told = {row.title: row.told.text.partition(" · ")[0] for row in known.rows}
        assert told == {
            "b/model-*": f"Non-finite values in {LAYERS[1]} from checkpoint 2 on",
            "c/model-*": f"Non-finite values in {LAYERS[3]} from checkpoint 4 on",
            "a/model-*": "",
        }
        assert all(row.told.href.startswith("#finding") for row in known.rows if row.told.text)
    page = (several.folder / "index.html").read_text()
    assert f"Non-finite values in {LAYERS[1]} from checkpoint 2 on" in page and '<ul class="matter">' not in page


def test_the_headline_tells_of_the_series_that_is_first_in_the_map(several: Outcome) -> None:
    shown, known = first_screen(several.report, "pdf")
    assert shown.sentence.startswith(f"Something is wrong in 2 of 3 series, worst in b/model-*, in layer {LAYERS[1]}")
    assert [row.title for row in known.rows] == ["b/model-*", "c/model-*", "a/model-*"]
    assert shown.use.index("b/model-*: ") < shown.use.index("c/model-*: ")

    first, *others = several.report.judgement.findings
    later = replace(first, series="c/model-*", weight=0.01)
    earlier = [replace(one, weight=0.9) for one in (first, *others) if one.series == "b/model-*"]
    turned = replace(several.report, judgement=replace(several.report.judgement, findings=(later, *earlier)))
    shown, known = first_screen(turned, "pdf")
    assert "worst in c/model-*," in shown.sentence
    assert [row.title for row in known.rows] == ["c/model-*", "b/model-*", "a/model-*"]
    assert shown.use.index("c/model-*: ") < shown.use.index("b/model-*: ")


def test_the_table_of_series_shows_the_course_of_each_at_first(several: Outcome) -> None:
    (section,) = overview.build(several.report, "html")
    (table,) = (block for block in section.blocks if isinstance(block, Table))
    hidden = extras(table)
    shown = [column.title for at, column in enumerate(table.columns) if at not in hidden]
    assert shown == ["Series", "Verdict", "Worst finding", "Steps", "Health", "NaN/Inf"]


def test_where_one_series_failed_it_is_not_the_worst_of_several(several: Outcome) -> None:
    judged = several.report.judgement
    only = tuple(f for f in judged.findings if f.series == "c/model-*")
    shown, _ = first_screen(replace(several.report, judgement=replace(judged, findings=only)), "pdf")
    assert shown.sentence.startswith(f"Something is wrong in 1 of 3 series, c/model-*, in layer {LAYERS[3]} from")


def test_rows_of_unlike_lengths_lose_no_cell_on_paper(several: Outcome, tmp_path: Path) -> None:
    """WeasyPrint takes the number of columns from the first row, and leaves out the cells of longer ones."""
    if not shutil.which("pdftotext"):
        pytest.skip("poppler-utils is not on this machine")
    try:
        paint = worker.painter()
    except RenderError as error:
        pytest.skip(str(error))
    _, known = first_screen(several.report, "pdf")
    assert [len(row.cells) for row in known.rows] == [5, 6, 4] and widest(known) == 6
    page = report_page(several.report, "pdf")
    pdf, warnings = paint(Job(replace(page, sections=page.sections[:1]), (), NOW))
    assert warnings == []
    (tmp_path / "first.pdf").write_bytes(pdf)
    command = ["pdftotext", "-l", "1", "-layout", str(tmp_path / "first.pdf"), "-"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    for row in known.rows:
        assert row.name.text in text
        assert not row.told.text or row.told.text[:20] in text


def test_of_very_many_series_those_that_are_fine_do_not_fill_the_screen(tmp_path: Path) -> None:
    names = {f"run-{i:02}": ({1: LAYERS[0]} if i % 9 == 8 else {}) for i in range(30)}
    _, known = first_screen(report(tmp_path, names, LAYERS[:2], steps=1, longer=0, drawn=False).report, "index")
    assert len(known.rows) == 12
    assert [row.title for row in known.rows[:3]] == [f"run-{i:02}/model-*" for i in (8, 17, 26)]
    assert "18 more without a warning: see Series" in known.caption


def test_of_many_failed_series_it_is_told_how_many_have_a_checkpoint_to_go_back_to(tmp_path: Path) -> None:
    names = {f"experiments-of-autumn/run-{i}-with-a-long-name": {2 if i else 1: LAYERS[0]} for i in range(5)}
    found = report(tmp_path, {**names, "fine": {}}, LAYERS[:2], steps=2, longer=0, drawn=False).report
    shown, known = first_screen(found, "pdf")
    told = "5 series have a failure, and 4 of these have a checkpoint without one"
    assert shown.use == f"1 series has no failure; {told}: see Series."
    for files in (False, True):
        texts = row_names(known, Links(frozenset(), files=files)).values()
        assert len(set(texts)) == len(known.rows) == 6
        assert all(len(text) <= NAME_OF_SERIES for text in texts)  # the cells would stand on the end of a longer one


def test_series_of_long_paths_are_called_by_their_ends_and_share_an_advice(tmp_path: Path) -> None:
    folder = "experiments_of_this_autumn/on_the_small_machine"
    names = {f"{folder}/{run}/saved": {1: LAYERS[0]} for run in ("first_try", "second_try")}
    found = report(tmp_path, {**names, "fine": {}}, LAYERS[:2], steps=1, longer=0, drawn=False).report
    shown, known = first_screen(found, "html")
    ends = [f"…/{run}/saved/model-*" for run in ("first_try", "second_try")]
    assert shown.sentence.startswith(f"Something is wrong in 2 of 3 series, worst in {ends[0]},")
    assert (
        shown.use == f"1 series has no failure; {ends[0]} and {ends[1]}: use none: the only checkpoint has a failure."
    )
    assert [row.name.text for row in known.rows] == ["…/first_try/saved", "…/second_try/saved", "fine"]


def test_groups_of_cards_leave_out_what_all_names_begin_with(tmp_path: Path) -> None:
    layers = [f"a_model_of_words/block_{i}/{part}" for i in range(16) for part in "abcd"]
    found = report(tmp_path, {"run": {}}, layers, steps=1).report
    assert [group.name for group in layer_cards.cards(found, 0).groups] == [f"block_{i}" for i in range(16)]
