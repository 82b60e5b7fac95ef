"""Segmentation tasks on phantoms: shapes, manifests, caches, missing files and label fractions."""

import re
import shutil
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import binary_dilation

from methods.errors import InputError
from tasks import EXTRAS, TASKS
from tasks.base import NORMALISATION, MissingDataError, Source
from tasks.labelled import Labelled, SegmentationData, Settings, TrainingData
from tasks.reading import Pixels
from tasks.segmentation import SegmentationTask
from tasks.splits import read_split

MakeTask = Callable[[str], SegmentationTask]
EVERY = (*TASKS, *EXTRAS)
SMALL = Settings(size=48)


def copied(source: Source, folder: Path) -> Source:
    """The same files, to be changed, with an empty cache."""
    shutil.copytree(source.root, folder / "data")
    return Source.at(folder / "data", folder / "cache")


def no_reading(path: Path, channels: int) -> Pixels:
    raise AssertionError(f"{path} was decoded again")


@pytest.mark.parametrize("name", EVERY)
def test_registered_under_its_own_name(name: str, make_task: MakeTask) -> None:
    task = make_task(name)
    assert task.name == name
    assert task.info.page.startswith("http")
    facts = (task.info.title, task.info.dataset, task.info.owner, task.info.citation)
    assert all(facts)
    assert task.info.terms
    assert "\n" not in "".join((*facts, task.info.terms, task.info.note))
    assert task.protocol == "segmentation-1"


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("size", [48, 128])
def test_shapes_and_types(name: str, size: int, make_task: MakeTask, phantoms: Source) -> None:
    task = make_task(name)
    data = task.load(phantoms, Settings(size=size))
    split = read_split(task.split_name or name).scaled(phantoms.scale)
    train, validation = split.fraction(1.0, task.person)
    assert (data.train.ids, data.validation.ids, data.test.ids) == (train, validation, split.test)
    assert (len(data.train), len(data.validation)) == (len(train), len(validation))
    assert len(data.test) == len(split.test)
    channels = {"fundus": 3, "chest X-ray": 1}[task.info.domain]
    for part in (data.train, data.validation, data.test):
        assert part.images.shape == (len(part), channels, size, size)
        assert part.images.dtype == np.uint8
        assert part.masks.shape == (len(part), size, size)
        assert part.masks.dtype == np.bool_
        assert part.masks.any(axis=(1, 2)).all()
        assert not part.masks.all(axis=(1, 2)).any()
        assert part.images.reshape(len(part), -1).std(axis=1).min() > 10.0
    assert data.normalisation == NORMALISATION[task.info.domain]
    assert (data.rotation, data.flips) == ((180.0, True) if channels == 3 else (30.0, False))
    assert data.kind == "phantom"
    assert data.settings.size == size


@pytest.mark.parametrize("name", TASKS)
def test_rows_belong_to_their_ids(name: str, make_task: MakeTask, phantoms: Source) -> None:
    task = make_task(name)
    data = task.load(phantoms, SMALL)
    channels = data.train.images.shape[1]
    for part in (data.train, data.validation, data.test):
        for image_id, image, mask in zip(part.ids, part.images, part.masks, strict=True):
            planes = task.planes(task.example(phantoms.root, image_id), channels, SMALL.size)
            assert np.array_equal(image, planes[:-1])
            assert np.array_equal(mask * np.uint8(255), planes[-1])


#: How much brighter what is marked is than its surroundings, in grey levels of the green channel.
CONTRASTS = {
    "idrid_optic_disc": (20, 120),
    "idrid_hard_exudates": (5, 80),
    "chasedb1_vessel": (-60, -2),
    "hrf_vessel": (-60, -2),
    "rite_vessel": (-60, -2),
    "stare_vessel": (-60, -2),
    "drishti_optic_cup": (20, 120),
    "drishti_optic_disc": (20, 120),
    "siim_pneumothorax": (-100, -5),
    "scr_heart": (5, 150),
    "scr_lung": (-150, -60),
    "scr_clavicle": (0, 100),
}


@pytest.mark.parametrize("name", TASKS)
def test_masks_lie_on_what_they_mark(name: str, make_task: MakeTask, phantoms: Source) -> None:
    data = make_task(name).load(phantoms, Settings(size=96))
    green = data.train.images[:, 1 % data.train.images.shape[1]].astype(float)
    view = green > 20
    contrasts = []
    for level, mask, seen in zip(green, data.train.masks, view, strict=True):
        ring = binary_dilation(mask, iterations=4) & ~mask & seen
        # Medians: CHASE_DB1's vessels cross the bright disc, which lies in its middle.
        contrasts.append(np.median(level[mask & seen]) - np.median(level[ring]))
    least, most = CONTRASTS[name]
    assert least < np.mean(contrasts) < most


@pytest.mark.parametrize("name", TASKS)
def test_same_manifest_twice_another_for_another_byte(
    name: str,
    make_task: MakeTask,
    phantoms: Source,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    task = make_task(name)
    source = copied(phantoms, tmp_path)
    first = task.load(phantoms, SMALL).manifest
    assert task.load(source, SMALL).manifest == first  # wherever the data lies
    # Which bytes are the same is what counts here, not whether they are still a picture.
    count = len(task.split(source).train + task.split(source).test)
    black = np.zeros((count, task.channels + 1, SMALL.size, SMALL.size), dtype=np.uint8)
    monkeypatch.setattr(SegmentationTask, "prepare", lambda *_: black)
    manifests = {first}
    for place in (0, -1):
        path = task.files(source)[place]
        path.write_bytes(path.read_bytes() + b"\n")
        manifests.add(task.load(source, SMALL).manifest)
    assert len(manifests) == 3


def test_another_manifest_for_another_split(make_task: MakeTask, phantoms: Source) -> None:
    task = make_task("scr_lung")

    class Shorter(type(task)):  # type: ignore[misc]
        def split(self, source: Source) -> object:
            whole = super().split(source)
            return replace(whole, train=whole.train[::-1])

    one, other = (each.load(phantoms, SMALL) for each in (task, Shorter()))
    assert one.manifest != other.manifest
    assert one.train.ids != other.train.ids


@pytest.mark.parametrize("name", TASKS)
def test_second_load_comes_from_the_cache(
    name: str,
    make_task: MakeTask,
    phantoms: Source,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    task = make_task(name)
    source = copied(phantoms, tmp_path)
    first = task.load(source, SMALL)
    monkeypatch.setattr("tasks.segmentation.read_image", no_reading)
    again = task.load(source, SMALL)
    for one, other in (
        (first.train, again.train),
        (first.validation, again.validation),
        (first.test, again.test),
    ):
        assert np.array_equal(one.images, other.images)
        assert np.array_equal(one.masks, other.masks)
    with pytest.raises(AssertionError, match="decoded again"):
        task.load(source, Settings(size=64))
    changed = task.files(source)[-1]
    changed.write_bytes(changed.read_bytes() + b"\0")
    with pytest.raises(AssertionError, match="decoded again"):
        task.load(source, SMALL)


def test_a_changed_image_is_prepared_anew(
    make_task: MakeTask, phantoms: Source, tmp_path: Path
) -> None:
    task = make_task("chasedb1_vessel")
    source = copied(phantoms, tmp_path)
    before = task.load(source, SMALL)
    first, second = (task.example(source.root, name).image for name in before.train.ids[:2])
    shutil.copy(second, first)
    after = task.load(source, SMALL)
    assert np.array_equal(after.train.images[0], before.train.images[1])
    assert np.array_equal(after.train.masks[0], before.train.masks[0])


def test_another_threshold_is_prepared_anew(make_task: MakeTask, phantoms: Source) -> None:
    task = make_task("chasedb1_vessel")
    before = task.load(phantoms, SMALL)

    class Wider(type(task)):  # type: ignore[misc]
        threshold = 0.01

    after = Wider().load(phantoms, SMALL)
    assert after.train.masks.sum() > before.train.masks.sum()


@pytest.mark.parametrize("name", TASKS)
def test_missing_files_are_named_and_nothing_is_written(
    name: str, make_task: MakeTask, phantoms: Source, tmp_path: Path
) -> None:
    task = make_task(name)
    source = copied(phantoms, tmp_path)
    files = task.files(source)
    files[0].unlink()
    files[3].unlink()
    files[3].mkdir()  # a folder is no file
    with pytest.raises(MissingDataError) as caught:
        task.load(source, SMALL)
    message = str(caught.value)
    for path in (files[0], files[3]):  # unzipped STARE or a study's folder may be asked for
        assert path.name.removesuffix(".gz") in message
    assert f"2 of {len(files)} files are missing" in message
    for fact in (task.info.dataset, task.info.page, task.info.terms, str(source.root)):
        assert fact in message
    assert not source.cache.exists()


@pytest.mark.parametrize("name", EVERY)
def test_an_empty_root(name: str, make_task: MakeTask, tmp_path: Path) -> None:
    task = make_task(name)
    (tmp_path / "data").mkdir()
    source = Source.at(tmp_path / "data", tmp_path / "cache")
    with pytest.raises(MissingDataError) as caught:
        task.load(source, SMALL)
    split = task.split(source)
    counts = re.search(r"(\d+) of (\d+) files .* and (\d+) more", str(caught.value))
    assert counts is not None
    missing, all_files, more = map(int, counts.groups())
    images = len(split.train) + len(split.test)
    masks = {"scr_lung": 2 * images, "scr_clavicle": 2 * images, "siim_pneumothorax": 1}
    assert missing == all_files == images + masks.get(name, images)
    assert more == missing - 3
    assert isinstance(caught.value, InputError)
    assert isinstance(caught.value, FileNotFoundError)
    assert [path.name for path in tmp_path.rglob("*")] == ["data"]


def test_no_root(tmp_path: Path) -> None:
    with pytest.raises(MissingDataError, match="no data root"):
        Source.at(tmp_path / "nowhere", tmp_path / "cache")


def test_what_a_root_holds(phantoms: Source, tmp_path: Path) -> None:
    assert (phantoms.kind, phantoms.scale) == ("phantom", 0.01)
    found = Source.at(tmp_path, tmp_path / "cache")
    assert (found.kind, found.scale) == ("real", 1.0)


def test_label_fractions_are_prefixes(
    make_task: MakeTask, phantoms: Source, tmp_path: Path
) -> None:
    task = make_task("scr_lung")
    whole = task.load(phantoms, SMALL)
    half = task.load(phantoms, replace(SMALL, fraction=0.5))
    everything = whole.validation.ids + whole.train.ids
    assert half.validation.ids + half.train.ids == everything[:2]
    assert len(half.validation) == len(half.train) == 1
    images = np.concatenate([whole.validation.images, whole.train.images])
    assert np.array_equal(half.train.images[0], images[1])
    assert half.test.ids == whole.test.ids
    assert half.manifest == whole.manifest  # the fraction is a setting, not data


@pytest.mark.parametrize("name", ["scr_lung", "rite_vessel"])
def test_training_data_are_loaded_without_reading_test_images(
    name: str, make_task: MakeTask, phantoms: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = make_task(name)
    whole = task.load(phantoms, SMALL)
    trained = len(task.split(phantoms).train)

    class Watched(np.ndarray):
        def __getitem__(self, place: Any) -> Any:  # noqa: ANN401
            assert max(place) < trained
            return np.asarray(self)[place]

    prepare = SegmentationTask.prepare
    monkeypatch.setattr(SegmentationTask, "prepare", lambda *a: prepare(*a).view(Watched))
    data = task.load_training(phantoms, SMALL)
    half = task.at_fraction(data, replace(SMALL, fraction=0.75))
    assert type(data) is type(half) is TrainingData
    for each in fields(TrainingData):
        one, other = getattr(data, each.name), getattr(whole, each.name)
        if isinstance(one, Labelled):
            assert one.ids == other.ids
            assert np.array_equal(one.images, other.images)
            assert np.array_equal(one.masks, other.masks)
        else:
            assert one == other
    same = task.at_fraction(whole, half.settings)
    assert type(same) is SegmentationData
    assert (same.train.ids, same.validation.ids) == (half.train.ids, half.validation.ids)
    with pytest.raises(AssertionError):  # the watch works
        task.load(phantoms, SMALL)


@pytest.mark.parametrize(
    ("field", "value"),
    [("size", 31), ("size", 513), ("steps", 0), ("batch_size", 0), ("checks", 0)],
)
def test_settings_out_of_range(field: str, value: int) -> None:
    with pytest.raises(ValueError, match=rf"{field} .*not {value}"):
        Settings(**{field: value})  # type: ignore[arg-type]


def test_data_are_values(make_task: MakeTask, phantoms: Source) -> None:
    data: SegmentationData = make_task("scr_lung").load(phantoms, SMALL)
    with pytest.raises(AttributeError):
        data.kind = "real"  # type: ignore[misc]
