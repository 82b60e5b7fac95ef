from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from methods.errors import InputError
from tasks import leaks
from tasks.base import Domain, MissingDataError, Source
from tasks.leaks import detail, find_leaks, similarity
from tasks.phantoms.layouts import Request, write_idrid_grading, write_idrid_segmentation
from tasks.pools import HELD_OUT, POOLS, Pool, load_pool, pool_files, prepared
from tasks.reading import ImageError, Pixels
from tasks.segmentation import SegmentationTask, Settings

MakeTask = Callable[[str], SegmentationTask]
GRADING = Path("IDRiD", "B. Disease Grading", "1. Original Images", "a. Training Set")

FUNDUS: Domain = "fundus"


def no_reading(path: Path, channels: int) -> Pixels:
    raise AssertionError(f"{path} was decoded again")


def eye(side: int, diameter: int) -> Image.Image:
    """A square photograph with a round field of view."""
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    image = np.zeros((side, side, 3), dtype=np.uint8)
    image[np.hypot(y, x) < diameter / 2] = (180, 90, 30)
    return Image.fromarray(image)


@pytest.fixture
def source(tmp_path: Path) -> Source:
    """A root with three photographs and nothing prepared."""
    folder = tmp_path / "data" / GRADING
    folder.mkdir(parents=True)
    for number, diameter in enumerate((150, 160, 170), start=1):
        eye(200, diameter).save(folder / f"IDRiD_{number:03d}.jpg")
    return Source.at(tmp_path / "data", tmp_path / "cache")


@pytest.mark.parametrize("name", POOLS)
def test_a_missing_pool(name: str, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    source = Source.at(tmp_path / "data", tmp_path / "cache")
    with pytest.raises(MissingDataError) as caught:
        load_pool(name, source, 32)
    for fact in (POOLS[name].dataset, POOLS[name].patterns[0], POOLS[name].page, str(source.root)):
        assert fact in str(caught.value)
    assert POOLS[name].terms in str(caught.value)
    assert isinstance(caught.value, InputError)
    assert not source.cache.exists()


@pytest.mark.parametrize(("name", "channels"), [("idrid_grading", 3), ("chestxray14", 1)])
def test_pools_of_phantoms(name: str, channels: int, phantoms: Source) -> None:
    seen: list[int] = []
    pool = load_pool(name, phantoms, 40, observe=seen.append)
    paths = pool_files(name, phantoms)
    assert paths == sorted(paths)
    assert list(pool.files) == [path.relative_to(phantoms.root).as_posix() for path in paths]
    assert seen == [1] * len(paths)
    assert pool.pixels.shape == (len(paths), channels, 40, 40)
    assert pool.pixels.dtype == np.uint8
    assert (pool.info, pool.skipped, pool.excluded) == (POOLS[name], (), ())
    for path, pixels in zip(paths, pool.pixels, strict=True):
        assert np.array_equal(pixels, prepared(path, pool.info.domain, 40))
        assert pixels.std() > 10.0


def test_grading_has_both_parts(phantoms: Source) -> None:
    parts = {path.parent.name for path in pool_files("idrid_grading", phantoms)}
    assert parts == {"a. Training Set", "b. Testing Set"}


def test_second_load_comes_from_the_cache(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load_pool("idrid_grading", source, 40)
    monkeypatch.setattr("tasks.pools.read_image", no_reading)
    seen: list[int] = []
    again = load_pool("idrid_grading", source, 40, observe=seen.append)
    assert np.array_equal(first.pixels, again.pixels)
    assert (first.files, first.manifest) == (again.files, again.manifest)
    assert not seen
    with pytest.raises(AssertionError, match="decoded again"):
        load_pool("idrid_grading", source, 48)
    eye(200, 120).save(source.root / GRADING / "IDRiD_004.jpg")
    with pytest.raises(AssertionError, match="decoded again"):
        load_pool("idrid_grading", source, 40)


def test_manifests_tell_pools_apart(source: Source) -> None:
    pools = [load_pool("idrid_grading", source, 40), load_pool("idrid_grading", source, 48)]
    eye(200, 120).save(source.root / GRADING / "IDRiD_002.jpg")
    pools.append(load_pool("idrid_grading", source, 40))
    (source.root / GRADING / "IDRiD_003.jpg").rename(source.root / GRADING / "IDRiD_009.jpg")
    pools.append(load_pool("idrid_grading", source, 40))
    assert len({pool.manifest for pool in pools}) == len(pools)


def test_what_shows_no_eye_is_skipped_and_listed(source: Source) -> None:
    folder = source.root / GRADING
    Image.new("RGB", (200, 200)).save(folder / "IDRiD_000.jpg")
    Image.new("RGB", (200, 200), (20, 20, 20)).save(folder / "IDRiD_004.jpg", quality=100)
    # Without JPEG's fringe; with the margin boxes of 98 and 102 px, .24 and .26 of the picture.
    for name, diameter in (("IDRiD_005", 66), ("IDRiD_006", 70)):
        eye(200, diameter).save(folder / f"{name}.jpg", format="PNG")
    pool = load_pool("idrid_grading", source, 40)
    kept = [Path(file).stem for file in pool.files]
    assert kept == ["IDRiD_001", "IDRiD_002", "IDRiD_003", "IDRiD_006"]
    assert [Path(file).stem for file in pool.skipped] == ["IDRiD_000", "IDRiD_004", "IDRiD_005"]
    assert len(pool.pixels) == 4
    assert pool.pixels.any(axis=(1, 2, 3)).all()
    again = load_pool("idrid_grading", source, 40)
    assert (again.files, again.skipped) == (pool.files, pool.skipped)


def test_photographs_are_cropped_to_the_eye(source: Source) -> None:
    pool = load_pool("idrid_grading", source, 64)
    # Every eye fills its picture but for the margin of 16 px, whatever its diameter.
    for pixels, diameter in zip(pool.pixels, (150, 160, 170), strict=True):
        width = (pixels[0, 32] > 90).sum() / 64
        assert width == pytest.approx(diameter / min(diameter + 32, 200), abs=0.04)


def test_a_file_that_is_no_image(source: Source) -> None:
    (source.root / GRADING / "IDRiD_002.jpg").write_text("not found", encoding="utf-8")
    with pytest.raises(ImageError, match=r"IDRiD_002\.jpg"):
        load_pool("idrid_grading", source, 40)


def test_without(source: Source) -> None:
    pool = load_pool("idrid_grading", source, 40)
    first, second, third = pool.files
    whole = pool.without([])
    assert replace(whole, pixels=pool.pixels) == pool
    assert np.array_equal(whole.pixels, pool.pixels)
    less = pool.without([second])
    assert less.files == (first, third)
    assert np.array_equal(less.pixels, pool.pixels[[0, 2]])
    assert less.excluded == (second,)
    assert (less.info, less.manifest, less.skipped) == (pool.info, pool.manifest, pool.skipped)
    least = less.without([first])
    assert (least.files, least.excluded) == ((third,), (second, first))
    assert pool.files == (first, second, third)  # left as it was


def test_a_tenth_is_held_out() -> None:
    assert HELD_OUT == 0.1


def jpeg(image: Image.Image, path: Path, quality: int) -> None:
    image.save(path, format="JPEG", quality=quality)


def exact(image: Image.Image) -> Image.Image:
    return image


def rescaled(image: Image.Image) -> Image.Image:
    size = (round(0.75 * image.width), round(0.75 * image.height))
    return image.resize(size, Image.Resampling.BICUBIC)


def shifted(image: Image.Image) -> Image.Image:
    """By 3 % of the width and 2 % of the height."""
    move = (1.0, 0.0, 0.03 * image.width, 0.0, 1.0, -0.02 * image.height)
    return image.transform(image.size, Image.Transform.AFFINE, move)


def cut(image: Image.Image) -> Image.Image:
    """Without a strip at the left and one at the top."""
    box = (round(0.03 * image.width), round(0.02 * image.height), image.width, image.height)
    return image.crop(box)


@dataclass(frozen=True)
class Copies:
    """What was planted: files of the pool by the test image that each shows."""

    pool: Pool
    test: np.ndarray
    test_ids: tuple[str, ...]
    planted: dict[str, set[str]]


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory, make_task: MakeTask) -> Copies:
    """21 photographs of other eyes and six copies of each of two test images."""
    folder = tmp_path_factory.mktemp("copies")
    request = Request(0.04, 0, 256)
    write_idrid_segmentation(folder / "data", request)
    write_idrid_grading(folder / "data", request)
    source = Source(folder / "data", folder / "cache", request.scale, "phantom")
    task = make_task("idrid_optic_disc")
    data = task.load(source, Settings(size=128))
    planted: dict[str, set[str]] = {}
    number = 900
    for image_id in data.test.ids:
        original = task.example(source.root, image_id).image
        planted[image_id] = set()
        for change, quality in (
            (exact, 0),
            (exact, 60),
            (exact, 40),
            (rescaled, 92),
            (shifted, 92),
            (cut, 92),
        ):
            number += 1
            copy = GRADING / f"IDRiD_{number}.jpg"
            if quality:
                with Image.open(original) as image:
                    jpeg(change(image), source.root / copy, quality)
            else:
                (source.root / copy).write_bytes(original.read_bytes())
            planted[image_id].add(copy.as_posix())
    pool = load_pool("idrid_grading", source, 128)
    return Copies(pool, data.test.images, data.test.ids, planted)


def test_copies_are_found_and_nothing_else(copies: Copies) -> None:
    found = find_leaks(copies.pool.pixels, copies.pool.files, copies.test, copies.test_ids, FUNDUS)
    by_test: dict[str, set[str]] = {image_id: set() for image_id in copies.test_ids}
    for leak in found:
        by_test[leak.test_image].add(leak.pool_image)
        assert leaks.SAME[FUNDUS] <= leak.similarity <= 1.0001
    assert by_test == copies.planted
    assert len(found) == 12
    assert len(copies.pool.files) == 21 + 12


def test_an_exact_copy_is_as_similar_as_can_be(copies: Copies) -> None:
    found = find_leaks(copies.test, copies.test_ids, copies.test, copies.test_ids, FUNDUS)
    assert [(leak.test_image, leak.pool_image) for leak in found] == [
        (image_id, image_id) for image_id in copies.test_ids
    ]
    assert [leak.similarity for leak in found] == pytest.approx([1.0, 1.0], abs=1e-3)


def test_other_eyes_are_far_from_the_threshold(copies: Copies) -> None:
    known = set.union(*copies.planted.values())
    others = copies.pool.without(sorted(known))
    details = detail(others.pixels)
    for image in detail(copies.test):
        assert similarity(image, details).max() < leaks.SAME[FUNDUS] - 0.1


def test_without_its_leaks_a_pool_has_none(copies: Copies) -> None:
    found = find_leaks(copies.pool.pixels, copies.pool.files, copies.test, copies.test_ids, FUNDUS)
    rest = copies.pool.without(sorted({leak.pool_image for leak in found}))
    assert find_leaks(rest.pixels, rest.files, copies.test, copies.test_ids, FUNDUS) == []
    assert len(rest.excluded) == 12


def test_similarity_is_the_largest_over_shifts() -> None:
    rng = np.random.default_rng(0)
    image = np.zeros((leaks.SIDE, leaks.SIDE), dtype=np.float32)
    image[40:80, 40:80] = rng.standard_normal((40, 40))
    image /= np.linalg.norm(image)
    near, far = np.roll(image, (leaks.SHIFT, -3), (0, 1)), np.roll(image, (0, 20), (0, 1))
    values = similarity(image, np.stack([image, near, far, -image]))
    slow = [
        max(
            float((np.roll(image, (down, right), (0, 1)) * other).sum())
            for down in range(-leaks.SHIFT, leaks.SHIFT + 1)
            for right in range(-leaks.SHIFT, leaks.SHIFT + 1)
        )
        for other in (image, near, far, -image)
    ]
    assert values == pytest.approx(slow, abs=1e-5)
    assert values[:2] == pytest.approx([1.0, 1.0], abs=1e-5)
    assert values[2:].max() < 0.2


def test_detail_ignores_brightness_and_what_lies_outside(copies: Copies) -> None:
    image = copies.test[:1]
    darker = (image * 0.8).astype(np.uint8)
    assert similarity(detail(image)[0], detail(darker))[0] > 0.9
    black = np.zeros_like(image)
    assert not detail(black).any()
    assert np.linalg.norm(detail(image)[0]) == pytest.approx(1.0, abs=1e-4)
    outside = np.asarray(image[0]).max(axis=0) == 0
    assert outside.any()
    assert not detail(image)[0][outside].any()


def test_leaks_are_sought_at_one_size(copies: Copies) -> None:
    pool, test = copies.pool.pixels[:, :, ::2, ::2], copies.test[:, :, ::2, ::2]
    with pytest.raises(ValueError, match="at 128 px, not at 64 px"):
        find_leaks(pool, copies.pool.files, test, copies.test_ids, FUNDUS)


def photographs(task: SegmentationTask, source: Source, ids: tuple[str, ...]) -> np.ndarray:
    paths = [task.example(source.root, image_id).image for image_id in ids]
    return np.stack([prepared(path, "fundus", leaks.SIDE) for path in paths])


@pytest.mark.slow
def test_real_photographs(make_task: MakeTask, real: Source) -> None:
    pool = load_pool("idrid_grading", real, leaks.SIDE)
    assert len(pool.files) == 516
    assert not pool.skipped
    found = {}
    for name, count in (("idrid_optic_disc", 27), ("chasedb1_vessel", 8), ("hrf_vessel", 6)):
        task = make_task(name)
        ids = task.split(real).test[:count]
        test = photographs(task, real, ids)
        found[name] = find_leaks(pool.pixels, pool.files, test, ids, FUNDUS)
    recurring = {leak.test_image for leak in found["idrid_optic_disc"]}
    assert 15 <= len(recurring) <= 27
    assert not found["chasedb1_vessel"]
    assert not found["hrf_vessel"]


def test_two_eyes_of_a_child_are_two(make_task: MakeTask, real: Source) -> None:
    task = make_task("chasedb1_vessel")
    split = task.split(real)
    ids = split.train + split.test
    eyes = photographs(task, real, ids)
    found = find_leaks(eyes, ids, eyes, ids, FUNDUS)
    assert {(leak.test_image, leak.pool_image) for leak in found} == {(name, name) for name in ids}
