"""The runner, without torch: what is missing is computed, failures are kept."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from benchmark.cells import Cell, CellKey, CellResult, PretrainKey, Status
from benchmark.run import Evaluated, Runner
from benchmark.store import Store

PRETRAIN = PretrainKey("ld", {}, "tiny", 64, {}, "pool", "m", (), 0, 2)


def cell(method: str, task: str) -> Cell:
    key = CellKey(method, method, task, "m", "p", ("frozen", "finetuned"), {}, 0, 2)
    return Cell(key, replace(PRETRAIN, method=method), f"{method}-{task}", f"encoder-{method}")


CELLS = [cell(method, task) for method in ("random", "ld") for task in ("one", "two", "three")]


@dataclass
class FakeBench:
    """Records what is asked; fails where told."""

    broken: dict[str, BaseException] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    def act(self, name: str) -> None:
        self.calls.append(name)
        if name in self.broken:
            raise self.broken[name]

    def pretrained(self, cell: Cell) -> Any:  # noqa: ANN401
        self.act(f"pretrain {cell.key.method}")
        return cell.encoder

    def evaluated(self, cell: Cell, pretrained: Any) -> Evaluated:  # noqa: ANN401
        assert pretrained == cell.encoder
        self.act(cell.name)
        rows = [("finetuned", "image", "dice", 0.5)]
        return Evaluated(CellResult(cell.key, Status.DONE, "", "fundus", "real", rows))

    def failed(self, cell: Cell, reason: str, facts: dict[str, Any]) -> CellResult:
        return CellResult(cell.key, Status.FAILED, reason, "fundus", "real", [], facts)


def runner(folder: Path, bench: FakeBench) -> Runner:
    return Runner(Store(folder), bench, lambda _: None)


def test_each_encoder_is_trained_once_and_each_cell_evaluated(tmp_path: Path) -> None:
    bench = FakeBench()
    running = runner(tmp_path, bench)
    running.run(CELLS)
    assert bench.calls == [
        "pretrain random", "random-one", "random-two", "random-three",
        "pretrain ld", "ld-one", "ld-two", "ld-three",
    ]  # fmt: skip
    assert (running.done, running.kept, running.failed) == (6, 0, [])


def test_a_half_finished_grid_is_resumed(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        runner(tmp_path, FakeBench({"ld-two": KeyboardInterrupt()})).run(CELLS)
    bench = FakeBench()
    running = runner(tmp_path, bench)
    running.run(CELLS)
    assert bench.calls == ["pretrain ld", "ld-two", "ld-three"]
    assert (running.done, running.kept) == (2, 4)
    again = FakeBench()
    runner(tmp_path, again).run(CELLS)
    assert again.calls == []


def test_a_failed_cell_is_a_result_and_the_others_go_on(tmp_path: Path) -> None:
    running = runner(tmp_path, FakeBench({"ld-two": ValueError("loss is nan at step 7")}))
    running.run(CELLS)
    assert (running.done, len(running.failed)) == (5, 1)
    kept = Store(tmp_path).cell("ld-two")
    assert kept.status is Status.FAILED
    assert kept.reason == "fine-tuning: ValueError: loss is nan at step 7"
    assert any("act" in line for line in kept.facts["traceback"])


def test_a_failed_pretraining_fails_its_cells_only(tmp_path: Path) -> None:
    bench = FakeBench({"pretrain random": RuntimeError("diverged at step 3")})
    running = runner(tmp_path, bench)
    running.run(CELLS)
    assert [label for label, _ in running.failed] == [each.label for each in CELLS[:3]]
    assert all("pre-training: RuntimeError: diverged" in why for _, why in running.failed)
    assert running.done == 3
