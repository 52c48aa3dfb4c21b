"""The examples for schedulers are of their kind, and give flags that exist."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from reporter.cli.parser import parser

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples" / "nightly"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.name)
def test_yaml(path: Path) -> None:
    yaml = pytest.importorskip("yaml")
    assert isinstance(yaml.safe_load(path.read_text()), dict)


def test_the_cron_job_never_runs_twice_at_once() -> None:
    yaml = pytest.importorskip("yaml")
    job = yaml.safe_load((FOLDER / "kubernetes.yaml").read_text())
    assert (job["kind"], job["spec"]["concurrencyPolicy"]) == ("CronJob", "Forbid")
    (container,) = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    parser().parse_args(container["args"])


@pytest.mark.parametrize(
    "name", ["ckpt-report.service", "crontab", "github-actions.yaml", "gitlab-ci.yaml", "airflow_dag.py"]
)
def test_commands_can_be_parsed(name: str) -> None:
    text = (FOLDER / name).read_text()
    (command,) = re.findall(r"(?:bin/ckpt-report|-m reporter) (report (?:[^\n\"]|\n {10}(?=-))*)", text)
    parser().parse_args(shlex.split(command))


def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("systemd-analyze is not on this machine")
    for name in ("ckpt-report.service", "ckpt-report.timer"):
        text = (FOLDER / name).read_text().replace("/opt/ckpt-report/.venv/bin/ckpt-report", "/bin/true")
        (tmp_path / name).write_text(text)
    done = subprocess.run(
        [tool, "verify", *map(str, sorted(tmp_path.glob("ckpt-report.*")))], capture_output=True, text=True, check=False
    )
    assert "ckpt-report" not in done.stderr, done.stderr


def test_airflow_example_is_python() -> None:
    compile((FOLDER / "airflow_dag.py").read_text(), "airflow_dag.py", "exec")


def test_make_looks_for_the_folder_before_it_installs_anything(tmp_path: Path) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    done = subprocess.run(
        ["make", "report", "CKPTS=no such folder"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "CKPTS: there is no no such folder" in done.stderr
    assert not (tmp_path / ".venv").exists()
