"""The user's own note, logo, colour and templates: in pages and in the PDF, checked before anything is measured."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image

from reporter.errors import RenderError, SettingError
from reporter.model.blocks import Banner
from reporter.model.look import Look
from reporter.model.page import Page, Section
from reporter.render import render_html
from reporter.render.look import MOST_BYTES, read_look
from reporter.render.paint import paint
from reporter.render.pdf import Job

PAGE = Page("Title", "subtitle", (Section("verdict", "Verdict", (Banner("fail", "FAIL", "It broke."),)),))
DOCUMENT = (Path(__file__).parents[2] / "docs" / "templates.md").read_text()


def picture(path: Path, kind: str = "PNG", size: tuple[int, int] = (30, 20)) -> Path:
    Image.new("RGB", size, "#c83c1e").save(path, kind)
    return path


def templates(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_html", ".html").replace("_css", ".css")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def look(folder: Path) -> Look:
    return read_look("", None, "", folder)


def html(chosen: Look) -> str:
    return render_html(replace(PAGE, look=chosen))


@pytest.mark.parametrize(("kind", "media"), [("PNG", "image/png"), ("JPEG", "image/jpeg")])
def test_note_logo_and_colour(kind: str, media: str, tmp_path: Path) -> None:
    logo = picture(tmp_path / "logo", kind)
    text = html(read_look("Run 17 <b>\nhalved", logo, "#c83c1e", None))
    assert '<p class="usernote">Run 17 &lt;b&gt;\nhalved</p>' in text
    (shown,) = re.findall(rf'<img class="logo" src="data:{media};base64,([^"]+)" width="30" height="20"', text)
    assert base64.b64decode(shown) == logo.read_bytes()
    assert "border-top: 5px solid #c83c1e" in text


def test_the_pdf_has_them_too(tmp_path: Path) -> None:
    chosen = read_look("Run 17", picture(tmp_path / "logo.jpg", "JPEG"), "#c83c1e", None)
    plain, _ = paint(Job(PAGE, (), datetime(2026, 1, 1, tzinfo=UTC)))
    own, warnings = paint(Job(replace(PAGE, look=chosen), (), datetime(2026, 1, 1, tzinfo=UTC)))
    assert own.count(b"/Subtype /Image") == plain.count(b"/Subtype /Image") + 1
    assert not warnings


def test_the_examples_of_the_document(tmp_path: Path) -> None:
    (banner,) = re.findall(r"```html\n(.*?)```", DOCUMENT, re.DOTALL)
    (style,) = re.findall(r"```css\n(.*?)```", DOCUMENT, re.DOTALL)
    text = html(look(templates(tmp_path, partials__banner_html=banner, css__own_css=style)))
    assert '<p class="sentence">It broke.</p>' in text, "that of the program is included"
    assert "bring the PDF" in text and "font-family: Georgia" in text
    pdf, _ = paint(Job(replace(PAGE, look=look(tmp_path)), (), datetime(2026, 1, 1, tzinfo=UTC)))
    assert pdf.startswith(b"%PDF")


def test_the_policy_admits_the_users_styles(tmp_path: Path) -> None:
    text = html(look(templates(tmp_path, css__own_css="h1 { color: green; }")))
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    from hashlib import sha256

    assert style is not None
    assert base64.b64encode(sha256(style[1].encode()).digest()).decode() in text


def test_what_is_kept_of_a_page_depends_on_the_users_files(tmp_path: Path) -> None:
    before = look(templates(tmp_path, css__own_css="a { color: red; }"))
    after = look(templates(tmp_path, css__own_css="a { color: blue; }"))
    assert before != after
    assert "color: red" not in html(after)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("partials__baner_html", "", "did you mean partials/banner.html?"),
        ("partials__banner_html", "{% if %}", "line 1"),
        ("css__own_css", None, "is no folder"),
    ],
)
def test_a_mistake_is_told_at_once(name: str, text: str | None, message: str, tmp_path: Path) -> None:
    folder = tmp_path / "none" if text is None else templates(tmp_path, **{name: text})
    with pytest.raises(SettingError, match=re.escape(message)):
        look(folder)


def test_an_empty_folder_of_templates(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="holds no file"):
        look(tmp_path)


def test_files_that_others_include(tmp_path: Path) -> None:
    chosen = look(templates(tmp_path, partials__banner_html='{% include "own/x.html" %}', own__x_html="<p>mine</p>"))
    assert "<p>mine</p>" in html(chosen)


@pytest.mark.parametrize("mistake", ["{{ block.nothing }}", "{{ 1 / 0 }}", '{% include "own/none.html" %}'])
def test_what_fails_later_names_the_file_and_the_line(mistake: str, tmp_path: Path) -> None:
    chosen = look(templates(tmp_path, partials__banner_html=f"\n{mistake}"))
    with pytest.raises(RenderError, match=r"banner\.html, line 2: .*docs/templates\.md"):
        html(chosen)
    with pytest.raises(RenderError, match=r"banner\.html, line 2: "):
        paint(Job(replace(PAGE, look=chosen), (), datetime(2026, 1, 1, tzinfo=UTC)))


def test_logos_that_cannot_be_used(tmp_path: Path) -> None:
    def refused(path: Path) -> str:
        with pytest.raises(SettingError) as caught:
            read_look("", path, "", None)
        return str(caught.value)

    assert "No such file" in refused(tmp_path / "none.png")
    (tmp_path / "text.png").write_text("<svg/>")
    assert "is no whole PNG or JPEG" in refused(tmp_path / "text.png")
    cut = tmp_path / "cut.png"
    buffer = io.BytesIO()
    Image.effect_noise((90, 90), 50).save(buffer, "PNG")
    cut.write_bytes(buffer.getvalue()[:2000])
    assert "is no whole PNG or JPEG" in refused(cut)
    assert "4000 a side" in refused(picture(tmp_path / "wide.png", size=(4001, 1)))
    (tmp_path / "large.png").write_bytes(bytes(MOST_BYTES + 1))
    assert "more than 300 kB" in refused(tmp_path / "large.png")
