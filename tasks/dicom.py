"""DICOM radiographs, uncompressed or in the compressions that pydicom and Pillow decode."""

import struct
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.encaps import generate_frames
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filereader import read_file_meta_info
from pydicom.pixels import get_decoder, pixel_array
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    RLELossless,
    UncompressedTransferSyntaxes,
)

from tasks.pixels import ImageError, Pixels, admit, stretched

GREY = ("MONOCHROME1", "MONOCHROME2")
COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")
#: Compressed pixels take at most this many times the bytes of plain ones, and headers these; what
#: takes more was not made by compressing them, and would expand past the size that was believed.
COMPRESSED, HEADERS = 2, 65536
#: What pydicom raises on files that are no DICOM, are cut off or damaged.
UNREADABLE = (
    BytesLengthException,
    InvalidDicomError,
    AttributeError,
    EOFError,
    IndexError,
    KeyError,
    MemoryError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
    struct.error,
)


def read_dicom(path: Path) -> Pixels:
    """The picture of a DICOM file, 0 to 255, uint8, dark where the detector saw nothing.

    MONOCHROME1 is inverted. More than 8 stored bits are scaled (``pixels.stretched``), which also
    undoes any rescaling; windows for display are not applied, as each vendor sets its own.

    Raises:
        ImageError: If the file is unreadable, in a transfer syntax that nobody here decodes, a
            series of frames, or declares a size that is not believed.
    """
    try:
        syntax = decodable(path, read_file_meta_info(path).TransferSyntaxUID)
        dataset = dcmread(path)
        check(path, dataset, syntax)
        levels = pixel_array(dataset)
    except ImageError:
        raise
    except UNREADABLE as error:
        # pydicom's messages have several lines, and repeat values however long they are.
        reason = " ".join(str(error).split())[:200]
        raise ImageError(f"{path} cannot be read as DICOM: {reason}") from error
    return grey_levels(path, dataset, levels)


def decodable(path: Path, syntax: UID) -> UID:
    """The transfer syntax itself if somebody here decodes it.

    Raises:
        ImageError: Naming the syntax. Deflated files are refused too: pydicom inflates all of
            them at once, however much that is.
    """
    try:
        known = syntax != DeflatedExplicitVRLittleEndian and get_decoder(syntax).is_available
    except NotImplementedError:  # no picture, or a film
        known = False
    if not known:
        raise ImageError(
            f"{path} is DICOM in the transfer syntax {syntax.name} ({syntax}), which cannot be "
            "decoded here: convert it to Explicit VR Little Endian"
        )
    return syntax


def check(path: Path, dataset: Dataset, syntax: UID) -> None:
    """Refuse what is no single picture of a believable size, before it is decoded.

    Raises:
        ImageError: Naming what was found.
    """
    size = int(dataset.Columns), int(dataset.Rows)
    admit(path, *size)
    frames = int(dataset.get("NumberOfFrames") or 1)
    if frames != 1:
        raise ImageError(f"{path} holds {frames} frames; single pictures are read")
    depth = int(dataset.SamplesPerPixel) * int(dataset.BitsAllocated) / 8
    most = COMPRESSED * size[0] * size[1] * depth + HEADERS
    if len(dataset.PixelData) > most:
        raise ImageError(
            f"{path} holds {len(dataset.PixelData)} bytes of pixels but declares {size[0]} x "
            f"{size[1]} px: it is damaged"
        )
    kind, bits = dataset.PhotometricInterpretation, int(dataset.BitsStored)
    if kind not in (*GREY, *COLOUR) or (kind in COLOUR and bits != 8):
        raise ImageError(f"{path} holds {kind} of {bits} bits; greys and 8-bit colours are read")
    if syntax not in UncompressedTransferSyntaxes and syntax != RLELossless:
        # The picture inside has a header of its own.
        frame = next(generate_frames(dataset.PixelData, number_of_frames=1))
        with Image.open(BytesIO(frame), formats=("JPEG", "JPEG2000")) as image:
            if image.size != size:
                raise ImageError(
                    f"{path} declares {size[0]} x {size[1]} px, the picture inside "
                    f"{image.size[0]} x {image.size[1]} px: it is damaged"
                )


def grey_levels(path: Path, dataset: Dataset, levels: np.ndarray) -> Pixels:
    """Decoded values as 0 to 255, shape (height, width, 1 or 3).

    Raises:
        ImageError: If deep values are all equal.
    """
    if levels.ndim == 3:
        colours: Pixels = levels.astype(np.uint8)
        return colours
    bits = int(dataset.BitsStored)
    values = levels.astype(np.int64)
    # A falling rescaling turns bright to dark just as MONOCHROME1 does.
    falls = float(dataset.get("RescaleSlope") or 1.0) < 0.0
    if (dataset.PhotometricInterpretation == "MONOCHROME1") != falls:
        values = 2**bits - 1 - values
    if bits > 8 or int(dataset.PixelRepresentation):
        return stretched(path, values)[:, :, None]
    return values.astype(np.uint8)[:, :, None]
