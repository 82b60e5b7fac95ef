"""Methods of installed packages in plans and results: known by their code, shown when gone."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark import registry
from benchmark.asked import Asked, Wanted, ask
from benchmark.cells import Cell, CellKey, CellResult, PretrainKey, Status
from benchmark.fingerprint import FingerprintError, fingerprint
from benchmark.plan import read_plan
from benchmark.report.figures.canvas import method_styles
from benchmark.store import Store, folder_name
from methods.errors import ConfigError

ROOT = Path(__file__).parents[2]
Install = Callable[..., Path]
Call = Callable[..., int]
MINE = {"mine": "mine_module:Mine"}


def test_a_plan_may_name_them(install: Install, method_source: str, task_source: str) -> None:
    folder = install("mine-package", MINE, {"mine_module.py": method_source})
    install(
        "discs-package", {"mine": "discs_module:Mine"}, {"discs_module.py": task_source}, "task"
    )
    text = (ROOT / "benchmark" / "plans" / "demo.toml").read_text(encoding="utf-8")
    path = folder / "plan.toml"
    path.write_text(text.replace('"simclr"', '"mine"').replace('"hrf_vessel"', '"mine"'))
    plan = read_plan(path)
    assert "mine" in plan.methods
    assert "mine" in plan.tasks


def test_an_own_task_may_not_take_a_packages_name(install: Install, tmp_path: Path) -> None:
    install("mine-package", MINE, {}, "task")
    (tmp_path / "mine.toml").write_text(
        'title = "M"\ndomain = "fundus"\nkind = "lesion"\nimages = "i"\nmasks = "m"\n'
    )
    (tmp_path / "split.csv").write_text("image,part\na.png,train\nb.png,train\nc.png,test\n")
    with pytest.raises(ConfigError, match="mine is a registered task"):
        registry.task(str(tmp_path / "mine.toml"))


PACKAGE = {
    "mine/__init__.py": "SIZE = 1\n",
    "mine/vision/__init__.py": "",
    "mine/vision/method.py": "from ..losses import loss\nfrom . import heads\nimport lightly\n",
    "mine/vision/heads.py": "from methods.views import two_views\n",
    "mine/losses.py": "def loss():\n    import mine.late\n",
    "mine/late.py": "",
    "mine/unused.py": "",
}


def test_a_fingerprint_covers_a_packages_own_modules(install: Install) -> None:
    folder = install("mine-package", {"mine": "mine.vision.method:Mine"}, PACKAGE)
    before = fingerprint("mine.vision.method")
    own = {name for name in before if name.partition(".")[0] == "mine"}
    assert own == {
        "mine", "mine.vision", "mine.vision.method", "mine.vision.heads", "mine.losses", "mine.late"
    }  # fmt: skip
    assert {"methods.pretrain", "methods.views", "methods.geometry"} <= set(before)
    assert not any(name.startswith("lightly") for name in before)
    (folder / "mine" / "late.py").write_text("# why\n")
    assert fingerprint("mine.vision.method") == before
    (folder / "mine" / "late.py").write_text("RATE = 2\n")
    after = fingerprint("mine.vision.method")
    assert [name for name in before if before[name] != after[name]] == ["mine.late"]


def test_a_single_module_has_a_fingerprint(install: Install, method_source: str) -> None:
    install("mine-package", MINE, {"mine_module.py": method_source})
    assert {"mine_module", "methods.base", "methods.pretrain"} <= set(fingerprint("mine_module"))


def test_code_that_cannot_be_read_has_no_fingerprint(install: Install) -> None:
    install("mine-package", MINE, {"mine_module/data.txt": ""})
    with pytest.raises(FingerprintError, match="the code of mine_module cannot be read"):
        fingerprint("mine_module")


def results_of(folder: Path, methods: tuple[str, ...]) -> None:
    """A results folder with a finished cell for each method."""
    store, wanted = Store(folder), []
    for place, method in enumerate(methods):
        key = CellKey(method, method, "hrf_vessel", "m", "p", ("direct",), {"fraction": 1.0}, 0, 1)
        rows = [("direct", image, "dice", 0.5 + 0.1 * place) for image in ("a", "b")]
        facts = {"pool": "mine", "pool images": 9, "leaks excluded from the pool": 0}
        pretrain = PretrainKey(method, {}, "tiny", 64, {}, "mine", "m", (), 0, 1)
        code = fingerprint(f"methods.{method}") if method in registry.methods() else {}
        cell = Cell(key, pretrain, folder_name(key.hash, code), method, code)
        store.put_cell(cell, CellResult(key, Status.DONE, "", "fundus", "real", rows, facts))
        wanted.append(Wanted.by(cell, "fundus", "real"))
    ask(folder, Asked("Foreign", {}, {}, tuple(wanted)))


def test_results_of_a_method_that_is_not_installed_are_shown(
    tmp_path: Path, call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    results_of(tmp_path, ("random", "gone"))
    assert call("leaderboard", tmp_path) == 0
    assert "not installed here: gone" in capsys.readouterr().out
    assert call("leaderboard", tmp_path, "--json") == 0
    (board,) = json.loads(capsys.readouterr().out)["boards"]
    assert {row["method"] for row in board["rows"]} == {"random", "gone"}


def test_colours_of_ours_stay_and_others_follow(install: Install) -> None:
    before = method_styles(list(registry.methods()), [])
    install("mine-package", {"a_first": "mine_module:Mine"}, {})
    order = list(registry.methods())
    assert order[-1] == "a_first"
    after = method_styles(order, [])
    assert {name: after[name] for name in before} == before
    assert after["a_first"] not in before.values()
