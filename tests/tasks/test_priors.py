"""Shape priors: drawn by modality, or read from a folder; what is refused."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from methods.errors import ConfigError
from tasks.phantoms.angiograms import (
    COUNT,
    MODALITIES,
    SIDE,
    angiogram,
    angiogram_masks,
    write_angiograms,
)
from tasks.phantoms.fields import derived_rng
from tasks.priors import averaged, modality_of, prior_files, read_prior


@cache
def drawn(modality: str) -> np.ndarray:
    return angiogram_masks(modality)


def folder_of(place: Path, **masks: np.ndarray) -> Path:
    place.mkdir()
    for name, mask in masks.items():
        Image.fromarray(mask).save(place / f"{name}.png")
    return place


def cross(side: int = 40) -> np.ndarray:
    mask = np.zeros((side, side), dtype=np.uint8)
    mask[side // 2 - 2 : side // 2 + 2] = mask[:, side // 2 - 2 : side // 2 + 2] = 255
    return mask


@pytest.mark.parametrize("modality", MODALITIES)
def test_ten_masks_of_each_modality_are_drawn(modality: str) -> None:
    masks = drawn(modality)
    assert masks.shape == (COUNT, SIDE, SIDE)
    shares = (masks > 127).mean(axis=(1, 2))
    assert shares.min() > 0.02
    assert shares.max() < 0.25
    assert all(not np.array_equal(masks[0], other) for other in masks[1:])


def test_octa_leaves_the_fovea_free_and_fills_the_rest_more_evenly() -> None:
    octa, angiography = (drawn(name) > 127 for name in MODALITIES)
    middle = slice(SIDE // 2 - 20, SIDE // 2 + 20)
    assert octa[:, middle, middle].sum() == 0
    filled = [
        np.mean([blocks_of(mask).any(axis=(1, 3)).mean() for mask in masks])
        for masks in (octa, angiography)
    ]
    assert filled[0] > 1.3 * filled[1]


def blocks_of(mask: np.ndarray) -> np.ndarray:
    """Sixteen by sixteen parts of a mask."""
    part = SIDE // 16
    return mask.reshape(16, part, 16, part)


def test_a_mask_is_a_function_of_seed_modality_and_number() -> None:
    look = MODALITIES["angiography"]
    one, again, other = (
        angiogram(look, derived_rng(seed, "angiography", "3"), SIDE) for seed in (0, 0, 1)
    )
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)
    assert np.array_equal(np.rint(255.0 * one), drawn("angiography")[3])


def test_drawn_masks_can_be_written_and_read_back(tmp_path: Path) -> None:
    paths = write_angiograms(tmp_path / "drawn", "angiography")
    assert len(paths) == COUNT
    read, made = (
        read_prior(masks, "*", 64) for masks in (str(tmp_path / "drawn"), "phantom:angiography")
    )
    assert np.array_equal(read.masks, made.masks)
    assert read.sha256 == made.sha256
    assert set(read.files) == set(paths)
    assert made.files == {}


def test_a_prior_is_known_by_what_its_masks_show(tmp_path: Path) -> None:
    one = folder_of(tmp_path / "one", a=cross(), b=cross().T)
    other = folder_of(tmp_path / "other", a=np.roll(cross(), 3, axis=0))
    assert read_prior(str(one), "*", 20).sha256 == read_prior(str(one), "*.png", 20).sha256
    assert read_prior(str(one), "*", 20).sha256 != read_prior(str(one), "*", 10).sha256
    assert read_prior(str(one), "*", 20).sha256 != read_prior(str(other), "*", 20).sha256
    assert len(prior_files(str(one), "a*")) == 1


def test_a_mask_that_is_written_anew_is_read_anew(tmp_path: Path) -> None:
    place = folder_of(tmp_path / "one", a=cross())
    before = read_prior(str(place), "*", 20)
    Image.fromarray(np.roll(cross(), 9, axis=1)).save(place / "a.png", compress_level=0)
    assert read_prior(str(place), "*", 20).sha256 != before.sha256


def test_smaller_masks_are_means_of_areas() -> None:
    mask = np.random.default_rng(0).integers(0, 256, (12, 24)).astype(np.uint8)
    blocks = mask.reshape(6, 2, 6, 4).mean(axis=(1, 3))
    assert np.array_equal(averaged(mask, 6), np.rint(blocks).astype(np.uint8))
    assert averaged(np.full((7, 5), 255, dtype=np.uint8), 16).min() == 255


@pytest.mark.parametrize(
    ("masks", "pattern", "message"),
    [
        ("phantom:oct", "*", r"no masks of 'oct' are drawn: write phantom:octa or phantom:angio"),
        ("{}/absent", "*", r"there is no folder .*absent"),
        ("{}/faint", "*.tif", r"faint holds no picture called '\*.tif': give another pattern"),
        ("{}/faint", "*", r"a.png has no level above 1 of 255 .*: store foreground as 255"),
    ],
)
def test_what_is_no_prior_is_refused(
    tmp_path: Path, masks: str, pattern: str, message: str
) -> None:
    folder_of(tmp_path / "faint", a=cross() // 255)
    with pytest.raises(ConfigError, match=message):
        read_prior(masks.format(tmp_path), pattern, 20)


def test_a_folder_is_no_modality() -> None:
    assert modality_of("masks/octa") is None
    assert modality_of("phantom:octa") == "octa"
