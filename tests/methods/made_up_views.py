"""Images whose views tell where they come from, and strengths to make views with."""

from dataclasses import replace

import torch
from torch import Tensor

from methods.augmentation import Augmentation
from methods.base import Batch, Draws
from methods.ld.views import ViewStrengths
from methods.views import View

SIDE = 64
PIXEL = 2.0 / SIDE  # in coordinates from -1 to 1
PLAIN = (0.0, 0.0, 0.0)
UNIT = (1.0, 1.0, 1.0)
MANY = 400
STILL = ViewStrengths(
    Augmentation(flip=0.5, flip_vertical=0.5), rotation=0.0, tilt=0.0, mix=(0.2, 0.8)
)
SMALLER = replace(STILL, view=replace(STILL.view, area=(0.9, 1.0)))
#: LD's published strengths of place, without colour.
PLACED = replace(SMALLER, rotation=180.0, tilt=2.0)
LD = replace(
    PLACED,
    view=replace(PLACED.view, jitter=(0.4, 0.4, 0.4, 0.02), jitter_probability=1.0, grey=0.2),
)
#: SimCLR's place, without colour.
CROPPED = Augmentation(area=(0.08, 1.0), flip=0.5, flip_vertical=0.5)
COLOURED = replace(
    CROPPED,
    jitter=(0.8, 0.8, 0.8, 0.2),
    jitter_probability=0.8,
    grey=0.2,
    blur=(0.1 / 224, 2.0 / 224),
    blur_probability=0.5,
)


def batch_of(images: Tensor) -> Batch:
    return Batch(images, torch.arange(len(images)), PLAIN, UNIT)


def draws_for(batch: Batch, seed: int = 0) -> Draws:
    return Draws(seed, 0, batch.index)


def displacement(view: View) -> tuple[Tensor, Tensor]:
    """How far each pixel's true origin is from where the view says, in pixels; and which count.

    Counted are pixels wholly inside the source and not next to its border, which
    sampling repeats.
    """
    shown = 2.0 * view.images[:, :2].permute(0, 2, 3, 1) - 1.0
    inside = (view.images[:, 2] > 1.0 - 1e-5) & (view.coordinates.abs().amax(-1) < 1.0 - 2 * PIXEL)
    return (shown - view.coordinates) / PIXEL, inside


def flat(count: int) -> Batch:
    """Plain reddish images: only their colour can change."""
    colour = torch.tensor([0.6, 0.4, 0.3])[:, None, None]
    return batch_of(colour.expand(count, 3, 32, 32).clone())
