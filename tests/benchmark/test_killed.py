"""A grid that is killed again and again ends as an undisturbed one does, to the bit."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.store import Store

SCRIPT = Path(__file__).parent / "killed_again_and_again.py"
KILLS = 32

#: Two phases with a choice of checkpoint; a queue and a momentum encoder; a bank that is refilled
#: each epoch; and no training at all.
PLAN = """
title = "Killed"
methods = ["random", "ld", "moco_v2", "deepcluster_v2"]
tasks = ["chasedb1_vessel"]
seeds = [0]
size = 32
precision = "float32"
threads = 1
[pools]
fundus = "idrid_grading"
[budget]
images = 64
checks = 2
[downstream]
steps = 8
batch_size = 2
checks = 2
[config.ld]
batch_size = 8
[config.moco_v2]
batch_size = 8
queue = 16
[config.deepcluster_v2]
batch_size = 8
prototypes = 4
[phantom]
scale = 0.02
size = 64
"""


def contents(folder: Path, names: tuple[str, ...]) -> dict[str, bytes]:
    """The files of these names in every result; in hidden folders too, which are half written."""
    return {
        f"{path.parent.name}/{path.name}": path.read_bytes()
        for path in folder.rglob("*")
        if path.name in names
    }


@pytest.mark.slow
def test_thirty_kills_change_nothing(tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text(PLAN)
    done = subprocess.run(
        [sys.executable, SCRIPT, plan, tmp_path / "out", str(KILLS), "0"],
        capture_output=True, text=True, check=False, timeout=900,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["kills"] >= 30
    # Kills fell into both kinds of training.
    assert told["moments"]["pre-training"] >= 3
    assert told["moments"]["fine-tuning"] >= 3
    whole = Store(tmp_path / "out" / "whole")
    assert len(list(whole.cells.iterdir())) == 5
    for number in range(1, told["rounds"] + 1):
        same(Store(tmp_path / "out" / str(number)), whole)


def same(killed: Store, whole: Store) -> None:
    """Insist that two folders hold the same results, and nothing of what was under way."""
    weights = ("model.safetensors", "encoder.safetensors")
    scores = ("per_image.parquet", *(f"masks_{s}.png" for s in ("frozen", "finetuned", "direct")))
    assert contents(killed.encoders, weights) == contents(whole.encoders, weights)
    assert contents(killed.cells, scores) == contents(whole.cells, scores)
    for name in (path.name for path in whole.cells.iterdir()):
        one, other = whole.record(name), killed.record(name)
        assert one["facts"] == other["facts"]
        for part in ("steps", "parameters", "forward", "backward", "aside"):
            assert one["cost"][part] == other["cost"][part]
            assert one["cost"]["pretraining"][part] == other["cost"]["pretraining"][part]
    assert list(killed.checkpoints.iterdir()) == []
    assert list(killed.leases.iterdir()) == []
