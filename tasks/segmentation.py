"""The family of segmentation tasks: how files become arrays, and how an encoder is scored.

Tasks of this family differ in data only; decoder, stages, steps and metrics are the family's.
"""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np

from tasks import guided, preparation, probing
from tasks.base import NORMALISATION, Source, TaskScores
from tasks.cache import Recipe, cached
from tasks.labelled import Labelled, SegmentationData, Settings, TrainingData
from tasks.listed import Family, ListedTask
from tasks.manifest import Watch, digest
from tasks.reading import ImageError, read_image, read_mask
from tasks.splits import Split, read_split

if TYPE_CHECKING:
    from tasks.validation import Validation

#: With test images or without, whichever is given.
Data = TypeVar("Data", bound=TrainingData)


@dataclass(frozen=True, slots=True)
class Example:
    """One image and the files whose union is its mask."""

    id: str
    image: Path
    masks: tuple[Path, ...]


def shrunk(planes: np.ndarray, size: int) -> np.ndarray:
    """Smaller planes of an image (channels + 1, side, side) whose last one is its mask."""
    image = preparation.smaller_image(planes[:-1].transpose(1, 2, 0), size)
    mask = preparation.smaller_mask(planes[-1] > 0, size) * np.uint8(255)
    return np.concatenate([image.transpose(2, 0, 1), mask[None]])


def taken(planes: np.ndarray, split: Split, chosen: Sequence[str]) -> Labelled:
    """Some of a split's images from their planes, as ``SegmentationTask.prepare`` gives them."""
    place = {image_id: row for row, image_id in enumerate(split.train + split.test)}
    images = planes[[place[image_id] for image_id in chosen]]
    return Labelled(tuple(chosen), images[:, :-1], images[:, -1] > 0)


class SegmentationTask(ListedTask):
    """Foreground against background, scored by Dice on the official test images."""

    family: ClassVar[Family] = "segmentation"
    protocol: ClassVar[str] = "segmentation-1"
    #: The stored split (``tasks.splits``), if it is not called as the task is.
    split_name: ClassVar[str] = ""
    #: Foreground is a grey level above this share of 255, at 512 px.
    threshold: ClassVar[float] = 0.3
    #: Whether any positive level counts before resizing.
    hard: ClassVar[bool] = True

    @abstractmethod
    def example(self, root: Path, image_id: str) -> Example:
        """The files of one image, as the official archive lays them out."""

    def split(self, source: Source) -> Split:
        """The published split, or the part of it that a phantom root holds."""
        return source.held(read_split(self.split_name or self.name))

    def wanted(self, source: Source) -> list[Path]:
        """Every file that the task reads, once each, there or not."""
        split = self.split(source)
        examples = [self.example(source.root, name) for name in split.train + split.test]
        paths = (path for example in examples for path in (example.image, *example.masks))
        return list(dict.fromkeys(paths))

    def test_images(self, source: Source) -> dict[str, Path]:
        """Every test image's file, by its id."""
        ids = self.split(source).test
        return {image_id: self.example(source.root, image_id).image for image_id in ids}

    def load(
        self, source: Source, settings: Settings, watch: Watch | None = None
    ) -> SegmentationData:
        """Read, prepare and split the data.

        Raises:
            MissingDataError: If files are missing; nothing is written then.
            ImageError: If a file cannot be used.
        """
        data = self.load_training(source, settings, watch)
        split = self.split(source)
        test = taken(self.prepare(source, settings.size), split, split.test)
        known = {each.name: getattr(data, each.name) for each in fields(data)}
        return SegmentationData(**known, test=test)

    def load_training(
        self, source: Source, settings: Settings, watch: Watch | None = None
    ) -> TrainingData:
        """The same without any test image.

        Where nothing is prepared yet, those are prepared too: all images of a task are one file of
        the cache, of which the rows of test images are not read here.

        Raises:
            MissingDataError: If files are missing; nothing is written then.
            ImageError: If a file cannot be used.
        """
        split = self.split(source)
        hashes = source.hashes(self.name, self.files(source))
        planes = self.prepare(source, settings.size, watch)
        train, validation = split.fraction(settings.fraction, self.person)
        labelled, border = taken(planes, split, validation + train), len(validation)
        fundus = self.info.domain == "fundus"
        return TrainingData(
            labelled.cut(border, len(labelled)),
            labelled.cut(0, border),
            normalisation=NORMALISATION[self.info.domain],
            rotation=180.0 if fundus else 30.0,
            flips=fundus,
            manifest=digest([hashes, asdict(split), self.facts(source), *self.persons(split)]),
            settings=settings,
            kind=source.kind,
            variant=self.variant(source.root),
            labelled=labelled,
        )

    def at_fraction(self, data: Data, settings: Settings) -> Data:
        """The same images at another label fraction; nothing is read or copied.

        Args:
            data: As ``load`` or ``load_training`` gives them at label fraction 1.
            settings: What the plan chose, with the fraction.

        Raises:
            ValueError: If the images were read at another fraction.
            FractionError: If the fraction leaves nothing to train on.
        """
        whole = data.labelled
        if whole is None or data.settings.fraction != 1.0:
            raise ValueError(f"{self.name} was not read at label fraction 1")
        train, validation = Split(whole.ids, ()).fraction(settings.fraction, self.person)
        border, end = len(validation), len(validation) + len(train)
        return replace(
            data, train=whole.cut(border, end), validation=whole.cut(0, border), settings=settings
        )

    def facts(self, source: Source) -> dict[str, Any]:
        """What decides the prepared images besides the files' bytes: which mask belongs where."""
        split = self.split(source)
        examples = [self.example(source.root, name) for name in split.train + split.test]

        def below(path: Path) -> str:
            return path.relative_to(source.root).as_posix()

        return {
            "version": preparation.VERSION,
            "domain": self.info.domain,
            "threshold": self.threshold,
            "hard": self.hard,
            "examples": [[one.id, *map(below, (one.image, *one.masks))] for one in examples],
        }

    def image(self, source: Source, image_id: str) -> Path:
        """The file of one image."""
        return self.example(source.root, image_id).image

    def decoded(self, source: Source, image_id: str, size: int) -> np.ndarray:
        """One image's planes with its mask, read anew."""
        return self.planes(self.example(source.root, image_id), self.channels, size)

    def fitting(self, data: Data, values: Mapping[str, Any]) -> Data:
        """The images at a cell's label fraction; they are in memory once for all fractions."""
        settings = Settings(**values)
        if data.settings == settings:
            return data
        if data.settings.fraction == settings.fraction:
            return replace(data, settings=settings)  # a probe's
        return self.at_fraction(data, settings)

    def prepare(self, source: Source, size: int, watch: Watch | None = None) -> np.ndarray:
        """Images with their masks (0 or 255) as the last channel, (n, channels + 1, size, size).

        Memory-mapped and cached by what they are made from. A smaller size is derived from the
        images at 512 px where these are there already.
        """
        channels, split = self.channels, self.split(source)
        hashes = source.hashes(self.name, self.files(source))
        examples = [self.example(source.root, name) for name in split.train + split.test]

        facts = self.facts(source)

        def recipe(side: int) -> Recipe:
            shape = (len(examples), channels + 1, side, side)
            return Recipe(f"{self.name}-{side}", source.root, hashes, facts, shape)

        large = recipe(preparation.SIDE).path(source.cache)
        if size < preparation.SIDE and large.exists():
            whole = np.load(large, mmap_mode="r", allow_pickle=False)
            return cached(source.cache, recipe(size), lambda n: shrunk(whole[n], size), watch)
        return cached(
            source.cache, recipe(size), lambda n: self.planes(examples[n], channels, size), watch
        )

    def planes(self, example: Example, channels: int, size: int) -> np.ndarray:
        """One image's channels and, last, its mask (0 or 255): (channels + 1, size, size)."""
        image = read_image(example.image, channels)
        mask = self.read_masks(example, image.shape[:2])
        if self.hard:
            mask = (mask > 0) * np.uint8(255)
        box = preparation.field_of_view(image) if self.info.domain == "fundus" else None
        large = preparation.resized(preparation.cropped(image, box))
        marked = preparation.binarised(preparation.cropped(mask, box), self.threshold)
        foreground = (marked * np.uint8(255))[:, :, None]
        return shrunk(np.concatenate([large, foreground], axis=2).transpose(2, 0, 1), size)

    def read_masks(self, example: Example, shape: tuple[int, ...]) -> np.ndarray:
        """The union of an image's masks, grey levels; zeros if it has none.

        Raises:
            ImageError: If a mask's size differs from its image's or, where images have a size of
                their own, from the other masks'.
        """
        if not example.masks:
            return np.zeros(shape, dtype=np.uint8)
        masks = [read_mask(path) for path in example.masks]
        other, expected = f"its image {example.image.name}", shape
        if self.info.domain != "fundus":
            other, expected = f"the first mask {example.masks[0].name}", masks[0].shape
        for path, mask in zip(example.masks, masks, strict=True):
            if mask.shape != expected:
                raise ImageError(
                    f"{path} is {mask.shape[1]} x {mask.shape[0]} px, {other} "
                    f"{expected[1]} x {expected[0]} px: they must match"
                )
        union: np.ndarray = np.maximum.reduce(masks)
        return union

    def evaluate(
        self,
        pretrained: Any,  # noqa: ANN401
        data: SegmentationData,
        *,
        seed: int,
        stages: tuple[str, ...],
        observe: Callable[[int], None] | None = None,
        checkpoints: Any = None,  # noqa: ANN401
    ) -> TaskScores:
        """Train a decoder (and the encoder) by the protocol and score every test image.

        Stages of ``tasks.probing`` train nothing: they are short, and never resumed. Those of
        ``tasks.guided`` are not given a mask, but for the oracle.
        """
        if stages in guided.CELLS:
            from tasks.guided.scoring import Guided  # noqa: PLC0415
            from tasks.guided.scoring import guided as score  # noqa: PLC0415

            train = data.unlabelled(data.validation, data.train)
            test = data.unlabelled(data.test)
            work = Guided(pretrained, train, test, seed, observe, checkpoints)
            scores = score(work, stages, data.test)
        elif set(stages) <= set(probing.STAGES):
            from tasks.probing.scoring import probe  # noqa: PLC0415  (torch is imported when needed)

            scores = probe(pretrained, data, stages, seed=seed, observe=observe)
        else:
            from tasks.finetuning import finetune  # noqa: PLC0415

            scores = finetune(
                pretrained.encoder,
                data,
                stages,
                seed=seed,
                observe=observe,
                checkpoints=checkpoints,
            )
        if data.variant:
            scores.facts["variant"] = data.variant
        return scores

    def validate(
        self,
        pretrained: Any,  # noqa: ANN401
        data: TrainingData,
        *,
        seed: int,
        stage: str,
        observe: Callable[[int], None] | None = None,
        checkpoints: Any = None,  # noqa: ANN401
    ) -> "Validation":
        """Train as ``evaluate`` does, up to one stage, and score the validation images instead."""
        from tasks.validation import validate  # noqa: PLC0415  (torch is imported when needed)

        found = validate(
            pretrained.encoder, data, stage, seed=seed, observe=observe, checkpoints=checkpoints
        )
        if data.variant:
            found.facts["variant"] = data.variant
        return found
