"""What a task of any family tells the harness besides scores: its list of images, and its data."""

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

import numpy as np

from methods.precision import Precision
from tasks.base import NORMALISATION, Source, Task
from tasks.manifest import Watch
from tasks.splits import Split

#: How encoders are scored: with masks (``tasks.segmentation``) or points (``tasks.landmark``).
Family = Literal["segmentation", "landmarks"]


@runtime_checkable
class TaskSettings(Protocol):
    """What the harness asks of any family's settings."""

    @property
    def size(self) -> int:
        """Side of the images in pixels."""
        ...

    @property
    def fraction(self) -> float:
        """Share of the training list that is used."""
        ...

    @property
    def precision(self) -> Precision:
        """Of the convolutions."""
        ...

    @property
    def batch_size(self) -> int:
        """Images that pass together."""
        ...


@runtime_checkable
class ScoredImages(Protocol):
    """Prepared test images of any family."""

    @property
    def ids(self) -> tuple[str, ...]:
        """Their names."""
        ...

    @property
    def images(self) -> np.ndarray:
        """Grey levels, uint8, (images, channels, side, side)."""
        ...

    def truth(self) -> np.ndarray:
        """What is to be found: masks, (images, side, side), or points (x, y), (images, 2)."""
        ...


@runtime_checkable
class TaskData(Protocol):
    """What the harness asks of any family's data."""

    @property
    def test(self) -> ScoredImages:
        """The images that score."""
        ...

    @property
    def settings(self) -> Any:  # noqa: ANN401  (the family's TaskSettings)
        """What the plan chose."""
        ...

    @property
    def manifest(self) -> str:
        """Digest of every source file, the split and the preparation."""
        ...

    @property
    def kind(self) -> str:
        """Real or phantom images."""
        ...

    @property
    def variant(self) -> str:
        """Which of several accepted layouts was read; empty if there is one only."""
        ...


class ListedTask(Task):
    """A task with a published list of images, which are prepared once for everybody."""

    family: ClassVar[Family]

    @property
    def channels(self) -> int:
        """1 for grey images, 3 for colour."""
        return NORMALISATION[self.info.domain].channels

    def person(self, image_id: str) -> str | None:  # noqa: ARG002  (most ids do not tell)
        """Whose image it is, where ids reveal it; None otherwise."""
        return None

    def persons(self, split: Split) -> list[str]:
        """Whose the training images are, where ids reveal it: it moves the validation part."""
        return [person for person in map(self.person, split.train) if person is not None]

    def variant(self, root: Path) -> str:  # noqa: ARG002  (most data sets have one layout)
        """Which of several accepted layouts lies below ``root``; empty if there is one only."""
        return ""

    @abstractmethod
    def split(self, source: Source) -> Split:
        """The published split, or the part of it that a phantom root holds."""

    @abstractmethod
    def facts(self, source: Source) -> dict[str, Any]:
        """What decides the prepared images besides the files' bytes."""

    @abstractmethod
    def prepare(self, source: Source, size: int, watch: Watch | None = None) -> np.ndarray:
        """Prepared images with what is known of them, memory-mapped and cached."""

    @abstractmethod
    def image(self, source: Source, image_id: str) -> Path:
        """The file of one image."""

    @abstractmethod
    def decoded(self, source: Source, image_id: str, size: int) -> np.ndarray:
        """One image's prepared grey levels with its mask, if there is one, read anew.

        Raises:
            InputError: If a file cannot be used.
        """

    @abstractmethod
    def fitting(self, data: Any, values: Mapping[str, Any]) -> Any:  # noqa: ANN401
        """The data that ``load`` gave as a cell with these settings takes them.

        Args:
            data: The task's.
            values: The cell's settings, by name.
        """
