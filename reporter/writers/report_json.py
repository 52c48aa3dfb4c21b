"""Write report.json: everything that was measured and judged, under a versioned schema."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from reporter.model.comparison import Comparison
from reporter.model.finding import Outcome
from reporter.model.histogram import SeriesHistograms
from reporter.model.report import SCHEMA_VERSION, Report
from reporter.model.shown import FEW_SERIES, Shown
from reporter.writers import news, records
from reporter.writers.aside import Content, with_end
from reporter.writers.comparisons import comparison
from reporter.writers.metrics import metrics
from reporter.writers.records import Each, Record


def report_record(report: Report, each: Each = list) -> Record:
    """The report as one JSON object; only ``created`` and ``timings`` differ between runs over the same input.

    Args:
        each: makes lists of what is large: ``list``, or ``iter``, by which a part is made when its turn comes.
    """
    of_series = zip(report.series, report.histograms, report.details, strict=True)
    return {
        "schema_version": SCHEMA_VERSION,
        "generator": {"name": "ckpt-report", "version": report.version},
        "created": timestamp(report.created),
        "title": report.title,
        "verdict": report.verdict,
        "since_last": news.since_last(report),
        "findings": [records.finding(f) | news.told(report.news, at) for at, f in enumerate(report.judgement.findings)],
        "accepted": [_accepted(report, at) for at in range(len(report.judgement.accepted))],
        "acceptance_notes": list(report.judgement.notes),
        "checks": _checks(report.judgement.outcomes, many=len(report.series) > FEW_SERIES),
        "series": each(_series(s, h, d, each) for s, h, d in of_series),
        "runs": [[report.series[at].name for at in group.series] for group in report.runs],
        "files": [records.file_entry(entry) for entry in report.files],
        "left_out": list(_left_out(report)),
        "settings": dict(report.settings),
        "timings": _timings(report.timings),  # must come last: with_timings replaces it at the end of the text
    }


def _left_out(report: Report) -> Iterator[str]:
    """Sentences on what a report over very many checkpoints has not room for, and where it is."""
    records, rows = (sum(len(getattr(of, kind)) for of in report.details) for kind in ("records", "rows"))
    if records < report.checkpoints:
        yield (
            f"The tensors, layers and roles of {report.checkpoints - records} of {report.checkpoints} checkpoints, and "
            "what follows from these: changes by layer and tensor, trends of layers and deployment readiness. Their "
            f"values as a whole are here; the tensors of {rows} checkpoints are in tensors.csv; a report over fewer "
            "series has all."
        )
    if len(report.series) > FEW_SERIES:
        yield "Formula and source of each check but the first of its rule."


def _checks(outcomes: Sequence[Outcome], *, many: bool) -> list[Record]:
    """How each rule judged each series. Of many series, formulas and sources, which are those of the rule, are half of
    it; then only the first check of each rule has them."""
    seen: set[str] = set()
    checks = []
    for outcome in outcomes:
        checks.append(records.outcome(outcome))
        if many and outcome.rule.name in seen:
            checks[-1] |= {"formula": "", "source": ""}
        seen.add(outcome.rule.name)
    return checks


def _accepted(report: Report, at: int) -> Record:
    record = records.accepted(report.judgement.accepted[at])
    return record | {"finding": record["finding"] | news.told(report.news, at, accepted=True)}


def _timings(timings: Mapping[str, float]) -> Record:
    """Seconds by step of the run, rounded to milliseconds."""
    return {name: round(seconds, 3) for name, seconds in timings.items()}


def _series(series: Comparison, histograms: SeriesHistograms, detail: Shown, each: Each) -> Record:
    """One series: its checkpoints, comparisons, deployment readiness and spectra."""
    detailed, shown = set(detail.records), {place: i for i, place in enumerate(histograms.shown)}
    last = len(series.refs) - 1
    return {
        "name": series.name,
        "format": series.format,
        "ordered_by": series.ordered_by,
        "kind": series.kind,
        "cautions": list(series.cautions),
        "notes": list(series.notes),
        "layers": list(series.layers),
        "checkpoints": each(
            records.reference(ref)
            | {"detailed": i in detailed}
            | records.measured(numbers, detailed=i in detailed)
            | {
                "histograms": {
                    "global": records.histogram(histograms.whole[i]),
                    "trained": records.histogram(histograms.trained[i]),
                    "layers": {name: records.histogram(of[shown[i]]) for name, of in histograms.layers.items()}
                    if i in detailed and i in shown
                    else {},
                }
            }
            for i, (ref, numbers) in enumerate(zip(series.refs, series.measured, strict=True))
        ),
        **comparison(series, detailed, each),
        "metrics": metrics(series),
        "deployment": {
            "checkpoint": series.refs[-1].name,
            "problem": series.deployment_problem,
            "tensors": {name: records.readiness(ready) for name, ready in series.readiness.items()}
            if last in detailed
            else {},
        },
        "spectra": {name: records.spectrum(measured) for name, measured in series.spectra.items()},
        "spectra_by_checkpoint": [
            {name: records.spectral_numbers(measured) for name, measured in spectra.items()}
            for spectra in series.all_spectra
        ],
    }


PIECES = 4
"""How deep an object is taken apart before its parts are encoded: each checkpoint of each series is such a part."""


def write_json(report: Report) -> Iterator[bytes]:
    """report.json as UTF-8, piece by piece. Bytes of file names that are not UTF-8 are escaped."""
    yield from _pieces(report_record(report, iter), PIECES)
    yield b"\n"


def with_timings(written: Content, timings: Mapping[str, float]) -> Content:
    """Add timings to the text that :func:`write_json` made of a report without any; in a file, it is changed there.

    Encoding a large report takes seconds, and the time that writing takes is known only afterwards. This way it is
    encoded once.

    >>> with_timings(b'{"title":"t","timings":{}}\\n', {"draw": 1.0})
    b'{"title":"t","timings":{"draw":1.0}}\\n'
    """
    return with_end(written, len(b"{}}\n"), _encoded(_timings(timings)) + b"}\n")


def to_bytes(record: Record) -> bytes:
    """The text of a JSON object, in UTF-8. NaN and infinities raise an error, as JSON has none.

    >>> to_bytes({"series": [{"checkpoints": [{"step": 1}, {}], "notes": []}], "title": "τ"}).decode()
    '{"series":[{"checkpoints":[{"step":1},{}],"notes":[]}],"title":"τ"}\\n'
    """
    return b"".join([*_pieces(record, PIECES), b"\n"])


_ENCODER = json.JSONEncoder(allow_nan=False, ensure_ascii=False, separators=(",", ":"))


def _pieces(value: Any, depth: int) -> Iterator[bytes]:
    """The text in pieces. To encode a whole report at once, Python's encoder takes ten times the memory of the text."""
    if depth and isinstance(value, dict | list | Iterator):
        between, end = (b"{", b"}") if isinstance(value, dict) else (b"[", b"]")
        start = between
        for name in value:
            yield between
            if isinstance(value, dict):
                yield _encoded(name) + b":"
            yield from _pieces(value[name] if isinstance(value, dict) else name, depth - 1)
            between = b","
        yield end if between == b"," else start + end
    else:
        yield _encoded(value)


def _encoded(value: Any) -> bytes:
    return _ENCODER.encode(value).encode("utf-8", "backslashreplace")


def timestamp(created: datetime) -> str:
    """A time in ISO 8601 format, to the second."""
    return created.isoformat(timespec="seconds")
