"""Imports only go down, heavy libraries are imported late, and the packages are ours."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import benchmark
import methods
import tasks

ROOT = Path(__file__).parents[2]
#: What each floor may import of the project besides itself.
ALLOWED = {
    "methods": set[str](),
    "tasks": {
        "augmentation",
        "base",
        "checkpoint",
        "collapse",
        "draws",
        "errors",
        "geometry",
        "ledger",
        "networks",
        "precision",
        "views",
        "windows",
    },
}
HEAVY = ("torch", "monai", "seaborn", "lightly", "matplotlib")


def project_imports(path: Path) -> set[str]:
    """Full names of the project's modules that a file imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            names.add(node.module or "")
    return {name for name in names if name.split(".")[0] in ("benchmark", "tasks", "methods")}


@pytest.mark.parametrize("floor", ALLOWED)
def test_imports_only_go_down(floor: str) -> None:
    for path in (ROOT / floor).rglob("*.py"):
        for name in project_imports(path):
            package, _, rest = name.partition(".")
            if package == floor:
                continue
            assert floor == "tasks", f"{path} imports {name}"
            assert package == "methods", f"{path} imports {name}"
            assert rest.split(".")[0] in ALLOWED[floor], f"{path} imports {name}"


def test_the_packages_are_this_repositorys() -> None:
    for package in (benchmark, tasks, methods):
        assert package.__file__ is not None
        assert Path(package.__file__).is_relative_to(ROOT)


@pytest.mark.parametrize(
    "module",
    [
        "benchmark.cli",
        "benchmark.plan",
        "benchmark.registry",
        "benchmark.skeletons",
        "benchmark.store",
        "tasks.idrid",
        "methods",
    ],
)
def test_heavy_libraries_are_imported_late(module: str) -> None:
    code = f"import sys, {module}; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == "[]"
