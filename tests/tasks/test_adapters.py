"""Every adapter on small files that this test writes in the official layouts (spec/tasks.md)."""

import gzip
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from tasks import EXTRAS
from tasks.base import MissingDataError, OutsideRootError, Source, TaskScores
from tasks.labelled import Settings
from tasks.segmentation import Example, SegmentationTask
from tasks.splits import Split

MakeTask = Callable[[str], SegmentationTask]
SEGMENTATION = "IDRiD/A. Segmentation"
TRUTHS = f"{SEGMENTATION}/2. All Segmentation Groundtruths"
DRISHTI = "Drishti-GS1_files/Drishti-GS1_files"

#: The image and the masks of one id; {fold} and the like differ between training and test.
TRAINING = {"p": "training", "a": "a. Training Set", "t": "Training", "gt": "GT", "f": "fold1"}
TEST = {"p": "test", "a": "b. Testing Set", "t": "Test", "gt": "Test_GT", "f": "fold2"}
LAYOUTS = {
    "rite": ("rite_vessel", "RITE/{p}/images/{i}_{p}.tif", ["RITE/{p}/vessel/{i}_{p}.png"]),
    "drive": ("rite_vessel", "DRIVE/{p}/images/{i}_{p}.tif", ["DRIVE/{p}/{n}_manual/{i}_{m}.gif"]),
    "cup": (
        "drishti_optic_cup",
        DRISHTI + "/{t}/Images/{i}.png",
        [DRISHTI + "/{t}/{gt}/{i}/SoftMap/{i}_cupsegSoftmap.png"],
    ),
    "disc": (
        "drishti_optic_disc",
        DRISHTI + "/{t}/Images/{i}.png",
        [DRISHTI + "/{t}/{gt}/{i}/SoftMap/{i}_ODsegSoftmap.png"],
    ),
    "stare": ("stare_vessel", "STARE/stare-images/{i}.ppm", ["STARE/labels-ah/{i}.ah.ppm"]),
    "stare.gz": (
        "stare_vessel",
        "STARE/stare-images/{i}.ppm.gz",
        ["STARE/labels-ah/{i}.ah.ppm.gz"],
    ),
    "chase": ("chasedb1_vessel", "CHASEDB1/{i}.jpg", ["CHASEDB1/{i}_1stHO.png"]),
    "hrf": ("hrf_vessel", "HRF/images/{i}.jpg", ["HRF/manual1/{i}.tif"]),
    "hrf.JPG": ("hrf_vessel", "HRF/images/{i}.JPG", ["HRF/manual1/{i}.tif"]),
    **{
        name: (
            name,
            SEGMENTATION + "/1. Original Images/{a}/{i}.jpg",
            [TRUTHS + f"/{{a}}/{folder}/{{i}}_{suffix}.tif"],
        )
        for name, folder, suffix in (
            ("idrid_optic_disc", "5. Optic Disc", "OD"),
            ("idrid_hard_exudates", "3. Hard Exudates", "EX"),
            ("extra_idrid_microaneurysms", "1. Microaneurysms", "MA"),
            ("extra_idrid_haemorrhages", "2. Haemorrhages", "HE"),
            ("extra_idrid_soft_exudates", "4. Soft Exudates", "SE"),
        )
    },
    "heart": ("scr_heart", "JSRT/{i}.IMG", ["SCR/{f}/masks/heart/{i}.gif"]),
    **{
        name: (
            f"scr_{name}",
            "JSRT/{i}.IMG",
            [f"SCR/{{f}}/masks/{side} {name}/{{i}}.gif" for side in ("left", "right")],
        )
        for name in ("lung", "clavicle")
    },
}
ANNOTATORS = {"training": {"n": "1st", "m": "manual1"}, "test": {"n": "2nd", "m": "manual2"}}


def drawn(number: int, masks: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """A grey view of 96 x 128 px, or 256 x 256, with a bright square for each mask."""
    image = np.full((96, 128), 90, dtype=np.uint8)
    image[0, 0], image[-1, -1] = 0, 250
    parts = []
    for place in range(masks):
        mask = np.zeros(image.shape, dtype=bool)
        top, left = 8 + 7 * (number % 7), 6 + 60 * place + 9 * (number // 7 % 4)
        mask[top : top + 30, left : left + 30] = True
        image[mask] = 250
        parts.append(mask)
    return image, parts


def save(path: Path, levels: np.ndarray) -> None:
    """In the format that the name tells."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".IMG":
        large = np.asarray(Image.fromarray(levels).resize((256, 256), Image.Resampling.NEAREST))
        path.write_bytes((4000 - 10 * large.astype(int)).astype(">u2").tobytes())
    elif path.suffix == ".gz":
        save(path.with_suffix(""), levels)
        path.write_bytes(gzip.compress(path.with_suffix("").read_bytes()))
        path.with_suffix("").unlink()
    elif path.suffix in {".jpg", ".JPG"}:
        Image.fromarray(levels).save(path, format="JPEG", quality=98)
    else:
        Image.fromarray(levels).save(path)


def written(layout: str, task: SegmentationTask, folder: Path, level: int = 255) -> Source:
    """A tenth of a data set, and the files written."""
    _, image, masks = LAYOUTS[layout]
    source = Source(folder / "data", folder / "cache", 0.1, "phantom")
    split = task.split(source)
    for number, image_id in enumerate(split.train + split.test):
        part = TRAINING if image_id in split.train else TEST
        words = {**part, "i": image_id, **ANNOTATORS[part["p"]]}
        levels, parts = drawn(number, len(masks))
        grey = image.endswith(".IMG")
        save(
            source.root / image.format(**words),
            levels if grey else np.stack([levels] * 3, axis=2),
        )
        for pattern, mask in zip(masks, parts, strict=True):
            save(source.root / pattern.format(**words), mask * np.uint8(level))
    return source


@pytest.mark.parametrize("layout", LAYOUTS)
def test_official_layouts_from_files_to_arrays(
    layout: str, make_task: MakeTask, tmp_path: Path
) -> None:
    task = make_task(LAYOUTS[layout][0])
    source = written(layout, task, tmp_path)
    assert set(task.files(source)) == {path for path in source.root.rglob("*") if path.is_file()}
    data = task.load(source, Settings(size=64))
    split = task.split(source)
    assert data.train.ids + data.test.ids == split.train[len(data.validation) :] + split.test
    assert {
        "rite": "RITE",
        "drive": "DRIVE",
    }.get(layout, "") == data.variant
    for part in (data.train, data.validation, data.test):
        for image, mask in zip(part.images, part.masks, strict=True):
            bright = image[0] > 170
            assert (bright & mask).sum() > 0.8 * (bright | mask).sum()
            assert 0.04 < mask.mean() < 0.4
    # Squares lie elsewhere in other images, so that a swap would show.
    masks = data.train.masks
    assert len({mask.tobytes() for mask in masks}) == len(masks)


@pytest.mark.parametrize(("level", "marked"), [(64, False), (76, False), (77, True), (191, True)])
def test_votes_count_from_three_tenths(
    level: int, marked: bool, make_task: MakeTask, tmp_path: Path
) -> None:
    task = make_task("drishti_optic_cup")
    source = written("cup", task, tmp_path, level)
    planes = task.planes(task.example(source.root, "drishtiGS_036"), 3, 512)
    assert (planes[3] > 0).any() == marked


@pytest.mark.parametrize(
    ("layout", "image_id"),
    [("rite", "01"), ("drive", "21"), ("stare", "im0001"), ("cup", "drishtiGS_036")],
)
def test_a_missing_mask_is_named(
    layout: str, image_id: str, make_task: MakeTask, tmp_path: Path
) -> None:
    task = make_task(LAYOUTS[layout][0])
    source = written(layout, task, tmp_path)
    (mask,) = task.example(source.root, image_id).masks
    mask.unlink()
    with pytest.raises(MissingDataError, match=r"1 of .* files are missing") as caught:
        task.load(source, Settings(size=64))
    assert str(mask.relative_to(source.root)) in str(caught.value)


def test_rite_is_preferred_to_drive_and_they_are_other_data(
    make_task: MakeTask, tmp_path: Path
) -> None:
    task = make_task("rite_vessel")
    source = written("drive", task, tmp_path)
    drive = task.load(source, Settings(size=64))
    written("rite", task, tmp_path)
    rite = task.load(source, Settings(size=64))
    assert (drive.variant, rite.variant) == ("DRIVE", "RITE")
    assert drive.manifest != rite.manifest


def test_scores_say_which_layout_was_read(
    make_task: MakeTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.finetuning.finetune", lambda *_, **__: TaskScores([], {}, {"a": 1}))
    for layout, facts in (("drive", {"a": 1, "variant": "DRIVE"}), ("stare", {"a": 1})):
        task = make_task(LAYOUTS[layout][0])
        data = task.load(written(layout, task, tmp_path / layout), Settings(size=64))
        scores = task.evaluate(SimpleNamespace(encoder=None), data, seed=0, stages=("direct",))
        assert scores.facts == facts


@pytest.mark.parametrize("name", EXTRAS)
def test_extras_on_phantoms(name: str, make_task: MakeTask, phantoms: Source) -> None:
    task, disc = make_task(name), make_task("idrid_optic_disc")
    data, other = (each.load(phantoms, Settings(size=64)) for each in (task, disc))
    assert (data.train.ids, data.test.ids) == (other.train.ids, other.test.ids)
    assert np.array_equal(data.train.images, other.train.images)
    shown = [len(task.example(phantoms.root, i).masks) for i in data.train.ids + data.test.ids]
    masks = np.concatenate([data.train.masks, data.test.masks])
    assert not masks[np.array(shown) == 0].any()
    assert masks.any()


def test_either_half_of_stare_may_be_unzipped(make_task: MakeTask, tmp_path: Path) -> None:
    task = make_task("stare_vessel")
    source = written("stare", task, tmp_path)
    image = task.example(source.root, "im0001").image
    whole = task.load(source, Settings(size=64))
    zipped = image.with_name(f"{image.name}.gz")
    zipped.write_bytes(gzip.compress(image.read_bytes()))
    assert task.example(source.root, "im0001").image == image
    image.unlink()
    assert task.example(source.root, "im0001").image == zipped
    again = task.load(source, Settings(size=64))
    assert np.array_equal(whole.train.images, again.train.images)


def test_an_extra_without_a_mask_shows_no_lesion_in_phantoms_only(
    make_task: MakeTask, tmp_path: Path
) -> None:
    task = make_task("extra_idrid_soft_exudates")
    source = written("extra_idrid_soft_exudates", task, tmp_path)
    listed, unlisted = task.example(source.root, "IDRiD_03"), task.example(source.root, "IDRiD_01")
    for example in (listed, unlisted):
        example.masks[0].unlink()
    assert task.example(source.root, "IDRiD_03").masks == listed.masks
    with pytest.raises(MissingDataError, match=r"IDRiD_03_SE\.tif"):
        task.files(source)
    bare = task.example(source.root, "IDRiD_01")
    assert bare.masks == ()
    assert not task.planes(bare, 3, 64)[3].any()
    (source.root / "PHANTOM.json").write_text('{"scale": 0.1}', encoding="utf-8")
    assert task.example(source.root, "IDRiD_03").masks == ()
    assert len(task.files(source)) == 2 * 8 - 2


@pytest.mark.parametrize("image_id", ["../../../etc/passwd", "/etc/passwd", "a/../../../b"])
def test_ids_that_lead_out_of_the_root(image_id: str, make_task: MakeTask, tmp_path: Path) -> None:
    task = make_task("chasedb1_vessel")

    class Strange(type(task)):  # type: ignore[misc]
        def split(self, _: Source) -> Split:
            return Split((image_id,), ("Image_11L",))

        def example(self, root: Path, image_id: str) -> Example:
            return Example(image_id, root / image_id, ())

    (tmp_path / "data").mkdir()
    source = Source.at(tmp_path / "data", tmp_path / "cache")
    for call in (lambda: Strange().files(source), lambda: Strange().load(source, Settings())):
        with pytest.raises(OutsideRootError, match="outside the data root") as caught:
            call()
        assert Path(image_id).name in str(caught.value)
        assert "\n" not in str(caught.value)
