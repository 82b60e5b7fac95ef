"""Phantoms: drawn fundus photographs and chest radiographs with exact masks.

They come in the layouts of the official archives and are read by the same readers, so that the
whole benchmark runs where no real image may be kept. They are no data about any patient.
"""

import json
import tempfile
from pathlib import Path

from tasks.phantoms.layouts import (
    Request,
    write_chasedb1,
    write_cxr8,
    write_hrf,
    write_idrid_grading,
    write_idrid_segmentation,
    write_jsrt,
)

__all__ = ["VERSION", "write_phantoms"]

VERSION = 1  # of the drawings; another one means other pixels


def write_phantoms(root: Path, *, scale: float, seed: int, size: int = 256) -> None:
    """Write every phantom data set below a new folder, whole or not at all.

    The folder holds ``IDRiD``, ``CHASEDB1``, ``HRF``, ``JSRT``, ``SCR`` and ``CXR8``, laid out as
    the official archives unpack, and ``PHANTOM.json`` with the arguments and the version. An
    image depends on seed, size, data set and id; the scale only selects.

    Args:
        root: Folder to make; its parents are made as needed.
        scale: Share of each data set's images, in (0, 1]; a few are always written.
        seed: Seed of every image.
        size: Short side of the photographs and side of the CXR8 radiographs in pixels, at least
            64. JSRT's side is the next of 256, 512, 1024 and 2048.

    Raises:
        ValueError: If scale or size is out of range.
        FileExistsError: If the folder exists.
    """
    if not 0 < scale <= 1:
        raise ValueError(f"scale must lie in (0, 1], not {scale}")
    if size < 64:
        raise ValueError(f"size must be at least 64 pixels, not {size}")
    if root.exists():
        raise FileExistsError(f"{root} exists: remove it, or write the phantoms elsewhere")
    root.parent.mkdir(parents=True, exist_ok=True)
    request = Request(scale, seed, size)
    with tempfile.TemporaryDirectory(dir=root.parent, prefix=f".{root.name}-") as unfinished:
        whole = Path(unfinished) / root.name
        whole.mkdir()
        write_idrid_segmentation(whole, request)
        write_idrid_grading(whole, request)
        write_chasedb1(whole, request)
        write_hrf(whole, request)
        write_jsrt(whole, request)
        write_cxr8(whole, request)
        record = {"scale": scale, "seed": seed, "size": size, "version": VERSION}
        (whole / "PHANTOM.json").write_text(json.dumps(record) + "\n", encoding="utf-8")
        whole.rename(root)
