"""At least one number of every section, of both media, against numpy over the arrays that were written."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from reporter.derive.statistics import STATISTICS
from reporter.errors import State
from reporter.model.blocks import Facts
from reporter.model.checkpoint import FileEntry
from reporter.model.finding_list import FindingList
from reporter.model.hero import Hero
from reporter.model.page import Page, every_block
from reporter.model.table import Table
from reporter.sections import CHECKPOINT_SECTIONS, REPORT_SECTIONS, report_page
from tests.make.rich import STEPS, Arrays, Rich
from tests.writers import truth
from tests.writers.expected import SERIES, by_layer, model, near, shared
from tests.writers.reading import MAIN, assert_cells, keyed, paired, rows, section, tables, whole, words


def test_every_registered_section_occurs(rich: Rich) -> None:
    missing = [b.__module__ for b in REPORT_SECTIONS for m in ("html", "pdf") if not list(b(rich.report, m))]  # type: ignore[arg-type]
    assert missing == []
    for build in CHECKPOINT_SECTIONS:
        assert any(list(build(rich.report, at, 0)) for at in range(len(rich.report.series)))


def test_verdict(page: Page, rich: Rich) -> None:
    shown = next(b for b in section(page, "verdict").blocks if isinstance(b, Hero))
    facts = dict(shown.facts)
    assert facts["Series"] == str(len(SERIES))
    assert facts["Checkpoints"] == str(sum(map(len, SERIES.values())))
    held = [rich.arrays[c] for names in SERIES.values() for c in names]
    tiles = next(dict(b.items) for b in section(page, "files").blocks if isinstance(b, Facts))
    assert tiles["Tensors measured"] == str(sum(map(len, held)))
    read = sum(v.nbytes for arrays in held for v in arrays.values())
    assert tiles["Weights read"] == f"{read / 1e6:.3g} MB"
    found = next(b for b in section(page, "findings").blocks if isinstance(b, FindingList))
    assert (found.items[0].value, found.items[0].threshold) == ("2, was 0", "bad if more than 0")
    later = next(b for b in section(page, "deployment").blocks if isinstance(b, FindingList))
    assert {item.severity for item in later.remarks} == {"INFO"}, "remarks about deployment stand in its section"
    assert not later.items
    items = [*found.items, *found.remarks, *later.remarks]
    told = sum(1 + len(item.others) for item in items) + found.more + later.more
    assert told == len(rich.report.judgement.findings)
    assert "2 files could not be measured" in words(page, "verdict")


def test_files_that_could_not_be_measured_are_named_worst_first(rich: Rich) -> None:
    states = (State.IN_PROGRESS, State.PARTIAL, State.REFUSED, State.MEASURED, State.EMPTY, State.CORRUPT)
    entries = tuple(FileEntry(f"{i}.h5", "keras-h5", state, "why") for i, state in enumerate(states))
    page = report_page(replace(rich.report, files=entries), "html")
    told = "5 files could not be measured: 5.h5 (corrupt), 2.h5 (refused), 1.h5 (partial) and 2 more. See Files."
    assert told in words(page, "verdict")
    table = next(b for b in section(page, "files").blocks if isinstance(b, Table))
    assert [row.cells[0].text for row in table.rows] == ["5.h5", "2.h5", "1.h5", "4.h5", "0.h5", "3.h5"]


def test_overview(page: Page, rich: Rich, request: pytest.FixtureRequest) -> None:
    found = rows(page, "All series")
    order = {"FAIL": 0, "WARN": 1, "PASS": 2}
    assert list(found) == sorted(
        SERIES, key=lambda name: (order[found[name]["Verdict", ""].text], list(SERIES).index(name))
    )
    for name, row in found.items():
        held = [rich.arrays[c] for c in SERIES[name]]
        assert (("L2 norm", "") in row) is ("html" in request.node.name)  # paper has no room for it
        if ("L2 norm", "") not in row:
            continue
        assert_cells(row, whole(held[-1]))
        assert row["Checkpoints", ""].text == str(len(held))
        assert row["Parameters", ""].sort == sum(v.size for v in model(held[-1]).values())
        update = paired(held[-2], held[-1])["relative_update"] if len(held) > 1 else None
        assert near(row["Relative update", ""].sort, update)
    assert found[MAIN]["Steps", ""].text == "100 – 1500"
    assert [found[n]["Verdict", ""].text for n in (MAIN, "net/epoch-*", "wide/w")] == ["FAIL", "WARN", "PASS"]


def test_runs(page: Page, rich: Rich) -> None:
    for name, row in rows(page, "Trained weights in the last checkpoint of every run").items():
        held = [rich.arrays[c] for c in SERIES[name]]
        assert_cells(row, whole(held[-1]))
        assert row["Checkpoints", ""].sort == len(held)
        assert row["Last step", ""].sort == len(held)
        ratio = np.linalg.norm(whole(held[-1])) / np.linalg.norm(whole(held[0]))
        assert near(row["Norm, last / first", ""].sort, float(ratio))
        update = row["Relative update", "last vs first"].sort
        assert near(update, paired(held[0], held[-1])["relative_update"], rel=1e-9 if len(held) == 2 else 0.09)


def test_what_moved(page: Page, rich: Rich, main: list[Arrays]) -> None:
    since = {"previous": main[-2], "first": main[0], "baseline": rich.baseline}
    for caption, of in (("Layers that moved most", by_layer(main[-1])), ("Tensors that moved most", None)):
        if of is None and not list(tables(page, caption)):
            continue  # paper has the layers alone
        found = rows(page, caption, "moved-main")
        assert len(found) >= 5
        for name, row in found.items():
            names = of[name] if of else [name]
            for when, before in since.items():
                if not set(names) & set(shared(before, main[-1])):
                    assert row["Relative update", when].text == "—"
                    continue
                change = paired(before, main[-1], names)
                assert near(row["Relative update", when].sort, change["relative_update"], rel=1e-8)
                assert near(row["Cosine", when].sort, change["cosine"], rel=1e-8)
            before = since["previous"]
            if ("Unchanged", "previous") in row:
                assert near(row["Unchanged", "previous"].sort, paired(before, main[-1], names)["equal_share"])
                shift = row["W1 / σ", "previous"].sort
                a, b = (truth.together([x[t] for t in names]) for x in (before, main[-1]))
                assert shift is None or shift == pytest.approx(truth.wasserstein(a, b), abs=0.01)
            else:  # on paper, what is not finite takes their place
                assert ("NaN/Inf", "previous") in row
            if ("Largest update", "of neighbours") in row:
                pairs = [(paired(a, b, names), s) for a, b, s in zip(main, main[1:], STEPS[1:], strict=False)
                         if set(names) & set(shared(a, b))]  # fmt: skip
                update, step = max(
                    ((c["relative_update"] or 0.0, s) for c, s in pairs), key=lambda p: p[0]
                )  # the first one
                assert near(row["Largest update", "of neighbours"].sort, update)
                assert row["Reached", "at step"].text == str(step)
            if ("Role", "") in row:
                assert row["Role", ""].text == name.split(".")[1]
    (still,) = tables(Page("", "", (section(page, "moved-main"),)), "What did not move at all")
    first = [c.text for c in still.rows[0].cells]
    assert first[:3] == ["the previous checkpoint", "300", "layers"]
    assert first[3:] == ["2 of 10", "flat, quant"]


def test_trend(page: Page, main: list[Arrays]) -> None:
    found = rows(page, "Trained weights over the checkpoints", "trend-main")
    assert list(found) == [str(step) for step in STEPS]
    for arrays, (step, row) in zip(main, found.items(), strict=True):
        assert row["Step", ""].sort == float(step)
        assert row["Checkpoint", ""].text == f"m-{step}.safetensors"
        assert_cells(row, whole(arrays))


def test_changes(rich: Rich, main: list[Arrays]) -> None:
    page = report_page(rich.report, "html")
    found = list(rows(page, "Trained weights, checkpoint by checkpoint", "changes-main").values())
    for at in range(1, len(main)):
        row, before, after = found[at], main[at - 1], main[at]
        change, steps = paired(before, after), STEPS[at] - STEPS[at - 1]
        assert row["Steps", "since"].text == str(steps)
        assert near(row["Relative update", "previous"].sort, change["relative_update"])
        assert near(row["Per step", "previous"].sort, change["relative_update"] / math.sqrt(steps))
        assert near(row["Cosine", "previous"].sort, change["cosine"])
        assert near(row["Unchanged", "previous"].sort, change["equal_share"])
        if ("Max change", "previous") in row:
            assert near(row["Max change", "previous"].sort, change["largest"])
        a, b = whole(before), whole(after)
        assert row["W1 / σ", "previous"].sort == pytest.approx(truth.wasserstein(a, b), abs=0.01)
        shift = rich.report.series[1].pairs[at - 1].shift
        assert shift is not None
        p, q = (truth.binned(x, shift.low, shift.high, shift.bins) for x in (a, b))
        assert near(row["PSI", "previous"].sort, truth.psi(p, q))
        if ("JS distance", "previous") in row:
            assert near(row["JS distance", "previous"].sort, truth.js(p, q), rel=1e-6)
        for unit, other in (("first", main[0]), ("baseline", rich.baseline)):
            assert near(row["Relative update", unit].sort, paired(other, after)["relative_update"])


def test_structure(page: Page) -> None:
    (table,) = tables(page, "Tensors that came, went or changed")
    found = {tuple(c.text for c in row.cells) for row in table.rows}
    assert (MAIN, "200 → 300", "reshaped", "shape.bias", "(4,) float32 → (5,) float32") in found
    assert (MAIN, "400 → 600", "gone", "old.bias", "") in found
    assert (MAIN, "300 → 400", "new", "extra.bias", "") in found


def test_deployment(page: Page, rich: Rich, main: list[Arrays]) -> None:
    (table,) = tables(page, "Weights in fewer bits")
    assert len(table.rows) == 14, "every kernel and embedding"
    seen = set()
    for cells in (row.cells for row in table.rows):
        row = keyed(table, cells)
        values = rich.arrays[SERIES[row["Series", ""].text][-1]][row["Weights", ""].text]
        if row["Weights", ""].text.endswith("embedding") or not np.isfinite(values).all():
            continue
        tensor, channel, coarse = truth.int8(values)
        assert near(row["int8, per tensor", ""].sort, tensor, rel=1e-6)
        assert near(row["int8, per channel", ""].sort, channel, rel=1e-6)
        assert row["Coarse channels", ""].sort == coarse
        for title, name in (("float16", "float16"), ("bfloat16", "bfloat16"), ("float8 E4M3", "float8_e4m3fn")):
            if (title, "") in row:
                assert near(row[title, ""].sort, truth.cast(values, name)["sqnr"], rel=1e-6)
        seen.add(row["What to do", ""].text)
    assert len(seen) == 4
    last = main[-1]
    row = rows(page, "Values beyond narrower floats")["head.kernel"]
    half, five, four = (truth.cast(last["head.kernel"], n) for n in ("float16", "float8_e5m2", "float8_e4m3fn"))
    assert [row[f"float16 {key}", ""].sort for key in ("overflow", "flushed", "subnormal")] == [
        half[key] for key in ("overflow", "flushed", "subnormal")
    ]
    assert (row["E5M2 overflow", ""].sort, row["E4M3 overflow", ""].sort) == (five["overflow"], four["overflow"])
    left = rows(page, "What could be left out")
    assert near(left["conv.kernel"]["2:4 groups", ""].sort, truth.pattern(last["conv.kernel"]))
    assert left["quant.kernel"]["Duplicates", ""].sort == truth.duplicates(last["quant.kernel"])
    assert left["quant.kernel"]["Distinct values", ""].sort == len(np.unique(last["quant.kernel"]))
    assert left["norm.gamma"]["Negligible", ""].sort == truth.negligible(last["norm.gamma"]) == 3
    assert left["norm.gamma"]["Channels", ""].sort == last["norm.gamma"].size
    assert "1 tensor overflows in float16" in words(page, "deployment")
    assert "The last checkpoint of late/x could not be read again: rotated away" in words(page, "deployment")


def test_spectra(page: Page, main: list[Arrays]) -> None:
    found = rows(page, "Spectra of the weights")
    expected = truth.spectrum(main[-1]["encoder.kernel"])
    row = found["encoder.kernel"]
    for title, key in (
        ("Spectral norm", "norm"),
        ("Stable rank", "stable_rank"),
        ("Effective rank", "effective_rank"),
        ("Alpha", "alpha"),
        ("KS", "alpha_ks_distance"),
    ):
        assert near(row[title, ""].sort, expected[key], rel=1e-6)
    assert row["Matrix", ""].text == "60 × 56"
    assert "1 of 14 matrices were left out" in words(page, "spectra")


def test_checks(page: Page, rich: Rich) -> None:
    outcomes = rich.report.judgement.outcomes
    several = list(tables(page, "What every rule saw, over all series"))  # in the PDF, one row per rule
    (table,) = several or tables(page, "What every rule saw")
    fired = {o.rule.name for o in outcomes if o.fired}
    assert len(table.rows) + table.more == (len(fired) if several else len(outcomes))
    row = next(r for c in table.rows if (r := keyed(table, c.cells))["Rule", ""].text == "Non-finite values")
    if several:
        assert "rules made" in words(page, "checks")
        of = [o for o in outcomes if o.rule.name == "non-finite"]
        assert (row["Checked", ""].sort, row["Fired", ""].sort) == (sum(o.checked for o in of), 2)
        assert row["Series", "in which it fired"].text == f"1 of {len(of)}"
        assert row["Most often in", ""].text == MAIN
    else:
        assert (row["Series", ""].text, row["Fired", ""].sort, row["Worst value", ""].sort) == (MAIN, 2, 2)


def test_what_is_left_out(page: Page, rich: Rich) -> None:
    text = words(page, "extent")
    assert f"over all {sum(map(len, SERIES.values()))} checkpoints" in text
    for kind, said in (("pages", "of them have a page"), ("rows", "checkpoints.")):
        assert f"{sum(len(getattr(d, kind)) for d in rich.report.details)} {said}" in text


def test_accepted(page: Page) -> None:
    (table,) = tables(page, "Accepted findings")
    (row,) = (keyed(table, r.cells) for r in table.rows)
    assert (row["Rule", ""].text, row["Severity", ""].text, row["Series", ""].text) == (
        "Constant weights",
        "WARN",
        MAIN,
    )
    assert (row["Reason", ""].text, row["Until", ""].text) == ("a table that is filled after training", "2027-01-31")
    assert "rule vanished" in words(page, "accepted")


def test_files(page: Page, rich: Rich) -> None:
    tiles = next(dict(b.items) for b in section(page, "files").blocks if isinstance(b, Facts))
    assert (tiles["measured"], tiles["not a checkpoint"], tiles["partial"], tiles["rotated away"]) == (
        "19",
        "2",
        "1",
        "1",
    )
    found = rows(page, "Files")
    assert ("main/notes.txt" in found) == (len(found) == len(rich.report.files))
    if len(found) < len(rich.report.files):  # on paper, what was measured is in the tables of its series
        states = {str(f.state) for f in rich.report.files if f.state not in (State.MEASURED, State.NO_CHECKPOINT)}
        assert {row["State", ""].text for row in found.values()} == states
        return
    row = found["net/epoch-3.keras"]
    assert [c.text for c in row.values()][1:] == ["measured", "keras", "100", "net/epoch-*", "zip crc32", "—"]


def test_method(page: Page, rich: Rich) -> None:
    terms = next(dict(b.items) for b in section(page, "glossary").blocks if isinstance(b, Facts))
    used = {column.title for block in every_block(page) if isinstance(block, Table) for column in block.columns}
    assert {s.title for s in STATISTICS} & used <= set(terms)
    assert all(terms[s.title] == s.definition for s in STATISTICS if s.title in terms)
    assert ("Skewness" in terms) == ("Skewness" in used or "Skewness" in str(page.sections))
    settings = next(dict(b.items) for b in section(page, "settings").blocks if isinstance(b, Facts))
    assert settings == rich.report.settings
