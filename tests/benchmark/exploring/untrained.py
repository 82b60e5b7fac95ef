"""Encoders of methods that were not trained, as a bench writes them."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmark import encoders
from benchmark.cells import Cell, CellKey, PretrainKey, canonical
from benchmark.fingerprint import fingerprint
from methods.base import History, Method, Pretrained
from methods.pretrain import build
from tasks.pools import POOLS, Pool


def saved(
    folder: Path,
    cls: type[Method[Any]],
    config: object,
    pool: str = "idrid_grading",
    code: str = "",
) -> Path:
    """An encoder's folder as a bench writes it, of a method that was not trained."""
    channels = 1 if pool == "chestxray14" else 3
    method = build(cls, config, "tiny", channels, seed=3)
    with torch.no_grad():
        method.train().encoder(
            torch.randn(2, channels, 32, 32, generator=torch.Generator().manual_seed(0))
        )
    method.eval()
    key = PretrainKey(cls.name, canonical(config), "tiny", 32, {}, pool, "abc", (), 3, 1)
    cell_key = CellKey(cls.name, key.hash, "hrf_vessel", "m", "p", ("direct",), {}, 3, 1)
    cell = Cell(cell_key, key, "a", "e", fingerprint(code or f"methods.{cls.name}"))
    pixels = np.zeros((2, channels, 32, 32), dtype=np.uint8)
    images = Pool(POOLS[pool], ("b", "c"), pixels, np.arange(2), "abc", {}, 0)
    encoders.save(
        folder, Pretrained(method.encoder, method, History(), 64, 2, "l"), cell, images, {}
    )
    return folder
