import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import binary_dilation

from tasks.phantoms import VERSION, write_phantoms
from tasks.phantoms.chest import CXR8, JSRT, ChestPhantom, draw_chest
from tasks.phantoms.eye import FundusLook
from tasks.phantoms.fields import derived_rng, smooth_field
from tasks.phantoms.fundus import draw_fundus
from tasks.phantoms.layouts import Request, write_chasedb1, write_cxr8
from tasks.phantoms.looks import CHASEDB1, HRF, IDRID
from tasks.splits import read_split

SCALE, SEED, SIZE = 0.01, 3, 64


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("phantoms") / "new" / "data"
    write_phantoms(root, scale=SCALE, seed=SEED, size=SIZE)
    return root


def contents(root: Path) -> dict[str, bytes]:
    files = (path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): path.read_bytes() for path in files}


def read(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB" if image.mode == "RGB" else "L"))


def test_same_arguments_give_the_same_bytes(root: Path, tmp_path: Path) -> None:
    write_phantoms(tmp_path / "again", scale=SCALE, seed=SEED, size=SIZE)
    assert contents(tmp_path / "again") == contents(root)


def test_another_seed_gives_other_images(root: Path, tmp_path: Path) -> None:
    write_chasedb1(tmp_path, Request(SCALE, SEED + 1, SIZE))
    before = contents(root / "CHASEDB1")
    after = contents(tmp_path / "CHASEDB1")
    assert before.keys() == after.keys()
    assert not any(before[name] == after[name] for name in before)


def test_scale_only_selects(root: Path, tmp_path: Path) -> None:
    write_cxr8(tmp_path, Request(2 * SCALE, SEED, SIZE))
    few, many = contents(root / "CXR8"), contents(tmp_path / "CXR8")
    assert len(few) == 4
    assert len(many) == 8
    assert few.items() <= many.items()


def test_no_two_images_are_equal(root: Path) -> None:
    images = [p for p in root.rglob("*") if p.suffix in {".jpg", ".JPG", ".IMG"}]
    assert len({path.read_bytes() for path in images}) == len(images) > 20


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
        f"{i}{end}" for i in chase.train + chase.test for end in (".jpg", "_1stHO.png")
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


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_record_comes_with_a_whole_folder(root: Path) -> None:
    record = json.loads((root / "PHANTOM.json").read_text(encoding="utf-8"))
    assert record == {"scale": SCALE, "seed": SEED, "size": SIZE, "version": VERSION}
    assert names(root.parent) == {"data"}  # the unfinished folder is gone


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
    assert image.shape == (64, 96, 3)
    assert image[:, [0, 1, -2, -1]].mean() < 8
    assert image[28:36, 40:50].mean() > 30


def test_jsrt_is_big_endian_and_inverted(root: Path) -> None:
    raw = np.fromfile(root / "JSRT" / "JPCLN001.IMG", dtype=">u2").reshape(256, 256)
    assert raw.max() <= 4095
    shown = 4095.0 - raw
    lungs = read(root / "SCR/fold1/masks/left lung/JPCLN001.gif") > 0
    heart = read(root / "SCR/fold1/masks/heart/JPCLN001.gif") > 0
    assert shown[heart].mean() > 1.3 * shown[lungs].mean()
    # Read in the wrong byte order, neighbouring pixels would hardly be alike.
    assert np.abs(np.diff(raw.astype(float))).mean() < 100


@pytest.mark.parametrize(
    ("look", "disc", "vessel"),
    [
        (IDRID, (0.010, 0.030), (0.05, 0.13)),
        (HRF, (0.008, 0.030), (0.05, 0.13)),
        (CHASEDB1, (0.015, 0.035), (0.05, 0.13)),
    ],
)
def test_fundus_structures_have_realistic_areas(
    look: FundusLook, disc: tuple[float, float], vessel: tuple[float, float]
) -> None:
    drawn = [draw_fundus(look, 128, 0.8, i % 2 == 0, derived_rng(0, "", str(i))) for i in range(8)]
    for phantom in drawn:
        masks = phantom.masks
        assert disc[0] < masks["disc"].mean() < disc[1]
        assert vessel[0] < masks["vessel"].mean() < vessel[1]
        assert 0.002 < masks["hard_exudates"].mean() < 0.04
        assert not (masks["cup"] & ~masks["disc"]).any()
        assert not any((mask & ~masks["view"]).any() for mask in masks.values())
    assert 0.06 < np.mean([p.masks["vessel"].mean() for p in drawn]) < 0.12
    assert 0.003 < np.mean([p.masks["hard_exudates"].mean() for p in drawn]) < 0.03


def test_fundus_structures_can_be_seen() -> None:
    phantom = draw_fundus(IDRID, 128, 0.8, True, derived_rng(0, "seen", "1"))
    green = phantom.image[..., 1].astype(float)
    masks = phantom.masks
    retina = masks["view"] & ~masks["disc"] & ~masks["vessel"] & ~masks["hard_exudates"]
    vessel = masks["vessel"] & ~masks["disc"]
    for structure, least, most in (
        (masks["disc"], 1.2, 3.0),
        (masks["hard_exudates"], 1.05, 2.0),
        (vessel, 0.6, 0.95),
    ):
        around = binary_dilation(structure, iterations=4) & retina
        assert least < green[structure].mean() / green[around].mean() < most


def test_healthy_eyes_have_no_lesions() -> None:
    masks = draw_fundus(IDRID, 64, 0.0, False, derived_rng(0, "healthy", "1")).masks
    for kind in ("hard_exudates", "soft_exudates", "haemorrhages", "microaneurysms"):
        assert not masks[kind].any()


def test_right_and_left_eyes_are_mirrored() -> None:
    for right in (True, False):
        phantom = draw_fundus(IDRID, 64, 0.0, right, derived_rng(0, "side", "1"))
        columns = np.flatnonzero(phantom.masks["disc"].any(axis=0))
        assert (columns.mean() > 0.465 * phantom.image.shape[1]) == right


def lung_share(phantom: ChestPhantom) -> float:
    return float((phantom.masks["left_lung"] | phantom.masks["right_lung"]).mean())


def test_chest_structures_have_realistic_areas() -> None:
    for i in range(10):
        phantom = draw_chest(JSRT, 96, False, derived_rng(0, "chest", str(i)))
        masks = phantom.masks
        assert 0.2 < lung_share(phantom) < 0.36
        assert 0.05 < masks["heart"].mean() < 0.13
        assert 0.005 < masks["left_clavicle"].mean() < 0.02
        assert not (masks["heart"] & (masks["left_lung"] | masks["right_lung"])).any()
        assert not masks["pneumothorax"].any()
        # The patient's left is on the right of the picture.
        assert center(masks["left_lung"]) > center(masks["heart"]) > center(masks["right_lung"])


def center(mask: np.ndarray) -> float:
    return float(np.flatnonzero(mask.any(axis=0)).mean())


def test_pneumothorax_lies_in_a_lung_and_is_dark() -> None:
    phantom = draw_chest(CXR8, 128, True, derived_rng(0, "pneumothorax", "1"))
    masks = phantom.masks
    lungs = masks["left_lung"] | masks["right_lung"]
    assert masks["pneumothorax"].any()
    assert not (masks["pneumothorax"] & ~lungs).any()
    assert phantom.image[masks["pneumothorax"]].mean() < phantom.image.mean()


@pytest.mark.parametrize("scale", [0.0, -0.5, 1.01])
def test_refuses_scales_out_of_range(tmp_path: Path, scale: float) -> None:
    with pytest.raises(ValueError, match=str(scale)):
        write_phantoms(tmp_path / "data", scale=scale, seed=0)


def test_refuses_small_pictures(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="63"):
        write_phantoms(tmp_path / "data", scale=0.1, seed=0, size=63)


def test_refuses_an_existing_folder(tmp_path: Path) -> None:
    with pytest.raises(FileExistsError, match="remove it"):
        write_phantoms(tmp_path, scale=0.1, seed=0)


def test_leaves_nothing_behind_when_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(root: Path, request: Request) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tasks.phantoms.write_idrid_grading", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_phantoms(tmp_path / "data", scale=SCALE, seed=0, size=SIZE)
    assert not list(tmp_path.iterdir())


def test_smooth_fields_are_standardised() -> None:
    field = smooth_field((200, 300), 8.0, np.random.default_rng(0))
    assert field.shape == (200, 300)
    assert abs(field.mean()) < 0.15
    assert field.std() == pytest.approx(1.0, abs=0.15)


def test_generators_depend_on_each_argument() -> None:
    first = derived_rng(0, "a", "b").random()
    assert first == derived_rng(0, "a", "b").random()
    others = [derived_rng(1, "a", "b"), derived_rng(0, "c", "b"), derived_rng(0, "a", "c")]
    assert all(first != rng.random() for rng in others)
