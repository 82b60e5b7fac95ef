"""Prepared arrays, kept between runs under the digest of what they were made from."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np


def cached(folder: Path, name: str, key: str, make: Callable[[], np.ndarray]) -> np.ndarray:
    """The array called ``name`` for ``key``: memory-mapped if it was made before, else made now.

    Args:
        folder: The cache; created if needed.
        name: For people who look into the folder.
        key: Digest of the sources and the preparation; another key is another file.
        make: Makes the array.
    """
    path = folder / f"{name}-{key[:16]}.npy"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        array = make()
        handle, temporary = tempfile.mkstemp(dir=folder, prefix=f".{name}-", suffix=".npy")
        try:
            with os.fdopen(handle, "wb") as file:
                np.save(file, array, allow_pickle=False)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        finally:
            Path(temporary).unlink(missing_ok=True)
    loaded: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    return loaded
