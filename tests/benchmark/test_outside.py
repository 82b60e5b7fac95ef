"""Methods and tasks of installed packages: listed unseen, refused by name, known by their code."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark import registry
from benchmark.listing import widths
from benchmark.outside import OutsideError
from methods import METHODS

ROOT = Path(__file__).parents[2]
Install = Callable[..., Path]
Call = Callable[..., int]
MINE = {"mine": "mine_module:Mine"}


def test_a_sound_class_is_loaded_by_its_name(install: Install, method_source: str) -> None:
    install("mine-package", MINE, {"mine_module.py": method_source})
    listed = registry.methods()["mine"]
    assert (listed.family, listed.year, listed.source) == ("outside", None, "mine-package 1.0")
    assert list(registry.methods()) == [*METHODS, "mine"]
    assert "mine_module" not in sys.modules
    assert registry.method("mine") is sys.modules["mine_module"].Mine


@pytest.mark.parametrize("kind", ["method", "task"])
def test_nothing_is_imported_to_list_it(install: Install, kind: str) -> None:
    code = "raise RuntimeError('imported')"
    folder = install("mine-package", MINE, {"mine_module.py": code}, kind)
    script = (
        "import sys; from benchmark.cli import main; "
        f"sys.argv = ['ldbench', '{kind}s', '--json']; status = main(); "
        "loaded = [name for name in ('mine_module', 'torch') if name in sys.modules]; "
        "print(loaded, file=sys.stderr); sys.exit(status)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}"},
        capture_output=True,
        text=True,
        check=True,
    )
    rows = json.loads(done.stdout)
    assert rows[-1]["name"] == "mine"
    assert "mine-package 1.0" in rows[-1].values()
    assert done.stderr.strip() == "[]"


def test_the_table_fits_a_terminal(
    install: Install,
    call: Call,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    install("mine-package", {"context_of_mine_alone": "mine_module:Mine"}, {})
    monkeypatch.setenv("COLUMNS", "80")
    assert call("methods") == 0
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80
    names = {line.split(" ")[0] for line in shown.splitlines()}
    assert {"context_of_mine_alone", *METHODS} <= names
    assert {"mine", "outside", "-"} <= set(shown.replace("-", " - ").split())


def test_columns_break_at_spaces_where_that_is_enough() -> None:
    lines = [["name", "title", "year"], ["a_long_name", "Local discrimination", "2023"]]
    assert widths(lines, 60) == [11, 20, 4]
    assert widths(lines, 36) == [11, 17, 4]
    assert widths(lines, 33) == [11, 14, 4]
    assert widths(lines, 32) == [11, 13, 4]
    assert widths(lines, 9) == [11, 6, 4]


MISTAKES = [
    ("class Mine(Method[Batch])", "class Mine", "is no method: derive the class"),
    ('name = "mine"', 'name = "yours"', "has the name 'yours' and is registered as 'mine'"),
    ("class Config:", "class Settings:", "has no Config: give it a frozen dataclass"),
    ("@dataclass(frozen=True, slots=True)", "", "has a Config that is no dataclass"),
    ("frozen=True, ", "", "has a Config that can change"),
    ("weight_decay: float = 0.0", "", "has a Config without weight_decay"),
    ("learning_rate: float = 1e-3", "learning_rate: float", "without defaults for learning_rate"),
    ("https://arxiv", "arxiv", "give a link"),
    ('paper = "https://arxiv.org/abs/1234.56789"', "", "has None for its paper"),
    ("def views", "def look", "lacks views: write them"),
]


@pytest.mark.parametrize(("old", "new", "complaint"), MISTAKES, ids=lambda value: value[:30])
def test_an_unsound_method_names_its_class_and_the_remedy(
    install: Install, method_source: str, old: str, new: str, complaint: str
) -> None:
    assert old in method_source
    install("mine-package", MINE, {"mine_module.py": method_source.replace(old, new)})
    with pytest.raises(OutsideError) as caught:
        registry.method("mine")
    assert str(caught.value).startswith("mine_module:Mine ")
    assert complaint in str(caught.value)


TASK_MISTAKES = [
    ("class Mine(SegmentationTask)", "class Mine", "is no task: derive the class"),
    ('name = "mine"', 'name = "yours"', "has the name 'yours' and is registered as 'mine'"),
    ("info = TaskInfo(", "facts = TaskInfo(", "has no info"),
    ("https://example.org", "example", "has 'example' for its page"),
    ("def example", "def sample", "lacks example: write them"),
    ("def split(", "def __init__(self, x: int) -> None: ...\n    def split(", "no arguments"),
]


@pytest.mark.parametrize(("old", "new", "complaint"), TASK_MISTAKES, ids=lambda value: value[:30])
def test_an_unsound_task_names_its_class_and_the_remedy(
    install: Install, task_source: str, old: str, new: str, complaint: str
) -> None:
    assert old in task_source
    install("mine-package", MINE, {"mine_module.py": task_source.replace(old, new)}, "task")
    with pytest.raises(OutsideError) as caught:
        registry.task("mine")
    assert str(caught.value).startswith("mine_module:Mine ")
    assert complaint in str(caught.value)


def test_a_task_of_another_domain_is_refused(install: Install, task_source: str) -> None:
    # Types are executed while tests run, so the value is put in behind their back.
    other = 'object.__setattr__(Mine.info, "domain", "skin")\n'
    install("mine-package", MINE, {"mine_module.py": task_source + other}, "task")
    with pytest.raises(OutsideError, match="'skin': domain is 'fundus' or 'chest X-ray'"):
        registry.task("mine")


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("import no_such_library", "ModuleNotFoundError: No module named 'no_such_library'"),
        ("def broken(:", "SyntaxError: invalid syntax"),
        ("raise ValueError('one\\ntwo')", "ValueError: one two"),
        ("Yours = 1", "AttributeError: module 'mine_module' has no attribute 'Mine'"),
    ],
)
def test_a_module_that_cannot_be_imported_is_one_line_and_keeps_its_cause(
    install: Install,
    call: Call,
    capsys: pytest.CaptureFixture[str],
    code: str,
    error: str,
) -> None:
    install("mine-package", MINE, {"mine_module.py": code})
    with pytest.raises(OutsideError) as caught:
        registry.method("mine")
    assert str(caught.value).startswith(f"mine_module:Mine cannot be imported: {error}")
    assert type(caught.value.__cause__).__name__ == error.partition(":")[0]
    assert call("methods") == 0  # the others are not held up
    capsys.readouterr()


@pytest.mark.parametrize("kind", ["method", "task"])
def test_a_name_is_given_once(install: Install, kind: str) -> None:
    listed = registry.methods if kind == "method" else registry.tasks
    install("one-package", MINE, {}, kind)
    install("other-package", {"mine": "other_module:Mine"}, {}, kind)
    with pytest.raises(OutsideError) as caught:
        listed()
    message = str(caught.value)
    assert f"two {kind}s are called 'mine'" in message
    for place in ("mine_module:Mine of one-package 1.0", "other_module:Mine of other-package 1.0"):
        assert place in message


@pytest.mark.parametrize(
    ("kind", "name", "ours"),
    [
        ("method", "simclr", "methods.simclr:SimCLR of ldbench itself"),
        ("task", "hrf_vessel", "tasks.hrf:HrfVessel of ldbench itself"),
    ],
)
def test_our_names_are_taken(
    install: Install,
    call: Call,
    capsys: pytest.CaptureFixture[str],
    kind: str,
    name: str,
    ours: str,
) -> None:
    install("mine-package", {name: "mine_module:Mine"}, {}, kind)
    assert call(f"{kind}s") == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert ours in line
    assert "mine_module:Mine of mine-package 1.0" in line
    assert f"ldbench.{kind}s" in line
