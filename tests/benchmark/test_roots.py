"""Where a plan's phantoms are, and how many."""

import json
from pathlib import Path

from rich.console import Console

from benchmark import registry
from benchmark.plan import Plan, read_plan
from benchmark.roots import phantom_folder, root_of
from benchmark.store import Store
from tasks.manifest import digest
from tasks.phantoms import VERSION
from tasks.phantoms.layouts import LAYOUTS, Request

PLANS = Path(__file__).parents[2] / "benchmark" / "plans"


def plan(pool: Path, **phantom: object) -> Plan:
    record = {
        "title": "Small",
        "methods": ["random"],
        "tasks": ["chasedb1_vessel"],
        "seeds": [0],
        "size": 64,
        "pools": {"fundus": str(pool)},
        "budget": {"images": 8},
        "phantom": {"scale": 0.5, "size": 64, **phantom},
    }
    return Plan.model_validate(record)


def test_without_a_limit_the_folder_is_called_as_before(tmp_path: Path) -> None:
    asked = {"scale": 0.5, "size": 64, "seed": 0}
    name = digest([asked, ["CHASEDB1"], VERSION])[:8]
    whole = phantom_folder(plan(tmp_path), tmp_path)
    assert whole == tmp_path / f"phantoms-0.5-64-0-{name}"
    limited = [phantom_folder(plan(tmp_path, most=most), tmp_path) for most in (4, 5)]
    assert len({whole, *limited}) == 3


def test_a_plans_limit_is_that_of_the_phantoms_drawn_for_it(tmp_path: Path) -> None:
    limited = plan(tmp_path, most=5)
    root = root_of(limited, "phantom", Store(tmp_path / "out"), Console(quiet=True), None)
    assert (root.scale, root.most) == (0.5, 5)
    record = json.loads((root.root / "PHANTOM.json").read_text(encoding="utf-8"))
    assert record["most"] == 5
    split = registry.listed("chasedb1_vessel").split(root)
    assert (len(split.train), len(split.test)) == (5, 2)  # of 10 and 4
    drawn = {path.stem for path in root.root.rglob("*.jpg")}
    assert drawn == {*split.train, *split.test}


def test_the_demo_shortens_one_data_set_only() -> None:
    part = read_plan(PLANS / "demo.toml").phantom
    whole, limited = (Request(part.scale, 0, part.size, most) for most in (None, part.most))
    shorter = {each.folder for each in LAYOUTS if each.images(limited) != each.images(whole)}
    assert shorter == {"SIIM-ACR"}
