"""The pool: pixels to values in [0, 1], in the order asked for, and what is refused."""

import numpy as np
import pytest
import torch

from methods.images import Images

CPU = torch.device("cpu")


@pytest.fixture
def levels() -> np.ndarray:
    """Five images of one grey level each."""
    return (
        np.array([0, 51, 102, 204, 255], dtype=np.uint8)[:, None, None, None]
        .repeat(16, axis=2)
        .repeat(16, axis=3)
    )


def test_grey_levels_fill_the_unit_interval(levels: np.ndarray) -> None:
    batch = Images(levels, (0.5,), (0.25,)).batch(torch.tensor([4, 0, 1, 4]), CPU)
    assert batch.images.dtype == torch.float32
    assert batch.images[:, 0, 3, 5].tolist() == pytest.approx([1.0, 0.0, 0.2, 1.0])
    assert batch.index.tolist() == [4, 0, 1, 4]
    assert batch.normalised(batch.images)[:, 0, 0, 0].tolist() == pytest.approx([2, -2, -1.2, 2])


def test_normalisation_is_per_channel() -> None:
    pixels = np.full((1, 3, 16, 16), 255, dtype=np.uint8)
    batch = Images(pixels, (0.0, 0.5, 0.9), (1.0, 0.5, 0.2)).batch(torch.tensor([0]), CPU)
    assert batch.normalised(batch.images)[0, :, 0, 0].tolist() == pytest.approx([1.0, 1.0, 0.5])


def test_held_out_images_follow_the_training_ones(levels: np.ndarray) -> None:
    pool = Images(levels, (0.5,), (0.25,), held_out=2)
    assert len(pool) == 3
    assert pool.side == 16
    assert pool.batch(torch.tensor([3]), CPU).images[0, 0, 0, 0].item() == pytest.approx(0.8)


def test_a_batch_does_not_share_memory_with_the_pool(levels: np.ndarray) -> None:
    pool, before = Images(levels, (0.5,), (0.25,)), levels.copy()
    pool.batch(torch.arange(5), CPU).images.zero_()
    assert (pool.pixels == before).all()


def test_other_pixels_are_refused(levels: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"must be uint8 of shape .* not float32"):
        Images(levels.astype(np.float32), (0.5,), (0.25,))
    with pytest.raises(ValueError, match=r"of shape \(5, 16, 16\)"):
        Images(levels[:, 0], (0.5,), (0.25,))


@pytest.mark.parametrize("held_out", [-1, 5, 6])
def test_something_must_be_left_to_train_on(levels: np.ndarray, held_out: int) -> None:
    with pytest.raises(ValueError, match=f"cannot hold out {held_out} of 5"):
        Images(levels, (0.5,), (0.25,), held_out)
