"""What an encoder sees in an image, in colours: its features' main components, and its regions."""

import colorsys

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, UInt8
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler
from torch import Tensor
from torch.nn import functional as F

from methods.base import MaskPredictor

#: Percentiles of a component that become black and full colour: outliers do not wash out the rest.
LOW, HIGH = 2.0, 98.0
#: Of a component that is not there, a share of full colour: halfway, and a whole byte.
GREY = 128 / 255
#: Between two regions' hues, in turns: the golden ratio's, so that any number of them lie apart.
TURN = 0.618034
#: Lightness of one region after the other.
LIGHTNESS = (0.45, 0.65, 0.8)

#: Of a region's colour on its photograph; the rest is the photograph in grey.
TINT = 0.6
#: Shares of red, green and blue in what the eye takes for brightness (ITU-R BT.601).
LUMA = (0.299, 0.587, 0.114)


def median_image(masks: Bool[np.ndarray, "images height width"]) -> int:
    """The image of the median mask area, as the sheet of predictions shows it."""
    return int(np.argsort([mask.sum() for mask in masks])[len(masks) // 2])


def feature_colours(
    features: Float[np.ndarray, "cells channels"],
    weights: Float[np.ndarray, " channels"],
    size: int,
) -> UInt8[np.ndarray, "{size} {size} 3"]:
    """The three main components of an image's standardised features as red, green and blue.

    A component that does not vary, or is not there, is grey throughout.

    Args:
        features: Of a square grid's cells, row by row.
        weights: Of the channels, once these are standardised.
        size: Side of the picture in pixels; colours are interpolated bilinearly.
    """
    side = round(len(features) ** 0.5)
    colours = np.full((len(features), 3), GREY, dtype=np.float32)
    if (features != features[0]).any():
        count = min(3, *features.shape)
        scaled = StandardScaler().fit_transform(features.astype(np.float64))
        found = PCA(count, svd_solver="covariance_eigh").fit_transform(scaled * weights)
        for place, component in enumerate(found.T):
            low, high = np.percentile(component, [LOW, HIGH])
            if high - low > 1e-6:
                colours[:, place] = np.clip((component - low) / (high - low), 0.0, 1.0)
    grid = torch.from_numpy(colours.T.reshape(1, 3, side, side))
    large = F.interpolate(grid, size=(size, size), mode="bilinear", align_corners=False)[0]
    return rounded(large.permute(1, 2, 0).numpy())


def rounded(colours: Float32[np.ndarray, "height width 3"]) -> UInt8[np.ndarray, "height width 3"]:
    """Shares of full colour as bytes."""
    return np.ascontiguousarray(np.rint(colours * 255.0).astype(np.uint8))


@torch.no_grad()
def region_colours(
    model: object, image: Float[Tensor, "1 channels side side"]
) -> UInt8[np.ndarray, "side side 3"] | None:
    """The region of the largest share at every pixel, each in a colour of its own.

    Args:
        model: The whole method; None is returned unless it gives regions
            (``methods.base.MaskPredictor``).
        image: Normalised.
    """
    if not (isinstance(model, MaskPredictor) and isinstance(model, torch.nn.Module)):
        return None
    training = model.training
    model.eval()
    shares = model.masks(image)
    model.train(training)
    colours: np.ndarray = palette(shares.shape[1])[shares[0].argmax(dim=0).cpu().numpy()]
    return colours


def palette(count: int) -> UInt8[np.ndarray, "{count} 3"]:
    """Colours of regions, by their number; the same for every image."""
    shades = (
        colorsys.hls_to_rgb(place * TURN % 1.0, LIGHTNESS[place % len(LIGHTNESS)], 0.75)
        for place in range(count)
    )
    return np.rint(np.array([*shades]) * 255.0).astype(np.uint8)


def overlaid(
    picture: UInt8[np.ndarray, "side side 3"], shares: Float[np.ndarray, "regions height width"]
) -> UInt8[np.ndarray, "side side 3"]:
    """The region of the largest share at every pixel, in its colour over the picture in grey.

    Args:
        picture: An image in colours.
        shares: Of the regions, on a grid of its own; each cell becomes a block.
    """
    grey = picture @ np.array(LUMA)
    rows, columns = (
        np.arange(side) * short // side
        for side, short in zip(picture.shape[:2], shares.shape[1:], strict=True)
    )
    regions = shares.argmax(axis=0)[np.ix_(rows, columns)]
    mixed = TINT * palette(len(shares))[regions] + (1.0 - TINT) * grey[:, :, None]
    tinted: np.ndarray = np.rint(mixed).astype(np.uint8)
    return tinted
