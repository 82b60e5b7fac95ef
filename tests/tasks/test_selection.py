"""Which checkpoint of a stage is scored, and what a rule that cheats must tell."""

from typing import Any

import pytest

from benchmark.asked import Wanted
from benchmark.audit import early
from benchmark.ledger import Entry
from methods.errors import ConfigError
from tasks import finetuning
from tasks.finetuning import FineTuning, finetune
from tasks.segmenter import Segmenter
from tasks.selection import SELECTIONS
from tests.tasks.squares import encoder, same, small

TWO_STAGES, ONE_STAGE = ("frozen", "finetuned"), ("direct",)
#: What the validation loss and the test Dice are made to be at the checks after steps 2, 4, 6, 8.
LOSSES, DICES = [-0.2, -0.5, -0.3, -0.4], [0.1, 0.3, 0.6, 0.6]


@pytest.mark.parametrize(
    ("selection", "chosen", "opened"),
    [("validation-best", 4, 8), ("last", 8, 8), ("oracle", 6, 2)],
)
def test_the_chosen_checkpoint_is_scored(
    selection: str, chosen: int, opened: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses, dices = iter(LOSSES), iter(DICES)
    seen: dict[int, Any] = {}

    def loss(both: Segmenter, *_: object) -> float:
        seen[tuning.step] = both.state()
        return next(losses)

    monkeypatch.setattr(finetuning, "validation_loss", loss)
    data = small(steps=4, checks=4, selection=selection)
    tuning = FineTuning(encoder(), data.training(), ONE_STAGE, 0, lambda _: next(dices))
    tuning.train(None, None)
    assert list(seen) == [2, 4, 6, 8]
    for now, then in zip(tuning.segmenter.state(), seen[chosen], strict=True):
        assert same(now, then)
    tuning.score(data.test)
    assert tuning.facts["direct"] == {
        "selection": selection,
        "steps": 8,
        "best step": chosen,
        "validation loss": LOSSES[chosen // 2 - 1],
        "test opened after step": opened,
    }


@pytest.mark.parametrize("selection", SELECTIONS)
def test_an_audit_names_what_was_chosen_by_test_images(selection: str) -> None:
    scores = finetune(encoder(), small(steps=4, selection=selection), TWO_STAGES, seed=0)
    assert {scores.facts[stage]["selection"] for stage in TWO_STAGES} == {selection}
    cell = Wanted("", "ld", "squares", "fundus", "phantom", TWO_STAGES, 1.0, 0, "", {})
    entry = Entry(cell, {"facts": scores.facts})
    opened = {scores.facts[stage]["test opened after step"] for stage in TWO_STAGES}
    assert opened == {2 if selection == "oracle" else 4}
    found = [
        f"{cell.label} was chosen by its test images (oracle, {stage})" for stage in TWO_STAGES
    ]
    assert list(early([entry])) == (found if selection == "oracle" else [])


def test_the_oracle_scores_no_worse_than_any_other_checkpoint() -> None:
    def dice(selection: str) -> float:
        data = small(steps=6, checks=6, selection=selection, learning_rate=0.01)
        rows = finetune(encoder(), data, ONE_STAGE, seed=0).scores
        values = [row.value for row in rows if row.metric == "dice"]
        return sum(values) / len(values)

    assert dice("oracle") >= max(dice("validation-best"), dice("last"))


def test_a_rule_that_needs_test_images_is_refused_without_them() -> None:
    data = small(selection="oracle").training()
    with pytest.raises(ConfigError, match="selection oracle looks at test images: here there are"):
        FineTuning(encoder(), data, ONE_STAGE, 0)
