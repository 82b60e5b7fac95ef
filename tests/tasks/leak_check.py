"""Recall of the leak search by transformation, on real images.

python -m tests.tasks.leak_check ROOT    (some ten minutes; ROOT as in tests/tasks/conftest.py)

Every picture is a test image; its transformed copies, one kind at a time, are the pool. A pair of
two different pictures that is called one is a false positive.
"""

import io
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from tasks.base import NORMALISATION, Domain
from tasks.leaks import LOOKS, SIDE, find_leaks
from tasks.leaks.candidates import closest, hashes, variants
from tasks.leaks.search import Seen
from tasks.preparation import cropped, field_of_view, resized, smaller_image

Change = Callable[[Image.Image], Image.Image]


def jpeg(quality: int) -> Change:
    def change(image: Image.Image) -> Image.Image:
        memory = io.BytesIO()
        image.save(memory, "JPEG", quality=quality)
        return Image.open(memory)

    return change


def scale(factor: float) -> Change:
    return lambda image: image.resize(
        (round(factor * image.width), round(factor * image.height)), Image.Resampling.BICUBIC
    )


def crop(left: float, top: float, right: float, bottom: float) -> Change:
    """Without these shares of the width and height."""
    return lambda image: image.crop(
        (
            round(left * image.width),
            round(top * image.height),
            round((1 - right) * image.width),
            round((1 - bottom) * image.height),
        )
    )


def tone(gain: float, offset: float, gamma: float) -> Change:
    levels = 255 * (np.arange(256) / 255) ** gamma * gain + offset
    table = levels.round().clip(0, 255).astype(int).tolist()
    return lambda image: image.point(table * len(image.getbands()))


def chain(*changes: Change) -> Change:
    def change(image: Image.Image) -> Image.Image:
        for each in changes:
            image = each(image)
        return image

    return change


CHANGES: dict[str, Change] = {
    "JPEG 40": jpeg(40),
    "JPEG 70": jpeg(70),
    "JPEG 95": jpeg(95),
    "scale 0.3": scale(0.3),
    "scale 0.5": scale(0.5),
    "scale 1.5": scale(1.5),
    "crop 4 % all sides": crop(0.04, 0.04, 0.04, 0.04),
    "crop 6 % all sides": crop(0.06, 0.06, 0.06, 0.06),
    "crop 8 % all sides": crop(0.08, 0.08, 0.08, 0.08),
    "crop 8 % left": crop(0.08, 0.0, 0.0, 0.0),
    "crop 8 % left, right": crop(0.08, 0.0, 0.08, 0.0),
    "crop 8 % top, bottom": crop(0.0, 0.08, 0.0, 0.08),
    "crop 8 % left, top": crop(0.08, 0.08, 0.0, 0.0),
    "crop 8 % left, top, right": crop(0.08, 0.08, 0.08, 0.0),
    "brighter": tone(1.15, 10, 1.0),
    "less contrast": tone(0.8, 15, 1.0),
    "gamma 0.8": tone(1.0, 0, 0.8),
    "gamma 1.25": tone(1.0, 0, 1.25),
    "crop 5 %, scale 0.5, JPEG 50": chain(crop(0.05, 0.02, 0.05, 0.07), scale(0.5), jpeg(50)),
    "crop 8 %, scale 0.3, JPEG 40": chain(crop(0.08, 0.08, 0.08, 0.08), scale(0.3), jpeg(40)),
}
#: Label, domain, where pictures lie, and every how manieth is taken.
SETS: tuple[tuple[str, Domain, str, int], ...] = (
    ("IDRiD", "fundus", "IDRiD/B. Disease Grading/1. Original Images/b. Testing Set/*.jpg", 4),
    ("CHASE_DB1", "fundus", "CHASEDB1/*.jpg", 4),
    ("HRF", "fundus", "HRF/images/*", 6),
    ("CXR8", "chest X-ray", "CXR8/images/*.png", 40),
    ("Kermany", "chest X-ray", "KermanyCXR_v7lungs/images/*/*", 8),
)
#: Sides of CXR8's pictures in the shared data: reduced to the first, or as published.
REDUCED = 224


def prepared(image: Image.Image, domain: Domain) -> np.ndarray:
    """As ``tasks.pools.prepared``, from a picture in memory: (channels, side, side)."""
    grey = NORMALISATION[domain].channels == 1
    pixels = np.asarray(image.convert("L" if grey else "RGB"))
    pixels = pixels[:, :, None] if grey else cropped(pixels, field_of_view(pixels))
    return smaller_image(resized(pixels), SIDE).transpose(2, 0, 1)


def read(path: Path, domain: Domain) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("L" if domain == "chest X-ray" else "RGB")


def chosen(root: Path, label: str, pattern: str, every: int) -> dict[str, list[Path]]:
    """The pictures of a set; CXR8's reduced and original ones apart."""
    paths = sorted(root.glob(pattern))
    if label != "CXR8":
        return {label: paths[::every]}
    full = [path for path in paths if Image.open(path).width > REDUCED]
    small = [path for path in paths if path not in set(full)]
    return {f"CXR8, {REDUCED} px": small[::every], "CXR8, 1024 px": full}


def line(domain: Domain, images: list[Image.Image], change: Change) -> list[str]:
    """Recall of the hash, recall, recall the other way round, false positives among pairs."""
    own = np.stack([prepared(image, domain) for image in images])
    copies = np.stack([prepared(change(image), domain) for image in images])
    look, count = LOOKS[domain], len(images)
    tests, pool = Seen.of(own, look), hashes(Seen.of(copies, look).soft)
    products = [
        closest(variants(soft), pool[row : row + 1])[0][0] for row, soft in enumerate(tests.soft)
    ]
    hashed = (np.array(products) >= look.candidate).mean()
    ids = tuple(str(row) for row in range(count))
    recalls, wrong = [], 0
    for one, other in ((own, copies), (copies, own)):
        leaks = find_leaks(other, ids, one, ids, domain)
        right = sum(leak.test_image == leak.pool_image for leak in leaks)
        recalls.append(right / count)
        wrong += len(leaks) - right
    return [
        f"{hashed:.3f}",
        *(f"{value:.3f}" for value in recalls),
        f"{wrong} of {2 * count * (count - 1)}",
    ]


def main(root: Path) -> None:
    say = sys.stdout.write
    for label, domain, pattern, every in SETS:
        for name, paths in chosen(root, label, pattern, every).items():
            images = [read(path, domain) for path in paths]
            if domain == "fundus":
                images = [
                    image.resize((1024, round(1024 * image.height / image.width)))
                    if image.width > 1024
                    else image
                    for image in images
                ]
            say(f"{name}: {len(images)} pictures\n")
            say(f"  {'change of the pool image':30}  hash  found  of the test image  wrong\n")
            for title, change in CHANGES.items():
                hashed, found, back, wrong = line(domain, images, change)
                say(f"  {title:30} {hashed}  {found}  {back:>17}  {wrong}\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
