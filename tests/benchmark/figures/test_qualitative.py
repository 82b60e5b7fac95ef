"""Which test images are shown, and that they come from the store."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmark.asked import Wanted, asked
from benchmark.cells import Status
from benchmark.pictures import save_masks, save_test
from benchmark.report.figures.sheets import dice
from benchmark.report.frame import Result, results
from benchmark.report.qualitative import examples, telling
from benchmark.store import Store
from tasks.labelled import Labelled
from tests.benchmark.small_results import TASK, cell_of, put

SIDE = 8


@pytest.mark.parametrize("images", range(1, 9))
def test_telling_images_against_sorting_by_hand(images: int) -> None:
    for seed in range(20):
        levels = np.random.default_rng(seed).integers(0, 4, (3, images)) / 4
        found = telling(levels)
        means = [sum(column) / 3 for column in levels.T]
        ordered = sorted(means, reverse=True)
        expected = {"the only test image": [0]} if images == 1 else {"best": [0], "worst": [-1]}
        if images > 2:
            expected["median"] = [images // 2]
        assert {word for _, word in found} == set(expected)
        assert len({place for place, _ in found}) == len(found)
        for place, word in found:
            assert means[place] == pytest.approx(ordered[expected[word][0]])


def test_among_equals_the_first_is_the_better() -> None:
    assert telling(np.ones((2, 4))) == ((0, "best"), (2, "median"), (3, "worst"))


def mask(width: int) -> np.ndarray:
    """A square image whose left columns are marked."""
    marked = np.zeros((SIDE, SIDE), dtype=bool)
    marked[:, :width] = True
    return marked


TRUTHS = np.stack([mask(4)] * 4)
#: Columns that each method marks on each of the four images.
WIDTHS = {"ld": (1, 4, 2, 3), "byol": (2, 4, 1, 4)}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Two methods on a task, at two seeds, with masks at the first."""
    cells = [cell_of(method, seed) for method in WIDTHS for seed in (0, 1)]
    put(tmp_path / "out", *cells, source="phantom")
    found = Store(tmp_path / "out")
    for cell in cells:
        masks = np.stack([mask(width) for width in WIDTHS[cell.key.method]])
        wrong = masks if cell.key.seed == 0 else ~masks
        save_masks(wrong, found.cells / cell.name / "masks_finetuned.png")
    shutil.rmtree(kept_of(found))  # has no images
    images = np.random.default_rng(0).integers(0, 255, (4, 3, SIDE, SIDE), dtype=np.uint8)
    save_test(Labelled(("a", "b", "c", "d"), images, TRUTHS), kept_of(found))
    return found


def kept_of(store: Store) -> Path:
    return store.tests / f"{TASK}-m"


def there(store: Store) -> dict[Wanted, Result]:
    return results(store, asked(store.root).cells)


def test_examples_are_the_stores_masks_on_the_telling_images(store: Store) -> None:
    found = examples(store, there(store), TASK)
    assert found is not None
    assert found.title == f"{TASK}, finetuned, seed 0: phantom images"
    means = {
        i: np.mean([dice(mask(widths[i]), TRUTHS[i]) for widths in WIDTHS.values()])
        for i in range(4)
    }
    ordered = sorted(means, key=lambda i: -means[i])
    ids = ["abcd"[i] for i in (ordered[0], ordered[2], ordered[3])]
    assert [row.image_id for row in found.rows] == ids == ["b", "a", "c"]
    for row, word in zip(found.rows, ("best", "median", "worst"), strict=True):
        i = "abcd".index(row.image_id)
        assert row.note == f"{word}: mean Dice of 2 methods {means[i]:.3f}"
        assert set(row.predictions) == set(WIDTHS)
        for method, shown in row.predictions.items():
            np.testing.assert_array_equal(shown, mask(WIDTHS[method][i]))


def test_without_masks_the_next_stage_is_shown_or_nothing(store: Store) -> None:
    known = there(store)
    for path in store.cells.glob("*/masks_finetuned.png"):
        path.rename(path.with_name("masks_frozen.png"))
    found = examples(store, known, TASK)
    assert found is not None
    assert found.stage == "frozen"
    for path in store.cells.glob("*/masks_frozen.png"):
        path.unlink()
    assert examples(store, known, TASK) is None
    assert examples(store, known, "another") is None
    assert examples(store, {}, TASK) is None


def test_failed_cells_and_missing_test_images_are_no_error(store: Store) -> None:
    known = there(store)
    failed = {
        cell: replace(r, status=Status.FAILED) if cell.method == "ld" else r
        for cell, r in known.items()
    }
    found = examples(store, failed, TASK)
    assert found is not None
    assert list(found.rows[0].predictions) == ["byol"]
    shutil.rmtree(kept_of(store))
    assert examples(store, known, TASK) is None
