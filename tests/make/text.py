"""Pages as text, in all that they hold: what golden files are made of."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from reporter.model.blocks import Banner, Facts, Figure, Figures, Paragraph
from reporter.model.cards import Card, Cards
from reporter.model.finding_list import FindingItem, FindingList
from reporter.model.hero import HealthMap, Hero, Link
from reporter.model.numbers import SeriesNumbers
from reporter.model.page import Block, Page, every_block
from reporter.model.side_by_side import CompareView, HistogramPairs, LayerCourses
from reporter.model.table import Cell, Column, Row, Table

Words = Callable[[Cell], str]
"""A cell as text."""

DIGITS = 6
"""Significant ones that golden files keep: the last digits of a float64 sum are another processor's."""

_LONG = re.compile(r"-?\d+\.\d{5,}(?:e[+-]?\d+)?|-?\d\.\d+e[+-]?\d+")


def printed(cell: Cell) -> str:
    """What a reader sees of a cell."""
    return cell.text + (f" ({cell.level})" if cell.level else "")


def in_full(cell: Cell) -> str:
    """All of a cell: ``text (level) {number to sort by} <link> «longer text»``; {= where the longer text is the number.

    >>> in_full(Cell("0.33", 1 / 3, "#a", "warn", "0.3333333333333333")), in_full(Cell("x", title="y"))
    ('0.33 (warn) {=0.333333} <#a>', 'x «y»')
    """
    same = cell.title == repr(cell.sort)
    sort = "" if cell.sort is None else f" {{{'=' if same else ''}{cell.sort:.{DIGITS}g}}}"
    link = f" <{cell.href}>" if cell.href else ""
    longer = f" «{cell.title}»" if cell.title and not same else ""
    return printed(cell) + sort + link + longer


def as_text(page: Page, words: Words = printed) -> str:
    """A page, one line per row."""
    lines = [page.title, page.subtitle, *page.facts, *([" ".join(page.up)] if page.up else [])]
    for section in page.sections:
        state = (" (folded)" if section.folded else "") + ("" if section.listed else " (unlisted)")
        lines += ["", f"{'#' * section.depth} {section.title}{state}", f"#{section.anchor}"]
        lines += [line for block in section.blocks for line in _lines(block, words)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def scrub(text: str, *folders: Path) -> str:
    """Without what depends on the machine, the day or the version, and without digits beyond the sixth."""
    for folder in sorted(folders, key=lambda f: -len(str(f))):
        text = text.replace(str(folder), "FOLDER")
    text = re.sub(r"ckpt-report \d\S+", "ckpt-report VERSION", text)
    text = re.sub(r"(measured on|between) \d{4}-\d\d-\d\d", r"\1 DAY", text)
    text = re.sub(r"\| \d{4}-\d\d-\d\d \d\d:\d\d", "| DAY", text)
    return _LONG.sub(lambda found: f"{float(found[0]):.{DIGITS}g}", text)


def _lines(block: Block, words: Words) -> list[str]:
    match block:
        case Banner():
            return [f"[{block.word}] ({block.level}) {block.sentence}"]
        case Paragraph():
            return [f"({block.kind}) {block.text}"]
        case Facts():
            return [f"{term}: {value}" for term, value in block.items]
        case Figure():
            return [f"<{block.name} {block.width}x{block.height}> {block.alt} | {block.caption}"]
        case Figures():
            return [line for item in block.items for line in _lines(item, words)]
        case Hero():
            return _hero(block)
        case FindingList():
            more = [f"and {block.more} more: {block.more_where}"] if block.more else []
            remarks = [f"{len(block.remarks)} remarks:", *map(_finding, block.remarks)] if block.remarks else []
            return [*map(_finding, block.items), *remarks, *more]
        case LayerCourses():
            return [*_lines(block.table, words), f"(columns {block.columns})", *_embedded(block.numbers)]
        case HistogramPairs():
            return [f"{pair.title}: {pair.text} {pair.before.counts} {pair.after.counts}" for pair in block.items]
        case CompareView():
            return [f"{block.otherwise} {block.link} <{block.href}>", *_embedded(block.numbers)]
        case Cards():
            return [line for group in block.groups for line in _group(group.name, group.items, words)]
        case Table():
            more = [f"and {block.more} more rows: {block.more_where}"] if block.more else []
            note = [f"({block.note})"] if block.note else []
            rows = [_row(row, words) for row in block.rows]
            return ["", block.caption, " | ".join(map(_column, block.columns)), *rows, *more, *note]


def _embedded(numbers: SeriesNumbers) -> list[str]:
    """What a page embeds for its scripts, without the numbers themselves."""
    known = [f"{c.before} -> {c.after}{'' if c.exact else ' (estimated)'}" for c in numbers.changes]
    return [
        f"{numbers.slug}: {', '.join(numbers.labels)}",
        f"statistics: {', '.join(course.name for course in numbers.courses)}",
        f"compared: {', '.join(known)}",
        *(f"{preset.title}: {preset.before} -> {preset.after}" for preset in numbers.presets),
    ]


def _group(name: str, cards: Sequence[Card], words: Words) -> list[str]:
    lines = ["", f"Group {name}"] if name else []
    for card in cards:
        chips = " ".join(f"[{chip}]" for chip in card.chips)
        lines += ["", f"Card {card.name} | {card.kind} | {chips} ({card.level}) #{card.anchor}"]
        lines += [f"  {words(cell)}" for cell in card.badges]
        lines += [f"  {label}: {words(cell)}" for label, cell in card.marks]
        lines += [line for block in card.blocks for line in _lines(block, words)]
    return lines


def _finding(item: FindingItem) -> str:
    figure = item.evidence
    lines = (
        f"{item.severity} ({item.level}) {item.title} | {item.where} <{item.href}> #{item.anchor}",
        item.message,
        f"change: {item.change}" * bool(item.change),
        f"measured: {item.value} | limit: {item.threshold} | since: {item.since} | concerns: {item.extent}",
        f"where: {', '.join(map(_link, item.places))}" * bool(item.places),
        f"<{figure.name} {figure.width}x{figure.height}> {figure.alt} | {figure.caption}" if figure else "",
        f"means: {item.meaning}" * bool(item.meaning),
        f"next: {item.next_step}" * bool(item.next_step),
        *(f"other: {_link(link)}" for link in item.others),
        f"why: {item.basis} | {item.formula} | {item.source}",
    )
    return "\n    ".join(line for line in lines if line)


def _link(link: Link) -> str:
    return link.text + (f" <{link.href}>" if link.href else "")


SIGNS = {"pass": ".", "info": "i", "warn": "w", "fail": "F", "": "-"}
"""Of the cells of a health map."""


def _hero(hero: Hero) -> list[str]:
    figure = hero.curves
    return [
        f"[{hero.word}] ({hero.level}) {hero.counts}",
        hero.sentence,
        f"use: {hero.use}",
        f"news: {hero.news}",
        *(f"({link.level}) {_link(link)}" for link in hero.findings),
        *([] if hero.health is None else _health(hero.health)),
        *([f"<{figure.name} {figure.width}x{figure.height}> {figure.alt} | {figure.caption}"] if figure else []),
        *(f"{term}: {value}" for term, value in hero.facts),
    ]


def _health(health: HealthMap) -> list[str]:
    """The map as letters, and what the worst cell of each row says and leads to."""
    lines = [health.caption, " ".join(health.columns)]
    for row in health.rows:
        told = next(c for level in ("fail", "warn", "info", "pass", "") for c in row.cells if c.level == level)
        signs = "".join(SIGNS[cell.level] for cell in row.cells)
        lines.append(f"{signs} {_link(row.name)} «{row.title}»: {told.words} <{told.href}>")
    return lines


def _column(column: Column) -> str:
    return column.title + (f" [{column.unit}]" if column.unit else "") + ("" if column.numeric else " (text)")


def _row(row: Row, words: Words) -> str:
    mark = f" ({row.level})" if row.level else ""
    anchor = f" #{row.anchor}" if row.anchor else ""
    return " | ".join(map(words, row.cells)) + mark + anchor


def definitions(page: Page) -> str:
    """What the columns of a page's tables mean, once each."""
    tables = [block for block in every_block(page) if isinstance(block, Table)]
    found = dict.fromkeys((c.title, c.definition) for table in tables for c in table.columns if c.definition)
    return "".join(f"{title}: {definition}\n" for title, definition in found)
