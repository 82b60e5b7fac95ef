"""A plan may build on another one: what it says replaces it, table by table."""

from pathlib import Path

import pytest

from benchmark.plan import read_plan
from methods.errors import InputError

BASE = """
title = "Under"
methods = ["random", "ld"]
tasks = ["chasedb1_vessel"]
seeds = [0, 1]
size = 64
[pools]
fundus = "idrid_grading"
[budget]
images = 64
checks = 5
[downstream]
steps = 2
[config.ld]
batch_size = 4
"""


def plans(folder: Path, above: str, beneath: str = BASE) -> Path:
    (folder / "under.toml").write_text(beneath, encoding="utf-8")
    (folder / "over.toml").write_text(above, encoding="utf-8")
    return folder / "over.toml"


def test_a_plan_without_a_word_of_its_own_is_its_base(tmp_path: Path) -> None:
    over = plans(tmp_path, 'base = "under.toml"')
    assert read_plan(over) == read_plan(tmp_path / "under.toml")


def test_what_is_said_replaces_and_the_rest_of_its_table_stays(tmp_path: Path) -> None:
    text = """
base = "under.toml"
methods = ["random", "rotation"]
[budget]
images = 32
[budget.own]
rotation = 16
[config.ld]
temperature = 0.5
"""
    plan = read_plan(plans(tmp_path, text))
    assert plan.methods == ["random", "rotation"]
    assert (plan.budget.images, plan.budget.checks, plan.budget.own) == (32, 5, {"rotation": 16})
    assert plan.config == {"ld": {"batch_size": 4, "temperature": 0.5}}
    assert plan.seeds == [0, 1]


@pytest.mark.parametrize(
    ("above", "beneath", "expected"),
    [
        ('base = "absent.toml"', BASE, "there is no plan .*absent.toml, the base of over.toml"),
        ('base = "a/under.toml"', BASE, "base = 'a/under.toml': name a plan that lies beside"),
        ("base = 3", BASE, "base = 3: name a plan"),
        ('base = "under.toml"', 'base = "over.toml"', "under.toml has a base of its own: name"),
        ('base = "under.toml"', "seeds = [", "under.toml is no TOML"),
        ('syze = 32\nbase = "under.toml"', BASE, "unknown plan key 'syze'; did you mean 'size'"),
        ('base = "under.toml"\n[budget]\nimages = 0', BASE, "over.toml: budget.images: .*not 0"),
        ('base = "under.toml"\nbudget = 3', BASE, "over.toml: budget: .*not 3"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, above: str, beneath: str, expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        read_plan(plans(tmp_path, above, beneath))
