"""Write a radiograph as DICOM, in one of the transfer syntaxes that archives use."""

import io
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    ExplicitVRLittleEndian,
    JPEGBaseline8Bit,
    RLELossless,
    SecondaryCaptureImageStorage,
)

#: JPEG baseline (lossy), run lengths (lossless) and no compression.
SYNTAXES = ("jpeg", "rle", "plain")
JPEG_QUALITY = 95


def write_dicom(
    path: Path, uid: str, pixels: UInt8[np.ndarray, "height width"], syntax: str
) -> None:
    """Write an 8-bit grey radiograph.

    Args:
        path: The file; its folders are made, and named as study and series of the image.
        uid: SOP instance UID.
        pixels: Grey levels, bright where much is absorbed.
        syntax: One of ``SYNTAXES``.
    """
    if syntax not in SYNTAXES:
        raise ValueError(f"the transfer syntax must be one of {', '.join(SYNTAXES)}, not {syntax}")
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = uid
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset(None, {}, preamble=b"\0" * 128, file_meta=meta)
    data.SOPClassUID, data.SOPInstanceUID = SecondaryCaptureImageStorage, uid
    data.StudyInstanceUID, data.SeriesInstanceUID = path.parts[-3], path.parts[-2]
    data.Modality, data.BodyPartExamined, data.ViewPosition = "CR", "CHEST", "PA"
    data.ConversionType = "WSD"
    data.PatientName = data.PatientID = f"PHANTOM-{uid.rsplit('.', 1)[-1]}"
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.Rows, data.Columns = pixels.shape
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 8, 8, 7, 0
    if syntax == "jpeg":
        meta.TransferSyntaxUID = JPEGBaseline8Bit
        data.LossyImageCompression, data.LossyImageCompressionMethod = "01", "ISO_10918_1"
        content = io.BytesIO()
        Image.fromarray(pixels).save(content, format="JPEG", quality=JPEG_QUALITY)
        data.PixelData = encapsulate([content.getvalue()])
        data["PixelData"].VR = "OB"
    else:
        odd = pixels.size % 2  # values have an even length in DICOM
        data.PixelData = pixels.tobytes() + b"\0" * odd
        data["PixelData"].VR = "OB"
    if syntax == "rle":
        data.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    data.save_as(path, enforce_file_format=True)
