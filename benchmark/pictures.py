"""Test images and predicted masks as PNG strips, one image below the other.

A strip is small, anybody can open it, and it is all that the contact sheet needs.
"""

import json
from pathlib import Path

import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image

from benchmark.durable import put_folder
from tasks.listed import ScoredImages


def save_masks(masks: Bool[np.ndarray, "images side side"], path: Path) -> None:
    """Write masks as a one-bit strip."""
    strip = masks.reshape(-1, masks.shape[-1])
    Image.fromarray(strip).save(path, optimize=True)


def load_masks(path: Path) -> Bool[np.ndarray, "images side side"]:
    """Read a strip of square masks back."""
    strip = np.asarray(Image.open(path)).astype(bool)
    return strip.reshape(-1, strip.shape[1], strip.shape[1])


def save_picture(colours: UInt8[np.ndarray, "height width 3"], path: Path) -> None:
    """Write one picture in colours."""
    Image.fromarray(colours).save(path)


def save_test(test: ScoredImages, folder: Path) -> None:
    """Write a task's test images, what is true of them and ids, unless they are there."""
    if folder.is_dir():
        return
    colours = test.images if test.images.shape[1] == 3 else np.repeat(test.images, 3, axis=1)
    strip = colours.transpose(0, 2, 3, 1).reshape(-1, colours.shape[-1], 3)

    def fill(temporary: Path) -> None:
        Image.fromarray(np.ascontiguousarray(strip)).save(temporary / "images.png")
        truth = test.truth()
        if truth.dtype == bool:
            save_masks(truth, temporary / "truth.png")
        else:
            (temporary / "points.json").write_text(json.dumps(truth.tolist()), encoding="utf-8")
        (temporary / "ids.json").write_text(json.dumps(test.ids), encoding="utf-8")

    put_folder(folder, fill)


def load_images(folder: Path) -> tuple[list[str], UInt8[np.ndarray, "n side side 3"]]:
    """Read ids and images back."""
    ids: list[str] = json.loads((folder / "ids.json").read_text(encoding="utf-8"))
    strip = np.asarray(Image.open(folder / "images.png"))
    side = strip.shape[1]
    return ids, strip.reshape(-1, side, side, 3)


def load_test(
    folder: Path,
) -> tuple[list[str], UInt8[np.ndarray, "n side side 3"], Bool[np.ndarray, "n side side"]]:
    """Read ids, images and true masks back."""
    return *load_images(folder), load_masks(folder / "truth.png")
