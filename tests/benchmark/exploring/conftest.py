"""Encoders to look through, and images to look at."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from methods.ld import LocalDiscrimination
from methods.random import RandomInitialisation
from tests.benchmark.exploring.untrained import saved


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Encoders of ld, of random and of ld on X-rays, and four photographs and one radiograph."""
    root = tmp_path_factory.mktemp("explore")
    ld = LocalDiscrimination.Config(grid=4, clusters=3, dim_embedding=8)
    saved(root / "encoders" / "ld", LocalDiscrimination, ld)
    saved(root / "encoders" / "random", RandomInitialisation, RandomInitialisation.Config())
    saved(root / "chest", LocalDiscrimination, ld, "chestxray14")
    (root / "eyes").mkdir()
    rng = np.random.default_rng(0)
    for name in "abcd":
        levels = rng.integers(60, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(levels).resize((80, 80), Image.Resampling.BICUBIC).save(
            root / "eyes" / f"{name}.png"
        )
    Image.fromarray(rng.integers(0, 256, (64, 64), dtype=np.uint8)).save(root / "lung.png")
    Image.new("RGB", (64, 64)).save(root / "dark.png")
    (root / "note.txt").write_text("no image")
    (root / "torn.png").write_bytes((root / "lung.png").read_bytes()[:90])
    (root / "empty").mkdir()
    return root
