"""The promises of a segmentation task: each takes it with its data and raises what to mend."""

import hashlib
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from torch import Tensor

from benchmark.admission import task_mistakes
from benchmark.contract.subject import BrokenError, insist
from methods.networks import Encoder
from tasks import probing
from tasks.base import NORMALISATION, MissingDataError, Source, TaskScores
from tasks.labelled import Labelled, SegmentationData, Settings
from tasks.segmentation import SegmentationTask

#: A short training from scratch, enough to see whether images and masks belong together.
SHORT = Settings(size=64, steps=60, batch_size=4, learning_rate=3e-3, checks=6)
#: As little as gives a score.
SHORTEST = Settings(size=32, steps=2, batch_size=2, checks=1)
#: Dice by which sight must beat blindness.
MARGIN = 0.02


@dataclass(frozen=True, slots=True)
class Subject:
    """A task and where its data lies: real images, or the phantoms that stand for them."""

    task: SegmentationTask
    source: Source


class Blind(Encoder):
    """An encoder that sees nothing: its maps are zero whatever the image."""

    def forward(self, images: Tensor) -> list[Tensor]:
        """Zeros in the shapes of feature maps."""
        side = images.shape[-1]
        return [
            images.new_zeros(len(images), channels, side // stride, side // stride)
            for channels, stride in zip(self.channels, self.strides, strict=True)
        ]


@cache
def loaded(subject: Subject, settings: Settings) -> SegmentationData:
    """The task's data; read once."""
    return subject.task.load(subject.source, settings)


def parts(data: SegmentationData) -> dict[str, Labelled]:
    """The three parts by their names."""
    return {"training": data.train, "validation": data.validation, "test": data.test}


def encoder(kind: type[Encoder], channels: int) -> Encoder:
    """An untrained encoder, always the same."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return kind("tiny", channels)


def scored(subject: Subject, kind: type[Encoder], settings: Settings, seed: int = 0) -> TaskScores:
    """The scores of an untrained encoder, trained with the decoder in one stage."""
    data = loaded(subject, settings)
    given = SimpleNamespace(encoder=encoder(kind, data.normalisation.channels))
    return subject.task.evaluate(given, data, seed=seed, stages=("direct",))


def dice(scores: TaskScores) -> float:
    """Mean Dice over the test images."""
    values = [one.value for one in scores.scores if one.metric == "dice"]
    return float(np.mean(values))


def complete(subject: Subject) -> None:
    """It says what it is, whose images it uses and under which terms."""
    cls = type(subject.task)
    where = f"{cls.__module__}.{cls.__qualname__}"
    insist(
        re.fullmatch(r"[a-z0-9_-]+", subject.task.name) is not None,
        f"{where}.name must be lower-case letters, digits, - and _, not {subject.task.name!r}",
    )
    for mistake in task_mistakes(cls, subject.task.name):
        raise BrokenError(f"{where} {mistake}")
    info = subject.task.info
    for name in ("title", "dataset", "folder", "owner", "page", "citation", "terms"):
        insist(bool(getattr(info, name)), f"{where}.info.{name} is empty")


def named_when_missing(subject: Subject) -> None:
    """Missing files are named, with where to get them, and nothing is written."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        empty = replace(subject.source, root=folder / "data", cache=folder / "cache")
        empty.root.mkdir()
        try:
            subject.task.load(empty, SHORTEST)
        except MissingDataError as error:
            page = subject.task.info.page
            insist(page in str(error), f"the error does not say where to get the data: {error}")
        else:
            raise BrokenError("an empty data root is accepted: name the files in wanted()")
        insist(not empty.cache.exists(), "something was written although data is missing")


def fit_to_train_on(subject: Subject) -> None:
    """Three parts of images and masks, with something to find in training and test."""
    data = loaded(subject, SHORTEST)
    channels = NORMALISATION[subject.task.info.domain].channels
    for name, part in parts(data).items():
        insist(len(part) > 0, f"the {name} part is empty: see split()")
        shape = (len(part), channels, SHORTEST.size, SHORTEST.size)
        insist(
            part.images.shape == shape and part.images.dtype == np.uint8,
            f"{name} images are {part.images.dtype} {part.images.shape}, not uint8 {shape}",
        )
        insist(part.masks.shape == (shape[0], *shape[2:]), f"{name} masks have another shape")
    for name, part in (("training", data.train), ("test", data.test)):
        share = float(part.masks.mean())
        insist(0.0 < share < 1.0, f"the {name} masks are {share:.0%} foreground: see threshold")


def parts_share_nothing(subject: Subject) -> None:
    """No image, by name or by content, is in two parts."""
    seen: dict[str, str] = {}
    for name, part in parts(loaded(subject, SHORT)).items():
        for place, image_id in enumerate(part.ids):
            content = hashlib.sha256(part.images[place].tobytes()).hexdigest()
            for mark in (image_id, content):
                other = seen.setdefault(mark, name)
                insist(other == name, f"{image_id} is both a {other} and a {name} image")


def repeatable(subject: Subject) -> None:
    """The same files and seed give the same data and scores, another seed others."""
    first, again = (subject.task.load(subject.source, SHORTEST) for _ in range(2))
    insist(first.manifest == again.manifest, "loading twice gives two manifests")
    insist(np.array_equal(first.test.images, again.test.images), "loading twice gives two images")
    # As text, because a distance to nothing is no number and no number equals itself.
    one, same, other = (repr(scored(subject, Encoder, SHORTEST, seed).scores) for seed in (0, 0, 1))
    insist(one == same, "the same seed gives other scores")
    insist(one != other, "another seed gives the same scores")


def sight_beats_blindness(subject: Subject) -> None:
    """An encoder that sees beats one that does not, and neither is perfect."""
    seeing, blind = (dice(scored(subject, kind, SHORT)) for kind in (Encoder, Blind))
    insist(
        seeing > blind + MARGIN,
        f"a short training reaches Dice {seeing:.3f}, without sight {blind:.3f}: do the masks "
        "belong to the images?",
    )
    insist(seeing < 1.0, "a short training is perfect: is the answer drawn into the images?")


def probed(subject: Subject) -> None:
    """Frozen features are scored too, by every stage of ``tasks.probing``."""
    data = loaded(subject, SHORTEST)
    given = SimpleNamespace(encoder=encoder(Encoder, data.normalisation.channels))
    scores = subject.task.evaluate(given, data, seed=0, stages=probing.STAGES)
    found = {(one.stage, one.image) for one in scores.scores if one.metric == "dice"}
    insist(
        found == set(product(probing.STAGES, data.test.ids)),
        "evaluate() does not give every test image a Dice by each of the stages "
        f"{' and '.join(probing.STAGES)}: leave stages that are not your own to "
        "SegmentationTask.evaluate",
    )


TASK_PROMISES: dict[str, Callable[[Subject], None]] = {
    "complete": complete,
    "named when missing": named_when_missing,
    "fit to train on": fit_to_train_on,
    "parts share nothing": parts_share_nothing,
    "repeatable": repeatable,
    "probed": probed,
    "sight beats blindness": sight_beats_blindness,
}
