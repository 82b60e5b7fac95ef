"""Claims on frames so plain that the answer is known by counting."""

import math
from itertools import product

import numpy as np
import pandas as pd
import pytest

from benchmark.claim import Claim, claims_called
from benchmark.report.claims import answer, judge
from benchmark.report.frame import COLUMNS
from benchmark.report.remedies import remedy
from benchmark.report.verdict import Between, Verdict
from methods.errors import ConfigError
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


def between(low: float, high: float) -> Between:
    return Between(float(low), float(high))


def said(verdict: Verdict) -> str:
    return "\n".join(verdict.lines())


@pytest.mark.parametrize(("count", "answer"), [(12, "holds"), (9, "holds"), (8, "fails")])
def test_nine_wins_are_needed_and_counted(count: int, answer: str) -> None:
    verdict = judged(claim(), frame(wins(count)))
    assert verdict.answer == answer
    assert verdict.probability == between(count >= 9, count >= 9)
    assert verdict.expected == verdict.interval == between(count, count)
    assert len(verdict.of_state("win")) == count
    assert len(verdict.of_state("loss")) == 12 - count
    assert verdict.outcomes[0].lead.record() == {"value": 10, "low": 10, "high": 10}
    assert verdict.outcomes[0].rival == "byol"


def test_the_best_rival_counts_on_every_task() -> None:
    first, second = frame(wins(12), ("byol",)), frame(wins(12), ("simclr",))
    second.loc[
        (second["method"] == "simclr") & (second["task"].isin(list(TASKS)[:4])), "score"
    ] += 0.2
    both = pd.concat([first, second[second["method"] == "simclr"]])
    assert judged(claim(), both).answer == "holds"
    verdict = judged(claim(against=["byol", "simclr"]), both)
    assert verdict.answer == "fails"
    assert [outcome.rival for outcome in verdict.of_state("loss")] == ["simclr"] * 4


@pytest.mark.parametrize(
    ("lead", "ties", "won"),
    [(0.005, 0.5, 0), (0.0051, 0.5, 12), (0.005, 0.4, 12), (0.0, 0.0, 0), (0.001, 0.0, 12)],
)
def test_a_win_is_by_more_than_a_tie(lead: float, ties: float, won: int) -> None:
    verdict = judged(claim(ties=ties), frame(wins(12, lead)))
    assert len(verdict.of_state("win")) == won
    assert verdict.answer == ("holds" if won else "fails")


def test_equal_scores_are_no_wins_and_are_suspected() -> None:
    verdict = judged(claim(ties=0.0), frame(dict.fromkeys(TASKS, 0.0)))
    assert verdict.answer == "fails"
    assert "score the same on every image" in said(verdict)


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


def test_phantoms_do_not_count_for_claims_about_images() -> None:
    drawn = frame(wins(12), source="phantom")
    verdict = judged(claim(), drawn)
    assert (verdict.answer, len(verdict.of_state("unknown"))) == ("undecided", 12)
    assert verdict.probability == between(0, 1)
    assert "phantom images do not count" in said(verdict)
    verdict = judged(claim(), drawn, "phantom")
    assert verdict.answer == "holds"
    assert all("phantom" in line for line in verdict.lines())
    others = drawn.assign(source="stand-in")
    assert judged(claim(), others).answer == "undecided"
    assert judged(claim(), pd.concat([drawn, frame(wins(0))])).answer == "fails"


def test_label_fractions_are_not_mixed() -> None:
    halves = frame(wins(12), fraction=0.5)
    assert judged(claim(), halves).answer == "undecided"
    assert "scores at 0.5 do not count" in said(judged(claim(), halves))
    assert judged(claim(fraction=0.5), halves).answer == "holds"
    assert judged(claim(), pd.concat([halves, frame(wins(0))])).answer == "fails"


def test_other_methods_tasks_and_stages_do_not_count() -> None:
    whole = frame(wins(9))
    better = pd.concat(rows("simclr", task, 0.8, seeds=3) for task in TASKS)
    extra = whole.assign(task="extra_idrid_soft_exudates")
    frozen = whole.assign(stage="frozen", score=0.9)
    more = pd.concat([whole, better, extra.drop_duplicates(["method", "seed", "image"]), frozen])
    assert judged(claim(), more).probability == between(1, 1)


@pytest.mark.parametrize(
    ("lesion", "anatomy", "ties", "answer"),
    [
        (0.2, 0.1, 0.5, "holds"),
        (0.1, 0.2, 0.5, "fails"),
        (-0.1, -0.2, 0.5, "fails"),  # behind by less is no margin
        (0.104, 0.1, 0.5, "fails"),  # a tie
        (0.104, 0.1, 0.3, "holds"),
    ],
)
def test_margins_are_means_over_kinds(
    lesion: float, anatomy: float, ties: float, answer: str
) -> None:
    leads = {task: lesion if kind == "lesion" else anatomy for task, kind in KINDS.items()}
    verdict = judged(margin(ties=ties), frame(leads))
    assert verdict.answer == answer
    assert verdict.expected.low == pytest.approx(100 * (lesion - anatomy))


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


def test_margins_need_both_kinds() -> None:
    with pytest.raises(ConfigError, match="of the kind lesion"):
        judged(margin(of=1, tasks=ANATOMY[:1]), frame(wins(1)))


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


def test_a_missing_floor_is_said() -> None:
    whole = frame(wins(9))
    assert "No floor" not in said(judged(claim(), whole))
    bare = whole[whole["method"] != "random"]
    assert "No floor (random) on all tasks" in said(judged(claim(), bare))


def test_nothing_is_no_verdict() -> None:
    verdict = judged(claim(), pd.DataFrame(columns=COLUMNS))
    assert (verdict.answer, verdict.probability) == ("undecided", between(0, 1))
    assert "nothing can be concluded" in said(verdict)


def test_frames_that_contradict_themselves_are_refused() -> None:
    with pytest.raises(ConfigError, match="must lie in"):
        judged(claim(), frame(wins(9)).assign(score=1.5))
    with pytest.raises(ConfigError, match="has two scores"):
        judged(claim(), frame(wins(9)).assign(image="a"))


def test_remedies_follow_the_variance() -> None:
    rng = np.random.default_rng(0)
    seeds = 0.02 + rng.normal(0, 0.05, (3, 1)) + np.zeros((3, 10))
    assert "seeds would" in remedy(seeds, 0.005, 0.95)
    images = 0.006 + rng.normal(0, 0.2, (1, 10)) + np.zeros((3, 10))
    assert "10 test images are too few" in remedy(images, 0.005, 0.95)
    assert "one seed" in remedy(seeds[:1], 0.005, 0.95)


def test_the_built_in_claims_are_the_papers() -> None:
    paper, earlier, lesions = claims_called(None)
    assert (paper.needed, earlier.needed, lesions.margin) == (9, 11, "lesion > anatomy")
    for each in (paper, earlier, lesions):
        assert len(each.rivals) == 18
        assert not {"ld", "random"} & set(each.rivals)
        assert each.tasks == list(TASKS)
        assert (each.ties, each.level, each.metric, each.stage) == (0.5, 0.95, "dice", "finetuned")
