"""Claims that lack cells, seeds or images, or hang on chance: when there is no answer."""

import math
from itertools import product

import numpy as np
import pandas as pd
import pytest

from benchmark.claim import Claim
from benchmark.report.claims import answer
from benchmark.report.frame import COLUMNS
from benchmark.report.remedies import remedy
from tasks import TASKS
from tests.benchmark.plain_claims import (
    ANATOMY,
    KINDS,
    LESIONS,
    between,
    claim,
    frame,
    judged,
    margin,
    said,
    wins,
    without,
)


def noisy(lead: float, seeds: int, images: int, spread: float) -> pd.DataFrame:
    """LD against one rival on one task; every score differs by chance."""
    rng = np.random.default_rng(1)
    parts = []
    for method, seed, image in product(("ld", "byol", "random"), range(seeds), range(images)):
        score = rng.normal(0.5 + lead * (method == "ld"), spread)
        place = ("hrf_vessel", "d", "real", "finetuned", 1.0, seed, "dice", f"i{image}")
        parts.append((method, *place, "done", score))
    return pd.DataFrame(parts, columns=COLUMNS)


def one(**values: object) -> Claim:
    return claim(**{"wins": ">= 1", "of": 1, "tasks": ["hrf_vessel"], **values})


@pytest.mark.parametrize(
    ("count", "unknown", "answer"),
    [
        (12, 3, "holds"),  # 9 of the 9 known
        (12, 4, "undecided"),  # 8 known, 4 might be
        (9, 1, "undecided"),  # 8 known, 1 might be
        (8, 0, "fails"),
        (3, 5, "fails"),  # 0 known wins (the first 3 are unknown), 5 might be: 5 < 9
        (0, 8, "fails"),
        (0, 9, "undecided"),  # 9 might be
    ],
)
def test_unknown_tasks_decide_nothing_unless_they_could_not(
    count: int, unknown: int, answer: str
) -> None:
    gone = list(TASKS)[:unknown]
    verdict = judged(claim(), without(frame(wins(count)), "ld", *gone))
    assert verdict.answer == answer
    assert [outcome.task for outcome in verdict.of_state("unknown")] == gone
    known = max(count - unknown, 0)
    assert verdict.expected == between(known, known + unknown)
    assert verdict.interval == between(known, known + unknown)
    assert all(outcome.lacks == {"ld": ()} for outcome in verdict.of_state("unknown"))


def test_a_missing_rival_makes_a_task_unknown_unless_another_has_won_it() -> None:
    task, rivals = next(iter(TASKS)), ("byol", "simclr")
    about = claim(against=list(rivals), wins=">= 12")
    verdict = judged(about, without(frame(wins(12), rivals), "simclr", task))
    assert verdict.answer == "undecided"
    (outcome,) = verdict.of_state("unknown")
    assert (outcome.task, outcome.lacks) == (task, {"simclr": ()})
    assert "lacks cells of simclr" in said(verdict)
    lost = frame({**wins(12), task: -0.1}, rivals)
    assert judged(about, without(lost, "simclr", task)).answer == "fails"


def test_a_missing_seed_is_a_missing_cell_and_a_failed_one_too() -> None:
    whole = frame(wins(9))
    task = next(iter(TASKS))
    seed = whole[(whole["task"] == task) & (whole["method"] == "byol") & (whole["seed"] == 1)]
    verdict = judged(claim(), whole.drop(seed.index))
    assert verdict.answer == "undecided"
    assert verdict.outcomes[0].lacks == {"byol": (1,)}
    assert "byol (seed 1)" in said(verdict)
    failed = seed[:1].assign(seed=2, status="failed", score=math.nan)
    assert judged(claim(), pd.concat([whole, failed])).outcomes[0].lacks == {"byol": (2,)}
    absent = failed.assign(status="missing")  # nobody has tried this seed
    assert judged(claim(), pd.concat([whole, absent])).answer == "holds"


def test_nan_is_no_score() -> None:
    whole = frame(wins(9))
    whole.loc[0, "score"] = math.nan
    verdict = judged(claim(), whole)
    assert verdict.answer == "undecided"
    assert "1 scores of ld are no numbers" in said(verdict)


def test_unknown_leads_are_bounded_by_what_dice_can_be() -> None:
    leads = {task: 0.3 if kind == "lesion" else -0.3 for task, kind in KINDS.items()}
    # The least: 0.3 - (5 * -0.3 + 5 * 1) / 10; the most: 0.3 - (5 * -0.3 - 5 * 1) / 10.
    verdict = judged(margin(), without(frame(leads), "ld", *ANATOMY[:5]))
    assert verdict.answer == "undecided"
    assert verdict.expected.low == pytest.approx(-5)
    assert verdict.expected.high == pytest.approx(95)
    one_less = without(frame(leads), "ld", *ANATOMY[:4])
    assert judged(margin(), one_less).answer == "holds"  # 0.3 - (6 * -0.3 + 4 * 1) / 10 = 0.08
    assert judged(margin(), without(frame(leads), "ld", LESIONS[0])).answer == "undecided"


def test_leads_in_pixels_have_no_bounds() -> None:
    pixels = frame(dict.fromkeys(TASKS, -0.1)).assign(metric="hd95")
    about = claim(metric="hd95", ties=0.05)
    assert judged(about, pixels).answer == "holds"  # smaller is better
    verdict = judged(margin(metric="hd95"), without(pixels, "ld", ANATOMY[0]))
    assert verdict.answer == "undecided"
    assert "it may be anything" in said(verdict)
    assert verdict.record()["expected"] == [None, None]


def test_chances_are_shares_of_draws() -> None:
    verdict = judged(one(), noisy(0.01, seeds=3, images=5, spread=0.02))
    (outcome,) = verdict.outcomes
    assert outcome.state == "coin flip"
    assert verdict.answer == "undecided"
    assert 0.05 < verdict.probability.low == verdict.probability.high < 0.95
    assert outcome.chance == verdict.probability == verdict.expected
    assert outcome.remedy
    assert judged(one(), noisy(0.3, 3, 5, 0.02)).answer == "holds"
    assert judged(one(), noisy(-0.3, 3, 5, 0.02)).answer == "fails"


def test_a_lead_over_many_close_rivals_does_not_fail_by_their_luck() -> None:
    rng = np.random.default_rng(2)
    rivals = tuple(f"r{i}" for i in range(18))
    lead = dict.fromkeys(TASKS, 0.02)
    scores = frame(lead, rivals, seeds=3)
    runs = scores.groupby(["method", "task", "seed"], observed=True).ngroup()
    scores["score"] += rng.normal(0, 0.01, runs.max() + 1)[runs]
    verdict = judged(claim(against=list(rivals)), scores)
    assert verdict.probability.high <= 0.05  # on its own: fails
    assert verdict.corrected.low > 0.05
    assert verdict.answer == "undecided"
    level = scores.assign(score=scores["score"] - 0.02 * (scores["method"] == "ld"))
    assert judged(claim(against=list(rivals)), level).answer == "fails"


def test_there_is_an_answer_only_where_both_probabilities_give_it() -> None:
    low, middle, high = between(0, 0.05), between(0.4, 0.6), between(0.95, 1)
    for first, second, expected in (
        (high, high, "holds"),
        (high, middle, "undecided"),
        (middle, high, "undecided"),
        (low, low, "fails"),
        (low, middle, "undecided"),
        (low, high, "undecided"),
        (between(0, 1), between(0, 1), "undecided"),
    ):
        assert answer(first, second, 0.95) == expected


def test_one_seed_says_what_it_does_not_cover() -> None:
    verdict = judged(one(), noisy(0.3, seeds=1, images=5, spread=0.02))
    assert (verdict.answer, verdict.probability) == ("undecided", between(1, 1))
    assert "There is no answer before a second seed" in said(verdict)
    assert judged(one(), noisy(0.3, seeds=2, images=5, spread=0.02)).answer == "holds"


def test_one_test_image_has_no_probability() -> None:
    verdict = judged(one(), noisy(0.3, seeds=3, images=1, spread=0.02))
    assert (verdict.answer, verdict.probability) == ("undecided", between(0, 1))
    assert "One test image on hrf_vessel" in said(verdict)
    assert math.isnan(verdict.outcomes[0].lead.low)


def test_nothing_is_no_verdict() -> None:
    verdict = judged(claim(), pd.DataFrame(columns=COLUMNS))
    assert (verdict.answer, verdict.probability) == ("undecided", between(0, 1))
    assert "nothing can be concluded" in said(verdict)


def test_remedies_follow_the_variance() -> None:
    rng = np.random.default_rng(0)
    seeds = 0.02 + rng.normal(0, 0.05, (3, 1)) + np.zeros((3, 10))
    assert "seeds would" in remedy(seeds, 0.005, 0.95)
    images = 0.006 + rng.normal(0, 0.2, (1, 10)) + np.zeros((3, 10))
    assert "10 test images or persons are too few" in remedy(images, 0.005, 0.95)
    assert "one seed" in remedy(seeds[:1], 0.005, 0.95)
