"""Claims on frames so plain that the answer is known by counting."""

import pandas as pd
import pytest

from benchmark.claim import claims_called
from methods.errors import ConfigError
from tasks import TASKS
from tests.benchmark.plain_claims import (
    ANATOMY,
    KINDS,
    between,
    claim,
    frame,
    judged,
    margin,
    rows,
    said,
    wins,
)


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


def test_margins_need_both_kinds() -> None:
    with pytest.raises(ConfigError, match="of the kind lesion"):
        judged(margin(of=1, tasks=ANATOMY[:1]), frame(wins(1)))


def test_a_missing_floor_is_said() -> None:
    whole = frame(wins(9))
    assert "No floor" not in said(judged(claim(), whole))
    bare = whole[whole["method"] != "random"]
    assert "No floor (random) on all tasks" in said(judged(claim(), bare))


def test_frames_that_contradict_themselves_are_refused() -> None:
    with pytest.raises(ConfigError, match="must lie in"):
        judged(claim(), frame(wins(9)).assign(score=1.5))
    with pytest.raises(ConfigError, match="has two scores"):
        judged(claim(), frame(wins(9)).assign(image="a"))


def test_the_built_in_claims_are_the_papers() -> None:
    paper, earlier, lesions = claims_called(None)
    assert (paper.needed, earlier.needed, lesions.margin) == (9, 11, "lesion > anatomy")
    for each in (paper, earlier, lesions):
        assert len(each.rivals) == 18
        assert not {"ld", "random"} & set(each.rivals)
        assert each.tasks == list(TASKS)
        assert (each.ties, each.level, each.metric, each.stage) == (0.5, 0.95, "dice", "finetuned")
