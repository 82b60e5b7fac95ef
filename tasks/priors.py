"""Shape priors: masks of another modality, from a folder or drawn; unpaired with any image."""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from methods.errors import ConfigError
from tasks.manifest import sha256
from tasks.preparation import overlaps
from tasks.reading import SUFFIXES, read_mask

#: What a prior that is drawn begins with: "phantom:octa".
DRAWN = "phantom:"
#: A mask none of whose levels exceeds this has no foreground that training would see: a tenth of
#: 255, at which augmented masks are cut.
FAINTEST = 25


@dataclass(frozen=True, slots=True)
class Prior:
    """Masks that say what one cluster is to look like.

    Attributes:
        masks: Grey levels 0 to 255.
        sha256: Of the masks as they are here: what training depends on.
        files: SHA-256 of the files that they are from, by their paths; none if they were drawn.
    """

    masks: UInt8[np.ndarray, "masks side side"]
    sha256: str
    files: dict[Path, str]


def modality_of(masks: str) -> str | None:
    """What is drawn, if "phantom:MODALITY" is asked for; None if a folder is.

    Raises:
        ConfigError: If nothing is drawn of that name.
    """
    if not masks.startswith(DRAWN):
        return None
    from tasks.phantoms.angiograms import MODALITIES  # noqa: PLC0415

    modality = masks.removeprefix(DRAWN)
    if modality not in MODALITIES:
        raise ConfigError(
            f"no masks of {modality!r} are drawn: write "
            f"{' or '.join(DRAWN + name for name in MODALITIES)}, or the path of a folder"
        )
    return modality


def prior_files(masks: str, pattern: str) -> list[Path]:
    """The files of a prior, sorted by name; none if it is drawn.

    Args:
        masks: A folder, or "phantom:MODALITY".
        pattern: Of the files' names, as shells have it.

    Raises:
        ConfigError: If there is no such folder, or no picture in it is called so.
    """
    if modality_of(masks) is not None:
        return []
    folder = Path(masks)
    if not folder.is_dir():
        raise ConfigError(f"there is no folder {folder}: masks of a shape prior are one folder's")
    found = [
        path
        for path in sorted(folder.glob(pattern))
        if path.is_file() and path.suffix.lower() in SUFFIXES
    ]
    if not found:
        raise ConfigError(f"{folder} holds no picture called {pattern!r}: give another pattern")
    return found


def read_prior(masks: str, pattern: str, side: int) -> Prior:
    """Read or draw a prior.

    Args:
        masks: A folder, or "phantom:MODALITY".
        pattern: Of the files' names.
        side: Of the masks in pixels.

    Raises:
        ConfigError: If there are no masks, or one is empty.
        ImageError: If a file is no mask.
    """
    files = prior_files(masks, pattern)
    states = [(path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    return remembered(masks, tuple(files), tuple(states), side)


@cache
def remembered(
    masks: str, files: tuple[Path, ...], states: tuple[tuple[int, int], ...], side: int
) -> Prior:
    """The same, read once as long as the files' sizes and times are the same."""
    del states
    modality = modality_of(masks)
    if modality is None:
        whole = [mask_of(path) for path in files]
    else:
        from tasks.phantoms.angiograms import angiogram_masks  # noqa: PLC0415

        whole = list(angiogram_masks(modality))
    small = np.stack([averaged(mask, side) for mask in whole])
    known = hashlib.sha256(repr(small.shape).encode() + small.tobytes()).hexdigest()
    return Prior(small, known, {path: sha256(path) for path in files})


def mask_of(path: Path) -> UInt8[np.ndarray, "height width"]:
    """A mask's grey levels.

    Raises:
        ConfigError: If it is as good as empty.
        ImageError: If the file is no mask.
    """
    mask = read_mask(path)
    if mask.max() <= FAINTEST:
        raise ConfigError(
            f"{path} has no level above {mask.max()} of 255 and shows no shape: store foreground "
            "as 255, or leave the file out by pattern"
        )
    return mask


def averaged(
    mask: UInt8[np.ndarray, "height width"], side: int
) -> UInt8[np.ndarray, "{side} {side}"]:
    """A mask of another size: the mean level of each of side x side equal areas.

    What is not square is stretched, as the tasks' images are.
    """
    rows, columns = (overlaps(length, side) for length in mask.shape)
    return np.asarray(np.rint(rows @ mask.astype(float) @ columns.T).astype(np.uint8))
