"""Whether the tests notice mistakes in what composes and writes reports: ``make mutants``.

    python -m tests.mutants [--each N] [--without NAME] [MODULE ...]

makes N mistakes (see :mod:`tests.mutants.mistakes`) in every module of ``reporter.writers`` and ``reporter.sections``,
one at a time and in memory only, runs the tests of those folders on each, and prints which mistakes survive. The
reports that the tests look at are built once, by the code as it is; each mistake is tried in a fork of this process.

``--without test_golden.py`` leaves a file of tests out: what do the others notice alone?
"""

from __future__ import annotations

import argparse
import doctest
import importlib.abc
import importlib.util
import inspect
import os
import shutil
import signal
import sys
import tempfile
import time
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import pytest

import reporter
from tests.make import built
from tests.mutants.mistakes import Mistake, chosen, mistakes

ROOT = Path(__file__).parents[2]
PACKAGES = ("writers", "sections")
TESTS = (
    "writers/test_golden.py",
    "writers/test_findings_json.py",
    "writers/test_values.py",
    "writers/test_cases.py",
    "writers/test_publish.py",
    "nights/test_kept_runs.py",
    "nights/test_notify.py",
    "nights/test_three_nights.py",
    "sections",
    "writers/test_sections.py",
    "writers/test_sections_of_layers.py",
    "writers/test_checkpoint_page.py",
    "writers/test_numbers.py",
    "writers/test_numbers_of_changes.py",
    "writers/test_numbers_of_models.py",
    "writers/test_numbers_of_findings.py",
    "writers/test_every_key.py",
    "writers/test_plots.py",
    "writers/test_aside.py",
)
OF_THEIR_OWN = ("storage/test_publishing.py", "storage/test_http_faults.py", "test_installed.py")
"""Tests that need a server or packages: they are run on the modules that they import."""

CHOSEN: set[str] = set()
"""Names of the files of tests that are run."""

SECONDS = 300
"""More than all of these tests take; a mistake may also be an endless loop."""


class Mutated(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module from another source than its file's."""

    def __init__(self, name: str, source: str) -> None:
        self.name, self.source = name, source

    def find_spec(self, name: str, path: object, target: object = None) -> ModuleSpec | None:
        """The module, if it is asked for."""
        return importlib.util.spec_from_loader(name, self, origin=name) if name == self.name else None

    def create_module(self, spec: ModuleSpec) -> None:
        """An ordinary one."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the source."""
        exec(compile(self.source, self.name, "exec"), module.__dict__)


def forget() -> None:
    """Have the packages imported anew, and whatever of the program holds something of theirs, such as the pipeline."""
    gone = {name for name in sys.modules if name.startswith(tuple(f"{reporter.__name__}.{p}" for p in PACKAGES))}
    others = {name: module for name, module in sys.modules.items() if name.startswith(f"{reporter.__name__}.")}
    while more := {n for n, m in others.items() if n not in gone and any(home(v) in gone for v in vars(m).values())}:
        gone |= more
    for name in gone:
        package, _, own = name.rpartition(".")
        vars(sys.modules.get(package, sys)).pop(own, None)  # else ``from package import own`` would find it
    for name in gone:
        del sys.modules[name]


def home(value: object) -> str:
    """The module that something was defined in; of a module, itself."""
    return value.__name__ if isinstance(value, ModuleType) else str(getattr(value, "__module__", ""))


def noticed(name: str, mistake: Mistake | None, tests: list[str]) -> bool:
    """Whether a test fails in a fork of this process that imports the module with the mistake in it."""
    child = os.fork()
    if not child:
        signal.alarm(SECONDS)
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        forget()
        if mistake is not None:
            sys.meta_path.insert(0, Mutated(name, mistake.source))
        if mistake is not None and (doctest.testmod(importlib.import_module(name)).failed or golden_files_differ()):
            os._exit(1)
        scratch = tempfile.mkdtemp(prefix="ckpt-report-mutant-")
        code = pytest.main(["-x", "-q", "-p", "no:cacheprovider", f"--basetemp={scratch}", *tests])
        shutil.rmtree(scratch, ignore_errors=True)
        os._exit(int(code))
    _, status = os.waitpid(child, 0)
    return status != 0


def golden_files_differ() -> bool:
    """Whether a test of golden files fails; asked without pytest first, which takes longer to start than these take."""
    known = {"rich": built.rich(), "story": built.story(), "golden": ROOT / "tests" / "golden"}
    try:
        for stem in ("test_golden", "test_cases"):
            module = importlib.import_module(f"tests.writers.{stem}")
            tests = [t for name, t in vars(module).items() if name.startswith("test_") and f"{stem}.py" in CHOSEN]
            for test in tests:
                wanted = inspect.signature(test).parameters
                for medium in ("html", "pdf") if "medium" in wanted else ("",):
                    if wanted.keys() <= {*known, "medium"}:
                        test(**{name: value for name, value in {**known, "medium": medium}.items() if name in wanted})
    except Exception:  # an AssertionError, or whatever the mistake leads to
        return True
    return False


def files() -> list[str]:
    """Every file of :data:`TESTS`, from the checkout on."""
    named = [ROOT / "tests" / test for test in TESTS]
    found = [file for path in named for file in (sorted(path.glob("test_*.py")) if path.is_dir() else [path])]
    return [file.relative_to(ROOT).as_posix() for file in found]


def nearest(name: str, tests: list[str]) -> list[str]:
    """First those files that speak of the module, as the first test that fails ends the run."""
    own = name.rpartition(".")[2]

    def speaks(test: str) -> bool:
        return own in (ROOT / test).read_text("utf-8")

    more = [f"tests/{each}" for each in OF_THEIR_OWN if f"{name} import" in (ROOT / "tests" / each).read_text("utf-8")]
    return more + sorted(tests, key=lambda test: not speaks(test))


def modules() -> dict[str, str]:
    """Source of every module with something in it, by dotted name."""
    found = {}
    for package in PACKAGES:
        for path in sorted((Path(reporter.__file__).parent / package).glob("*.py")):
            name = f"{reporter.__name__}.{package}.{path.stem}"
            if path.stem != "__init__":
                found[name] = path.read_text("utf-8")
    return found


def main() -> int:
    """Try all of them."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("--each", type=int, default=4, help="mistakes in every module")
    parser.add_argument("--without", action="append", default=[], help="files of tests that are left out")
    parser.add_argument("--trust", action="store_true", help="do not run the tests on the code as it is first")
    parser.add_argument("modules", nargs="*", help="names that begin so, such as reporter.writers.records; all")
    given = parser.parse_args()
    os.chdir(ROOT)
    tests = [test for test in files() if Path(test).name not in given.without]
    CHOSEN.update(Path(test).name for test in tests)
    built.rich()
    built.story()
    if not given.trust and noticed("", None, tests):
        print("the tests fail on the code as it is: see to that first")
        return 2
    tried = killed = 0
    for name, source in modules().items():
        if given.modules and not name.startswith(tuple(given.modules)):
            continue
        for mistake in chosen(mistakes(source), given.each):
            started = time.monotonic()
            caught = noticed(name, mistake, nearest(name, tests))
            tried += 1
            killed += caught
            about = f"{name}:{mistake.line}: {mistake.kind}: {_short(mistake.before)}  ->  {_short(mistake.after)}"
            print(f"{'killed  ' if caught else 'SURVIVED'} {time.monotonic() - started:5.1f} s  {about}", flush=True)
    print(f"{killed} of {tried} killed, {100 * killed / max(tried, 1):.1f} %")
    return 0 if killed >= 0.95 * tried else 1


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 110 else line[:109] + "…"


if __name__ == "__main__":
    sys.exit(main())
