"""The layouts of the phantoms: which files, in which formats, and how the masks fit."""

import gzip
import io
import json
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image

from tasks.base import Source
from tasks.phantoms import write_phantoms
from tasks.phantoms.layouts import Request, cxr8, eyepacs, idrid, stare
from tasks.splits import read_split

SCALE, SIZE = 0.01, 96  # of the session's phantoms


@pytest.fixture(scope="module")
def root(phantoms: Source) -> Path:
    return phantoms.root


def read(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB" if image.mode == "RGB" else "L"))


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_layout(root: Path) -> None:
    segmentation = root / "IDRiD" / "A. Segmentation"
    for part, ids in (
        ("a. Training Set", read_split("idrid").train[:4]),
        ("b. Testing Set", read_split("idrid").test[:2]),
    ):
        masks = segmentation / "2. All Segmentation Groundtruths" / part
        images = segmentation / "1. Original Images" / part
        assert names(images) == {f"{i}.jpg" for i in ids}
        assert names(masks / "3. Hard Exudates") == {f"{i}_EX.tif" for i in ids}
        assert names(masks / "5. Optic Disc") == {f"{i}_OD.tif" for i in ids}
    grading = root / "IDRiD" / "B. Disease Grading" / "1. Original Images"
    assert names(grading / "a. Training Set") == {f"IDRiD_00{n}.jpg" for n in range(1, 5)}
    assert names(grading / "b. Testing Set") == {"IDRiD_001.jpg", "IDRiD_002.jpg"}
    chase = read_split("chasedb1_vessel").scaled(SCALE)
    assert names(root / "CHASEDB1") == {
        f"{i}{end}"
        for i in chase.train + chase.test
        for end in (".jpg", "_1stHO.png", "_2ndHO.png")
    }
    assert names(root / "HRF" / "images") == {
        *("07_g.jpg", "01_dr.JPG", "01_g.jpg", "01_h.jpg", "09_g.jpg", "09_h.jpg")
    }
    hrf = {"07_g", "01_dr", "01_g", "01_h", "09_g", "09_h"}
    assert names(root / "HRF" / "manual1") == {f"{i}.tif" for i in hrf}
    assert names(root / "HRF" / "mask") == {f"{i}_mask.tif" for i in hrf}
    assert names(root / "CXR8" / "images") == {f"0000000{n}_000.png" for n in range(1, 5)}
    lungs = read_split("scr").scaled(SCALE)
    assert names(root / "JSRT") == {f"{i}.IMG" for i in lungs.train + lungs.test}
    for fold, ids in (("fold1", lungs.train), ("fold2", lungs.test)):
        for name in ("heart", "left lung", "right lung", "left clavicle", "right clavicle"):
            assert names(root / "SCR" / fold / "masks" / name) == {f"{i}.gif" for i in ids}


def test_masks_fit_their_images(root: Path) -> None:
    training = "a. Training Set"
    idrid = root / "IDRiD" / "A. Segmentation"
    exudates = idrid / "2. All Segmentation Groundtruths" / training / "3. Hard Exudates"
    pairs = [
        (
            idrid / "1. Original Images" / training / "IDRiD_18.jpg",
            exudates / "IDRiD_18_EX.tif",
            76,
        ),
        (root / "CHASEDB1/Image_01L.jpg", root / "CHASEDB1/Image_01L_1stHO.png", 255),
        (root / "HRF/images/01_dr.JPG", root / "HRF/manual1/01_dr.tif", 255),
        (root / "HRF/images/01_h.jpg", root / "HRF/mask/01_h_mask.tif", 255),
    ]
    for image, mask, value in pairs:
        assert read(image).shape[:2] == read(mask).shape
        assert min(read(mask).shape) == SIZE
        assert set(np.unique(read(mask))) == {0, value}
    heart = read(root / "SCR/fold1/masks/heart/JPCLN001.gif")
    assert heart.shape == (256, 256)
    assert set(np.unique(heart)) == {0, 255}


def test_idrid_is_three_to_two_with_black_sides(root: Path) -> None:
    image = read(root / "IDRiD/B. Disease Grading/1. Original Images/b. Testing Set/IDRiD_001.jpg")
    assert image.shape == (96, 145, 3)
    assert image[:, [0, 1, -2, -1]].mean() < 8
    assert image[42:54, 60:75].mean() > 30


def test_jsrt_is_big_endian_and_inverted(root: Path) -> None:
    raw = np.fromfile(root / "JSRT" / "JPCLN001.IMG", dtype=">u2").reshape(256, 256)
    assert raw.max() <= 4095
    shown = 4095.0 - raw
    lungs = read(root / "SCR/fold1/masks/left lung/JPCLN001.gif") > 0
    heart = read(root / "SCR/fold1/masks/heart/JPCLN001.gif") > 0
    assert shown[heart].mean() > 1.3 * shown[lungs].mean()
    # Read in the wrong byte order, neighbouring pixels would hardly be alike.
    assert np.abs(np.diff(raw.astype(float))).mean() < 100


@pytest.mark.parametrize(("part", "ids"), [("training", ("21", "24")), ("test", ("01", "02"))])
def test_rite(part: str, ids: tuple[str, str], root: Path) -> None:
    folder = root / "RITE" / part
    count = {"training": 4, "test": 2}[part]
    assert len(names(folder / "images")) == len(names(folder / "vessel")) == count
    for number in ids:
        image = read(folder / "images" / f"{number}_{part}.tif")
        vessels = read(folder / "vessel" / f"{number}_{part}.png")
        assert image.shape == (*vessels.shape, 3) == (96, 93, 3)
        assert set(np.unique(vessels)) == {0, 255}
        assert 0.03 < (vessels > 0).mean() < 0.15


@pytest.mark.parametrize(("part", "truth"), [("Training", "GT"), ("Test", "Test_GT")])
def test_drishti(part: str, truth: str, root: Path) -> None:
    folder = root / "Drishti-GS1_files" / "Drishti-GS1_files" / part
    split = read_split("drishti").scaled(SCALE)
    ids = split.train if part == "Training" else split.test
    assert names(folder / "Images") == {f"{image}.png" for image in ids}
    assert names(folder / truth) == set(ids)
    levels: set[int] = set()
    for image in ids:
        maps = folder / truth / image / "SoftMap"
        assert names(maps) == {f"{image}_ODsegSoftmap.png", f"{image}_cupsegSoftmap.png"}
        disc, cup = (
            read(maps / f"{image}_{stem}.png") for stem in ("ODsegSoftmap", "cupsegSoftmap")
        )
        assert disc.shape == cup.shape == read(folder / "Images" / f"{image}.png").shape[:2]
        assert 0.02 < (disc > 76).mean() < 0.06
        assert 0.05 < (cup > 76).sum() / (disc > 76).sum() < 0.95
        levels |= set(np.unique(disc)) | set(np.unique(cup))
    assert levels == {0, 64, 128, 191, 255}


def test_stare_zipped_and_not(root: Path) -> None:
    split = read_split("stare_vessel").scaled(SCALE)
    ids = (*split.train, *split.test)
    assert {stare.zipped(image) for image in ids} == {True, False}
    for image in ids:
        end = ".gz" if stare.zipped(image) else ""
        pixels = {}
        for folder, name in (
            ("stare-images", f"{image}.ppm"),
            ("labels-ah", f"{image}.ah.ppm"),
            ("labels-vk", f"{image}.vk.ppm"),
        ):
            content = (root / "STARE" / folder / f"{name}{end}").read_bytes()
            plain = gzip.decompress(content) if end else content
            with Image.open(io.BytesIO(plain)) as picture:
                assert picture.format == "PPM"
                pixels[folder] = np.asarray(picture)
        photograph, first, second = pixels.values()
        assert photograph.shape == (*first.shape, 3) == (*second.shape, 3)
        assert set(np.unique(first)) == set(np.unique(second)) == {0, 255}
        assert not np.array_equal(first, second)
    assert len(names(root / "STARE" / "labels-vk")) == len(ids) == 6


def test_eyepacs_and_centres(root: Path) -> None:
    assert names(root / "kaggle_dr") == {
        f"{person}_{side}.jpeg" for person in (10, 20, 30, 40) for side in ("left", "right")
    }
    for tables in idrid.CENTRE_TABLES.values():
        for table in tables:
            lines = (root / table).read_text(encoding="utf-8").splitlines()
            assert lines[0] == "Image No,X- Coordinate,Y - Coordinate"
            assert len(lines) in {5, 3}
            for line in lines[1:]:
                name, x, y = line.split(",")
                assert name.startswith("IDRiD_00")
                assert 0 < int(x) < 144
                assert 0 < int(y) < 96


def test_one_dark_eye_among_many(tmp_path: Path) -> None:
    for image in ("250_left", "250_right"):
        eyepacs.layout.write(tmp_path, Request(1.0, 0, 64), image)
    assert read(tmp_path / "kaggle_dr" / "250_left.jpeg").max() > 100
    assert read(tmp_path / "kaggle_dr" / "250_right.jpeg").max() <= 20


@pytest.mark.parametrize("scale", [0.005, 0.03, 0.05, 0.11, 0.25, 0.5, 1.0])
def test_what_recurs_was_written_at_every_scale(scale: float) -> None:
    request = Request(scale, 0, 64)
    written = {f"b. Testing Set/{image}" for image in read_split("idrid").scaled(scale).test}
    originals = {
        "/".join(Path(copy.test_image).with_suffix("").parts[-2:]) for copy in idrid.copies(request)
    }
    assert originals <= written
    uids = {Path(copy.test_image).stem for copy in cxr8.copies(request)}
    assert uids <= set(read_split("siim_pneumothorax").scaled(scale).test)
    if scale == 1.0:
        assert (len(idrid.copies(request)), len(originals)) == (23, 23)
        assert (len(cxr8.copies(request)), len(uids)) == (20, 20)
    if scale >= 0.05:
        assert originals
        assert uids


def test_what_recurs_was_written_within_a_limit() -> None:
    request = Request(1.0, 0, 64, 12)
    for layout in (idrid, cxr8):
        assert len(layout.copies(request)) == 6
    uids = {Path(copy.test_image).stem for copy in cxr8.copies(request)}
    assert uids == set(read_split("siim_pneumothorax").test[:6])


@pytest.mark.parametrize(("datasets", "scale"), [(["IDRiD"], 0.045), (["CXR8", "SIIM-ACR"], 0.025)])
def test_leaks_are_the_same_pictures_in_other_bytes(
    datasets: list[str], scale: float, tmp_path: Path
) -> None:
    root = tmp_path / "data"
    write_phantoms(root, scale=scale, seed=0, size=64, datasets=datasets)
    leaks = json.loads((root / "PHANTOM.json").read_text(encoding="utf-8"))["leaks"]
    assert [leak["pool_image"].split("/")[0] for leak in leaks] == datasets[:1]
    for leak in leaks:
        pool, test = root / leak["pool_image"], root / leak["test_image"]
        assert pool.name != test.name
        assert pool.read_bytes() != test.read_bytes()
        dicom = test.suffix == ".dcm"
        pixels = pydicom.dcmread(test).pixel_array if dicom else read(test)
        assert np.abs(pixels.astype(int) - read(pool)).mean() < 4


def test_leaks_need_both_sides(tmp_path: Path) -> None:
    write_phantoms(tmp_path / "data", scale=0.03, seed=0, size=64, datasets=["CXR8"])
    record = json.loads((tmp_path / "data" / "PHANTOM.json").read_text(encoding="utf-8"))
    assert record["leaks"] == []
    assert names(tmp_path / "data") == {"CXR8", "PHANTOM.json"}
    assert len(cxr8.copies(Request(0.03, 0, 64))) == 1
