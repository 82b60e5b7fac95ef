"""How much disk results and prepared images take."""

from collections.abc import Mapping
from typing import Any

import torch

from benchmark.arms import PROBE, of_landmarks
from benchmark.forecast.probe import Setting, drawn_pool
from benchmark.forecast.work import Counts
from benchmark.plan import Plan
from methods.base import Images, Method
from methods.pretrain import build
from tasks.base import NORMALISATION, Domain
from tasks.landmarks import MAPS
from tasks.landmarks.pictures import MAP_SIDE, PICTURE_SIDE
from tasks.landmarks.scoring import METRICS
from tasks.leaks import SIDE as LEAK_SIDE
from tasks.listed import ListedTask
from tasks.metrics import MaskScores

#: Of a cell's record and its table without rows, and of a row; as seen in small runs.
CELL_BYTES, ROW_BYTES = 6000, 12


def encoder_bytes(
    cls: type[Method[Any]],
    config: Any,  # noqa: ANN401
    channels: int,
    pool: Counts,
    setting: Setting,
) -> int:
    """Of the encoder and of the whole method with the banks and queues that the pool gives it."""
    small = drawn_pool(1, channels, setting.side)
    rows = torch.zeros(pool.train + pool.validation, dtype=torch.long).numpy()
    images = Images(small.pixels, small.mean, small.std, pool.validation, rows)
    with torch.random.fork_rng(devices=[]):
        method = build(cls, config, setting.width, channels, seed=0)
        method.prepare(images)
    states = (method.state_dict(), method.encoder.state_dict())
    return sum(value.nbytes for state in states for value in state.values())


def cell_bytes(stages: tuple[str, ...], tests: int, size: int) -> int:
    """Of a cell: its scores, and its masks at a bit a pixel, which compression makes fewer.

    A probe leaves two pictures of one image besides; landmarks leave maps and no masks.
    """
    if of_landmarks(stages):
        maps = sum(stage in MAPS for stage in stages) * tests * 3 * min(size, MAP_SIDE) ** 2
        rows = len(stages) * tests * len(METRICS) * ROW_BYTES
        return CELL_BYTES + rows + maps + 3 * min(size, PICTURE_SIDE) ** 2
    pictures = 2 * 3 * size**2 if stages == PROBE else 0
    return (
        pictures
        + CELL_BYTES
        + len(stages) * tests * (len(MaskScores._fields) * ROW_BYTES + size**2 // 8)
    )


def shared_bytes(
    plan: Plan,
    tasks: Mapping[str, ListedTask],
    counts: Mapping[str, Counts],
    pools: Mapping[Domain, Counts],
) -> dict[str, int]:
    """Of what all methods share: prepared images, and the test images that pictures show."""
    prepared = sum(
        (counts[name].train + counts[name].validation + counts[name].test)
        * (task.channels + 1)
        * plan.size**2
        for name, task in tasks.items()
    )
    # Leaks are sought in small copies of their own.
    sides = [plan.size, *([LEAK_SIDE] if plan.leaks != "allow" else [])]
    prepared += sum(
        (pool.train + pool.validation) * NORMALISATION[domain].channels * side**2
        for domain, pool in pools.items()
        for side in sides
    )
    shown = sum(counts[name].test * 3 * plan.size**2 for name in tasks)
    return {"prepared images": prepared, "test images": shown}
