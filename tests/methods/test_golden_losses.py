"""Each method's first losses, recorded; `pytest --update-golden` renews them, then review."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmark import registry
from methods import METHODS
from methods.base import Budget, Images
from methods.pretrain import build, pretrain

FOLDER = Path(__file__).parents[1] / "golden" / "first_losses"
NAMES = [name for name in METHODS if name != "random"]
#: What a pool of twelve images allows.
SMALLER: dict[str, dict[str, Any]] = {
    "deepcluster_v2": {"prototypes": 4},
    "transvw": {"words": 4, "neighbours": 5},
}


def losses(name: str, images: Images) -> list[float]:
    """Losses of the first three steps on the small pool, float32."""
    cls = registry.method(name)
    # Adam's first steps have one length whatever the gradient, so that at full rate rounding alone
    # (threads, instruction sets) moved a third loss by 2 %.
    config = replace(cls.Config(), batch_size=8, learning_rate=1e-5, **SMALLER.get(name, {}))
    method = build(cls, config, "tiny", 3, seed=0)
    budget = Budget(images=40 if name == "ld" else 24, checks=1)
    return pretrain(method, images, budget, seed=0).history.losses[:3]


@pytest.mark.parametrize("name", NAMES)
def test_first_losses(name: str, images: Images, update_golden: bool) -> None:
    got = losses(name, images)
    file = FOLDER / f"{name}.json"
    if update_golden:
        file.write_text(json.dumps(got) + "\n", encoding="utf-8")
    recorded = json.loads(file.read_text(encoding="utf-8"))
    # A mean of cosines near zero (simsiam's 0.012) is no more exact than its terms around 1.
    assert got[0] == pytest.approx(recorded[0], rel=1e-5, abs=2e-6)
    assert got[2] == pytest.approx(recorded[2], rel=1e-3)


def test_no_golden_value_is_left_over() -> None:
    assert {file.stem for file in FOLDER.iterdir()} == set(NAMES)
