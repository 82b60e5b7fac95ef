"""The published splits by image id: which images train, which test.

One JSON file for all tasks with the same split, in the published order, with its source named
inside; what all ids begin with may stand apart as "prefix".
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files

from methods.errors import InputError

#: What is left of a training list and of a test list, however small the scale.
LEAST_TRAINING, LEAST_TEST = 4, 2

#: Whose image it is, by the image's id; None if nobody knows.
Person = Callable[[str], str | None]


class FractionError(InputError, ValueError):
    """A share of a training list that leaves nothing to train on; names both."""


def unknown(_: str) -> None:
    """The person of an image whose id does not tell."""


@dataclass(frozen=True, slots=True)
class Split:
    """Ordered image ids of one task.

    The order matters: validation images and label fractions are prefixes of ``train``.
    """

    train: tuple[str, ...]
    test: tuple[str, ...]

    def scaled(self, scale: float, most: int | None = None) -> "Split":
        """Keep the first ids only: at least 4 for training and 2 for testing.

        Args:
            scale: Share of each list kept, in (0, 1].
            most: Of that share, the most ids kept for training, at least 4; for testing half as
                many, rounded down. No limit if None.

        Raises:
            ValueError: If the scale lies outside (0, 1], or the limit is below 4.
        """
        if not 0.0 < scale <= 1.0:
            raise ValueError(f"scale must lie in (0, 1], not {scale}")
        if most is not None and most < LEAST_TRAINING:
            raise ValueError(f"most must be at least {LEAST_TRAINING}, not {most}")
        train = max(LEAST_TRAINING, round(scale * len(self.train)))
        test = max(LEAST_TEST, round(scale * len(self.test)))
        if most is not None:
            train, test = min(train, most), min(test, most // 2)
        return Split(self.train[:train], self.test[:test])

    def fraction(
        self, fraction: float, person: Person = unknown
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Training and validation ids at a label fraction.

        The first ``int(fraction * n)`` ids are labelled; the first 20 % of those, at least
        one, are validation and the rest are training. Smaller fractions are therefore
        prefixes of larger ones. Where that would part a person's images, validation takes in
        the rest of them.

        Args:
            fraction: Share of the training list whose labels are used, in (0, 1].
            person: Tells whose image an id is.

        Returns:
            Training ids and validation ids.

        Raises:
            FractionError: If the fraction is out of range or leaves nothing to train on.
        """
        if not 0.0 < fraction <= 1.0:
            raise FractionError(f"label fraction must lie in (0, 1], not {fraction}")
        labelled = self.train[: int(fraction * len(self.train))]
        if len(labelled) < 2:
            raise FractionError(
                f"label fraction {fraction} of {len(self.train)} training images leaves "
                f"{len(labelled)}; at least 2 are needed, one of them for validation"
            )
        held_out = whole_persons(labelled, max(1, int(0.2 * len(labelled))), person)
        if held_out == len(labelled):
            raise FractionError(
                f"label fraction {fraction} of {len(self.train)} training images leaves those of "
                "one person, who cannot both train and validate: raise the fraction"
            )
        return labelled[held_out:], labelled[:held_out]


def whole_persons(images: tuple[str, ...], count: int, person: Person) -> int:
    """The least number of leading images, ``count`` or more, that parts no person's images."""
    while True:
        leading = {person(image) for image in images[:count]} - {None}
        rest = [place for place in range(count, len(images)) if person(images[place]) in leading]
        if not rest:
            return count
        count = rest[-1] + 1


def read_split(name: str) -> Split:
    """A published split, e.g. "scr" for the three tasks of SCR.

    Raises:
        FileNotFoundError: If no split is stored under that name.
    """
    text = (files("tasks.splits") / f"{name}.json").read_text(encoding="utf-8")
    record = json.loads(text)
    prefix = record.get("prefix", "")
    return Split(
        tuple(prefix + image for image in record["train"]),
        tuple(prefix + image for image in record["test"]),
    )
