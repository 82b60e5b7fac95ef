"""What all tests share: the option that renews golden values, and pools of small images."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

from methods.images import Images


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write the golden values anew instead of comparing with them; then review the diff",
    )


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Tensors are tiny here: a second thread only waits, and for ever on a busy machine."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or writes the user's prepared images."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LDBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def update_golden(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-golden"))


@pytest.fixture(scope="session")
def make_images() -> Callable[..., Images]:
    """Makes a pool: ``make_images(count=16, channels=3, side=32, held_out=4)``."""
    return blobs


@pytest.fixture(scope="session")
def images() -> Images:
    """Twelve training and four held-out colour images of 32 px."""
    return blobs()


def blobs(count: int = 16, channels: int = 3, side: int = 32, held_out: int = 4) -> Images:
    """Smooth coloured blobs on a gradient; an image's content depends on its index alone."""
    pixels = np.stack([blob_image(index, channels, side) for index in range(count)])
    values = pixels.transpose(1, 0, 2, 3).reshape(channels, -1) / 255.0
    mean, std = values.mean(axis=1).tolist(), values.std(axis=1).tolist()
    return Images(pixels, tuple(mean), tuple(std), held_out)


def blob_image(index: int, channels: int, side: int) -> np.ndarray:
    """One image as uint8, shape (channels, side, side)."""
    rng = np.random.default_rng([2108, index])
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    slope = rng.uniform(-0.3, 0.3, 2)
    image = np.tile(slope[0] * x + slope[1] * y, (channels, 1, 1))
    for _ in range(6):
        (cx, cy), radius = rng.uniform(-0.9, 0.9, 2), rng.uniform(0.1, 0.5)
        colour = rng.uniform(-1.0, 1.0, 3)[:channels, None, None]
        image += colour * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2.0 * radius**2))
    low, high = image.min(), image.max()
    levels: np.ndarray = np.round(255.0 * (image - low) / (high - low)).astype(np.uint8)
    return levels
