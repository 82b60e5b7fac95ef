"""What is run again and again at growing sizes: pre-trainings, and whole plans of tiny ones."""

import os
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmark import registry
from benchmark.comparison import compare
from benchmark.plan import Plan, checked
from benchmark.report.publish import publish
from benchmark.speed.photographs import pool
from methods.base import Budget
from methods.pretrain import build, pretrain

#: Of one kind, so that one row more is as much work as the one before.
METHODS = (
    "simclr",
    "byol",
    "simsiam",
    "moco_v2",
    "barlow_twins",
    "invaspread",
    "instdisc",
    "pixpro",
)
#: All that read fundus photographs, with one pool.
TASKS = (
    *("idrid_optic_disc", "rite_vessel", "drishti_optic_cup", "drishti_optic_disc"),
    *("stare_vessel", "idrid_hard_exudates", "chasedb1_vessel", "hrf_vessel"),
)


def trained(folder: Path, side: int, drawn: int) -> None:
    """A pre-training of simclr on prepared images."""
    cls = registry.method("simclr")
    method = build(cls, cls.Config(), "tiny", 3, seed=0)
    pretrain(method, pool(folder, side), Budget(drawn, checks=1), seed=0)


def from_(names: tuple[str, ...], first: int, count: int) -> list[str]:
    """As many names from a place on, around the end: over runs, each is among the few."""
    return [names[(first + place) % len(names)] for place in range(count)]


def small_plan(methods: list[str], tasks: list[str]) -> Plan:
    """Trainings of two steps."""
    record = {
        "title": "Growth", "methods": methods, "tasks": tasks, "seeds": [0], "size": 48,
        "threads": 1, "precision": "float32", "pools": {"fundus": "idrid_grading"},
        "budget": {"images": 16, "checks": 1},
        "downstream": {"steps": 2, "batch_size": 2, "checks": 1, "direct": []},
        "config": {name: {"batch_size": 8} for name in methods},
    }  # fmt: skip
    return checked(record, "growth")


def ran(folder: Path, plan: Plan) -> None:
    """A plan from its grid to its leaderboard, in a new results folder."""
    with TemporaryDirectory(dir=folder) as out, redirect_stdout(Path(os.devnull).open("w")):
        compare(plan, str(folder / "phantoms"), Path(out), "cpu", folder / "cache")
        publish(Path(out), as_json=False)
