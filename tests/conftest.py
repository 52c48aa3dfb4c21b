"""Fixtures that every test may use: the real checkpoints, and TensorFlow behind its import-time warnings."""

from __future__ import annotations

import gc
import logging
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import settings

from reporter.measuring.one_thread import one_thread
from tests.make.blank import undrawn, unpainted
from tests.make.formats import MAKERS, network

# A first call may compile a kernel: no test here is about time. `make fuzz` tries more.
settings.register_profile("untimed", deadline=None, max_examples=int(os.environ.get("CKPT_EXAMPLES", "50")))
settings.load_profile("untimed")

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("MPLBACKEND", "Agg")

ROOT = Path(__file__).resolve().parent.parent

# Kernels are compiled once for all tests; the cache of each, where they would be kept, is a new one.
os.environ.setdefault("NUMBA_CACHE_DIR", str(ROOT / "reporter" / "measuring" / "kernels" / "__pycache__"))


TOGETHER = {
    "browser": ("tests/browser/",),
    "formats": (
        "tests/contracts/",
        "tests/storage/",
        "tests/readers/orbax/",
        "tests/readers/test_quantised.py",
        "tests/readers/tensorflow/test_v1.py",
        "tests/cluster/test_parts.py",
        "tests/gather/test_verify.py",
        "tests/test_engine.py",
    ),
    "Keras": ("tests/readers/keras/",),
    "rich report": ("tests/writers/", "tests/sections/test_tensor_courses.py"),
}
"""Tests that share what is expensive to build: a browser; a model in every format, and the children that read them, of
which that with TensorFlow takes 9 s to start; trained models; a report."""

LONGEST = (
    "browser",
    "formats",
    "Keras",
    "tests/render/test_pdf.py",
    "tests/test_imports.py",
    "tests/cache/test_runs.py",
    "rich report",
    "tests/test_keras.py",
    "tests/test_report.py",
    "tests/docs/test_pages.py",
    "tests/cluster/test_cluster.py",
    "tests/cli/test_commands.py",
    "tests/docs/test_notebook.py",
    "tests/cache/test_renderings.py",
    "tests/test_live.py",
    "tests/measuring/test_kernels.py",
    "tests/test_ahead.py",
    "tests/test_review_document.py",
    "tests/faults/test_kills.py",
    "tests/faults/test_injected.py",
)
"""Of several processes, each of which takes the next group, none is left alone with one of these at the end."""


def group(nodeid: str) -> str:
    """The file of a test, or what of :data:`TOGETHER` it belongs to."""
    file = nodeid.partition("::")[0]
    return next((name for name, begins in TOGETHER.items() if file.startswith(begins)), file)


UNMEASURED = tuple(f"tests/browser/test_{name}.py" for name in ("hero", "keys", "report", "tables"))
"""What the first process begins with: in a new checkout the second compiles kernels meanwhile, and else both would."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first, all others as they are."""
    place = {name: i for i, name in enumerate(LONGEST)}
    items.sort(key=lambda item: (place.get(group(item.nodeid), len(place)), not item.nodeid.startswith(UNMEASURED)))


def loaded() -> None:
    """What is loaded by now stays: collections of garbage need not look at it again.

    There are millions of objects, TensorFlow's among them, and Keras collects whenever a layer gives up a variable.
    """
    gc.collect()
    gc.freeze()


def pytest_collection_finish() -> None:
    """All tests are imported."""
    loaded()


def pytest_runtest_setup() -> None:
    """All objects are looked at for garbage a tenth as often, which took 4 % of the time; a command sets it as well."""
    gc.set_threshold(10_000, 10, 100)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Of ``--dist loadfile``: each process is given whole groups. (pytest-xdist 3.8 knows none with pytest 9.2.)"""
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class Grouped(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group(nodeid)

    return Grouped(config, log)


@pytest.fixture(autouse=True)
def cache_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees what another one measured."""
    monkeypatch.setenv("CKPT_REPORT_CACHE", str(tmp_path / "cache-of-this-test"))


@pytest.fixture(scope="session", autouse=True)
def parsers_go_on() -> Iterator[None]:
    """The next report asks the parsers that the last one has started: TensorFlow's takes many seconds to start.

    A run ends them for their memory alone. That none outlives its process is tested where one runs as users start it.
    For the session, since reports are made for whole modules as well.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("reporter.judged.end_children", lambda: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def power_stays_on() -> Iterator[None]:
    """No test cuts the power, and none waits until a disk has what it wrote: a report waits dozens of times.

    That everything is made durable, and in which order, is tested by what ``os.fsync`` is called with.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def one_thread_of_linear_algebra() -> Iterator[None]:
    """What is right is computed by numpy. OpenBLAS's threads spin while they wait for a processor that others use."""
    with one_thread():
        yield


class _Warnings(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


@pytest.fixture(autouse=True)
def pdf_without_warnings(request: pytest.FixtureRequest) -> Iterator[None]:
    """What WeasyPrint warns about is lost on paper: a cell, a glyph, a link. Tests of the log look at it themselves."""
    printer, kept = logging.getLogger("reporter.render.pdf"), _Warnings()
    printer.addHandler(kept)
    yield
    printer.removeHandler(kept)
    assert "caplog" in request.fixturenames or kept.said == []


@pytest.fixture
def painted() -> None:
    """For tests that look at pictures, or at the same bytes with pictures among them."""


@pytest.fixture(autouse=True)
def blank_pictures(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever looks at numbers, words and verdicts needs no paint, which is a third of what a small report costs."""
    if "painted" not in request.fixturenames:
        unpainted(monkeypatch)


@pytest.fixture
def drawn() -> None:
    """For a test that looks at a page, where all others of its module do not."""


@pytest.fixture
def only_records(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """For modules that look at findings and ``report.json``: pages are two thirds of what a small report costs."""
    if "drawn" not in request.fixturenames:
        undrawn(monkeypatch)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real third-party checkpoints beside the checkout."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real checkpoints (../shared/data) are not on this machine")
    return folder


@pytest.fixture(scope="session")
def tf() -> ModuleType:
    """TensorFlow, imported once; what it warns about while importing is not ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import tensorflow
    # Two logical devices, so that a strategy can train replicas on them. Without a strategy the first does everything.
    config = tensorflow.config
    two = [config.LogicalDeviceConfiguration()] * 2
    config.set_logical_device_configuration(config.list_physical_devices("CPU")[0], two)
    loaded()
    return tensorflow


@pytest.fixture(scope="session")
def keras(tf: ModuleType) -> ModuleType:
    """Keras 3 on TensorFlow."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import keras
    loaded()
    return keras


@pytest.fixture(scope="session")
def tf_keras(tf: ModuleType) -> ModuleType:
    """Keras 2 on TensorFlow."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import tf_keras
    loaded()
    return tf_keras


@pytest.fixture(scope="session")
def model(keras: ModuleType) -> Any:
    """A small model, of which :func:`made` has a file in each format."""
    keras.utils.set_random_seed(0)
    return network(keras)


@pytest.fixture(scope="session")
def made(model: Any, tf: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same model in every format, each in a folder of its own. Nobody may change them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {name: make(model, tmp_path_factory.mktemp(name), tf) for name, make in MAKERS.items()}
