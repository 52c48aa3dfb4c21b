"""One dependency direction: cli → pipeline → stages → model → errors; stages do not import each other."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "reporter"

# Lower ranks never import higher ones. Modules of equal rank import each other only inside one family.
RANKS: tuple[tuple[str, ...], ...] = (
    ("places", "frozen"),
    ("errors",),
    ("storage",),
    ("model", "installed"),
    ("settings", "numerals", "lifeline"),
    ("printable",),
    ("derive", "ahead"),
    ("discover", "readers", "measuring", "compare", "rules", "plots", "sections", "render", "writers", "terminal"),
    ("cache", "run_facts", "metrics"),
    ("gather", "documents"),
    ("cluster", "library"),
    ("judged", "opened"),
    ("pipeline", "api"),
    ("recorder",),
    ("engine", "keras"),
    ("testing",),
    ("cli", "pytest_plugin"),
    ("__init__", "__main__"),
)


def family(module: str) -> str:
    return module.split(".")[0]


@cache
def import_statements(path: Path) -> tuple[ast.Import | ast.ImportFrom, ...]:
    """All of a module's, at any depth; most tests here ask for those of every module."""
    nodes = ast.walk(ast.parse(path.read_text()))
    return tuple(node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom))


@cache
def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in import_statements(path):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "reporter":
            base = node.module.removeprefix("reporter").lstrip(".")
            names = [alias.name for alias in node.names if alias.name != "__version__"]  # known without any module
            found.update([base] if base else names)
            assert node.level == 0, f"{path}: relative import"
        elif isinstance(node, ast.Import):
            found.update(a.name.removeprefix("reporter.") for a in node.names if a.name.startswith("reporter."))
    return found


def rank(module: str) -> int:
    return next(i for i, families in enumerate(RANKS) if family(module) in families)


def test_imports_point_one_way() -> None:
    wrong = []
    for path in sorted(PACKAGE.rglob("*.py")):
        module = path.relative_to(PACKAGE).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__")
        for imported in imports(path):
            same = family(imported) == family(module)
            if same or module == "__init__":
                continue
            if rank(imported) >= rank(module):
                wrong.append(f"{module} imports {imported}")
    assert not wrong


def test_no_format_reaches_into_another() -> None:
    """What two formats need lies beside them (``files``, ``meaning`` …), under the name of what it is."""
    formats = {"keras", "live", "npz", "orbax", "safetensors", "tensorflow"}
    readers = PACKAGE / "readers"
    assert formats <= {path.stem for path in readers.iterdir()}

    def format_of(module: str) -> str | None:
        parts = module.split(".")
        name = parts[1] if parts[0] == "readers" and len(parts) > 1 else ""
        name = {"safetensors_index": "safetensors", "live_objects": "live"}.get(name, name)
        return name if name in formats else None

    wrong = []
    for path in sorted(readers.rglob("*.py")):
        module = path.relative_to(PACKAGE).with_suffix("").as_posix().replace("/", ".")
        own = format_of(module)
        if module == "readers.__init__":
            continue  # the list of all of them
        for imported in imports(path):
            other = format_of(imported)
            if other is not None and other != own:
                wrong.append(f"{module} imports {imported}")
    assert not wrong


def test_every_module_is_ranked() -> None:
    for path in PACKAGE.iterdir():
        if path.suffix == ".py" or (path / "__init__.py").exists():
            assert rank(path.stem) >= 0, path


def test_modules_stay_small() -> None:
    long = {p.name: n for p in PACKAGE.rglob("*.py") if (n := len(p.read_text().splitlines())) > 325}
    assert not long, "one module, one noun: split it"


def heavy_importers(name: str) -> set[str]:
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for node in import_statements(path):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
            if any(n.split(".")[0] == name for n in names):
                found.add(path.relative_to(PACKAGE).as_posix())
    return found


def test_heavy_libraries_have_one_home_each() -> None:
    assert heavy_importers("numba") == {"measuring/kernels/compiling.py"}
    compilers = ("compiling", "intermediate", "machine")
    assert heavy_importers("llvmlite") == {f"measuring/kernels/{name}.py" for name in compilers}
    assert {path.rpartition("/")[0] for path in heavy_importers("h5py")} == {"readers/keras/hdf5_parsing"}
    assert len(heavy_importers("weasyprint")) == 1
    assert all(path.startswith("plots/") for path in heavy_importers("matplotlib"))
    assert heavy_importers("tensorflow") == {"readers/tensorflow/v1_parsing.py"}
    assert heavy_importers("tensorstore") == {"readers/orbax/parsing.py"}
    assert heavy_importers("keras") == set()


def test_native_parsers_are_imported_by_nobody() -> None:
    """The child process loads them by name; in this process they would parse untrusted files without limits."""
    parsers = {"readers.keras.hdf5_parsing", "readers.tensorflow.v1_parsing", "readers.orbax.parsing"}
    for name in parsers:
        path = PACKAGE / name.replace(".", "/")
        assert path.with_suffix(".py").exists() or (path / "__init__.py").exists()
    for path in sorted(PACKAGE.rglob("*.py")):
        module = path.relative_to(PACKAGE).with_suffix("").as_posix().replace("/", ".")
        others = {name for name in parsers if not module.startswith(f"{name}.")}  # one may consist of several modules
        assert not [one for one in imports(path) if any(f"{one}.".startswith(f"{name}.") for name in others)], module
