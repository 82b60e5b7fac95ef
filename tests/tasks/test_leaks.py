"""Pool images that recur among test images are found by content; others are not accused."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tasks.base import Domain, Source
from tasks.leaks import LOOKS, SIDE, Leak, find_leaks, identical_files, search
from tasks.leaks.detail import detail, view
from tasks.phantoms.chest import CXR8, draw_chest
from tasks.phantoms.fundus import draw_fundus
from tasks.phantoms.looks import IDRID
from tasks.pools import POOLS, load_pool, prepared
from tests.tasks.leak_check import CHANGES
from tests.tasks.leak_check import prepared as prepared_picture

DOMAINS: tuple[Domain, ...] = ("fundus", "chest X-ray")
COUNT = 4
#: Side of the phantoms, px.
DRAWN = 192
#: Phantoms of 192 px are too small to be reduced to 0.3 or 0.5: that is for real files.
PHANTOM_CHANGES = [title for title in CHANGES if "scale 0" not in title]
LABELS = Path(__file__).parent / "leak_pairs.json"
#: Photographs of the labelled check: the least similar matches, those without a match, and two
#: that recur twice; all 81 take a minute to read.
HARD = (4, 11, 12, 25, 26, 30, 39, 55, 56, 57, 60, 61, 62, 64, 65, 66, 68, 69, 70, 75, 80)


def picture(domain: Domain, seed: int) -> Image.Image:
    """An eye or a chest, 192 px a side."""
    rng = np.random.default_rng(seed)
    if domain == "fundus":
        return Image.fromarray(draw_fundus(IDRID, DRAWN, 0.5, bool(seed % 2), rng).image)
    grey = draw_chest(CXR8, DRAWN, False, rng).image
    return Image.fromarray((grey * 255).round().astype(np.uint8))


@pytest.fixture(scope="module", params=DOMAINS)
def domain(request: pytest.FixtureRequest) -> Domain:
    chosen: Domain = request.param
    return chosen


@pytest.fixture(scope="module")
def pictures(domain: Domain) -> list[Image.Image]:
    return [picture(domain, seed) for seed in range(2 * COUNT)]


@pytest.fixture(scope="module")
def images(domain: Domain, pictures: list[Image.Image]) -> np.ndarray:
    """The same as arrays: the first four are tested on, the others are other people's."""
    return np.stack([prepared_picture(each, domain) for each in pictures])


def found(pool: np.ndarray, test: np.ndarray, domain: Domain) -> dict[tuple[int, int], float]:
    """Similarity by (test image, pool image)."""
    leaks = find_leaks(pool, names(len(pool)), test, names(len(test)), domain)
    assert {leak.evidence for leak in leaks} <= {"same picture"}
    return {(int(leak.test_image), int(leak.pool_image)): leak.similarity for leak in leaks}


def names(count: int) -> tuple[str, ...]:
    return tuple(str(number) for number in range(count))


@pytest.mark.parametrize("title", PHANTOM_CHANGES)
def test_changed_copies_are_found_and_nobody_else_is_accused(
    title: str, domain: Domain, pictures: list[Image.Image], images: np.ndarray
) -> None:
    copies = [prepared_picture(CHANGES[title](each), domain) for each in pictures[:COUNT]]
    pool = np.concatenate([images[COUNT:], np.stack(copies)])
    pairs = found(pool, images[:COUNT], domain)
    assert set(pairs) == {(row, COUNT + row) for row in range(COUNT)}
    assert min(pairs.values()) >= LOOKS[domain].same
    assert max(pairs.values()) <= 1.0001


def test_an_exact_copy_is_as_similar_as_can_be(domain: Domain, images: np.ndarray) -> None:
    pairs = found(images, images, domain)
    assert set(pairs) == {(row, row) for row in range(len(images))}
    assert list(pairs.values()) == pytest.approx([1.0] * len(images), abs=1e-3)


def test_mirror_images_are_not_sought(domain: Domain, images: np.ndarray) -> None:
    assert not found(images[..., ::-1], images, domain)


def test_chunks_change_nothing(
    domain: Domain, images: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = np.concatenate([images, images[:3]])
    whole = found(pool, images[:COUNT], domain)
    np.save(tmp_path / "pool.npy", pool)
    monkeypatch.setattr(search, "CHUNK", 4)
    mapped = np.load(tmp_path / "pool.npy", mmap_mode="r")
    seen: list[int] = []
    leaks = find_leaks(
        mapped, names(len(pool)), images[:COUNT], names(COUNT), domain, observe=seen.append
    )
    assert {(int(each.test_image), int(each.pool_image)) for each in leaks} == set(whole)
    assert [each.similarity for each in leaks] == pytest.approx(list(whole.values()), abs=1e-4)
    places = [(int(each.test_image), int(each.pool_image)) for each in leaks]
    assert all(one < other for one, other in pairwise(places))
    assert seen == [4, 4, 3]


def test_nothing_against_nothing(domain: Domain, images: np.ndarray) -> None:
    assert find_leaks(images[:0], (), images, names(len(images)), domain) == []
    assert find_leaks(images, names(len(images)), images[:0], (), domain) == []
    black = np.zeros_like(images[:2])
    assert not found(black, black, domain)


def test_what_is_refused(images: np.ndarray, domain: Domain) -> None:
    small = images[:, :, ::2, ::2]
    with pytest.raises(ValueError, match="at 128 px, not at 64 px"):
        find_leaks(small, names(len(small)), small, names(len(small)), domain)
    with pytest.raises(ValueError, match="8 images have 7 names"):
        find_leaks(images, names(7), images, names(8), domain)


def test_detail_ignores_exposure_and_what_lies_outside() -> None:
    look = LOOKS["fundus"]
    grey = prepared_picture(picture("fundus", 0), "fundus").mean(axis=0, dtype=np.float32)
    grey[:20] = 0.0
    fine = detail(grey, view(grey, look), look)
    brighter = detail(1.2 * grey + 5.0, view(grey, look), look)
    assert np.corrcoef(fine.ravel(), brighter.ravel())[0, 1] > 0.95
    assert not fine[:20].any()
    assert fine[40:-40, 40:-40].any()


def test_identical_files() -> None:
    pool = {"p/1.jpg": "aa", "p/2.jpg": "bb", "p/3.jpg": "aa"}
    test = {"IDRiD_02": "cc", "IDRiD_01": "aa"}
    leaks = identical_files(pool, test)
    assert leaks == [
        Leak("IDRiD_01", "p/1.jpg", "identical file", 1.0),
        Leak("IDRiD_01", "p/3.jpg", "identical file", 1.0),
    ]
    assert replace(leaks[0], task="idrid_optic_disc").task == "idrid_optic_disc"
    assert identical_files({}, test) == []


def test_labels_are_consistent() -> None:
    labels = json.loads(LABELS.read_text(encoding="utf-8"))
    same, different = ({tuple(pair) for pair in labels[name]} for name in ("same", "different"))
    assert (len(same), len(different)) == (len(labels["same"]), len(labels["different"]))
    assert not same & different


def photographs(paths: list[Path], domain: Domain) -> np.ndarray:
    with ThreadPoolExecutor(2) as readers:
        return np.stack(list(readers.map(lambda path: prepared(path, domain, SIDE), paths)))


@pytest.mark.slow
def test_labelled_pairs_of_real_photographs(
    real: Source, record_property: Callable[[str, object], None]
) -> None:
    labels = json.loads(LABELS.read_text(encoding="utf-8"))
    folder = real.root / "IDRiD/A. Segmentation/1. Original Images"
    paths = {path.stem: path for path in sorted(folder.glob("*/*.jpg"))}
    ids = tuple(f"IDRiD_{number:02d}" for number in HARD)
    test = photographs([paths[image_id] for image_id in ids], "fundus")
    pool = load_pool(POOLS["idrid_grading"], real, SIDE)
    leaks = find_leaks(pool.array[pool.rows], pool.files, test, ids, "fundus")
    accused = {(leak.test_image, "/".join(Path(leak.pool_image).parts[-2:])) for leak in leaks}
    same = {tuple(pair) for pair in labels["same"] if pair[0] in ids}
    right = len(accused & same)
    precision, recall = right / len(accused), right / len(same)
    record_property("precision", precision)
    record_property("recall", recall)
    assert (len(pool.files), len(same)) == (516, 14)
    assert precision == 1.0, sorted(accused - same)
    assert recall == 1.0, sorted(same - accused)


def test_two_eyes_of_a_child_are_two(real: Source) -> None:
    paths = sorted((real.root / "CHASEDB1").glob("*.jpg"))
    eyes = photographs(paths, "fundus")
    assert len(eyes) == 28
    assert set(found(eyes, eyes, "fundus")) == {(row, row) for row in range(28)}
    # A mirrored left eye looks as much as anything like the right one.
    assert not found(eyes[..., ::-1], eyes, "fundus")


def test_chests_of_different_patients_are_two(real: Source) -> None:
    paths = sorted((real.root / "CXR8/images").glob("*.png"))[:240]
    chests = photographs(paths, "chest X-ray")
    pairs = set(found(chests, chests[:80], "chest X-ray"))
    assert pairs == {(row, row) for row in range(80)}
