"""Claims, and frames so plain that the answer is known by counting."""

from itertools import product

import numpy as np
import pandas as pd

from benchmark.claim import Claim
from benchmark.report.claims import judge
from benchmark.report.frame import COLUMNS
from benchmark.report.verdict import Between, Verdict
from tasks import TASKS

#: Ten tasks are anatomy and two are lesions.
KINDS = {
    task: "lesion" if task in {"idrid_hard_exudates", "siim_pneumothorax"} else "anatomy"
    for task in TASKS
}
ANATOMY = [task for task, kind in KINDS.items() if kind == "anatomy"]
LESIONS = [task for task, kind in KINDS.items() if kind == "lesion"]


def rows(
    method: str, task: str, mean: float, source: str = "real", fraction: float = 1.0, seeds: int = 2
) -> pd.DataFrame:
    """All cells of a method on a task: each image's score is about the mean, seeds alike."""
    return pd.DataFrame(
        [
            (method, task, "d", source, "finetuned", fraction, s, "dice", i, "done", mean + shift)
            for s in range(seeds)
            for i, shift in (("a", 0.1), ("b", -0.1), ("c", 0.0))
        ],
        columns=COLUMNS,
    )


def frame(
    leads: dict[str, float], rivals: tuple[str, ...] = ("byol",), **terms: object
) -> pd.DataFrame:
    """LD leads every rival by so much, the same on every image; and the floor."""
    parts = [rows("ld", task, 0.5 + lead, **terms) for task, lead in leads.items()]  # type: ignore[arg-type]
    others = product((*rivals, "random"), leads)
    parts += [rows(name, task, 0.5, **terms) for name, task in others]  # type: ignore[arg-type]
    return pd.concat(parts, ignore_index=True)


def wins(count: int, lead: float = 0.1) -> dict[str, float]:
    """LD leads on the first so many of the twelve, and trails on the others."""
    return {task: lead if t < count else -lead for t, task in enumerate(TASKS)}


def claim(**values: object) -> Claim:
    record = {"title": "t", "subject": "ld", "wins": ">= 9", "of": 12, "against": ["byol"]}
    return Claim.model_validate({**record, **values})


def margin(**values: object) -> Claim:
    return claim(wins=None, margin="lesion > anatomy", **values)


def judged(about: Claim, scores: pd.DataFrame, source: str = "real") -> Verdict:
    return judge(about, scores, np.random.default_rng(0), source=source, kinds=KINDS, draws=200)


def without(scores: pd.DataFrame, method: str, *tasks: str) -> pd.DataFrame:
    return scores[~((scores["method"] == method) & scores["task"].isin(tasks))]


def between(low: float, high: float) -> Between:
    return Between(float(low), float(high))


def said(verdict: Verdict) -> str:
    return "\n".join(verdict.lines())
