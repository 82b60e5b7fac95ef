"""A small plan with shape priors, and the folder of masks that it names."""

from pathlib import Path

import numpy as np
from PIL import Image

PLAN = """
title = "Shapes"
methods = ["random", "ld", "octa", "mine"]
tasks = ["chasedb1_vessel"]
seeds = [0]
size = 32
precision = "float32"
threads = 1
[pools]
fundus = "idrid_grading"
[budget]
images = 40
checks = 1
[downstream]
steps = 2
batch_size = 2
decoder = false
[config.ld]
clusters = 8
[shapes.octa]
masks = "phantom:octa"
note = "another modality, drawn"
[shapes.mine]
masks = "masks"
pattern = "*.png"
[skip]
"mine/chasedb1_vessel" = "not wanted here"
[phantom]
scale = 0.02
size = 64
"""


def written(folder: Path, text: str = PLAN) -> Path:
    """The plan with a folder of masks beside it."""
    (folder / "masks").mkdir(exist_ok=True)
    for number in range(2):
        mask = np.zeros((40, 50), dtype=np.uint8)
        mask[10 + number : 14, 5:45] = 255
        Image.fromarray(mask).save(folder / "masks" / f"{number}.png")
    path = folder / "plan.toml"
    path.write_text(text, encoding="utf-8")
    return path
