"""Landmark tasks: points move with their images, whichever size these are read at."""

from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from tasks import LANDMARKS
from tasks.base import MissingDataError, Source
from tasks.landmark import LandmarkTask, Marked, moved
from tasks.landmarks.data import LandmarkSettings
from tasks.landmarks.idrid import CENTROIDS, OFFICIAL_CENTRES, IdridDiscCenter
from tasks.reading import ImageError


def task_called(name: str) -> LandmarkTask:
    module, _, attribute = LANDMARKS[name].partition(":")
    task: LandmarkTask = getattr(import_module(module), attribute)()
    return task


@pytest.mark.parametrize("name", LANDMARKS)
def test_phantoms_have_every_landmark(name: str, phantoms: Source) -> None:
    task = task_called(name)
    data = task.load(phantoms, LandmarkSettings(size=48, supports=2))
    assert data.kind == "phantom"
    for part in (data.train, data.test):
        assert part.images.shape == (len(part), task.channels, 48, 48)
        assert part.points.shape == (len(part), 2)
        assert ((part.points > 0.0) & (part.points < 1.0)).all()
    assert not set(data.train.ids) & set(data.test.ids)
    assert len({tuple(point) for point in data.train.points.tolist()}) == len(data.train)
    again = task.load(phantoms, LandmarkSettings(size=48, supports=2))
    assert again.manifest == data.manifest
    assert np.array_equal(again.test.images, data.test.images)


@pytest.mark.parametrize("name", LANDMARKS)
def test_missing_files_are_named_with_their_page(name: str, tmp_path: Path) -> None:
    task = task_called(name)
    (tmp_path / "data").mkdir()
    with pytest.raises(MissingDataError) as error:
        task.load(Source.at(tmp_path / "data", tmp_path / "cache"), LandmarkSettings(size=32))
    assert task.info.page in str(error.value)
    assert not (tmp_path / "cache").exists()


class Blob(LandmarkTask):
    """Fundus photographs with a bright blob at a known pixel."""

    name = "blob"
    info = IdridDiscCenter.info

    def __init__(self, at: tuple[float, float]) -> None:
        self.at = at

    def marked(self, root: Path, image_id: str) -> Marked:
        raise NotImplementedError

    def point(self, marked: Marked, shape: tuple[int, ...]) -> tuple[float, float]:
        return self.at[0] / shape[1], self.at[1] / shape[0]


@pytest.mark.parametrize("size", [512, 128, 32])
@pytest.mark.parametrize("at", [(231.0, 140.0), (402.0, 260.0), (310.0, 90.0)])
def test_a_blob_at_the_landmark_lands_on_it(
    at: tuple[float, float], size: int, tmp_path: Path
) -> None:
    """The crop is off-centre and not square, the picture is larger than what is prepared."""
    y, x = np.mgrid[:420, :640] + 0.5
    field = np.hypot(x - 320.0, y - 190.0) < 150.0
    blob = 150.0 * np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / (2 * 12.0**2))
    level = np.where(field, 60.0 + blob, 0.0).astype(np.uint8)
    path = tmp_path / "eye.png"
    Image.fromarray(np.repeat(level[:, :, None], 3, axis=2)).save(path)
    row = Blob(at).row(Marked("eye", path, (path,)), size)
    planes, point = row[:-16].reshape(3, size, size), row[-16:].view(np.float64)
    bright = np.clip(planes[0].astype(float) - 62.0, 0.0, None)
    v, u = (np.mgrid[:size, :size] + 0.5) / size
    seen = np.array([(u * bright).sum(), (v * bright).sum()]) / bright.sum()
    np.testing.assert_allclose(point, seen, atol=0.006)


def test_a_landmark_outside_the_field_of_view_is_refused(tmp_path: Path) -> None:
    level = np.zeros((200, 300, 3), dtype=np.uint8)
    level[50:150, 100:200] = 90
    path = tmp_path / "eye.png"
    Image.fromarray(level).save(path)
    with pytest.raises(ImageError, match=r"the landmark of eye .* lies outside the field of view"):
        Blob((20.0, 100.0)).row(Marked("eye", path, (path,)), 64)


def test_without_a_crop_a_point_stays() -> None:
    assert moved((0.25, 0.75), (100, 200), None) == (0.25, 0.75)
    assert moved((0.5, 0.5), (100, 200), (20, 80, 50, 150)) == (0.5, 0.5)
    assert moved((0.25, 0.2), (100, 200), (20, 80, 50, 150)) == (0.0, 0.0)


def test_the_phantoms_disc_is_where_its_mask_is(phantoms: Source) -> None:
    """Two ways to the same centre: the official table's and the mask's, image by image."""
    disc = task_called("idrid_disc_center")
    assert disc.variant(phantoms.root) == OFFICIAL_CENTRES
    table = task_called("hrf_disc_center").load(phantoms, LandmarkSettings(size=64))
    assert table.variant == "optic_disk_centers.csv"
    # The disc is the brightest part of a healthy eye: brighter than the image on the whole.
    for image, point in zip(table.train.images, table.train.points, strict=True):
        column, row = (point * 64).astype(int)
        assert image[:, row, column].mean() > image.mean() + 20.0


def test_idrid_without_its_centres_takes_the_masks(phantoms: Source, tmp_path: Path) -> None:
    root = tmp_path / "data"
    (root / "IDRiD").mkdir(parents=True)
    place = phantoms.root / "IDRiD" / "A. Segmentation"
    (root / "IDRiD" / "A. Segmentation").symlink_to(place)
    (root / "PHANTOM.json").write_bytes((phantoms.root / "PHANTOM.json").read_bytes())
    source = Source.at(root, tmp_path / "cache")
    data = task_called("idrid_disc_center").load(source, LandmarkSettings(size=32))
    assert data.variant == CENTROIDS
    assert data.test.ids == ("IDRiD_55", "IDRiD_56")
    with pytest.raises(MissingDataError, match="Fovea"):
        task_called("idrid_fovea_center").load(source, LandmarkSettings(size=32))


def test_real_disc_centres_are_the_masks_centroids(real: Source) -> None:
    task = IdridDiscCenter()
    marked = task.marked(real.root, "IDRiD_55")
    row = task.row(marked, 64)
    (x, y) = row[-16:].view(np.float64)
    planes = row[:-16].reshape(3, 64, 64)
    assert task.variant(real.root) == CENTROIDS
    # The disc is among the brightest of the red and green light.
    light = gaussian_filter(planes[:2].mean(axis=0), 2.0)
    assert light[int(y * 64), int(x * 64)] > np.percentile(light, 90)
