"""Landmark tasks: points move with their images, are found again, and are scored as said."""

import math
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter
from skimage.feature import match_template
from torch import nn

from methods.errors import DivergedError
from methods.networks import Encoder
from tasks import LANDMARKS
from tasks.base import NORMALISATION, MissingDataError, Source
from tasks.landmark import LandmarkTask, Marked, moved
from tasks.landmarks import CENTRE, EMBEDDING, FACTS, FEATURES, MAPS, RIVALS, SUPPORT, TEMPLATE
from tasks.landmarks.data import LandmarkData, LandmarkSettings, Placed
from tasks.landmarks.dense import hypercolumn
from tasks.landmarks.idrid import CENTROIDS, OFFICIAL_CENTRES, IdridDiscCenter
from tasks.landmarks.matching import distances, highest, similarity, support_vector, unit
from tasks.landmarks.rivals import SPREAD, correlation, patch_around, patch_side
from tasks.landmarks.scoring import METRICS, localise, supports_of
from tasks.landmarks.tables import centres, centroid, tabled
from tasks.reading import ImageError


def task_called(name: str) -> LandmarkTask:
    module, _, attribute = LANDMARKS[name].partition(":")
    task: LandmarkTask = getattr(import_module(module), attribute)()
    return task


# --- data -------------------------------------------------------------------------------------


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


# --- tables -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "Image No,X- Coordinate,Y - Coordinate,,\nIDRiD_001,2568,1756,,\n,,,,\n",
        "image,Pap. Center x,Pap. Center y,disk diameter\nIDRiD_001.jpg,2568,1756,300\n",
        "\ufeffname,x,y\nidrid_001,2568.0,1756.0\n",
    ],
)
def test_owners_tables_are_read(text: str, tmp_path: Path) -> None:
    path = tmp_path / "centres.csv"
    path.write_text(text, encoding="utf-8")
    assert centres(path) == {"idrid_001": (2568.0, 1756.0)}
    assert tabled(path, "IDRiD_001", (2848, 4288)) == (2568.5 / 4288, 1756.5 / 2848)
    with pytest.raises(ImageError, match="has no centre of IDRiD_002"):
        tabled(path, "IDRiD_002", (2848, 4288))


@pytest.mark.parametrize("text", ["", "a,b,c\n1,2,3\n", "image,x,y\none,far,2\n"])
def test_tables_of_something_else_are_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "centres.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ImageError, match="is no table of centres"):
        centres(path)


def test_no_workbook_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "optic_disk_centers.xls"
    path.write_text("no workbook")
    with pytest.raises(ImageError, match="is no table of centres"):
        centres(path)


def test_hrfs_wrong_row_is_taken_from_the_second_sheet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head: list[Any] = ["image", "Pap. Center x", "Pap. Center y"]
    rows = [head, *([f"{n:02d}_dr", 100.0 * n, 10.0 * n] for n in range(1, 6))]
    right = [[row[0], -1.0, -1.0] for row in rows]
    right[4] = ["ignored", 401.0, 41.0]

    def sheet(lines: list[Any]) -> Any:  # noqa: ANN401
        return SimpleNamespace(nrows=len(lines), row_values=lambda row: lines[row])

    sheets = [sheet(rows), sheet(right)]
    book = SimpleNamespace(nsheets=2, sheet_by_index=lambda place: sheets[place])
    monkeypatch.setattr("xlrd.open_workbook", lambda _: book)
    found = centres(tmp_path / "optic_disk_centers.xls")
    assert found["04_dr"] == (401.0, 41.0)
    assert found["03_dr"] == (300.0, 30.0)
    assert found["05_dr"] == (500.0, 50.0)


def test_a_centroid_is_the_mean_of_the_foreground(tmp_path: Path) -> None:
    mask = np.zeros((40, 20), dtype=np.uint8)
    mask[10:20, 4:8] = 76
    Image.fromarray(mask).save(tmp_path / "mask.png")
    assert centroid(tmp_path / "mask.png") == pytest.approx((6.0 / 20, 15.0 / 40))
    Image.fromarray(np.zeros_like(mask)).save(tmp_path / "none.png")
    with pytest.raises(ImageError, match="is empty"):
        centroid(tmp_path / "none.png")


# --- matching ---------------------------------------------------------------------------------


def drawn(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def slow_query(v: np.ndarray, place: tuple[float, float], window: float) -> np.ndarray:
    """q at a place (x, y), by a loop over all pixels."""
    dim, height, width = v.shape
    total = np.zeros(dim)
    for row in range(height):
        for column in range(width):
            away = math.hypot((column + 0.5) / width - place[0], (row + 0.5) / height - place[1])
            total += math.exp(-(away**2) / (2 * window**2)) * v[:, row, column]
    return total / np.linalg.norm(total)


def test_similarity_is_the_slow_formula_at_every_pixel() -> None:
    v, other, window = unit(drawn(5, 6, 6), 0), unit(drawn(5, 8, 8), 0), 0.12
    points = np.array([[0.31, 0.64], [0.9, 0.05]])
    supports = torch.stack([support_vector(other, point, window) for point in points])
    for point, support in zip(points, supports, strict=True):
        slow = slow_query(other.numpy(), (point[0], point[1]), window)
        np.testing.assert_allclose(support.numpy(), slow, atol=1e-6)
    size = 40  # more than a strip
    maps = similarity(v, supports, window, size)
    for row, column in ((0, 0), (5, 33), (39, 39), (31, 2), (32, 17)):
        place = ((column + 0.5) / size, (row + 0.5) / size)
        expected = supports.numpy() @ slow_query(v.numpy(), place, window)
        np.testing.assert_allclose(maps[:, row, column], expected, atol=1e-5)


def test_the_highest_pixel_is_the_answer() -> None:
    maps = np.zeros((2, 4, 8))
    maps[0, 1, 6] = maps[1, 3, 0] = 1.0
    found = highest(maps)
    np.testing.assert_allclose(found, [[6.5 / 8, 1.5 / 4], [0.5 / 8, 3.5 / 4]])
    assert distances(found, np.array([6.5 / 8, 0.5 / 4])).tolist() == [
        0.25,
        pytest.approx(math.hypot(0.75, 0.75)),
    ]


def test_hypercolumns_weigh_every_level_alike() -> None:
    levels = [drawn(2, 3, 16, 16).float(), 100.0 * drawn(2, 7, 8, 8).float()]
    column = hypercolumn(levels, 8)
    assert column.shape == (2, 10, 8, 8)
    torch.testing.assert_close(column.norm(dim=1), torch.ones(2, 8, 8))
    smaller = hypercolumn([levels[0], levels[1] / 1000.0], 8)
    torch.testing.assert_close(column, smaller, rtol=1e-4, atol=1e-5)


# --- rivals -----------------------------------------------------------------------------------


def test_a_template_is_found_where_it_was_cut_out() -> None:
    image = np.random.default_rng(0).integers(0, 255, (3, 48, 48), dtype=np.uint8)
    point = np.array([(30 + 0.5) / 48, (11 + 0.5) / 48])
    patch = patch_around(image, point, 7)
    assert np.array_equal(patch, image[:, 8:15, 27:34])
    found = highest(correlation(image, patch)[None])
    np.testing.assert_allclose(found[0], point)


def test_correlation_is_scikit_images_mean_over_channels() -> None:
    rng = np.random.default_rng(0)
    image, patch = (rng.integers(0, 255, (2, n, n), dtype=np.uint8) for n in (20, 5))
    expected = np.mean([match_template(a, b) for a, b in zip(image, patch, strict=True)], axis=0)
    np.testing.assert_allclose(correlation(image, patch)[2:-2, 2:-2], expected, atol=1e-6)


@pytest.mark.parametrize("point", [(0.0, 0.0), (1.0, 1.0), (0.01, 0.99)])
def test_a_template_at_the_border_is_whole(point: tuple[float, float]) -> None:
    image = np.arange(3 * 16 * 16, dtype=np.uint8).reshape(3, 16, 16)
    assert patch_around(image, np.array(point), 9).shape == (3, 9, 9)


def test_a_flat_image_correlates_with_nothing() -> None:
    flat = np.full((1, 16, 16), 9, dtype=np.uint8)
    assert not correlation(flat, flat[:, :5, :5]).any()


@pytest.mark.parametrize(("window", "size"), [(0.036, 512), (0.036, 48), (0.001, 32), (1.0, 64)])
def test_a_templates_side_is_odd_and_spreads_as_the_window(window: float, size: int) -> None:
    side = patch_side(window, size)
    assert side % 2 == 1
    assert 3 <= side <= size
    if 3 < side < size - 1:
        assert abs(side - window * SPREAD * size) <= 1.0


# --- scoring ----------------------------------------------------------------------------------


class Colours(nn.Module):
    """Gives each pixel its colour, a direction of its own: what a perfect embedding sees."""

    def embed(self, images: torch.Tensor) -> torch.Tensor:
        return images


def painted(count: int, size: int = 32) -> tuple[np.ndarray, np.ndarray]:
    """Grey images with a red blob each, and where it is."""
    rng = np.random.default_rng(3)
    points = rng.uniform(0.25, 0.75, (count, 2))
    v, u = (np.mgrid[:size, :size] + 0.5) / size
    images = np.empty((count, 3, size, size), dtype=np.uint8)
    for image, (x, y) in zip(images, points, strict=True):
        blob = np.exp(-((u - x) ** 2 + (v - y) ** 2) / (2 * 0.08**2))
        noise = rng.uniform(0.0, 12.0, (3, size, size))
        image[:] = noise + 100.0 + np.array([140.0, -90.0, -90.0])[:, None, None] * blob
    return images, points


@pytest.fixture(scope="module")
def data() -> LandmarkData:
    images, points = painted(9)
    train = Placed(tuple("abcde"), images[:5], points[:5])
    test = Placed(tuple("wxyz"), images[5:], points[5:])
    settings = LandmarkSettings(size=32, supports=3, window=0.05, windows=(0.02, 0.3))
    return LandmarkData(train, test, NORMALISATION["fundus"], "m", settings, "real", "odd")


@pytest.fixture(scope="module")
def given() -> SimpleNamespace:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return SimpleNamespace(encoder=Encoder("tiny", 3), model=Colours())


def errors(scores: Any, stage: str, metric: str = "radial_error_px") -> list[float]:  # noqa: ANN401
    return [one.value for one in scores.scores if (one.stage, one.metric) == (stage, metric)]


def test_sight_finds_what_blindness_does_not(data: LandmarkData, given: SimpleNamespace) -> None:
    stages = (EMBEDDING, FEATURES, TEMPLATE, CENTRE)
    scores = localise(given, data, stages, seed=0)
    centre = errors(scores, CENTRE)
    expected = 512.0 * np.linalg.norm(data.test.points - 0.5, axis=1)
    np.testing.assert_allclose(centre, expected)
    assert max(errors(scores, EMBEDDING)) < 512 * 0.08
    assert np.mean(errors(scores, TEMPLATE)) < np.mean(centre) / 2
    assert np.mean(errors(scores, FEATURES)) < np.mean(centre)
    # A window of a third of the image sees no blob any more.
    by_window = scores.facts[FACTS]["stages"][EMBEDDING]["by window"]
    assert by_window["0.3"] > by_window["0.05"]
    assert set(scores.pictures) == {*MAPS.values(), SUPPORT}
    assert scores.pictures[MAPS[EMBEDDING]].shape == (4 * 32, 32, 3)


def test_scores_are_means_over_supports(data: LandmarkData, given: SimpleNamespace) -> None:
    scores = localise(given, data, (EMBEDDING,), seed=0)
    assert [one.metric for one in scores.scores[: len(METRICS)]] == list(METRICS)
    pixels, shares = errors(scores, EMBEDDING), errors(scores, EMBEDDING, "radial_error")
    np.testing.assert_allclose(pixels, 512.0 * np.array(shares))
    told = scores.facts[FACTS]["stages"][EMBEDDING]
    assert len(told["by support"]) == 3
    assert np.mean(told["by support"]) == pytest.approx(np.mean(pixels), rel=1e-4)
    assert told["by window"]["0.05"] == pytest.approx(np.mean(pixels), rel=1e-4)
    for image, radius in ((0, 2), (1, 5), (2, 10)):
        within = errors(scores, EMBEDDING, f"success_{radius}")[image]
        assert within * 3 == pytest.approx(round(within * 3))
    ordered = [errors(scores, EMBEDDING, f"success_{radius}") for radius in (2, 5, 10)]
    assert (np.diff(ordered, axis=0) >= 0.0).all()
    # One support alone gives its own column of the mean.
    first = data.train.ids.index(scores.facts[FACTS]["supports"][0])
    train = Placed(("a",), data.train.images[[first]], data.train.points[[first]])
    lone = replace(data, train=train, settings=replace(data.settings, supports=1))
    alone = localise(given, lone, (EMBEDDING,), seed=0)
    assert np.mean(errors(alone, EMBEDDING)) == pytest.approx(told["by support"][0], rel=1e-4)


def test_the_same_seed_gives_the_same_supports_to_everybody(
    data: LandmarkData, given: SimpleNamespace
) -> None:
    one, same, other = (localise(given, data, (FEATURES,), seed=seed) for seed in (0, 0, 4))
    assert one.scores == same.scores
    rivals = localise(None, data, RIVALS, seed=0)
    assert rivals.facts[FACTS]["supports"] == one.facts[FACTS]["supports"]
    assert other.facts[FACTS]["supports"] != one.facts[FACTS]["supports"]
    assert len(set(one.facts[FACTS]["supports"])) == 3


def test_nothing_is_changed_and_limits_are_looked_at(
    data: LandmarkData, given: SimpleNamespace
) -> None:
    given.encoder.train()
    before = {name: value.clone() for name, value in given.encoder.state_dict().items()}
    looks: list[int] = []
    localise(given, data, (FEATURES,), seed=0, observe=looks.append)
    assert looks == [0] * len(data.test)
    assert given.encoder.training
    after = given.encoder.state_dict()
    assert all(torch.equal(value, before[name]) for name, value in after.items())


def test_test_images_serve_for_nothing_else(data: LandmarkData, given: SimpleNamespace) -> None:
    """What is found in one test image does not depend on the others."""
    part = replace(data, test=Placed(("x",), data.test.images[1:2], data.test.points[1:2]))
    whole, one = (localise(given, each, (FEATURES,), seed=0) for each in (data, part))
    assert errors(one, FEATURES)[0] == pytest.approx(errors(whole, FEATURES)[1], rel=1e-6)


def test_too_few_images_for_the_supports_are_said(data: LandmarkData) -> None:
    more = replace(data, settings=replace(data.settings, supports=6))
    with pytest.raises(ValueError, match="6 support images are asked for, and 5 train"):
        supports_of(more, 0)


def test_vectors_that_are_no_numbers_are_a_failure(data: LandmarkData) -> None:
    class Broken(Colours):
        def embed(self, images: torch.Tensor) -> torch.Tensor:
            return images * math.nan

    broken = SimpleNamespace(encoder=Encoder("tiny", 3), model=Broken())
    with pytest.raises(DivergedError, match="not finite"):
        localise(broken, data, (EMBEDDING,), seed=0)


def test_a_model_without_an_embedding_has_none(data: LandmarkData) -> None:
    plain = SimpleNamespace(encoder=Encoder("tiny", 3), model=nn.Identity())
    with pytest.raises(TypeError, match="Identity has no dense embedding"):
        localise(plain, data, (EMBEDDING,), seed=0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": 16}, "size must lie in 32 to 512"),
        ({"supports": 0}, "supports must be at least 1"),
        ({"window": 0.0}, "a window must lie in"),
        ({"windows": (0.1, 2.0)}, "a window must lie in"),
    ],
)
def test_settings_that_mean_nothing_are_refused(
    changes: dict[str, Any], message: str, make_settings: Callable[..., LandmarkSettings]
) -> None:
    with pytest.raises(ValueError, match=message):
        make_settings(**changes)


@pytest.fixture
def make_settings() -> Callable[..., LandmarkSettings]:
    return LandmarkSettings
