"""What goes into a fine-tuning and comes out: batches, augmented views, binary predictions."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from tasks import segmenter as segmenters
from tasks.labelled import Labelled
from tasks.segmenter import augmented, batches, normalised
from tests.tasks.squares import segmenter, small

CPU = torch.device("cpu")


def test_foreground_is_strictly_above_a_half(monkeypatch: pytest.MonkeyPatch) -> None:
    data = small()
    values = torch.tensor([0.49, 0.5, 0.51]).repeat(3, 1, 32, 11)[..., :32]
    monkeypatch.setattr(segmenters, "probabilities", lambda *_: values)
    found = segmenters.predictions(segmenter(), data.test, data, CPU)
    assert found.shape == data.test.masks.shape
    assert found[0, 0, :6].tolist() == [False, False, True, False, False, True]


@pytest.mark.parametrize(("images", "size"), [(5, 2), (3, 4), (1, 2), (8, 8)])
def test_every_image_comes_once_before_any_comes_again(images: int, size: int) -> None:
    stream = batches(images, size, 9)
    drawn = [next(stream) for _ in range(3 * images)]
    assert all(len(batch) == size for batch in drawn)
    order = [row for batch in drawn for row in batch]
    for start in range(0, len(order) - images + 1, images):
        assert sorted(order[start : start + images]) == list(range(images))
    again = batches(images, size, 9)
    assert [next(again) for _ in drawn] == drawn
    if images > 3:
        other = batches(images, size, 10)
        assert [next(other) for _ in drawn] != drawn
        assert order[:images] != order[images : 2 * images]


def test_image_and_mask_are_augmented_alike() -> None:
    data = replace(small(), rotation=180.0, flips=True)
    plain = Labelled(data.train.ids, (data.train.masks * np.uint8(255))[:, None], data.train.masks)
    marked = replace(data, train=plain)
    changed = 0
    for step in range(20):
        images, truth = augmented(marked, [0, 1, 2, 3, 4], 5, step, CPU)
        # 0 and 255 are normalised to -1 and 1, and half-way is where nearest pixels change.
        assert ((images > 0.0) != (truth > 0.5)).float().mean() < 0.02
        assert set(truth.unique().tolist()) <= {0.0, 1.0}
        _, upright = segmenters.tensors(plain, [0, 1, 2, 3, 4], CPU)
        changed += int((truth != upright).float().mean() > 0.02)
    assert changed > 15


def test_without_rotation_images_are_flipped_or_left() -> None:
    data = small()
    rows = [0, 1, 2, 3, 4]
    images, truth = segmenters.tensors(data.train, rows, CPU)
    images = normalised(images, data)
    found, found_truth = augmented(replace(data, rotation=0.0), rows, 5, 0, CPU)
    assert torch.allclose(found, images, atol=1e-4)
    assert torch.equal(found_truth, truth)
    seen = set()
    for step in range(20):
        found, found_truth = augmented(replace(data, rotation=0.0, flips=True), rows, 5, step, CPU)
        for row in rows:
            for flipped in ((), (-1,), (-2,), (-2, -1)):
                if torch.equal(found_truth[row], truth[row].flip(flipped)):
                    assert torch.allclose(found[row], images[row].flip(flipped), atol=1e-4)
                    seen.add(flipped)
                    break
            else:
                pytest.fail(f"row {row} of step {step} is no flip")
    assert seen == {(), (-1,), (-2,), (-2, -1)}


def test_rotation_stays_within_its_range() -> None:
    # A bar along the upper half's middle: its angle is that of its centre of mass.
    side = 64
    mask = np.zeros((1, side, side), dtype=bool)
    mask[0, 2:30, 30:34] = True
    bar = Labelled(("bar",), (mask * np.uint8(255))[:, None], mask)
    y, x = torch.meshgrid(torch.arange(side) - 31.5, torch.arange(side) - 31.5, indexing="ij")
    for limit in (30.0, 180.0):
        data = replace(small(), train=bar, rotation=limit)
        angles = []
        for step in range(120):
            truth = augmented(data, [0], 1, step, CPU)[1][0, 0]
            middle = ((truth * x).sum(), -(truth * y).sum())
            angles.append(math.degrees(math.atan2(*middle)))
        assert max(map(abs, angles)) < limit + 2.0
        assert max(angles) > 0.8 * limit
        assert min(angles) < -0.8 * limit


def test_views_depend_on_seed_and_step() -> None:
    data = small()
    first, again, step, seed = (
        augmented(data, [0, 1], *key, CPU)[0] for key in ((5, 0), (5, 0), (5, 1), (6, 0))
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, step)
    assert not torch.equal(first, seed)
    # An image's view depends neither on its neighbours nor on its place among them.
    assert torch.equal(augmented(data, [1, 3], 5, 0, CPU)[0][0], first[1])


def test_an_image_that_comes_twice_in_a_batch_is_augmented_twice() -> None:
    images, _ = augmented(small(), [0, 1, 0], 5, 0, CPU)
    assert not torch.equal(images[0], images[2])
