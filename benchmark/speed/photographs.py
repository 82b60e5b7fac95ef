"""Where the images of a comparison come from: phantom photographs, or somebody's own, as PNG."""

from pathlib import Path

import numpy as np
from PIL import Image

from benchmark.speed.work import Work
from methods.errors import ConfigError
from methods.images import Images
from tasks.base import NORMALISATION, Source
from tasks.cache import Recipe, cached
from tasks.labelled import Labelled, Settings, TrainingData
from tasks.phantoms.fundus import draw_fundus
from tasks.phantoms.looks import CHASEDB1
from tasks.pools import load_pool, pool_called
from tasks.preparation import SIDE, resized, smaller_image, smaller_mask
from tasks.reading import SUFFIXES, read_image, read_mask

#: As many images as TransVW needs, the most of all methods, and a tenth more that are held out.
COUNT = 112
#: Of the training images of fine-tuning, as many as a small task has; one more batch validates.
LABELLED = 24


def draw(folder: Path, count: int = COUNT, seed: int = 0) -> None:
    """Write phantom photographs of 512 px with their vessels, as PNG files."""
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        drawn = draw_fundus(CHASEDB1, SIDE, rng.uniform(), bool(number % 2), rng)
        vessel = drawn.masks["vessel"][:, :, None].astype(np.uint8) * 255
        write(folder, number, resized(drawn.image), resized(vessel)[:, :, 0])


def write(folder: Path, number: int, image: np.ndarray, mask: np.ndarray) -> None:
    """One photograph and its mask."""
    Image.fromarray(image).save(folder / "images" / f"{number:03}.png")
    Image.fromarray(mask).save(folder / "masks" / f"{number:03}.png")


def brought(folder: Path, own: Path, count: int = COUNT) -> None:
    """Write somebody's own photographs as PNG files of 512 px; they have no masks.

    Raises:
        ConfigError: If the folder holds too few images.
    """
    paths = sorted(path for path in own.rglob("*") if path.suffix.lower() in SUFFIXES)
    if len(paths) < count:
        raise ConfigError(f"{own} holds {len(paths)} images: give a folder with at least {count}")
    (folder / "images").mkdir(parents=True)
    for number, path in enumerate(paths[:count]):
        image = Image.fromarray(resized(read_image(path, 3)))
        image.save(folder / "images" / f"{number:03}.png")


def pool(folder: Path, size: int) -> Images:
    """The photographs as our methods see them: prepared once, memory-mapped."""
    source = Source(folder, folder / "cache")
    loaded = load_pool(pool_called(f"{folder / 'images'}/", "fundus"), source, size)
    norm = NORMALISATION["fundus"]
    return Images(loaded.array, norm.mean, norm.std, loaded.held_out, loaded.rows)


def prepare(work: Work) -> None:
    """Decode everything once, so that whoever is timed first does not."""
    if work.what == "finetuning":
        labelled(work.folder, Settings(size=work.size, batch_size=work.batch))
    else:
        pool(work.folder, work.size)


def labelled(folder: Path, settings: Settings) -> TrainingData:
    """The photographs with masks as our fine-tuning sees them: prepared once, memory-mapped."""
    names = tuple(path.stem for path in sorted((folder / "masks").glob("*.png")))
    names = names[: LABELLED + settings.batch_size]
    size = settings.size

    def image(number: int) -> np.ndarray:
        pixels = read_image(folder / "images" / f"{names[number]}.png", 3)
        return smaller_image(pixels, size).transpose(2, 0, 1)

    def mask(number: int) -> np.ndarray:
        return smaller_mask(read_mask(folder / "masks" / f"{names[number]}.png") > 127, size)

    shape = (len(names), 3, size, size)
    recipe = Recipe(f"speed-{size}", folder, {}, {"size": size}, shape)
    images = cached(folder / "cache", recipe, image)
    whole = Labelled(names, images, np.stack([mask(number) for number in range(len(names))]))
    cut = len(names) - settings.batch_size
    return TrainingData(
        train=whole.cut(0, cut),
        validation=whole.cut(cut, len(names)),
        normalisation=NORMALISATION["fundus"],
        rotation=180.0,
        flips=True,
        manifest="",
        settings=settings,
        kind="phantom",
    )
