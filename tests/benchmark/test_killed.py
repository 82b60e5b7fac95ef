"""A grid that is killed again and again ends as an undisturbed one does, to the bit."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.comparison import compare
from benchmark.plan import read_plan
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
images = 96
checks = 3
[downstream]
steps = 12
batch_size = 2
checks = 3
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
    """The files of these names in every result."""
    return {
        f"{path.parent.name}/{path.name}": path.read_bytes()
        for name in names
        for path in folder.glob(f"*/{name}")
    }


@pytest.mark.slow
def test_thirty_kills_change_nothing(tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text(PLAN)
    whole, killed = Store(tmp_path / "whole"), Store(tmp_path / "killed")
    assert compare(read_plan(plan), "phantom", whole.root, "cpu") == 0
    (data,) = whole.root.glob("phantoms-*")
    done = subprocess.run(
        [sys.executable, SCRIPT, plan, data, killed.root, str(KILLS), "0"],
        capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["kills"] >= 30
    # Kills fell into both kinds of training, and nothing half written is left.
    assert told["moments"]["pre-training"] >= 5
    assert told["moments"]["fine-tuning"] >= 5
    assert told["finished"] == 5
    assert told["left"] == []
    weights, scores = ("model.safetensors", "encoder.safetensors"), ("per_image.parquet",)
    masks = ("masks_frozen.png", "masks_finetuned.png", "masks_direct.png")
    assert contents(killed.encoders, weights) == contents(whole.encoders, weights)
    assert contents(killed.cells, (*scores, *masks)) == contents(whole.cells, (*scores, *masks))
    for name in (path.name for path in whole.cells.iterdir()):
        one, other = whole.record(name), killed.record(name)
        assert one["facts"] == other["facts"]
        for part in ("steps", "parameters", "forward", "backward", "aside"):
            assert one["cost"][part] == other["cost"][part]
            assert one["cost"]["pretraining"][part] == other["cost"]["pretraining"][part]
    assert list(killed.checkpoints.iterdir()) == []
    assert list(killed.leases.iterdir()) == []
