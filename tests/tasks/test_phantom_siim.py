"""SIIM-ACR's phantoms: DICOM in three transfer syntaxes, run lengths that make up the mask."""

from collections import defaultdict
from pathlib import Path

import numpy as np
import pydicom
import pytest

from tasks.base import Source
from tasks.phantoms.dicom import SYNTAXES, write_dicom
from tasks.phantoms.layouts import Request, siim
from tasks.phantoms.layouts.siim import parts
from tasks.rle import decode
from tasks.splits import read_split

SCALE, SIZE = 0.01, 96  # of the session's phantoms


@pytest.fixture(scope="module")
def root(phantoms: Source) -> Path:
    return phantoms.root


def rows_of(root: Path) -> dict[str, list[str]]:
    header, *lines = (root / siim.TABLE).read_text(encoding="utf-8").splitlines()
    assert header == "ImageId, EncodedPixels"
    rows = defaultdict(list)
    for line in lines:
        image, runs = line.split(",")
        assert runs.startswith(" ")
        rows[image].append(runs)
    return rows


def test_siim(root: Path) -> None:
    rows, request = rows_of(root), Request(SCALE, 0, SIZE)
    paths = sorted((root / "SIIM-ACR" / "dicom-images-train").rglob("*.dcm"))
    split = read_split("siim_pneumothorax").scaled(SCALE)
    positives = {*split.train, *split.test}
    assert {path.stem for path in paths} == set(rows) > positives
    assert [path.relative_to(root).parts[-4] for path in paths] == ["dicom-images-train"] * 28
    negatives = [image for image in rows if rows[image] == [" -1"]]
    assert set(negatives) == set(rows) - positives
    assert len(negatives) == 2
    assert max(len(texts) for texts in rows.values()) > 1
    syntaxes = set()
    for path in paths:
        data = pydicom.dcmread(path)
        assert (data.SOPInstanceUID, data.Modality) == (path.stem, "CR")
        assert (data.StudyInstanceUID, data.SeriesInstanceUID) == path.parts[-3:-1]
        syntaxes.add(data.file_meta.TransferSyntaxUID.name)
        drawn = siim.radiograph(request, path.stem)
        lossy = data.file_meta.TransferSyntaxUID == pydicom.uid.JPEGBaseline8Bit
        off = np.abs(data.pixel_array.astype(int) - drawn.levels).mean()
        assert off < 2 if lossy else off == 0
        mask = np.zeros((SIZE, SIZE), dtype=bool)
        for text in rows[path.stem]:
            mask |= decode(text, SIZE, SIZE)
        assert np.array_equal(mask, drawn.masks["pneumothorax"])
        assert mask.any() == (path.stem in positives)
    assert len(syntaxes) == 3


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_dicom_of_odd_length(syntax: str, tmp_path: Path) -> None:
    pixels = np.add.outer(np.arange(33), 3 * np.arange(65)).astype(np.uint8)
    path = tmp_path / "1.2" / "1.3" / "1.4.dcm"
    write_dicom(path, "1.4", pixels, syntax)
    found = pydicom.dcmread(path).pixel_array
    assert found.shape == (33, 65)
    assert np.abs(found.astype(int) - pixels).mean() < (2 if syntax == "jpeg" else 0.001)


def test_dicom_refuses_other_syntaxes(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not jpeg2000"):
        write_dicom(tmp_path / "a" / "b" / "c.dcm", "1.4", np.zeros((4, 4), np.uint8), "jpeg2000")


def test_parts_make_up_the_mask() -> None:
    mask = np.zeros((40, 40), dtype=bool)
    mask[4:30, 5:9], mask[33:36, 20:30] = True, True
    counts = set()
    for seed in range(20):
        pieces = parts(mask, np.random.default_rng(seed))
        counts.add(len(pieces))
        assert np.array_equal(np.any(pieces, axis=0), mask)
        overlap = np.sum(pieces, axis=0).max()
        assert overlap == (2 if len(pieces) == 3 else 1)  # rows of one image are OR-ed
    assert counts == {2, 3}
    assert parts(np.zeros((4, 4), dtype=bool), np.random.default_rng(0)) == []
