"""What a results folder says about its pools."""

from dataclasses import replace
from pathlib import Path

import pandas as pd

from benchmark.asked import Wanted
from benchmark.cells import EMULATES, EXCLUDED, SET, Status
from benchmark.report.footers import NOISE, budget_notes, pool_notes, set_notes, terms_notes
from benchmark.report.frame import COLUMNS, Result, machine
from benchmark.report.mixed import machine_notes
from benchmark.report.prices import Price
from benchmark.report.publish import blind_table
from benchmark.report.render import About, boards_of, render
from benchmark.status import State
from tests.benchmark.small_results import cell_of


def facts(pool: str, count: int, images: int) -> dict[str, object]:
    return {"pool": pool, EXCLUDED: count, "pool images": images}


def test_each_pool_says_once_what_was_left_out(tmp_path: Path) -> None:
    cells = [facts("idrid_grading", 23, 493)] * 2 + [facts("mine", 0, 10)]
    notes = pool_notes(cells)
    why = "more left out because they recur among test images."
    assert notes == [
        f"Pre-training pool idrid_grading: 493 images; 23 {why}",
        f"Pre-training pool mine: 10 images; 0 {why}",
    ]
    row = ("ld", "t", "fundus", "real", "frozen", 1.0, 0, "dice", "i", "done", 0.5)
    frame = pd.DataFrame([row, ("random", *row[1:])], columns=COLUMNS)
    (board,) = boards_of(frame, seed=0, about=About(notes))
    assert board.notes[-2:] == tuple(notes)
    render([board], tmp_path, "leaderboard", 0)
    assert notes[0] in (tmp_path / "leaderboard.md").read_text(encoding="utf-8")
    assert notes[0] in (tmp_path / "leaderboard.json").read_text(encoding="utf-8")


def test_answers_without_looking_stand_beside_no_pretraining_with_the_same_labels() -> None:
    frame = pd.DataFrame(
        [
            (
                "random",
                "hrf_vessel",
                "fundus",
                "real",
                "finetuned",
                share,
                0,
                "dice",
                "i",
                "done",
                dice,
            )
            for share, dice in ((0.2, 0.5), (1.0, 0.9))
        ],
        columns=COLUMNS,
    )
    there = {}
    for share in (1.0, 0.2):
        cell = replace(Wanted.by(cell_of("random"), "fundus", "real"), fraction=share)
        facts = {"blind": {"everything": 0.1, "mean mask": share / 2}}
        there[cell] = Result("random", Status.DONE, State.DONE, (), facts, Price())
    (row,) = zip(*(column.cells for column in blind_table(frame, there).columns), strict=True)
    assert row == ("hrf_vessel", "0.100", "0.500", "0.900")


def test_a_budget_that_ranks_nobody_is_said() -> None:
    (told,) = budget_notes({"budget": {"images": 256}})
    assert told.startswith("Each pre-training drew 256 images.")
    assert told.endswith("ranks at this budget are noise.")
    assert budget_notes({"budget": {"images": NOISE}}) == budget_notes({}) == []


def test_a_table_says_what_the_plan_has_set() -> None:
    names = {"byol": ["view_a", "view_b"], "simclr": ["view_b"], "ld": []}
    told = {
        Wanted.by(cell_of(name), "fundus", "real"): Result(
            name, Status.DONE, State.DONE, (), {SET: own} if own else {}, Price()
        )
        for name, own in names.items()
    }
    said = "Set by the plan, in place of the Config's defaults: "
    assert set_notes(told) == [f"{said}view_a of byol; view_b of byol, simclr."]
    assert set_notes({}) == []


def test_a_table_says_what_kinds_of_device_computed_it() -> None:
    costs: list[dict[str, object]] = [{"device": "cpu"}] * 2
    costs += [{"device": "cpu", EMULATES: True}, {"device": "a GPU"}, {}]

    def told(*some: dict[str, object]) -> list[str]:
        return machine_notes(
            {
                Wanted.by(cell_of("ld", seed), "fundus", "real"): Result(
                    "ld", Status.DONE, State.DONE, (), {}, Price(), machine(cost)
                )
                for seed, cost in enumerate(some)
            }
        )

    (note,) = told(*costs)
    assert note.startswith(
        "Cells by what computed them: cpu 2, cpu without bfloat16 1, a GPU 1. A cell can be had"
    )
    assert told(*costs[:2]) == told(*costs[3:]) == told() == []


def test_a_table_says_what_was_measured() -> None:
    tuned: dict[str, object] = {"steps": 400, "epochs": None, "batch_size": 4, "tasks": {}}
    terms = {"size": 128, "width": "tiny", "precision": "bfloat16", "budget": {"images": 12000}}
    (told,) = terms_notes({**terms, "downstream": tuned})
    assert told == (
        "Images and masks of 128 px; encoder tiny, bfloat16. Pre-training: 12,000 images drawn. "
        "Fine-tuning: 400 steps a stage, all in one where it is direct, in batches of 4."
    )
    other: dict[str, object] = {**tuned, "steps": None, "epochs": 100.0, "tasks": {"scr_lung": {}}}
    (told,) = terms_notes({**terms, "downstream": other})
    assert "100 epochs a stage" in told
    assert told.endswith("in batches of 4, unless a task has its own.")
    assert terms_notes(terms) == []
    budget = {"images": 12000, "own": {"rotation": 23700, "jigsaw": 127000}}
    (told,) = terms_notes({**terms, "budget": budget, "downstream": tuned})
    assert "12,000 images drawn, of rotation 23,700, of jigsaw 127,000. Fine-tuning" in told
