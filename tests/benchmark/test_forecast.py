"""A forecast against what runs really pass, compute and leave."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmark import registry
from benchmark.cli import main
from benchmark.contract.pool import blobs
from benchmark.forecast import forecast
from benchmark.forecast.footprint import encoder_bytes
from benchmark.forecast.probe import FEWEST, Setting, drawing, started
from benchmark.forecast.steps import ContentError, counted, operations
from benchmark.forecast.tuning import Networks, tuning
from benchmark.forecast.work import Counts, Work, cell, encoder, together
from benchmark.grid import settle
from benchmark.parts import BudgetPart
from benchmark.plan import Plan, read_plan
from benchmark.planning import short
from methods.base import Budget
from methods.pretrain import build, pretrain
from tasks.base import Source
from tasks.labelled import Settings
from tasks.phantoms import write_phantoms

CPU = torch.device("cpu")
PLANS = Path(__file__).parents[2] / "benchmark" / "plans"
POOL = Counts(24, 8)


def setting(size: int) -> Setting:
    return Setting("tiny", size, "float32", CPU)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "within"),
    # transvw's pass over the pool goes through less than its loss does.
    [("simclr", 0.03), ("byol", 0.03), ("ld", 0.05), ("transvw", 0.1)],
)
def test_operations_and_images_are_those_of_a_training(name: str, within: float) -> None:
    # byol is counted at 80 px without being computed, simclr's loss asks for contents.
    here, cls = setting(80), registry.method(name)
    changes = {"batch_size": 8} | ({"words": 8, "neighbours": 8} if name == "transvw" else {})
    config = replace(cls.Config(), **changes)
    images = blobs(32, side=80, held_out=8)
    method = build(cls, config, "tiny", 3, seed=0)
    with FlopCounterMode(display=False) as counter:
        trained = pretrain(method, images, Budget(48, checks=2), seed=0)
    start = started(cls, config, 3, here)
    part = BudgetPart(images=48, checks=2)
    work = encoder(start, part, POOL, drawing(start, here), tuning(3, here), 0)
    assert (work.trained, work.seen) == (trained.images_drawn, trained.images_passed)
    assert work.operations == pytest.approx(counter.get_total_flops(), rel=within)


def test_a_control_is_recalibrated_and_nothing_else() -> None:
    cls, here = registry.method("random"), setting(64)
    start = started(cls, cls.Config(), 3, here)
    work = encoder(start, BudgetPart(images=64), POOL, drawing(start, here), tuning(3, here), 0)
    assert (work.trained, work.seen) == (0, 24)
    part = BudgetPart(images=64, statistics="trained")
    none = encoder(start, part, POOL, drawing(start, here), tuning(3, here), 0)
    assert none == Work()


def test_counting_without_computing_gives_the_same_operations() -> None:
    networks = Networks(setting(64), 3)
    image = torch.ones(2, 3, 64, 64)
    for trainable in (False, True):
        expected = counted(lambda: networks.loss(image, trainable=trainable))  # noqa: B023
        fresh = Networks(setting(64), 3)
        found = operations(fresh, lambda: fresh.loss(image, trainable=trainable))  # noqa: B023
        assert found == expected
    assert found[1] == 3 * found[0] - 2 * 2 * 9 * 3 * 16 * 64**2  # images need no gradients
    with pytest.raises(ContentError):
        operations(fresh, lambda: fresh.loss(image[image > 2], trainable=True))


def test_a_cells_images_are_counted_by_hand() -> None:
    settings = Settings(size=64, steps=6, batch_size=4, checks=3)
    spent = tuning(3, setting(64))
    two = cell(("frozen", "finetuned"), settings, Counts(10, 2, 5), spent, 100)
    assert (two.trained, two.seen, two.size) == (2 * 6 * 4, 2 * (3 * 2 + 5), 100)
    one = cell(("direct",), settings, Counts(10, 2, 5), spent, 100)
    assert (one.trained, one.seen) == (12 * 4, 3 * 2 + 5)
    training = 24 * (spent.stages["frozen"].both + spent.stages["finetuned"].both)
    assert two.operations == pytest.approx(training + 22 * spent.look.both)
    assert spent.stages["frozen"].both < spent.stages["finetuned"].both


def test_an_encoders_disk_has_the_banks_of_a_full_pool() -> None:
    cls = registry.method("instdisc")
    small, large = (
        encoder_bytes(cls, cls.Config(), 3, Counts(count, 4), setting(64)) for count in (10, 1010)
    )
    assert large - small >= 1000 * cls.Config().dim_out * 4


def plan(**changes: object) -> Plan:
    record: dict[str, object] = {
        "title": "Small",
        "methods": ["random", "rotation"],
        "tasks": ["idrid_optic_disc", "idrid_hard_exudates"],
        "seeds": [0, 1],
        "size": 32,
        "threads": 1,
        "pools": {"fundus": "idrid_grading"},
        "budget": {"images": 64},
        "downstream": {
            "epochs": 2,
            "batch_size": 2,
            "probe": True,
            "tasks": {"idrid_hard_exudates": {"fractions": [0.5, 1.0], "batch_size": 4}},
        },
    }
    return Plan.model_validate(record | changes)


@pytest.mark.slow
def test_cells_are_the_grids(tmp_path: Path) -> None:
    write_phantoms(tmp_path / "data", scale=0.05, seed=0, size=64, datasets=["IDRiD"])
    source = Source.at(tmp_path / "data", tmp_path / "cache")
    grid = settle(plan(), source, CPU, lambda _: None, tmp_path)
    seen = forecast(plan(), CPU)
    for row in seen.rows:
        cells = [one for one in grid.cells if one.key.method == row.method]
        assert row.cells == len(cells)
        assert row.encoders == len({one.encoder for one in cells})
    assert (seen.total.cells, seen.total.encoders) == (len(grid.cells), 4)
    assert seen.rows[1].pretraining.trained == 2 * 64
    # Of 54 images 44 train and of 27 22: 44 + 44 steps of 2, 11 and 22 of 4; two stages, two seeds.
    assert seen.rows[1].downstream.trained == 2 * 2 * (44 * 2 + 11 * 4 + 22 * 4)
    assert seen.rows[0].downstream.trained == 2 * seen.rows[1].downstream.trained
    total, rows = seen.total.work, together([row.work for row in seen.rows])
    # Measured seconds are added in another order.
    assert replace(total, seconds=0.0) == replace(rows, seconds=0.0)
    assert total.seconds == pytest.approx(rows.seconds)
    assert seen.total.work.seconds > 0
    assert seen.shared["prepared images"] == 81 * 4 * 32**2 * 2 + 516 * 3 * (32**2 + 128**2)


def called(
    monkeypatch: pytest.MonkeyPatch, path: Path, *arguments: str, threads: str = "threads=1"
) -> int:
    words = ["plan", str(path), "--device", "cpu", "--set", threads, *arguments]
    monkeypatch.setattr(sys, "argv", ["ldbench", *words])
    return main()


@pytest.mark.slow
def test_the_table_fits_a_terminal_and_json_has_it_all(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    some = ("--method", "random", "--method", "context_restoration", "--task", "scr_lung")
    small = ("--scale", "0.1", "--gpu-tflops", "50")
    assert called(monkeypatch, PLANS / "demo.toml", *some, *small) == 0
    printed = capsys.readouterr().out
    head, *rows = printed.split("\n\n")[0].splitlines()
    assert all(len(line) <= 80 for line in (head, *rows))
    assert [line.split()[0] for line in rows[-3:]] == ["random", "context_restoration", "total"]
    assert "extrapolated" in printed
    assert "50 TFLOP/s that you state" in printed
    assert called(monkeypatch, PLANS / "demo.toml", *some, *small, "--json") == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert [row["method"] for row in told["rows"]] == ["random", "context_restoration"]
    total = told["total"]
    work = [total[part]["operations"] for part in ("pretraining", "downstream")]
    assert total["gpu_hours"] == pytest.approx(sum(work) / 50e12 / 3600)
    assert told["measured"]["side"] == read_plan(PLANS / "demo.toml").size


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--gpu-tflops", "0"), "--gpu-tflops must be positive, not 0"),
        (("--gpu-tflops", "-1"), "must be positive, not -1"),
        (("--gpu-tflops", "nan"), "must be positive, not nan"),
        (("--scale", "0"), "--scale must lie in (0, 1], not 0"),
        (("--set", "syze=1"), "did you mean 'size'"),
        (("--set", "budget.images=129", "--set", 'methods=["ld"]'), "unknown method of downstream"),
        (("--set", "budget.images=129"), "groups of 2, not 129"),
        (("--set", "downstream.fractions=[0.01]"), "label fraction 0.01 of 54 training images"),
        (("--pool", "fundus=./nowhere"), "is no folder with images"),
        (("--device", "tpu9"), "tpu9"),
    ],
)
def test_mistakes_are_one_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    expected: str,
) -> None:
    assert called(monkeypatch, PLANS / "demo.toml", *arguments) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert expected in line


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (0.001, "<0.01"), (0.25, "0.25"), (31.04, "31"), (999.7, "1k"), (4.8e6, "4.8M")],
)
def test_short_numbers(number: float, text: str) -> None:
    assert short(number) == text


def test_a_step_that_is_timed_is_never_of_one_image() -> None:
    cls = registry.method("inpainting")  # whose smallest batch is 1
    wide = Setting("full", 32, "float32", CPU)
    assert started(cls, cls.Config(), 3, wide).method.config.batch_size == FEWEST
