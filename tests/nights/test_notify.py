"""Notifications: sent when the verdict changes, by Apprise itself to a server here, and never telling their address."""

from __future__ import annotations

import json
import threading
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reporter.cli import main
from tests.make.safetensors import safetensors

SECRET = "s3cr3t-token"


class Received(BaseHTTPRequestHandler):
    messages: list[dict[str, Any]] = []  # noqa: RUF012 (of one server, in one test at a time)
    status = 200

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.messages.append(json.loads(body))
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, *arguments: Any) -> None:
        """Nothing."""


@pytest.fixture
def address() -> Iterator[str]:
    with warnings.catch_warnings():  # what it warns about while it loads its services is not ours
        warnings.simplefilter("ignore")
        apprise = pytest.importorskip("apprise", reason="Apprise is an extra: pip install 'ckpt-report[notify]'")
        apprise.Apprise().add("json://localhost")
    Received.messages, Received.status = [], 200
    server = HTTPServer(("127.0.0.1", 0), Received)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"json://user:{SECRET}@127.0.0.1:{server.server_port}/hook"
    server.shutdown()
    server.server_close()
    thread.join()


def save(folder: Path, step: int, *, bad: bool = False) -> None:
    start = np.random.default_rng(0).standard_normal((30, 20))
    kernel = start + 0.05 * np.random.default_rng(step).standard_normal((30, 20))
    safetensors(folder / f"m-{step}.safetensors", {"kernel": (kernel * (np.nan if bad else 1)).astype("f4")})


def test_a_change_of_verdict_is_told_and_nothing_else(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ckpts, out = tmp_path / "c", tmp_path / "out"
    monkeypatch.setenv("CKPT_REPORT_NOTIFY", address)
    command = ["report", str(ckpts), "-o", str(out), "--no-pdf", "-v"]
    for step in (1, 2):
        save(ckpts, step)
    assert main(command) == 0
    assert main(command) == 0
    save(ckpts, 3, bad=True)
    assert main(command) == 3
    assert main(command) == 3
    assert [message["title"] for message in Received.messages] == [
        "PASS: Checkpoints of c",
        "FAIL (was PASS): Checkpoints of c",
    ]
    assert "Since the last report: 1 new. 1 new checkpoint." in Received.messages[1]["message"]
    assert "FAIL Non-finite values:" in Received.messages[1]["message"]
    assert main([*command, "--notify-always"]) == 3
    assert len(Received.messages) == 3
    Received.status = 500
    assert main([*command, "--notify-always", "--fail-on", "none"]) == 4
    assert main(["config", "show"]) == 0
    said = capsys.readouterr()
    assert "notify: the service did not take the message" in said.err
    assert "# notify is set; it may hold a secret, and is not shown" in said.out
    assert SECRET not in said.out + said.err
    assert not [p for p in out.rglob("*") if p.is_file() and SECRET.encode() in p.read_bytes()]


@pytest.mark.parametrize(
    "flags", [("--notify", "nowhere://{}"), ("--set", "notify=nowhere://{}"), ("--set", "notfy={}")]
)
def test_an_address_that_cannot_be_used_is_told_before_the_run_without_its_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: tuple[str, str]
) -> None:
    """The last is a slip of the pen."""
    save(tmp_path / "c", 1)
    given = [flag.format(SECRET) for flag in flags]
    assert main(["report", str(tmp_path / "c"), "-o", str(tmp_path / "out"), "--no-pdf", *given]) == 2
    said = capsys.readouterr()
    assert "notify" in said.err and SECRET not in said.out + said.err
    assert not (tmp_path / "out").exists()


def test_a_foreign_settings_file_sends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ckpt-report.toml").write_text(f'notify = "json://{SECRET}"\n')
    assert main(["config", "show"]) == 0
    said = capsys.readouterr()
    assert "a file in the working folder must not have anything sent" in said.err
    assert SECRET not in said.out + said.err


def test_github_needs_its_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    save(tmp_path / "c", 1)
    save(tmp_path / "c", 2, bad=True)
    command = ["report", str(tmp_path / "c"), "-o", str(tmp_path / "out"), "--no-pdf", "--github-summary"]
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    assert main(command) == 2
    assert "GITHUB_STEP_SUMMARY is not set" in capsys.readouterr().err
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "job.md"))
    assert main(command) == 3
    assert any(line.startswith("::error title=Non-finite values::") for line in capsys.readouterr().out.splitlines())
    assert (tmp_path / "job.md").read_text().startswith("### Checkpoints of c: FAIL")


def test_quiet_says_nothing_while_all_is_well_and_everything_when_it_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["report", str(tmp_path / "c"), "-o", str(tmp_path / "out"), "--no-pdf", "-q"]
    save(tmp_path / "c", 1)
    assert main(command) == 0
    assert capsys.readouterr() == ("", "")
    save(tmp_path / "c", 2, bad=True)
    assert main(command) == 3
    said = capsys.readouterr()
    assert said.out.startswith("FAIL  ") and said.out.endswith("/latest/index.html\n")
    assert "verdict FAIL: 1 finding" in said.err


def test_log_format_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(tmp_path / "c", 1)
    assert main(["report", str(tmp_path / "c"), "-o", str(tmp_path / "out"), "--no-pdf", "--log-format", "json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["event"] for line in lines if line["event"] != "compiling"] == ["measured", "measured-all", "verdict"]
    assert all(datetime.fromisoformat(line["time"]).tzinfo == UTC and line["level"] == "info" for line in lines)
    assert (lines[-1]["verdict"], lines[-1]["exit_code"]) == ("PASS", 0)
