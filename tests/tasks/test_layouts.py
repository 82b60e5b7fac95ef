"""Where each data set keeps its images and masks, and that real archives are laid out so."""

import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tasks import EXTRAS
from tasks.base import Source
from tasks.labelled import Settings
from tasks.reading import read_image
from tasks.segmentation import SegmentationTask

MakeTask = Callable[[str], SegmentationTask]
SMALL = Settings(size=48)


@pytest.mark.parametrize(
    ("name", "folder", "suffix"),
    [
        ("idrid_optic_disc", "5. Optic Disc", "OD"),
        ("idrid_hard_exudates", "3. Hard Exudates", "EX"),
    ],
)
def test_idrid_numbers_its_parts_on(
    name: str, folder: str, suffix: str, make_task: MakeTask
) -> None:
    for image_id, part in (("IDRiD_54", "a. Training Set"), ("IDRiD_55", "b. Testing Set")):
        example = make_task(name).example(Path("root"), image_id)
        assert example.image.parts[-2:] == (part, f"{image_id}.jpg")
        assert example.masks[0].parts[-3:] == (part, folder, f"{image_id}_{suffix}.tif")


@pytest.mark.parametrize(("image_id", "fold"), [("JPCLN001", "fold1"), ("JPCNN080", "fold2")])
def test_scr_takes_both_lungs(make_task: MakeTask, image_id: str, fold: str) -> None:
    example = make_task("scr_lung").example(Path("root"), image_id)
    assert example.image == Path("root", "JSRT", f"{image_id}.IMG")
    folder = Path("root", "SCR", fold, "masks")
    assert example.masks == tuple(
        folder / lung / f"{image_id}.gif" for lung in ("left lung", "right lung")
    )


def test_both_lungs_are_in_the_mask(make_task: MakeTask, phantoms: Source) -> None:
    masks = make_task("scr_lung").load(phantoms, SMALL).train.masks
    assert masks[:, :, :20].any(axis=(1, 2)).all()
    assert masks[:, :, 28:].any(axis=(1, 2)).all()


def test_hrf_takes_either_spelling(make_task: MakeTask, tmp_path: Path) -> None:
    task = make_task("hrf_vessel")
    images = tmp_path / "HRF" / "images"
    images.mkdir(parents=True)
    (images / "01_dr.JPG").touch()
    assert task.example(tmp_path, "01_dr").image.name == "01_dr.JPG"
    assert task.example(tmp_path, "01_h").image.name == "01_h.jpg"


@pytest.mark.parametrize(
    "name",
    ["idrid_optic_disc", "idrid_hard_exudates", "chasedb1_vessel", "hrf_vessel", *EXTRAS],
)
def test_real_archives_are_complete(name: str, make_task: MakeTask, real: Source) -> None:
    task = make_task(name)
    split = task.split(real)
    assert len(task.files(real)) == 2 * (len(split.train) + len(split.test))


once = functools.cache(read_image)


@pytest.mark.parametrize(
    ("name", "ids", "share"),
    [
        ("idrid_optic_disc", ("IDRiD_01",), (0.01, 0.04)),
        ("idrid_hard_exudates", ("IDRiD_01",), (0.005, 0.05)),
        ("chasedb1_vessel", ("Image_01L", "Image_14R"), (0.06, 0.16)),
        ("hrf_vessel", ("06_h",), (0.08, 0.25)),
    ],
)
def test_real_images(
    name: str,
    ids: tuple[str, ...],
    share: tuple[float, float],
    make_task: MakeTask,
    real: Source,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tasks.segmentation.read_image", once)  # decoding takes longest
    task = make_task(name)
    for image_id in ids:
        planes = task.planes(task.example(real.root, image_id), 3, 512)
        assert planes.shape == (4, 512, 512)
        assert set(np.unique(planes[3])) == {0, 255}
        assert share[0] < (planes[3] > 0).mean() < share[1]
        # The picture's centre is retina, its corners are not.
        assert planes[:3, 240:272, 240:272].mean() > 40
        assert planes[:3, [0, 0, -1, -1], [0, -1, 0, -1]].max() < 30
