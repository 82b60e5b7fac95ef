"""DICOM radiographs in every transfer syntax that is read, and refusals of the others."""

import io
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from tasks.reading import ImageError, read_image

SIDES = (40, 56)
UNCOMPRESSED = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian)
DECODED = (
    *UNCOMPRESSED,
    RLELossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEG2000Lossless,
    JPEG2000,
)
EXACT = (*UNCOMPRESSED, RLELossless, JPEG2000Lossless)
broken = pytest.mark.filterwarnings("ignore::UserWarning:pydicom")


def smooth(top: int = 255, channels: int = 1) -> np.ndarray:
    """Waves from 0 to ``top``, shape (height, width) or (height, width, 3)."""
    y, x = np.mgrid[: SIDES[0], : SIDES[1]]
    waves = [np.sin(x / (9 + c)) * np.cos(y / (7 + c)) for c in range(channels)]
    unit = np.stack(waves, axis=2)
    unit = (unit - unit.min()) / (unit.max() - unit.min())
    levels: np.ndarray = np.round(unit * top).squeeze()
    return levels.astype(np.uint16 if top > 255 else np.uint8)


def picture(levels: np.ndarray, syntax: UID) -> bytes:
    """The compressed stream of one frame."""
    buffer = io.BytesIO()
    if syntax in (JPEGBaseline8Bit, JPEGExtended12Bit):
        Image.fromarray(levels).save(buffer, format="JPEG", quality=98)
    else:
        lossy = {"irreversible": True, "quality_layers": [5]} if syntax == JPEG2000 else {}
        Image.fromarray(levels).save(buffer, format="JPEG2000", no_jp2=True, **lossy)
    return buffer.getvalue()


def write(path: Path, levels: np.ndarray, syntax: UID, **changes: object) -> None:
    """One secondary capture; ``changes`` set or, if None, remove elements."""
    dataset, meta = Dataset(), FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID = UID("1.2.840.10008.5.1.4.1.1.7")
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = UID("1.2.3.4")
    meta.TransferSyntaxUID = syntax
    dataset.file_meta = meta
    dataset.Rows, dataset.Columns = levels.shape[:2]
    dataset.SamplesPerPixel = 3 if levels.ndim == 3 else 1
    dataset.PhotometricInterpretation = "RGB" if levels.ndim == 3 else "MONOCHROME2"
    if levels.ndim == 3:
        dataset.PlanarConfiguration = 0
    bits = 8 * levels.dtype.itemsize
    dataset.BitsAllocated = dataset.BitsStored = bits
    dataset.HighBit, dataset.PixelRepresentation = bits - 1, 0
    big = syntax == ExplicitVRBigEndian
    plain = levels.astype(levels.dtype.newbyteorder(">" if big else "<")).tobytes()
    dataset.PixelData = plain
    dataset["PixelData"].VR = "OW" if bits > 8 or syntax == ImplicitVRLittleEndian else "OB"
    if syntax == RLELossless:
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.compress(RLELossless, generate_instance_uid=False)
    elif syntax not in (*UNCOMPRESSED, DeflatedExplicitVRLittleEndian):
        known = syntax in DECODED
        dataset.PixelData = encapsulate([picture(levels, syntax) if known else b"\xff\xd8" * 50])
        dataset["PixelData"].VR = "OB"
    for name, value in changes.items():
        if value is None:
            delattr(dataset, name)
        else:
            setattr(dataset, name, value)
    dataset.save_as(path, enforce_file_format=True)


def message(path: Path) -> str:
    """The one line with which a file is refused; it names the file."""
    with pytest.raises(ImageError) as caught:
        read_image(path, 1)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("syntax", DECODED, ids=lambda syntax: syntax.keyword)
@pytest.mark.parametrize("kind", ["MONOCHROME1", "MONOCHROME2"])
def test_8_bit_greys(tmp_path: Path, syntax: UID, kind: str) -> None:
    path, levels = tmp_path / "a.dcm", smooth()
    write(path, levels, syntax, PhotometricInterpretation=kind)
    image = read_image(path, 1)
    expected = levels if kind == "MONOCHROME2" else 255 - levels
    assert image.shape == (*SIDES, 1)
    assert image.dtype == np.uint8
    error = np.abs(image[:, :, 0].astype(int) - expected).max()
    assert error <= (0 if syntax in EXACT else 6)


@pytest.mark.parametrize("syntax", EXACT, ids=lambda syntax: syntax.keyword)
@pytest.mark.parametrize("kind", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("slope", [None, 2.0, -1.0])
def test_deep_greys_are_scaled(tmp_path: Path, syntax: UID, kind: str, slope: float | None) -> None:
    path, levels = tmp_path / "a.dcm", smooth(4095) // 2 + 700
    changes = {"RescaleSlope": slope, "RescaleIntercept": 5.0} if slope else {}
    bits = {} if syntax == JPEG2000Lossless else {"BitsStored": 12, "HighBit": 11}
    write(path, levels, syntax, PhotometricInterpretation=kind, **bits, **changes)
    unit = (levels.astype(float) - 700.0) / (levels.max() - 700.0)
    if (kind == "MONOCHROME1") != (slope == -1.0):
        unit = 1.0 - unit
    image = read_image(path, 1)[:, :, 0]
    assert (image.min(), image.max()) == (0, 255)
    assert np.abs(image - 255.0 * unit).max() <= 0.5 + 1e-9


def test_signed_values(tmp_path: Path) -> None:
    levels = smooth(4095).astype(np.int16) - 2000
    write(tmp_path / "a.dcm", levels, ExplicitVRLittleEndian, PixelRepresentation=1)
    image = read_image(tmp_path / "a.dcm", 1)[:, :, 0]
    assert np.abs(image - 255.0 * (levels + 2000.0) / 4095.0).max() <= 0.5 + 1e-9


@pytest.mark.parametrize("syntax", [*UNCOMPRESSED, RLELossless], ids=lambda s: s.keyword)
def test_colours(tmp_path: Path, syntax: UID) -> None:
    levels = smooth(255, 3)
    write(tmp_path / "a.dcm", levels, syntax)
    assert np.array_equal(read_image(tmp_path / "a.dcm", 3), levels)
    assert "has 3 channels, not 1" in message(tmp_path / "a.dcm")


def test_colours_in_jpeg(tmp_path: Path) -> None:
    levels = smooth(255, 3)
    path = tmp_path / "a.dcm"
    write(path, levels, JPEGBaseline8Bit, PhotometricInterpretation="YBR_FULL_422")
    assert np.abs(read_image(path, 3).astype(int) - levels).mean() < 5.0


@pytest.mark.parametrize(
    "syntax",
    [
        JPEGLosslessSV1,
        JPEGLSLossless,
        DeflatedExplicitVRLittleEndian,
        UID("1.2.840.10008.1.2.4.100"),
    ],
    ids=lambda syntax: syntax.keyword,
)
def test_syntaxes_that_nobody_here_decodes(tmp_path: Path, syntax: UID) -> None:
    write(tmp_path / "a.dcm", smooth(), syntax)
    told = message(tmp_path / "a.dcm")
    assert syntax.name in told
    assert str(syntax) in told


def test_an_unknown_syntax(tmp_path: Path) -> None:
    write(tmp_path / "a.dcm", smooth(), ExplicitVRLittleEndian)
    content = (tmp_path / "a.dcm").read_bytes()
    assert content.count(b"1.2.840.10008.1.2.1\0") == 1
    (tmp_path / "a.dcm").write_bytes(
        content.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.99999.1.2.1\0")
    )
    assert "1.2.840.99999.1.2.1" in message(tmp_path / "a.dcm")


def test_12_bit_jpeg(tmp_path: Path) -> None:
    changes = {"BitsStored": 12, "HighBit": 11, "BitsAllocated": 16}
    write(tmp_path / "a.dcm", smooth(), JPEGExtended12Bit, **changes)
    assert "12-bit" in message(tmp_path / "a.dcm")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"Rows": 60000, "Columns": 60000}, "60000 x 60000 px, more than"),
        ({"Rows": 0}, "56 x 0 px"),
        ({"NumberOfFrames": 7}, "holds 7 frames"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "holds PALETTE COLOR"),
        ({"PhotometricInterpretation": None}, "PhotometricInterpretation"),
        ({"Rows": None}, "Rows"),
        ({"BitsStored": None}, "BitsStored"),
        ({"PixelData": None}, "PixelData"),
        ({"PixelData": b"short!"}, "less than"),
        ({"Rows": 41}, "less than"),
    ],
)
def test_datasets_that_are_no_picture(
    tmp_path: Path, changes: dict[str, object], told: str
) -> None:
    write(tmp_path / "a.dcm", smooth(), ExplicitVRLittleEndian, **changes)
    tracemalloc.start()
    assert told in message(tmp_path / "a.dcm")
    assert tracemalloc.get_traced_memory()[1] < 4_000_000
    tracemalloc.stop()


@pytest.mark.parametrize("syntax", [JPEGBaseline8Bit, JPEG2000], ids=lambda s: s.keyword)
def test_a_picture_larger_than_declared(tmp_path: Path, syntax: UID) -> None:
    write(tmp_path / "a.dcm", smooth(), syntax, Rows=4, Columns=4)
    assert "declares 4 x 4 px, the picture inside 56 x 40 px" in message(tmp_path / "a.dcm")


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless], ids=lambda s: s.keyword)
def test_far_more_pixels_than_declared(tmp_path: Path, syntax: UID) -> None:
    bomb = b"\x81\0" * 500_000  # run lengths: each pair stands for 128 zeros
    pixels = encapsulate([bytes(64) + bomb]) if syntax == RLELossless else bomb
    write(tmp_path / "a.dcm", smooth(), syntax, PixelData=pixels)
    assert "bytes of pixels but declares 56 x 40 px" in message(tmp_path / "a.dcm")


def test_one_deep_value(tmp_path: Path) -> None:
    write(tmp_path / "a.dcm", np.full(SIDES, 700, dtype=np.uint16), ExplicitVRLittleEndian)
    assert "holds one value only" in message(tmp_path / "a.dcm")


@broken
@pytest.mark.parametrize("syntax", DECODED, ids=lambda syntax: syntax.keyword)
@pytest.mark.parametrize("share", [0.05, 0.2, 0.5, 0.9])
def test_truncated_files(tmp_path: Path, syntax: UID, share: float) -> None:
    path = tmp_path / "a.dcm"
    write(path, np.random.default_rng(0).integers(0, 256, SIDES, dtype=np.uint8), syntax)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    message(path)


@broken
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless, JPEGBaseline8Bit])
def test_damaged_headers(tmp_path: Path, syntax: UID) -> None:
    path = tmp_path / "a.dcm"
    write(path, smooth(), syntax)
    whole = path.read_bytes()
    refusals = 0
    for place in range(128, 620, 3):
        for value in (0, 255):
            path.write_bytes(whole[:place] + bytes([value]) + whole[place + 1 :])
            try:
                read_image(path, 1)
            except ImageError as error:
                refusals += 1
                assert str(path) in str(error)  # noqa: PT017  (many damages do not show)
    assert refusals > 50
