"""Pages to render: a review of 27 checkpoints as the report makes them, and one in which every string is hostile."""

# ruff: noqa: E501  # a table of prose

from __future__ import annotations

import io
import math
import random
from dataclasses import replace

from PIL import Image, ImageDraw

from reporter.model.blocks import Banner, Facts, Figure, Figures, Paragraph
from reporter.model.finding_list import FindingItem, FindingList
from reporter.model.hero import HealthCell, HealthMap, HealthRow, Hero, Link
from reporter.model.page import Block, Page, Section
from reporter.model.table import Cell, Column, Level, Row, Table

STEPS = [1000 * i for i in range(1, 28)]
BLOCKS = [f"encoder/block_{i}/{part}" for i in range(10) for part in ("attention/query", "attention/out", "mlp/dense")]
LAYERS = ["embedding", "stem/conv", "stem/norm", *BLOCKS, "pooler/dense", "head/norm", "head/dense", "head/logits"]
LAYERS += ["rnn/gru", "rnn/gru_1", "decoder/dense"]
BROKEN = "encoder/block_7/mlp/dense"


def plot(width: int, height: int, seed: int) -> bytes:
    """An RGB PNG of a histogram, two bitmap pixels to the CSS pixel."""
    rng = random.Random(seed)
    image = Image.new("RGB", (2 * width, 2 * height), "white")
    draw = ImageDraw.Draw(image)
    left, bottom, bars = 60, 2 * height - 50, 50
    step = (2 * width - left - 30) / bars
    for i in range(bars):
        top = (bottom - 40) * math.exp(-(((i - bars / 2) / (6 + seed % 7)) ** 2)) * rng.uniform(0.9, 1)
        draw.rectangle((left + i * step, bottom - top, left + (i + 1) * step - 2, bottom), fill="#0072B2")
    draw.line((left, bottom, 2 * width - 30, bottom), fill="black", width=2)
    draw.text((left, bottom + 8), f"seed {seed}", fill="black", font_size=20)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def figure(name: str, width: int, height: int, seed: int, caption: str) -> Figure:
    """A plot with its words."""
    alt = "Histogram of 2 359 296 weights from −0.31 to 0.29; the mode is at 0.00; 12 values lie outside."
    return Figure(name, plot(width, height, seed), width, height, alt, caption)


def text(name: str) -> Column:
    """A column of words."""
    return Column(name, numeric=False)


def value(number: float, digits: int = 4, level: Level = "") -> Cell:
    """A number as the report prints it, with the unrounded one to sort by."""
    printed = f"{number:.{digits}g}".replace("-", "−")
    return Cell(printed, number, level=level, title=repr(number))


def anchor(layer: str) -> str:
    """The id of a layer's row."""
    return "layer-" + layer.replace("/", "-")


def finding(level: Level, title: str, where: str, message: str, shown: str, threshold: str) -> FindingItem:
    """A finding that leads to its layer's row."""
    severity = {"fail": "Fail", "warn": "Warning", "info": "Note", "pass": "Pass", "": "Note"}[level]
    basis = "checkpoint ckpt-27000, tensor kernel, exact count"
    return FindingItem(level, severity, title, where, message, shown, threshold, basis, "#" + anchor(where))


def findings() -> FindingList:
    """Twelve findings, worst first."""
    items = [
        finding("fail", "Not-a-number values", BROKEN, "1 024 of 2 359 296 weights are NaN since step 19 000; the layer's output is NaN for every input that touches them.", "1 024 NaN", "0"),
        finding("fail", "Exploding scale", BROKEN, "The root mean square grew 41-fold between step 18 000 and 19 000, while the rest of the model moved by less than 3 %.", "× 41.2", "≤ × 10 per checkpoint"),
        finding("fail", "Infinite values", "head/logits", "3 weights are +Inf in the last checkpoint.", "3 Inf", "0"),
        finding("warn", "Dead output channels", "stem/conv", "11 of 64 output channels have no weight above 1e−8 in magnitude.", "17.19 %", "≤ 5 %"),
        finding("warn", "Frozen while trainable", "embedding", "Bit-identical in the last 9 checkpoints although the optimizer lists it as trainable.", "9 checkpoints", "< 3 checkpoints"),
        finding("warn", "Would overflow in float16", "encoder/block_3/attention/out", "7 weights exceed 65 504.", "7 values", "0"),
        finding("warn", "Heavy tails", "encoder/block_5/mlp/dense", "Excess kurtosis rose from 0.2 to 61; the largest weight is 88 σ from the mean.", "61.3", "≤ 50"),
        finding("warn", "Small moving variance", "stem/norm", "5 channels have a moving variance below ε = 0.001; normalisation amplifies them ≥ 30 ×.", "3.1e−7", "≥ 1e−3"),
        finding("info", "Fewer tensors than the series", "rnn/gru_1", "ckpt-12000 holds 214 of 216 tensors.", "214", "216"),
        finding("info", "Sparse kernel", "decoder/dense", "Half of the weights are exactly 0: pruned?", "50.00 %", "< 50 %"),
        finding("info", "Step from the file name", "pooler/dense", "3 checkpoints carry no step inside; their order follows the names.", "3", "0"),
        finding("info", "Large bias", "head/dense", "The bias is larger than √n times the kernel's scale.", "4.1", "≤ 3"),
    ]  # fmt: skip
    items[0] = replace(
        items[0],
        anchor="finding-1",
        evidence=figure("evidence", 720, 200, 7, "Before and after."),
        meaning="The training has diverged.",
        next_step="Go back to the last good checkpoint.",
        since="step 19000; step 18000 is the last one without it",
        formula="number of NaN",
        source="counting",
        places=(Link(BROKEN, "#" + anchor(BROKEN)), Link("elsewhere")),
        others=(Link("1 NaN in head/logits.", "#" + anchor("head/logits"), "fail"),),
    )
    return FindingList(tuple(items[:8]), more=4, more_where="index.html", remarks=tuple(items[8:]))


MAPPED = [*LAYERS[:8], BROKEN]
"""The layers of the health map."""


def health() -> HealthMap:
    """Layers × checkpoints: one layer breaks at step 19 000, another one was warned of before."""
    columns = tuple(f"{step}" for step in STEPS[:: len(STEPS) // 9])
    rows = []
    for name in MAPPED:
        cells: list[HealthCell] = []
        for at, label in enumerate(columns):
            level: Level = "fail" if name == BROKEN and at > 5 else "warn" if name == LAYERS[3] and at > 3 else "pass"
            word = {"fail": "failure", "warn": "warning", "pass": "fine"}[level]
            cells.append(HealthCell(level, f"{name} at step {label}: {word}", "#" + anchor(name)))
        rows.append(HealthRow(Link(name, "#" + anchor(name)), tuple(cells), name))
    return HealthMap("Layers × checkpoints.", columns, tuple(rows))


def hero() -> Hero:
    """The first screen."""
    told = (Link(f"Not-a-number values in {BROKEN} from step 19000 on", "#finding-1", "fail"),)
    facts = (("Folder", "ckpts/bert-small"), ("Parameters", "66 478 080"), ("Checkpoints", "27"))
    sentence = "Something is wrong in 1 of 40 layers from step 19000 on: the training has diverged."
    use = "Use step 18000: the last checkpoint without a failure."
    curves = figure("curves", 500, 260, 6, "Norm, update and zeros.")
    return Hero("fail", "Fail", "3 failures · 5 warnings", sentence, use, told, health(), curves, facts)


def trend_table() -> Table:
    """One row per checkpoint, eight columns."""
    rng = random.Random(1)
    columns = (
        text("Checkpoint"), Column("Step"), text("Saved (UTC)"), Column("Size", "MB"),
        Column("Root mean square", definition="√(Σw²/n) over all model weights"), Column("Zeros", "%"),
        Column("NaN", "values"), Column("Distance", "% of norm", definition="‖W − W₀‖ / ‖W₀‖ to the one before"),
    )  # fmt: skip
    rows = []
    for i, step in enumerate(STEPS):
        broken = step >= 19_000
        cells = (
            Cell(f"ckpt-{step}", href=f"checkpoints/ckpt-{step}.html"), Cell(f"{step:,}".replace(",", " "), step),
            Cell(f"2026-11-{20 + i // 12:02d} {i * 2 % 24:02d}:14"), value(307.2 + i / 10),
            value(0.04 + 0.002 * rng.random() + 0.03 * broken), value(1.25 + rng.random(), 3),
            Cell("1 024" if broken else "0", 1024.0 * broken, level="fail" if broken else ""),
            Cell("—") if i == 0 else value(9 / i + rng.random() / 10 + 41 * (step == 19_000), 3),
        )  # fmt: skip
        rows.append(Row(cells, "fail" if broken else "", f"ckpt-{step}"))
    return Table("Checkpoints of series “bert-small”", columns, tuple(rows), "Distances are exact and paired.")


def layer_table() -> Table:
    """One row per layer, twelve columns, in model order."""
    rng = random.Random(2)
    columns = (
        text("Layer"), text("Class"), Column("Weights"), Column("Mean"),
        Column("σ", definition="Standard deviation, population formula"), Column("Min"), Column("Max"), Column("Median"),
        Column("Zeros", "%"), Column("NaN", "values"), Column("Kurtosis", "excess"), Column("Moved", "% of norm"),
    )  # fmt: skip
    levels: dict[str, Level] = {item.where: item.level for item in reversed(findings().items)}
    rows = []
    for name in LAYERS:
        n, sigma = rng.choice((590_592, 2_359_296, 1_024, 38_597_376)), rng.uniform(0.01, 0.09)
        nans = 1024 if name == BROKEN else 0
        cells = (
            Cell(name, href=f"#plot-{name}"), Cell("MultiHeadAttention" if "attention" in name else "Dense"),
            Cell(f"{n:,}".replace(",", " "), n), value(rng.gauss(0, 1e-3)), value(sigma), value(-5 * sigma),
            value(5.2 * sigma), value(rng.gauss(0, 1e-4)), value(rng.random() * 3, 3),
            Cell(f"{nans:,}".replace(",", " "), nans, level="fail" if nans else ""), value(rng.gauss(0, 1), 3),
            value(rng.random() * 4, 3),
        )  # fmt: skip
        rows.append(Row(cells, levels.get(name, ""), anchor(name)))
    note = "In model order. Sorting the column “Moved” shows what trained most."
    return Table("Layers in the last checkpoint (step 27 000)", columns, tuple(rows), note, 118, "index.html")


def review() -> Page:
    """A realistic report with every kind of block."""
    verdict = Banner("fail", "Fail", "3 of 40 layers hold weights that cannot be right; training broke between step 18 000 and 19 000.")  # fmt: skip
    tiles = (
        ("Checkpoints", "27"), ("Layers", "40"), ("Weights", "66 478 080"), ("Size of the last", "310 MB"),
        ("NaN", "1 024"), ("Zeros", "1.63 %"), ("Root mean square", "0.0712"), ("Moved since the last", "0.38 %"),
    )  # fmt: skip
    changed: list[Block] = [
        figure("trend", 720, 260, 3, "Percentile bands of all model weights over 27 checkpoints; the line is the median."),
        Figures((
            figure("rms", 350, 210, 4, "Root mean square over steps."),
            figure("moved", 350, 210, 5, "Distance to the checkpoint before, in percent of the norm."),
        )),
        trend_table(),
    ]  # fmt: skip
    plots = Figures(tuple(figure(f"layer-{i}", 350, 200, i, f"{LAYERS[i]}: 50 bins of width 2⁻⁷.") for i in range(8)))
    glossary = (
        ("Layer", "The tensors that one Keras layer or module owns."),
        ("σ", "Standard deviation of all weights of the layer: √(Σ(w − mean)²/n)."),
        ("Zeros", "Weights equal to +0 or −0, exactly counted; × 100 / n."),
        ("Distance", "‖W − W₀‖ / ‖W₀‖ where both files exist, else estimated from sketches (± 2 %)."),
    )
    unread = Table(
        "Files that were not measured",
        (text("File"), text("State"), text("Why, and what to do")),
        (
            Row((Cell("ckpt-9000.index"), Cell("corrupt", level="fail"), Cell("block at 4096: crc32c 0x1f2e3d4c, expected 0x5a6b7c8d: copy it again")), "fail"),
            Row((Cell("ckpt-28000"), Cell("in progress"), Cell("written 4 s ago; the next run reads it")), "info"),
            Row((Cell("<script>alert('x')</script>/../ckpt‮5-tpkc"), Cell("refused", level="warn"), Cell("external storage in dataset “a\nb”")), "warn"),
        ),
    )  # fmt: skip
    sections = (
        Section("verdict", "Verdict", (verdict, hero(), Facts(tiles, "tiles"), Paragraph("Judged: 40 layers of the last checkpoint and their 27-checkpoint history; model weights only. Optimizer state is measured apart.", "note"))),
        Section("findings", "Findings", (findings(),)),
        Section("over-time", "What changed over time", (Paragraph("Every checkpoint was read from the first byte to the last; checksums agree. The scale of the weights is steady until step 18 000, then jumps in one layer. What follows is the damage, not its cause: look at the learning-rate schedule around that step first."), *changed)),
        Section("layers", "Layers", (layer_table(),)),
        Section("plots", "Distributions, layer by layer", (Paragraph("Bin edges are multiples of a power of two, so that counts are exact."), plots), folded=True),
        Section("unread", "Files not measured", (Paragraph("One file is corrupt. The verdict speaks of the other 27 only.", "warning"), unread)),
        Section("method", "Method", (Paragraph("How to read this report."),), depth=2),
        Section("glossary", "Definitions", (Facts(glossary),), depth=3, folded=True),
        Section("settings", "Settings", (Facts((("variables", "model"), ("bins", "50"), ("quantiles", "0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99"))),), depth=3),
    )  # fmt: skip
    facts = (
        "ckpt-report 0.1.0, 2026-11-23 21:04 UTC",
        "27 checkpoints in ckpts/bert-small",
        "TensorFlow not imported; 8.3 GB read in 3.1 s",
    )
    return Page("Weights of bert-small, nightly run", "Series bert-small · steps 1 000 to 27 000 · TensorFlow checkpoints (V2 bundle)", sections, facts)  # fmt: skip


HOSTILE = (
    "<script>document.title='owned'</script>",
    "\"><img src=x onerror=alert(1)>'",
    "{{ 7 * 7 }}{% raw %}",
    "</style></title></script><!--",
    "first\nsecond\r\n\tthird",
    "x" * 2_000,  # many lines, and in a column of a table several pages
    "abc\u202edcba\u2066\u200b\x00\x1b[31m",
    "lone \ud800 surrogate \udcff",
    "語 עברית عربي 🧨 ⟨∑⟩ a\u0301\ufdd0\ufffe",
    "",
)


def hostile(word: str) -> Page:
    """Every string of every block is ``word``; anchors and hrefs too."""
    cell = Cell(word, 1.0, word, "fail", word)
    table = Table(word, (Column(word, word, False, word), Column(word)), (Row((cell, cell), "warn", word),) * 2, word, 3, word)  # fmt: skip
    png = plot(100, 50, 1)
    image = Figure(word, png, 100, 50, word or "empty", word)
    link = Link(word, word, "warn")
    item = FindingItem(
        "fail", word, word, word, word, word, word, word, word, word, word, word, word, word, word, word, image,
        (link, link), (link,), word,
    )  # fmt: skip
    row = HealthRow(link, (HealthCell("fail", word, word), HealthCell("", word)), word)
    maps = HealthMap(word, (word, word), (row, row))
    shown = Hero("fail", word, word, word, word, (link,), maps, image, ((word, word),))
    blocks: tuple[Block, ...] = (
        Banner("fail", word, word), Facts(((word, word),), "tiles"), Facts(((word, word),)), FindingList((item,), 1, word, (item,)), shown, replace(shown, health=replace(maps, columns=())),
        Paragraph(word), Paragraph(word, "warning"), table, image, Figures((image, image)),
    )  # fmt: skip
    sections = (Section(word, word, blocks), Section(f"{word}2", word, blocks, folded=True, depth=3))
    return Page(word or "untitled", word, sections, (word,), (word, word))
