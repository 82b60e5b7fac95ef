"""What is read from probe cells: means of measures, and maps with their test image."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.asked import Wanted, asked
from benchmark.cells import Status
from benchmark.pictures import save_test
from benchmark.report.frame import Result, results
from benchmark.report.probed import feature_row, representation_means
from benchmark.store import Store
from tasks.labelled import Labelled
from tests.benchmark.small_results import TASK, cell_of, put

IMAGES = np.random.default_rng(0).integers(0, 255, (2, 3, 8, 8), dtype=np.uint8)
There = dict[Wanted, Result]


def colour(level: int) -> np.ndarray:
    return np.full((4, 4, 3), level, dtype=np.uint8)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Two methods at two seeds; each has a map, one has regions."""
    cells = [cell_of(method, seed) for method in ("ld", "byol") for seed in (0, 1)]
    put(tmp_path / "out", *cells)
    found = Store(tmp_path / "out")
    for level, cell in enumerate(cells):
        Image.fromarray(colour(level)).save(found.cells / cell.name / "features.png")
        if cell.key.method == "ld":
            Image.fromarray(colour(100)).save(found.cells / cell.name / "clusters.png")
    return found


def there(store: Store) -> There:
    """The cells as probe cells; the measures grow with the seed."""
    found = results(store, asked(store.root).cells)
    return {
        replace(cell, stages=("probe", "neighbours")): replace(
            result,
            facts={
                "pictured": "b",
                "representation": {
                    "effective rank": float(len(cell.method) + cell.seed),
                    "alignment": 0.5,
                },
            },
        )
        for cell, result in found.items()
    }


def test_means_are_over_all_cells(store: Store) -> None:
    known = there(store)
    assert representation_means(known) == {
        "ld": {"effective rank": 2.5, "alignment": 0.5},
        "byol": {"effective rank": 4.5, "alignment": 0.5},
    }
    failed = {
        cell: replace(r, status=Status.FAILED) if (cell.method, cell.seed) == ("ld", 1) else r
        for cell, r in known.items()
    }
    assert list(representation_means(failed)) == ["byol"]
    assert representation_means({}) == {}


def test_maps_are_of_the_smallest_seed_with_the_image_they_picture(store: Store) -> None:
    row = feature_row(store, there(store), TASK)
    assert row is not None
    assert (row.image_id, row.image) == ("b", None)  # no test images are kept
    assert {m: int(picture[0, 0, 0]) for m, picture in row.maps.items()} == {"ld": 0, "byol": 2}
    assert list(row.clusters) == ["ld"]
    folder = store.tests / f"{TASK}-m"
    (folder / "ids.json").rename(store.root / "elsewhere.json")
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    save_test(Labelled(("a", "b"), IMAGES, np.zeros((2, 8, 8), dtype=bool)), folder)
    row = feature_row(store, there(store), TASK)
    assert row is not None
    assert row.image is not None
    np.testing.assert_array_equal(row.image, IMAGES[1].transpose(1, 2, 0))


def test_another_image_is_not_mixed_in_and_nothing_kept_is_nothing(store: Store) -> None:
    known = {
        cell: replace(r, facts={"pictured": "a"}) if cell.method == "byol" else r
        for cell, r in there(store).items()
    }
    row = feature_row(store, known, TASK)
    assert row is not None
    assert list(row.maps) == ["ld"]
    assert feature_row(store, known, "another") is None
    for path in store.cells.glob("*/features.png"):
        path.unlink()
    assert feature_row(store, known, TASK) is None
