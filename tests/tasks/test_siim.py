"""SIIM-ACR from DICOM files and a table of run lengths, written as the competition gave them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from methods.errors import InputError
from tasks.base import MissingDataError, Source
from tasks.labelled import Settings
from tasks.reading import ImageError
from tasks.rle import RleError, encode
from tasks.segmentation import SegmentationTask

MakeTask = Callable[[str], SegmentationTask]
SIDE = 64
SMALL = Settings(size=64)


def radiograph(path: Path, mask: np.ndarray) -> None:
    """Dark with the masked part bright, as uncompressed DICOM."""
    dataset, meta = Dataset(), FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID("1.2.840.10008.5.1.4.1.1.7")
    meta.MediaStorageSOPInstanceUID = UID("1.2.3.4")
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta = meta
    dataset.Rows, dataset.Columns = mask.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation = 7, 0
    dataset.PixelData = np.where(mask, np.uint8(220), np.uint8(60)).tobytes()
    dataset["PixelData"].VR = "OB"
    path.parent.mkdir(parents=True)
    dataset.save_as(path, enforce_file_format=True)


@pytest.fixture
def task(make_task: MakeTask) -> SegmentationTask:
    return make_task("siim_pneumothorax")


@pytest.fixture
def source(task: SegmentationTask, tmp_path: Path) -> Source:
    """Six positives, each with two rows in the table, and two negatives."""
    source = Source(tmp_path / "data", tmp_path / "cache", 0.001, "phantom")
    split = task.split(source)
    rows = ["ImageId, EncodedPixels"]
    for number, image_id in enumerate(split.train + split.test):
        one, other = (np.zeros((SIDE, SIDE), dtype=bool) for _ in range(2))
        one[8 + number : 40, 4:20] = True
        other[20:50, 36 : 44 + 2 * number] = True
        place = image_id.rsplit(".", 1)[0]
        folder = source.root / "SIIM-ACR" / "dicom-images-train" / f"{place}.1" / f"{place}.2"
        radiograph(folder / f"{image_id}.dcm", one | other)
        rows += [f"{image_id}, {encode(part)}" for part in (one, other)]
    rows += ["1.2.negative, -1", "1.3.negative,-1 "]
    (source.root / "SIIM-ACR" / "train-rle.csv").write_text("\n".join(rows) + "\n")
    return source


def table(source: Source) -> Path:
    return source.root / "SIIM-ACR" / "train-rle.csv"


def rewritten(source: Source, change: Callable[[list[str]], list[str]]) -> None:
    lines = table(source).read_text().splitlines()
    table(source).write_text("\n".join(change(lines)) + "\n")


def test_rows_of_one_image_are_joined(task: SegmentationTask, source: Source) -> None:
    files = task.files(source)
    assert files.count(table(source)) == 1
    assert len(files) == 4 + 2 + 1
    data = task.load(source, SMALL)
    assert (len(data.train), len(data.validation), len(data.test)) == (3, 1, 2)
    for part in (data.train, data.validation, data.test):
        assert part.images.shape[1] == 1
        for image, mask in zip(part.images, part.masks, strict=True):
            assert np.array_equal(image[0] > 140, mask)
            assert mask[:, :32].any()
            assert mask[:, 32:].any()


def test_the_table_is_part_of_the_manifest(task: SegmentationTask, source: Source) -> None:
    before = task.load(source, SMALL)
    first = before.train.ids[0]
    rewritten(source, lambda lines: [lines[0], *(f" {line} " for line in lines[1:])])
    blanks = task.load(source, SMALL)
    assert blanks.manifest != before.manifest
    assert np.array_equal(blanks.train.masks, before.train.masks)
    rewritten(
        source, lambda lines: [line for line in lines if first not in line] + [f"{first},0 9"]
    )
    after = task.load(source, SMALL)
    assert after.train.masks[0].sum() < 20 < before.train.masks[0].sum()
    assert np.array_equal(after.train.masks[1:], before.train.masks[1:])


@pytest.mark.parametrize("header", ["ImageId,EncodedPixels", " ImageId , EncodedPixels "])
def test_header_with_and_without_blanks(
    header: str, task: SegmentationTask, source: Source
) -> None:
    before = task.load(source, SMALL).train.masks
    rewritten(source, lambda lines: [header, *lines[1:]])
    assert np.array_equal(task.load(source, SMALL).train.masks, before)


def test_columns_in_another_order_behind_a_byte_order_mark(
    task: SegmentationTask, source: Source
) -> None:
    before = task.load(source, SMALL).train.masks
    rows = [line.split(",") for line in table(source).read_text().splitlines()]
    text = "\r\n".join(f"{pixels},{image}" for image, pixels in rows)
    table(source).write_text("\ufeff" + text, encoding="utf-8", newline="")
    assert np.array_equal(task.load(source, SMALL).train.masks, before)


@pytest.mark.parametrize("negative", [True, False])
def test_ids_without_a_mask_are_reported(
    negative: bool, task: SegmentationTask, source: Source
) -> None:
    missing = task.split(source).test
    rest = [f"{image_id}, -1" for image_id in missing] if negative else []
    rewritten(source, lambda lines: [x for x in lines if not x.startswith(missing)] + rest)
    with pytest.raises(MissingDataError, match="has no mask of 2 images") as caught:
        task.load(source, SMALL)
    for part in (*missing, "2669 positives", task.info.page, str(table(source))):
        assert part in str(caught.value)
    assert not source.cache.exists()


def test_missing_radiographs_and_table(task: SegmentationTask, source: Source) -> None:
    image_id = task.split(source).train[2]
    task.example(source.root, image_id).image.unlink()
    with pytest.raises(MissingDataError, match="1 of 7 files are missing") as caught:
        task.load(source, SMALL)
    assert f"<study>/<series>/{image_id}.dcm" in str(caught.value)
    table(source).unlink()
    with pytest.raises(MissingDataError, match="2 of 7 files are missing"):
        task.load(source, SMALL)


def test_one_id_at_two_places(task: SegmentationTask, source: Source) -> None:
    image = task.example(source.root, task.split(source).train[0]).image
    other = source.root / "SIIM-ACR" / "dicom-images-train" / "a" / "b" / image.name
    other.parent.mkdir(parents=True)
    other.write_bytes(image.read_bytes())
    with pytest.raises(ImageError, match="have one id") as caught:
        task.files(source)
    assert str(image) in str(caught.value)
    assert str(other) in str(caught.value)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("{i},4000 97", "a run ends at pixel 4097 of a mask of 64 x 64"),
        ("{i},5", "pairs"),
        ("{i},1 x", "whole numbers"),
        ("{i}, ", "pairs"),
        ("{i}", "cut off in line"),
    ],
)
def test_malformed_rows_name_table_and_image(
    row: str, told: str, task: SegmentationTask, source: Source
) -> None:
    image_id = task.split(source).train[0]
    rewritten(source, lambda lines: [*lines, row.format(i=image_id)])
    with pytest.raises(RleError, match=told) as caught:
        task.load(source, SMALL)
    for part in (str(table(source)), image_id):
        assert part in str(caught.value)
    assert isinstance(caught.value, InputError)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content", [b"", b"ImageId\n1.2\n", b"a,b\n", b"\xff\xfe\x00\x01", b"PK\x03\x04\x90\x80"]
)
def test_what_is_no_table(content: bytes, task: SegmentationTask, source: Source) -> None:
    table(source).write_bytes(content)
    with pytest.raises(RleError) as caught:
        task.files(source)
    assert str(caught.value).startswith(str(table(source)))


def test_a_damaged_radiograph(task: SegmentationTask, source: Source) -> None:
    image = task.example(source.root, task.split(source).train[0]).image
    image.write_bytes(image.read_bytes()[:-100])
    with pytest.raises(ImageError, match="cannot be read as DICOM") as caught:
        task.load(source, SMALL)
    assert str(image) in str(caught.value)
