"""Images that tests of views share."""

import pytest
import torch

from methods.base import Batch
from tests.methods.made_up_views import SIDE, batch_of


@pytest.fixture
def coordinates() -> Batch:
    """Images that show each pixel's own x and y, in [0, 1], and 1 to tell inside from outside."""
    centres = (torch.arange(SIDE) + 0.5) / SIDE
    x, y = centres.expand(SIDE, SIDE), centres[:, None].expand(SIDE, SIDE)
    return batch_of(torch.stack([x, y, torch.ones(SIDE, SIDE)]).expand(64, 3, SIDE, SIDE).clone())


@pytest.fixture
def noise() -> Batch:
    return batch_of(torch.rand(8, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0)))
