"""Material for every figure, of any size."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd

from benchmark.report.figures.drawn import Material
from benchmark.report.figures.features import FeatureRow
from benchmark.report.figures.sheets import SheetRow
from benchmark.report.frame import COLUMNS
from benchmark.report.leaderboard import sampled
from benchmark.report.qualitative import Examples, telling
from benchmark.report.sampled import Sampled

METHODS = ("random", *(f"method_number_{i:02d}" for i in range(19)))
SHORT, FULL = 0.1, 1.0


def tasks(count: int) -> list[str]:
    return [f"task_of_long_name_{t:02d}" for t in range(count)]


def made_up(
    methods: int,
    count: int,
    *,
    seeds: int = 3,
    images: int = 8,
    source: str = "phantom",
    stages: Sequence[str] = ("frozen", "direct"),
    fractions: Sequence[float] = (FULL,),
    noise: float = 0.05,
) -> pd.DataFrame:
    """Scores around 0.6; the later in ``METHODS``, the better by 0.01; nothing is missing."""
    rng = np.random.default_rng(0)
    rows = [
        (m, t, "x", source, stage, f, s, "dice", f"i{i}", "done", 0.0)
        for stage, f, m, t, s, i in product(
            stages, fractions, METHODS[:methods], tasks(count), range(seeds), range(images)
        )
        if stage != "direct" or m == "random"
    ]
    frame = pd.DataFrame(rows, columns=COLUMNS)
    place = frame["method"].map({m: i for i, m in enumerate(METHODS)}).astype(float)
    score = 0.5 + 0.01 * place + 0.1 * frame["fraction"]
    frame["score"] = (score + rng.normal(0, noise, len(frame))).clip(0.0, 1.0)
    return frame


def without(frame: pd.DataFrame, method: str, task: str) -> pd.DataFrame:
    """The frame without a method's scores on a task for seed 0."""
    gone = (frame["method"] == method) & (frame["task"] == task) & (frame["seed"] == 0)
    return frame[~gone]


def found_of(frame: pd.DataFrame, stage: str = "frozen", draws: int = 100) -> Sampled:
    return sampled(frame, np.random.default_rng(0), stage=stage, draws=draws)


def material(methods: int, count: int) -> Material:
    """Everything for one stage; the last method lacks a cell, where there are three."""
    frame = made_up(methods, count, fractions=(SHORT, 0.5, FULL))
    frame = without(frame, METHODS[methods - 1], tasks(1)[0]) if methods > 2 else frame
    names = METHODS[:methods]
    rng = np.random.default_rng(1)
    numbers = rng.uniform(0.5, 3.0, (methods, 3)).tolist()
    measures = ("effective rank", "alignment", "uniformity")
    return Material(
        frame=frame,
        boards=[found_of(frame)],
        order=METHODS,
        kinds={t: "lesion" if i % 3 else "anatomy" for i, t in enumerate(tasks(count))},
        costs={m: 40.0 * i for i, m in enumerate(names[:-1])} | {names[-1]: None},
        representation={
            m: dict(zip(measures, row, strict=True)) for m, row in zip(names, numbers, strict=True)
        },
        examples=[pictured(names, tasks(1)[0])],
        features=[mapped(names, t) for t in tasks(2)],
        feature_source="phantom",
    )


def pictured(names: Sequence[str], task: str) -> Examples:
    """Best, median and worst of four made-up images."""
    rng = np.random.default_rng(2)
    places = telling(rng.uniform(0, 1, (len(names), 4)))
    rows = tuple(replace(sheet_row(names, task), note=f"{word}: mean Dice") for _, word in places)
    return Examples(task, "finetuned", 0, "phantom", rows)


def sheet_row(names: Sequence[str], task: str) -> SheetRow:
    rng = np.random.default_rng(3)
    image = rng.integers(0, 255, (24, 24, 3), dtype=np.uint8)
    truth = np.zeros((24, 24), dtype=bool)
    truth[6:16, 6:16] = True
    masks = {m: np.roll(truth, i % 7, axis=1) for i, m in enumerate(names)}
    return SheetRow(task, "image_1", image, truth, masks)


def mapped(names: Sequence[str], task: str) -> FeatureRow:
    rng = np.random.default_rng(4)
    image, *maps = rng.integers(0, 255, (1 + len(names), 16, 16, 3), dtype=np.uint8)
    return FeatureRow(
        task, "image_1", image, dict(zip(names, maps, strict=True)), {names[-1]: image}
    )
