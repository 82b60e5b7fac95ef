"""A small pool of drawn images that the contract trains on: blobs on gradients, each its own."""

import numpy as np

from methods.images import Images


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
