"""Somebody's own task: a few lines of TOML, two folders and a list."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from methods.errors import ConfigError
from tasks.base import MissingDataError, Source
from tasks.labelled import Settings
from tasks.own import OwnTask

TOML = """title = "Blobs"
domain = "chest X-ray"
kind = "anatomy"
images = "My/in"
masks = "My/out"
"""
STAND_IN = Path(__file__).parents[2] / "benchmark" / "plans" / "kermany_lung" / "kermany_lung.toml"


def described(folder: Path, toml: str = TOML, rows: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "blobs.toml").write_text(toml, encoding="utf-8")
    default = "image,part,person\na/1.png,train,p\na/2.png,train,q\nb/3.png,test,r\n"
    (folder / "split.csv").write_text(rows or default, encoding="utf-8")
    return folder / "blobs.toml"


@pytest.fixture
def source(tmp_path: Path) -> Source:
    for number, name in enumerate(("a/1", "a/2", "b/3"), start=1):
        image, mask = (tmp_path / "data" / "My" / part / f"{name}.png" for part in ("in", "out"))
        for path in (image, mask):
            path.parent.mkdir(parents=True, exist_ok=True)
        blob = np.zeros((64, 64), dtype=np.uint8)
        blob[: 16 * number] = 255
        Image.fromarray(blob // 2 + 40).save(image)
        Image.fromarray(blob).save(mask.with_suffix(".gif"))
    return Source.at(tmp_path / "data", tmp_path / "cache")


def test_read_as_described(tmp_path: Path, source: Source) -> None:
    task = OwnTask(described(tmp_path / "mine"))
    data = task.load(source, Settings(size=64))
    assert (task.name, task.info.title, data.kind) == ("blobs", "Blobs", "real")
    assert (data.validation.ids, data.train.ids, data.test.ids) == (
        ("a/1.png",),
        ("a/2.png",),
        ("b/3.png",),
    )
    for part, share in ((data.validation, 0.25), (data.train, 0.5), (data.test, 0.75)):
        assert part.masks.mean() == pytest.approx(share, abs=0.01)
    assert task.person("a/1.png") == "p"


def test_a_stand_in_says_so_with_its_test_images_and_without(
    tmp_path: Path, source: Source
) -> None:
    task = OwnTask(described(tmp_path / "mine", TOML + "stand_in = true\n"))
    for load in (task.load, task.load_training):
        assert load(source, Settings(size=64)).kind == "stand-in"


def test_a_mask_may_be_named(tmp_path: Path, source: Source) -> None:
    rows = "image,part,mask\na/1.png,train,b/3.gif\na/2.png,train,\nb/3.png,test,\n"
    data = OwnTask(described(tmp_path / "mine", rows=rows)).load(source, Settings(size=64))
    assert data.validation.masks.mean() == pytest.approx(0.75, abs=0.01)


def test_a_missing_file_is_named(tmp_path: Path, source: Source) -> None:
    (source.root / "My" / "out" / "a" / "2.gif").unlink()
    with pytest.raises(MissingDataError, match=r"1 of 6 files are missing .* My/out/a/2\.png"):
        OwnTask(described(tmp_path / "mine")).load(source, Settings(size=64))


@pytest.mark.parametrize(
    ("toml", "complaint"),
    [
        (TOML + "colour = 1\n", "colour"),
        (TOML.replace("chest X-ray", "skin"), "domain"),
        (TOML.replace('masks = "My/out"\n', ""), "masks"),
        ("title = ", "is no TOML"),
    ],
)
def test_a_wrong_description(tmp_path: Path, toml: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        OwnTask(described(tmp_path, toml))


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ("image\n1.png\n", 'columns "image" and "part"'),
        ("image,part\n1.png,trial\n", "'1.png' and 'trial'"),
        ("image,part\n../1.png,train\n", "leaves its folder"),
        ("image,part\n/etc/1.png,train\n", "leaves its folder"),
        ("image,part,mask\n1.png,train,../../x.png\n", "leaves its folder"),
        ("image,part\n1.png,train\n1.png,test\n", "listed twice"),
        ("image,part\n1.png,train\n./1.png,test\n", "listed twice"),
        ("image,part,person\n1.png,train,a\n2.png,test,a\n", "a both trains and tests"),
        ("image,part\n1.png,train\n2.png,test\n", "1 train images; 2 or more"),
        ("image,part\n1.png,train\n2.png,train\n", "0 test images; 1 or more"),
    ],
)
def test_a_wrong_split(tmp_path: Path, rows: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        OwnTask(described(tmp_path, rows=rows))


@pytest.mark.parametrize(
    ("name", "complaint"),
    [("../../evil", "name"), ("Two words", "name"), ("hrf_vessel", "is a registered task")],
)
def test_a_wrong_name(tmp_path: Path, name: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        OwnTask(described(tmp_path, TOML + f'name = "{name}"\n'))


def test_another_pairing_is_another_task(tmp_path: Path, source: Source) -> None:
    rows = "image,part,mask\na/1.png,train,{}\na/2.png,train,{}\nb/3.png,test,{}\n"
    names = ["a/1.gif", "a/2.gif", "b/3.gif"]
    first, second = (
        OwnTask(described(tmp_path / "mine", rows=rows.format(*order))).load(
            source, Settings(size=64)
        )
        for order in (names, names[::-1])
    )
    assert first.test.masks.mean() == pytest.approx(0.75, abs=0.01)
    assert second.test.masks.mean() == pytest.approx(0.25, abs=0.01)
    assert first.manifest != second.manifest


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        OwnTask(tmp_path)
    path = described(tmp_path)
    (tmp_path / "split.csv").write_bytes("image,part\nä.png,train\n".encode("latin-1"))
    with pytest.raises(ConfigError, match=r"split\.csv is no table in UTF-8"):
        OwnTask(path)


def test_missing_files_of_a_task(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"there is no task .*nowhere\.toml"):
        OwnTask(tmp_path / "nowhere.toml")
    path = described(tmp_path)
    (tmp_path / "split.csv").unlink()
    with pytest.raises(ConfigError, match=r"there is no split .*split\.csv"):
        OwnTask(path)


def test_the_lung_stand_in_is_read_this_way(real: Source) -> None:
    task = OwnTask(STAND_IN)
    split = task.split(real)
    assert (len(split.train), len(split.test)) == (120, 56)
    assert len(set(split.train + split.test)) == 176
    persons = [{task.person(image) for image in part} for part in (split.train, split.test)]
    assert not persons[0] & persons[1]
    assert len(task.files(real)) == 352
    example = task.example(real.root, split.test[0])
    planes = task.planes(example, 1, 64)
    assert 0.1 < (planes[1] > 0).mean() < 0.6
