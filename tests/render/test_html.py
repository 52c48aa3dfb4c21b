"""The HTML file: self-contained, valid where it matters, and inert whatever its strings say."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from hashlib import sha256
from html.parser import HTMLParser

import pytest

from reporter.model.blocks import Facts, Figure
from reporter.model.cards import Card, CardGroup, Cards
from reporter.model.finding_list import FindingList
from reporter.model.hero import Hero
from reporter.model.page import Page, Section
from reporter.model.table import Cell, Column, Row, Table
from reporter.render import render_html
from reporter.render.assets import read_asset, templates_folder
from reporter.render.html import SCRIPTS, STYLES
from tests.render.pages import HOSTILE, hostile, review

Attributes = dict[str, str | None]
VOID = {"meta", "link", "input", "img", "col", "br", "wbr"}


class Tags(HTMLParser):
    """Every start tag with its attributes, the text in order, and whether each end tag matches."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, Attributes]] = []
        self.text: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), f"<{tag}> repeats an attribute"
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open:
            self.text.setdefault(self._open[-1], []).append(data)

    def all(self, tag: str) -> list[Attributes]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def tags() -> Tags:
    return Tags(render_html(review()))


@pytest.mark.parametrize("word", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_strings_stay_text(word: str) -> None:
    text = render_html(hostile(word))
    text.encode()  # no surrogate is left
    tags, harmless = Tags(text), Tags(render_html(hostile("harmless")))
    assert {tag for tag, _ in tags.tags} - {"wbr"} <= {tag for tag, _ in harmless.tags}
    assert len(tags.all("img")) == len(harmless.all("img"))
    for tag, attributes in tags.tags:
        assert not {"style", "srcdoc"} & attributes.keys()
        assert not [name for name in attributes if name.startswith("on")]
        assert tag not in {"iframe", "object", "embed", "base", "form"}
    assert len(tags.all("script")) == len(tags.all("style")) == 1
    assert not re.search("[\x00\u202a-\u202e\u2066-\u2069]", text), "would deceive the reader"


def test_nothing_is_loaded(tags: Tags) -> None:
    text = render_html(review())
    assert not re.search(r"https?://|//\w+\.", text), "names a host"
    for _, attributes in tags.tags:
        source = attributes.get("src")
        assert source is None or source.startswith("data:image/png;base64,")
    assert {link["href"] for link in tags.all("link")} == {"data:,"}
    for name in STYLES:
        assert not re.search(r"url\(|@import", read_asset(f"css/page/{name}.css"))


def test_policy_admits_exactly_the_inlined_bytes(tags: Tags) -> None:
    (policy,) = (meta["content"] for meta in tags.all("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert directives["default-src"] == directives["base-uri"] == directives["form-action"] == "'none'"
    assert directives["img-src"] == "data:"
    for element, directive in (("style", "style-src"), ("script", "script-src")):
        inlined = "".join(tags.text[element])
        digest = b64encode(sha256(inlined.encode()).digest()).decode()
        assert directives[directive] == f"'sha256-{digest}'"


def test_every_internal_link_arrives(tags: Tags) -> None:
    ids = [attributes["id"] for _, attributes in tags.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = [href[1:] for link in tags.all("a") if (href := link["href"] or "").startswith("#")]
    assert len(targets) > 20
    assert set(targets) <= set(ids)


def test_every_script_and_style_sheet_is_used_and_they_stay_small() -> None:
    folder = templates_folder()
    assert {path.stem for path in (folder / "js").iterdir()} == set(SCRIPTS)
    assert {path.stem for path in (folder / "css" / "page").iterdir()} == set(STYLES)
    (script,) = re.findall(r"<script>(.*?)</script>", render_html(Page("t", "", ())), re.DOTALL)
    assert "//" not in re.sub(r"https?://", "", script) or not re.search(r"^\s*//", script, re.MULTILINE)
    assert len(script.encode()) < 60_000


def test_what_is_dark_by_itself_can_be_chosen() -> None:
    """The theme switch knows media rules of exactly this condition."""
    for name in STYLES:
        conditions = re.findall(r"@media ([^{]*prefers-color-scheme[^{]*?) *\{", read_asset(f"css/page/{name}.css"))
        assert set(conditions) <= {"(prefers-color-scheme: dark)"}


def test_contents_list_every_series() -> None:
    sections = [
        Section(f"{part}-{i}", f"{part}: run {i}", (), group=f"run {i}", listed=False)
        for i in range(5)
        for part in ("Trend", "Layers")
    ]
    parts = tuple((f"run {i}", f"series/run-{i}.html") for i in range(30))
    tags = Tags(render_html(Page("t", "", (*sections, Section("overview", "Series", (), parts=parts)))))
    links = [link["href"] for link in tags.all("a")]
    assert [href for href in links if href in {f"#{s.anchor}" for s in sections}] == [f"#{s.anchor}" for s in sections]
    assert {href for _, href in parts} <= set(links)
    assert tags.text["summary"] == [*(f"run {i}" for i in range(5)), "30 in all"]
    assert not [fold for fold in tags.all("details") if "open" in fold]


@pytest.mark.parametrize(
    ("href", "kept"),
    [
        ("#here", True),
        ("#nowhere", False),
        ("checkpoints/ckpt-1.html", True),
        ("../index.html#layers", True),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("https://example.org/", False),
        ("//example.org/x.html", False),
        ("../../etc/passwd", False),
        ("/etc/passwd", False),
    ],
)
def test_links_lead_nowhere_else(href: str, kept: bool) -> None:
    table = Table("", (Column("", numeric=False),), (Row((Cell("name", href=href),)),))
    tags = Tags(render_html(Page("t", "", (Section("here", "", (table,)),))))
    links = [link["href"] for link in tags.all("a") if link.get("class") != "skip"]
    assert (href in links[1:]) is kept  # the first is the table of contents
    assert "name" in {word for words in tags.text.values() for word in words}


def test_tables_are_labelled_on_both_axes(tags: Tags) -> None:
    page = review()
    tables = [block for section in page.sections for block in section.blocks if isinstance(block, Table)]
    scopes = [head["scope"] for head in tags.all("th")]
    assert scopes.count("col") == sum(len(table.columns) for table in tables)
    assert scopes.count("row") == sum(len(table.rows) for table in tables)
    assert len(tags.all("caption")) == len(tables)


def test_images_are_whole_described_and_sized(tags: Tags) -> None:
    figures: list[Figure] = []
    for section in review().sections:
        for block in section.blocks:
            figures += [block] if isinstance(block, Figure) else getattr(block, "items", ())
            if isinstance(block, Hero) and block.curves:
                figures.append(block.curves)
            if isinstance(block, FindingList):
                figures += [item.evidence for item in block.items if item.evidence]
    figures = [figure for figure in figures if isinstance(figure, Figure)]
    assert len(figures) == len(tags.all("img")) == 13
    for figure, image in zip(figures, tags.all("img"), strict=True):
        assert b64decode((image["src"] or "").split(",")[1]) == figure.png
        assert (image["width"], image["height"], image["alt"]) == (str(figure.width), str(figure.height), figure.alt)
        late = ("lazy", "async") if figure.name != "curves" else (None, None)  # the first screen does not wait
        assert (image.get("loading"), image.get("decoding")) == late


def test_levels_are_never_colour_alone() -> None:
    text = render_html(review())
    assert '<td class="fail" data-sort="1024"><span class="heard">fail: </span>1 024</td>' in text
    assert '<tr class="fail">\n<th scope="row" class="text"><span id="ckpt-19000"></span><span class="mark"' in text


def test_nothing_found_is_said() -> None:
    assert "No findings." in render_html(Page("t", "", (Section("a", "A", (FindingList(()),)),)))


def test_same_page_same_text() -> None:
    assert render_html(review()) == render_html(review())


# Contrast, WCAG 2.2: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio

PAIRS = [("ink", "paper"), ("soft", "paper"), ("link", "paper"), ("ink", "panel"), ("soft", "panel"), ("link", "panel")]
PAIRS += [("ink", "hover"), ("link", "hover"), ("link", "info-tint"), ("ink", "info-tint")]
PAIRS += [(tone, ground) for tone in ("fail", "warn", "pass", "info") for ground in ("paper", f"{tone}-tint", "hover")]
PAIRS += [("ink", f"{tone}-tint") for tone in ("fail", "warn", "pass")]


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
def test_contrast(mode: int) -> None:
    blocks = re.findall(r":root \{([^}]*--paper[^}]*)\}", read_asset("css/page/tokens.css"))
    tokens = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", blocks[mode]))
    for text, ground in PAIRS:
        high, low = sorted((luminance(tokens[text]), luminance(tokens[ground])), reverse=True)
        assert (high + 0.05) / (low + 0.05) >= 4.5, (text, ground)


def test_tables_link_to_the_definitions_of_their_columns() -> None:
    columns = Column("Layer", numeric=False), Column("L2 norm", definition="√Σx²."), Column("W1 / σ")
    table = Table("Layers", columns, (Row((Cell("a"), Cell("1"), Cell("2"))),))
    terms = Facts((("Mean", "Σx / n."), ("L2 norm", "√Σx²."), ("W1 / σ", "A shift.")), "terms")
    page = Page("t", "", (Section("a", "A", (table,)), Section("glossary", "Definitions", (terms,), folded=True)))
    html = render_html(page)
    tags, (told,) = Tags(html), re.findall(r'<p class="defined">(.*?)</p>', html)
    assert re.findall(r'href="#([^"]+)">([^<]+)<', told) == [("term-2", "L2 norm"), ("term-3", "W1 / σ")]
    assert [dt["id"] for dt in tags.all("dt")] == ["term-1", "term-2", "term-3"]
    cards = Cards((CardGroup("", (Card("card", "a", "", (), (), (), (table,)),)),))
    page = Page("t", "", (Section("a", "A", (cards,)), page.sections[1]))
    assert '<p class="defined">' not in render_html(page), "of a thousand cards, each would repeat it"


def test_a_term_that_is_also_a_part_of_another_one_has_an_anchor_of_its_own() -> None:
    table = Table("T", (Column("NaN"), Column("n/a")), (Row((Cell("1"), Cell("2"))),))
    terms = Facts((("NaN", "No number."), ("—, n/a, NaN", "Nothing there.")), "terms")
    page = render_html(Page("t", "", (Section("a", "A", (table,)), Section("glossary", "Definitions", (terms,)))))
    assert [int(n) for n in re.findall(r'id="term-(\d+)"', page)] == [1, 2]
    assert '<a href="#term-1">NaN</a>' in page
    assert '<a href="#term-2">n/a</a>' in page


def test_long_names_break_after_their_parts() -> None:
    name = "encoder_with_relative_positions/block_03/attention_query_projection"
    rows = (Row((Cell(name),)), Row((Cell("encoder/block_3/dense"),)))
    table = Table("T", (Column("Layer", numeric=False),), rows)
    html = render_html(Page("t", "", (Section("a", "A", (table,)),)))
    assert "block_<wbr>03/<wbr>attention_<wbr>query_<wbr>projection" in html
    assert ">encoder/block_3/dense<" in html
