"""Unlabelled images: prepared once, skipped where they show no eye, registered or one's own."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from methods.errors import InputError, UnknownNameError
from tasks.base import MissingDataError, Source
from tasks.pools import POOLS, load_pool, pool_called, pool_files, prepared
from tasks.reading import ImageError, Pixels

GRADED = POOLS["idrid_grading"]
GRADING = Path("IDRiD", "B. Disease Grading", "1. Original Images", "a. Training Set")


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
        load_pool(POOLS[name], source, 32)
    for fact in (POOLS[name].dataset, POOLS[name].patterns[0], POOLS[name].page, str(source.root)):
        assert fact in str(caught.value)
    assert POOLS[name].terms in str(caught.value)
    assert isinstance(caught.value, InputError)
    assert not source.cache.exists()


def test_a_pool_of_several_data_sets_lacks_one(source: Source) -> None:
    open_fundus = POOLS["open_fundus"]
    with pytest.raises(MissingDataError, match=r"no image matches IDRiD/A\. Segmentation"):
        pool_files(open_fundus, source)
    assert not source.cache.exists()


@pytest.mark.parametrize(
    ("name", "channels"), [("idrid_grading", 3), ("open_fundus", 3), ("chestxray14", 1)]
)
def test_pools_of_phantoms(name: str, channels: int, phantoms: Source) -> None:
    seen: list[int] = []
    pool = load_pool(POOLS[name], phantoms, 40, seen.append)
    paths = pool_files(POOLS[name], phantoms)
    assert paths == sorted(paths)
    assert list(pool.files) == [path.relative_to(phantoms.root).as_posix() for path in paths]
    assert seen == [0] + [1] * len(paths)
    assert pool.array.shape == (len(paths), channels, 40, 40)
    assert pool.array.dtype == np.uint8
    assert (pool.info, pool.skipped, pool.excluded) == (POOLS[name], (), ())
    for path, pixels in zip(paths, pool.array, strict=True):
        assert np.array_equal(pixels, prepared(path, pool.info.domain, 40))
        assert pixels.std() > 10.0


def test_grading_has_both_parts(phantoms: Source) -> None:
    parts = {path.parent.name for path in pool_files(GRADED, phantoms)}
    assert parts == {"a. Training Set", "b. Testing Set"}


def test_second_load_comes_from_the_cache(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load_pool(GRADED, source, 40)
    monkeypatch.setattr("tasks.pools.read_image", no_reading)
    seen: list[int] = []
    again = load_pool(GRADED, source, 40, seen.append)
    assert np.array_equal(first.array, again.array)
    assert (first.files, first.manifest) == (again.files, again.manifest)
    assert seen == [3]
    with pytest.raises(AssertionError, match="decoded again"):
        load_pool(GRADED, source, 48)
    eye(200, 120).save(source.root / GRADING / "IDRiD_004.jpg")
    with pytest.raises(AssertionError, match="decoded again"):
        load_pool(GRADED, source, 40)


def test_manifests_tell_pools_apart(source: Source) -> None:
    pools = [load_pool(GRADED, source, 40), load_pool(GRADED, source, 48)]
    eye(200, 120).save(source.root / GRADING / "IDRiD_002.jpg")
    pools.append(load_pool(GRADED, source, 40))
    (source.root / GRADING / "IDRiD_003.jpg").rename(source.root / GRADING / "IDRiD_009.jpg")
    pools.append(load_pool(GRADED, source, 40))
    assert len({pool.manifest for pool in pools}) == len(pools)


def test_what_shows_no_eye_is_skipped_and_listed(source: Source) -> None:
    folder = source.root / GRADING
    Image.new("RGB", (200, 200)).save(folder / "IDRiD_000.jpg")
    Image.new("RGB", (200, 200), (20, 20, 20)).save(folder / "IDRiD_004.jpg", quality=100)
    # Without JPEG's fringe; with the margin boxes of 98 and 102 px, .24 and .26 of the picture.
    for name, diameter in (("IDRiD_005", 66), ("IDRiD_006", 70)):
        eye(200, diameter).save(folder / f"{name}.jpg", format="PNG")
    pool = load_pool(GRADED, source, 40)
    kept = [Path(file).stem for file in pool.files]
    assert kept == ["IDRiD_001", "IDRiD_002", "IDRiD_003", "IDRiD_006"]
    assert [Path(file).stem for file in pool.skipped] == ["IDRiD_000", "IDRiD_004", "IDRiD_005"]
    assert pool.rows.tolist() == [1, 2, 3, 6]
    assert pool.array[pool.rows].any(axis=(1, 2, 3)).all()
    again = load_pool(GRADED, source, 40)
    assert (again.files, again.skipped) == (pool.files, pool.skipped)


def test_photographs_are_cropped_to_the_eye(source: Source) -> None:
    pool = load_pool(GRADED, source, 64)
    # Every eye fills its picture but for the margin of 16 px, whatever its diameter.
    for pixels, diameter in zip(pool.array, (150, 160, 170), strict=True):
        width = (pixels[0, 32] > 90).sum() / 64
        assert width == pytest.approx(diameter / min(diameter + 32, 200), abs=0.04)


def test_a_file_that_is_no_image(source: Source) -> None:
    (source.root / GRADING / "IDRiD_002.jpg").write_text("not found", encoding="utf-8")
    with pytest.raises(ImageError, match=r"IDRiD_002\.jpg"):
        load_pool(GRADED, source, 40)


def test_without(source: Source) -> None:
    pool = load_pool(GRADED, source, 40)
    first, second, third = pool.files
    assert pool.without([]).files == pool.files
    less = pool.without([second])
    assert less.files == (first, third)
    assert less.rows.tolist() == [0, 2]
    assert less.excluded == (second,)
    assert (less.info, less.manifest, less.skipped) == (pool.info, pool.manifest, pool.skipped)
    least = less.without([first])
    assert (least.files, least.excluded) == ((third,), (second, first))
    assert pool.files == (first, second, third)  # left as it was


def test_a_folder_of_ones_own_images(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = source.root / GRADING
    (folder / "notes.txt").write_text("no image", encoding="utf-8")
    eye(200, 150).save(folder / "IDRiD_004.PNG")
    info = pool_called(str(folder), "fundus")
    pool = load_pool(info, Source(source.root.parent, source.cache), 40)
    assert pool.files == ("IDRiD_001.jpg", "IDRiD_002.jpg", "IDRiD_003.jpg", "IDRiD_004.PNG")
    registered = load_pool(GRADED, source, 40)
    assert np.array_equal(pool.array[:3], registered.array)
    monkeypatch.chdir(folder)
    assert pool_files(pool_called("./", "fundus"), source)


def test_pools_that_are_none(source: Source, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"unknown pool 'eyepac'.* \./eyepac"):
        pool_called("eyepac", "fundus")
    with pytest.raises(MissingDataError, match="is no folder with images"):
        load_pool(pool_called(str(tmp_path / "nowhere"), "fundus"), source, 40)


def test_published_numbers_of_training_images(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (POOLS["eyepacs"].training, POOLS["chestxray14"].training) == (30_000, 100_000)
    for training, held_out in ((0, 1), (1, 2), (2, 1), (3, 1), (9, 1)):
        pool = load_pool(replace(GRADED, training=training), source, 40)
        assert pool.held_out == held_out


def test_smaller_pools_are_derived_from_512_px(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    direct = load_pool(GRADED, source, 64).array
    large = Source(source.root, source.root.parent / "other cache")
    load_pool(GRADED, large, 512)
    monkeypatch.setattr("tasks.pools.read_image", no_reading)
    assert np.array_equal(load_pool(GRADED, large, 64).array, direct)
