"""Runs on the smallest phantoms where something fails, and what is computed again."""

import errno
import json
import time
from pathlib import Path

import pytest
import torch

from benchmark.bench import TorchBench
from benchmark.limits import OutOfMemoryError
from benchmark.overtime import ExceededError
from benchmark.run import DiedError
from benchmark.store import Store
from methods.errors import DivergedError
from methods.inpainting import Inpainting
from tests.benchmark.conftest import Call
from tests.benchmark.small_run import PLAN


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    path = tmp_path / "plan.toml"
    path.write_text(PLAN, encoding="utf-8")
    return path


@pytest.mark.usefixtures("undrawn")
def test_a_diverging_method_fails_alone_and_names_the_step(
    tmp_path: Path,
    plan: Path,
    call: Call,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = Inpainting.loss

    def bad(self: Inpainting, views: object, progress: object) -> torch.Tensor:
        loss = real(self, views, progress)  # type: ignore[arg-type]
        return loss * float("nan") if getattr(progress, "step", 0) == 1 else loss

    monkeypatch.setattr(Inpainting, "loss", bad)
    out = tmp_path / "out"
    arguments = ("run", plan, "--data", "phantom", "--out", out, "--device", "cpu")
    assert call(*arguments) == 1
    printed = capsys.readouterr().out
    assert "2 not done" in printed
    assert "is nan at step 1 of 2" in " ".join(printed.split())
    boards = json.loads((out / "leaderboard.json").read_text(encoding="utf-8"))["boards"]
    rows = {
        row["method"]: row
        for board in boards
        if board["stage"] == "finetuned"
        for row in board["rows"]
    }
    assert rows["inpainting"]["missing"] == 2
    assert rows["inpainting"]["rank"]["value"] is None
    assert rows["random"]["missing"] == 0


@pytest.mark.usefixtures("undrawn")
def test_a_part_of_a_plan_and_what_failed_again(
    tmp_path: Path,
    plan: Path,
    call: Call,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "out"
    arguments = ("run", plan, "--data", "phantom", "--out", out, "--device", "cpu")
    assert call(*arguments, "--dry-run") == 0
    printed = capsys.readouterr().out
    assert "6 cells to compute" in printed
    assert "would compute inpainting / scr_lung / seed 0 / finetuned" in printed
    assert not (out / "grid.json").exists()

    # One pair of six; it fails, is kept as failed, and is computed again when asked to be.
    with monkeypatch.context() as patch:
        patch.setattr("benchmark.bench.pretrain", out_of_memory)
        assert call(*arguments, "--only", "inpainting/scr_lung") == 1
    assert "1 cells computed, 0 kept, 1 not done" in capsys.readouterr().out
    assert call("status", out) == 0
    told = capsys.readouterr().out
    assert "6 cells: 1 failed, 5 missing" in told
    assert "out of memory with batches of 8 images of 32 px" in told
    assert call(*arguments, "--only", "inpainting/scr_lung") == 1
    capsys.readouterr()
    assert call(*arguments, "--only", "inpainting/scr_lung", "--retry-failed") == 0
    assert "again   inpainting / scr_lung" in capsys.readouterr().out
    assert call("audit", out) == 1  # five are missing
    assert call(*arguments, "--only", "inpainting/heart") == 2
    assert "did you mean" in capsys.readouterr().err
    elsewhere = ("run", plan, "--data", "phantom", "--out", tmp_path / "nothing")
    assert call(*elsewhere, "--only", "inpainting/heart") == 2
    assert not (tmp_path / "nothing").exists()


def out_of_memory(*_: object, **__: object) -> None:
    raise MemoryError("no more")


@pytest.mark.usefixtures("undrawn")
def test_limits_of_the_plan_are_a_status(
    tmp_path: Path, plan: Path, call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    arguments = ("run", plan, "--data", "phantom", "--out", out, "--device", "cpu")
    only = ("--only", "inpainting/scr_lung", "--task", "scr_lung")
    assert call(*arguments, *only, "--set", "limits.memory_gib=0.001") == 1
    assert call("status", out) == 0
    assert "exceeded  inpainting / scr_lung" in capsys.readouterr().out
    # A limit is no part of a cell's identity: with a higher one, the same cell is computed.
    assert call(*arguments, *only, "--retry-failed") == 0


def test_only_what_went_wrong_by_itself_is_begun_anew() -> None:
    bench = TorchBench.__new__(TorchBench)
    broken = torch.AcceleratorError("CUDA error: an illegal memory access")
    may = (ExceededError("x"), OutOfMemoryError("x"), DiedError("x"), ConnectionError("x"), broken)
    assert all(map(bench.resumable, may))
    assert not any(map(bench.resumable, (DivergedError("x"), ValueError("x"))))
    assert bench.device_broke(broken)
    assert not bench.device_broke(torch.OutOfMemoryError("CUDA out of memory"))


@pytest.mark.usefixtures("undrawn")
def test_a_step_that_hangs_is_a_status(
    tmp_path: Path,
    plan: Path,
    call: Call,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def hang(*_: object, **__: object) -> None:
        time.sleep(600)

    monkeypatch.setattr("benchmark.overtime.LATE", 0.1)
    monkeypatch.setattr("benchmark.bench.pretrain", hang)
    out = tmp_path / "out"
    arguments = ("run", plan, "--data", "phantom", "--out", out, "--device", "cpu")
    only = ("--only", "inpainting/scr_lung", "--task", "scr_lung")
    assert call(*arguments, *only, "--set", "limits.hours=0.0001") == 1
    assert call("status", out) == 0
    told = capsys.readouterr().out
    assert "exceeded  inpainting / scr_lung" in told
    assert "took more than the 0.0001 hours that the plan's limits.hours allows" in told


@pytest.mark.parametrize("name", ["tensors.safetensors", "model.safetensors"])
@pytest.mark.usefixtures("undrawn")
def test_a_full_disk_fails_nothing(
    name: str,
    tmp_path: Path,
    plan: Path,
    call: Call,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = Path.write_bytes

    def full(self: Path, data: bytes) -> int:
        if self.name == name:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(self, data)

    out = tmp_path / "out"
    only = ("--only", "inpainting/scr_lung", "--checkpoint-seconds", "0")
    arguments = ("run", plan, "--data", "phantom", "--out", out, "--device", "cpu", *only)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        assert call(*arguments) == 2
    assert "the disk is full: free some space" in capsys.readouterr().err
    store = Store(out)
    assert not any(store.cells.glob("*"))
    assert not any(store.leases.iterdir())
    assert call(*arguments) == 0


def test_a_pretraining_that_fails_is_one_line(
    tmp_path: Path,
    plan: Path,
    call: Call,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("benchmark.bench.pretrain", out_of_memory)
    arguments = ("pretrain", plan, "--data", "phantom", "--out", tmp_path / "out")
    assert call(*arguments, "--device", "cpu", "--method", "inpainting") == 1
    error = capsys.readouterr().err
    assert error.startswith("ldbench: OutOfMemoryError: out of memory with batches of 8 images")
    assert len(error.splitlines()) == 1
