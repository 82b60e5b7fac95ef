"""Pool images that recur among test images are found by content; others are not accused."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tasks.base import Domain, Source
from tasks.chasedb1 import ChaseDb1Vessel
from tasks.idrid import IdridOpticDisc
from tasks.leaks import SIDE, find_leaks
from tasks.phantoms.chest import CXR8, draw_chest
from tasks.phantoms.fundus import draw_fundus
from tasks.phantoms.looks import IDRID
from tasks.pools import load_pool, prepared
from tasks.segmentation import Settings

SHARED = Path(__file__).parents[3] / "shared" / "data"
COUNT = 6


def photographs(domain: Domain) -> np.ndarray:
    """Different eyes or chests, shape (images, channels, 128, 128)."""
    images = []
    for seed in range(2 * COUNT):
        rng = np.random.default_rng(seed)
        if domain == "fundus":
            drawn = draw_fundus(IDRID, SIDE, 0.5, bool(seed % 2), rng).image
            square = np.asarray(Image.fromarray(drawn).resize((SIDE, SIDE)))
            images.append(square.transpose(2, 0, 1))
        else:
            grey = draw_chest(CXR8, SIDE, False, rng).image
            images.append((grey * 255).round().astype(np.uint8)[None])
    return np.stack(images)


def rewritten(image: np.ndarray, share: float, quality: int) -> np.ndarray:
    """Reduced, enlarged again and saved as JPEG."""
    pixels = image.transpose(1, 2, 0)
    picture = Image.fromarray(pixels[:, :, 0] if len(image) == 1 else pixels)
    small = picture.resize((int(share * SIDE),) * 2, Image.Resampling.BILINEAR)
    memory = io.BytesIO()
    small.resize((SIDE, SIDE), Image.Resampling.BILINEAR).save(memory, "JPEG", quality=quality)
    back = np.asarray(Image.open(memory))
    return back[None] if back.ndim == 2 else back.transpose(2, 0, 1)


@pytest.mark.parametrize("domain", ["fundus", "chest X-ray"])
def test_copies_are_found_and_nobody_else_is_accused(domain: Domain) -> None:
    images = photographs(domain)
    test, others = images[:COUNT], images[COUNT:]
    copies = np.stack([rewritten(image, 0.75, 60) for image in test])
    pool = np.concatenate([others, copies, test[:1]])
    files = (*(f"other{n}" for n in range(COUNT)), *(f"copy{n}" for n in range(COUNT)), "same")
    ids = tuple(f"test{n}" for n in range(COUNT))
    found = {
        (leak.test_image, leak.pool_image) for leak in find_leaks(pool, files, test, ids, domain)
    }
    assert found == {(f"test{n}", f"copy{n}") for n in range(COUNT)} | {("test0", "same")}


def test_shifted_photographs_are_found() -> None:
    images = photographs("fundus")
    shifted = np.roll(images[:1], (4, -5), axis=(2, 3))
    leaks = find_leaks(shifted, ("shifted",), images[:1], ("test",), "fundus")
    assert [leak.pool_image for leak in leaks] == ["shifted"]


def test_other_sizes_are_refused() -> None:
    small = np.zeros((1, 3, 64, 64), dtype=np.uint8)
    with pytest.raises(ValueError, match="at 128 px, not at 64 px"):
        find_leaks(small, ("a",), small, ("b",), "fundus")


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared photographs are absent")
def test_idrids_grading_photographs_leak_and_chasedb1_does_not(tmp_path: Path) -> None:
    source = Source.at(SHARED, tmp_path)
    pool = load_pool("idrid_grading", source, SIDE)
    for task, least, most in ((ChaseDb1Vessel(), 0, 0), (IdridOpticDisc(), 15, 27)):
        if isinstance(task, IdridOpticDisc):
            ids = task.split(source).test
            folder = SHARED / "IDRiD/A. Segmentation/1. Original Images/b. Testing Set"
            images = np.stack([prepared(folder / f"{name}.jpg", "fundus", SIDE) for name in ids])
        else:
            test = task.load(source, Settings(size=SIDE)).test
            ids, images = test.ids, test.images
        leaks = find_leaks(pool.pixels, pool.files, images, ids, "fundus")
        assert least <= len({leak.test_image for leak in leaks}) <= most


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared photographs are absent")
def test_two_eyes_of_a_child_are_two(tmp_path: Path) -> None:
    test = ChaseDb1Vessel().load(Source.at(SHARED, tmp_path), Settings(size=SIDE)).test
    leaks = find_leaks(test.images, test.ids, test.images, test.ids, "fundus")
    assert {(leak.test_image, leak.pool_image) for leak in leaks} == {(i, i) for i in test.ids}


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared photographs are absent")
def test_chests_of_different_patients_are_not_called_one() -> None:
    paths = sorted((SHARED / "CXR8/images").glob("*.png"))[:60]
    images = np.stack([prepared(path, "chest X-ray", SIDE) for path in paths])
    names = tuple(path.name for path in paths)
    leaks = find_leaks(images, names, images[:15], names[:15], "chest X-ray")
    assert {(leak.test_image, leak.pool_image) for leak in leaks} == {(n, n) for n in names[:15]}
