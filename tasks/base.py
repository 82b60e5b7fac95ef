"""The contract between a task and the harness: facts, data, scores."""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from methods.errors import InputError
from tasks.manifest import Watch, digest, hashes
from tasks.refusals import preparing
from tasks.splits import Split

Domain = Literal["fundus", "chest X-ray"]

#: Written by the phantom generator as its last act; marks a folder as phantoms, and how many.
PHANTOM_MARK = "PHANTOM.json"


@dataclass(frozen=True, slots=True)
class Normalisation:
    """How a domain's images enter the encoder: values in [0, 1], minus mean, over std."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    @property
    def channels(self) -> int:
        """1 for grey images, 3 for colour."""
        return len(self.mean)


#: ImageNet's statistics for fundus photographs, (x - 0.5) / 0.5 for X-rays (the LD reference).
NORMALISATION: dict[Domain, Normalisation] = {
    "fundus": Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "chest X-ray": Normalisation((0.5,), (0.5,)),
}


@dataclass(frozen=True, slots=True)
class TaskInfo:
    """Facts about a task and whose images it uses.

    Attributes:
        title: What is segmented, for tables.
        domain: Which pre-training pool and normalisation apply.
        kind: Anatomy or lesion: the paper reports its clearest margin on lesions.
        dataset: The data set's own name.
        folder: Where its archive unpacks to, under the data root.
        owner: Who gives it out.
        page: Where it is obtained.
        citation: What its owner asks to be cited.
        terms: Licence or conditions of use.
        note: What a reader of the scores must be told besides, e.g. about persons.
    """

    title: str
    domain: Domain
    kind: Literal["anatomy", "lesion"]
    dataset: str
    folder: str
    owner: str
    page: str
    citation: str
    terms: str
    note: str = ""


class OutsideRootError(InputError, ValueError):
    """A path that leads out of the data root; names it."""


class MissingDataError(InputError, FileNotFoundError):
    """A data set is absent or incomplete; says what is missing and where to get it."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where data lies, and what it is.

    Attributes:
        root: The data root; each data set is unpacked into its own folder below.
        cache: Where prepared arrays are kept between runs.
        scale: Share of each split that the root holds: 1 unless it holds phantoms.
        kind: Phantom or real.
        most: The limit to the length of phantoms' lists (``Split.scaled``); None if there is none.
    """

    root: Path
    cache: Path
    scale: float = 1.0
    kind: Literal["real", "phantom"] = "real"
    most: int | None = None

    @classmethod
    def at(cls, root: Path, cache: Path) -> "Source":
        """Recognise what ``root`` holds.

        Raises:
            MissingDataError: If there is no such folder, or the phantoms' record is damaged.
        """
        if not root.is_dir():
            raise MissingDataError(
                f"there is no data root {root}: name the folder of the data sets"
            )
        mark = root / PHANTOM_MARK
        if not mark.exists():
            return cls(root, cache)
        try:
            record = json.loads(mark.read_text(encoding="utf-8"))
            scale, most = float(record["scale"]), record.get("most")
            limit = None if most is None else int(most)
            found = cls(root, cache, scale, "phantom", limit)
            found.held(Split((), ()))  # refuses what nothing can have been written with
        except (ValueError, KeyError, TypeError) as error:
            raise MissingDataError(
                f"{mark} is damaged ({error!r}): remove {root} and write the phantoms again"
            ) from error
        return found

    def held(self, split: Split) -> Split:
        """The part of a published split that the root holds: all of it unless of phantoms."""
        return split.scaled(self.scale, self.most)

    def hashes(
        self, name: str, paths: list[Path], root: Path | None = None, watch: Watch | None = None
    ) -> dict[str, str]:
        """SHA-256 of files by their path below the root, remembered under ``name``.

        Raises:
            RefusedError: If there is no room or no permission to write into the cache.
        """
        base = root or self.root
        place = digest(str(base.resolve()))[:12]
        with preparing(self.cache):
            return hashes(base, paths, self.cache / "hashes" / f"{name}-{place}.json", watch)

    def require(self, paths: list[Path], info: TaskInfo) -> None:
        """Insist that every file is there, and below the data root.

        Raises:
            OutsideRootError: Naming the first path that leads out of the root.
            MissingDataError: Naming the first missing files, where to get them and the terms.
        """
        for path in paths:
            # By name, not resolved: a data set may be a link to another disk.
            if not path.is_relative_to(self.root) or ".." in path.relative_to(self.root).parts:
                raise OutsideRootError(
                    f"{info.dataset}: {path} lies outside the data root {self.root}: an image's "
                    'name must be no absolute path and hold no ".."'
                )
        missing = [path for path in paths if not path.is_file()]
        if missing:
            named = ", ".join(str(path.relative_to(self.root)) for path in missing[:3])
            more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
            raise MissingDataError(
                f"{info.dataset}: {len(missing)} of {len(paths)} files are missing under "
                f"{self.root}: {named}{more}; obtain it from {info.page} ({info.terms}) and unpack "
                f"it into {self.root}, as {info.folder}"
            )


@dataclass(frozen=True, slots=True)
class Score:
    """One number: of one test image, in one stage, by one metric."""

    stage: str
    image: str
    metric: str
    value: float


@dataclass(frozen=True, slots=True)
class TaskScores:
    """What evaluating an encoder on a task gave.

    Attributes:
        scores: One entry per stage, test image and metric.
        masks: Predicted masks per stage, boolean, shape (test images, side, side).
        facts: What else is known, JSON-ready, e.g. what predicting without looking scores.
        spent: Steps and operations; unknown if the task does not count them.
        pictures: Made besides, red, green and blue in 0 to 255, by a name to keep them under.
    """

    scores: list[Score]
    masks: dict[str, np.ndarray]
    facts: dict[str, Any] = field(default_factory=dict)
    spent: Any = None  # methods.base.Spent, which would import torch here
    pictures: dict[str, np.ndarray] = field(default_factory=dict)


class Task(ABC):
    """Images with ground truth and a way to score an encoder on them."""

    name: ClassVar[str]
    info: ClassVar[TaskInfo]
    protocol: ClassVar[str]

    @abstractmethod
    def wanted(self, source: Source) -> list[Path]:
        """Every file that the task reads, there or not."""

    def files(self, source: Source) -> list[Path]:
        """Every file that the task reads.

        Raises:
            OutsideRootError: If an id leads out of the data root.
            MissingDataError: If any is missing.
        """
        files = self.wanted(source)
        source.require(files, self.info)
        return files

    @abstractmethod
    def test_images(self, source: Source) -> dict[str, Path]:
        """Every test image's file, by its id."""

    @abstractmethod
    def load(self, source: Source, settings: Any, watch: Watch | None = None) -> Any:  # noqa: ANN401
        """Read, prepare and split the data; ``settings`` belongs to the task's family.

        Raises:
            MissingDataError: If files are missing.
        """

    @abstractmethod
    def evaluate(
        self,
        pretrained: Any,  # noqa: ANN401
        data: Any,  # noqa: ANN401
        *,
        seed: int,
        stages: tuple[str, ...],
        observe: Callable[[int], None] | None = None,
        checkpoints: Any = None,  # noqa: ANN401
    ) -> TaskScores:
        """Score an encoder.

        Args:
            pretrained: What pre-training left behind (``methods.base.Pretrained``).
            data: What ``load`` gave.
            seed: Of everything drawn.
            stages: How the encoder is trained, or what is fitted to its features.
            observe: Told how many steps were taken.
            checkpoints: Where to start from, and who keeps checkpoints how often
                (``methods.checkpoint.Checkpoints``); may be ignored.
        """
