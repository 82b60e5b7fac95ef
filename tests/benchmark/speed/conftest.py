"""Pictures that speed is measured on, where only what is computed counts."""

from pathlib import Path

import numpy as np
import pytest

from benchmark.speed.photographs import write


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty pictures of noise with masks, 64 px: what a step takes does not depend on content."""
    made = tmp_path_factory.mktemp("speed")
    for name in ("images", "masks"):
        (made / name).mkdir()
    rng = np.random.default_rng(0)
    for number in range(40):
        image = rng.integers(64, 256, (64, 64, 3), dtype=np.uint8)
        write(made, number, image, (rng.random((64, 64)) > 0.9).astype(np.uint8) * 255)
    return made
