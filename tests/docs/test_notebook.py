"""The notebook of the examples runs from its first cell to its last, and shows what a reader expects to see."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

NOTEBOOK = ROOT / "examples" / "notebook.ipynb"


def shown(cell: Any, kind: str) -> str:
    """What the last output of a cell holds of one kind."""
    (*_, last) = cell["outputs"]
    return str(last["data"].get(kind, ""))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the libraries that talk to the kernel
def test_every_cell_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "outputs are not kept in the source"
    nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    cells = {cell["source"].splitlines()[-1]: cell for cell in notebook.cells if cell["cell_type"] == "code"}
    assert "PASS" in shown(cells["callback.outcome.report.verdict, str(callback.outcome.page)"], "text/plain")
    for name in ("result", "difference"):
        assert "hidden/kernel" in shown(cells[name], "text/html")
    assert shown(cells['result.plot("hidden/kernel")'], "image/png"), "a histogram"
    for table in ("result.to_pandas()", "difference.to_pandas()"):
        assert "<table" in shown(cells[table], "text/html")
    for page in ("reports/live", "reports/files"):
        assert (tmp_path / page / "latest" / "index.html").is_file()
