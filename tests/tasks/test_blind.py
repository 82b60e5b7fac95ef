"""The scores of painting without looking, against counts by hand."""

from dataclasses import replace

import numpy as np
import pytest

from tasks.blind import blind_scores
from tasks.labelled import Labelled
from tests.tasks.squares import small


def by_hand(train: list[str], test: list[str]) -> dict[str, float]:
    """Blind scores of masks given as rows of 0 and 1; the first training mask validates."""

    def masks(rows: list[str]) -> Labelled:
        flat = np.array([[digit == "1" for digit in row] for row in rows])
        found = flat.reshape(len(rows), 2, 2)
        return Labelled(tuple(rows), np.zeros((len(rows), 1, 2, 2), dtype=np.uint8), found)

    first, *rest = train
    data = replace(small(), train=masks(rest), validation=masks([first]), test=masks(test))
    return blind_scores(data)


def test_blind_scores_by_hand() -> None:
    # Painting everything: 2 x 1 / (4 + 1) and 2 x 2 / (4 + 2).
    # The mean training mask is 1, 2/3, 1/3, 0. Painted above 2/3 its first pixel scores 1, 2/3,
    # 1/2 on the training masks, 2.17 in all; above 1/3 two score 2/3, 1, 4/5, 2.47 in all; above
    # 0 three score 1/2, 4/5, 1, 2.3 in all. So two: 2 x 1 / (2 + 1) and 2 x 1 / (2 + 2) in test.
    scores = by_hand(["1000", "1100", "1110"], ["0100", "0101"])
    assert scores == {
        "everything": pytest.approx((2 / 5 + 4 / 6) / 2),
        "mean mask": pytest.approx((2 / 3 + 1 / 2) / 2),
    }


def test_blind_scores_without_foreground() -> None:
    assert by_hand(["0000", "0000"], ["1000", "0000"]) == {
        "everything": pytest.approx(2 / 5 / 2),
        "mean mask": 0.5,
    }


def test_blind_scores_with_nothing_else() -> None:
    assert by_hand(["1111", "1111"], ["1111", "1100"]) == {
        "everything": pytest.approx((1 + 2 / 3) / 2),
        "mean mask": pytest.approx((1 + 2 / 3) / 2),
    }


def test_a_mean_mask_is_chosen_without_the_test_masks() -> None:
    # On the training masks the first two pixels score 1, 1, 2/5 and the second alone 2/3, 2/3, 1/2;
    # the second alone would suit this test mask.
    scores = by_hand(["1100", "1100", "0111"], ["0100"])
    assert scores["mean mask"] == pytest.approx(2 / 3)
