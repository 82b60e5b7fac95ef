"""``ldbench new`` writes packages that work as they are."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
Install = Callable[..., Path]
Call = Callable[..., int]
Mistake = Callable[..., str]
MINE = {"mine": "mine_module:Mine"}


def ruff(*arguments: str | Path) -> str:
    """What ruff complains of, by the rules of this project."""
    command = [sys.executable, "-m", "ruff", *map(str, arguments), "--no-cache"]
    config = ["--config", str(ROOT / "pyproject.toml")]
    done = subprocess.run([*command, *config], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.mark.parametrize("kind", ["method", "task"])
@pytest.mark.parametrize("name", ["mine", "a_name_of_some_length"])
def test_a_new_package_reads_like_the_rest(
    tmp_path: Path, call: Call, kind: str, name: str
) -> None:
    assert call("new", kind, name, "--out", tmp_path) == 0
    folder = tmp_path / name
    files = {"pyproject.toml", f"{name}.py", f"test_{name}.py"}
    assert {path.name for path in folder.iterdir()} == files | (
        {"plan.toml"} if kind == "method" else set()
    )
    assert not any("$" in path.read_text(encoding="utf-8") for path in folder.iterdir())
    assert ruff("format", "--check", folder) == ""
    # Where the package lies decides whether its own name counts as a third party's.
    assert ruff("check", folder, "--ignore", "I001,S101") == ""


@pytest.mark.parametrize("kind", ["method", "task"])
@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("Mine", "cannot be called 'Mine'"),
        ("1st", "cannot be called '1st'"),
        ("my-own", "cannot be called 'my-own'"),
        ("../mine", "cannot be called '../mine'"),
        ("lambda", "cannot be called 'lambda'"),
        ("simclr", "there is a method called simclr already"),
        ("hrf_vessel", "there is a task called hrf_vessel already"),
        ("json", "there is a module called json already"),
    ],
)
def test_a_name_that_cannot_be_used_writes_nothing(
    tmp_path: Path,
    mistake: Mistake,
    kind: str,
    name: str,
    complaint: str,
) -> None:
    out = tmp_path / "out"
    assert complaint in mistake("new", kind, name, "--out", out)
    assert not out.exists()


def test_nothing_is_overwritten(tmp_path: Path, mistake: Mistake) -> None:
    (tmp_path / "mine").mkdir()
    line = mistake("new", "method", "mine", "--out", tmp_path)
    assert "mine exists: give another name" in line
    (tmp_path / "file").touch()
    line = mistake("new", "method", "mine", "--out", tmp_path / "file")
    assert "cannot be written" in line
    assert list((tmp_path / "mine").iterdir()) == []


def test_a_new_name_must_not_be_an_installed_packages(
    tmp_path: Path,
    mistake: Mistake,
    install: Install,
) -> None:
    install("mine-package", MINE, {})
    line = mistake("new", "task", "mine", "--out", tmp_path / "out")
    assert "there is a method called mine already" in line


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["method", "task"])
def test_a_new_packages_own_test_passes(tmp_path: Path, call: Call, kind: str) -> None:
    assert call("new", kind, "mine", "--out", tmp_path) == 0
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "mine"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout
