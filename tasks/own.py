"""A task from somebody's own folders: images, masks, a split, and a few lines of TOML.

.. code-block:: toml

    title = "Lungs"
    domain = "chest X-ray"     # or "fundus"
    kind = "anatomy"           # or "lesion"
    images = "MySet/images"    # below the data root
    masks = "MySet/masks"
    split = "split.csv"        # beside this file

``split.csv`` has the columns ``image`` (path below ``images``) and ``part`` (train or test, in the
order that validation and label fractions are taken from), and may have ``mask`` (path below
``masks``; else the image's path with any suffix) and ``person``.
"""

import csv
import re
import tomllib
from pathlib import Path, PurePosixPath
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from methods.errors import ConfigError
from tasks import EXTRAS, TASKS
from tasks.base import Domain, Source, TaskInfo
from tasks.labelled import Settings, TrainingData
from tasks.manifest import Watch
from tasks.reading import SUFFIXES
from tasks.segmentation import Example, SegmentationTask
from tasks.splits import Split

YOURS = "your own"
#: What a task may be called: it names files and rows of tables.
NAME = r"^[a-z0-9_-]*$"


class Description(BaseModel):
    """The TOML file's keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    domain: Domain
    kind: Literal["anatomy", "lesion"]
    images: str
    masks: str
    split: str = "split.csv"
    name: str = Field(default="", pattern=NAME)
    threshold: float = Field(default=0.3, ge=0, lt=1)
    hard: bool = True
    stand_in: bool = False
    dataset: str = ""
    owner: str = YOURS
    page: str = YOURS
    citation: str = YOURS
    terms: str = YOURS


class OwnTask(SegmentationTask):
    """Images with masks that a TOML file describes."""

    def __init__(self, path: Path) -> None:
        told = described(path)
        self.told = told
        self.name = own_name(told.name or path.stem, path)  # type: ignore[misc]  # one class, many
        self.threshold = told.threshold  # type: ignore[misc]
        self.hard = told.hard  # type: ignore[misc]
        self.info = TaskInfo(  # type: ignore[misc]
            title=told.title,
            domain=told.domain,
            kind=told.kind,
            dataset=told.dataset or self.name,
            folder=f"{told.images} and {told.masks}",
            owner=told.owner,
            page=told.page,
            citation=told.citation,
            terms=told.terms,
        )
        self.rows = read_rows(path.parent / told.split)

    def split(self, source: Source) -> Split:
        """The split that the CSV file lists, in its order."""
        del source
        parts = {
            part: tuple(row["image"] for row in self.rows.values() if row["part"] == part)
            for part in ("train", "test")
        }
        return Split(parts["train"], parts["test"])

    def example(self, root: Path, image_id: str) -> Example:
        """The image and its mask: the one named, or the one that is called as the image is."""
        image = root / self.told.images / image_id
        masks = root / self.told.masks
        if named := self.rows[image_id].get("mask"):
            return Example(image_id, image, (masks / named,))
        stem = PurePosixPath(image_id).with_suffix("")
        called = [masks / f"{stem}{suffix}" for suffix in SUFFIXES]
        found = [path for path in called if path.is_file()]
        return Example(image_id, image, (found[0] if found else masks / f"{stem}.png",))

    def person(self, image_id: str) -> str | None:
        """Who is shown, if the CSV file says so."""
        return self.rows[image_id].get("person") or None

    def load_training(
        self, source: Source, settings: Settings, watch: Watch | None = None
    ) -> TrainingData:
        """Read, prepare and split the data; says so if it stands in for another data set."""
        from dataclasses import replace  # noqa: PLC0415

        data = super().load_training(source, settings, watch)
        return replace(data, kind="stand-in") if self.told.stand_in else data


def own_name(name: str, path: Path) -> str:
    """The name itself, if it can stand in a table and is nobody else's.

    Raises:
        ConfigError: If it cannot.
    """
    if not re.match(NAME, name):
        raise ConfigError(
            f'{path}: a task called {name!r} needs a line name = "..." of a-z, 0-9, _'
        )
    if name in TASKS or name in EXTRAS:
        raise ConfigError(f"{path}: {name} is a registered task: give yours another name")
    return name


def described(path: Path) -> Description:
    """Read and check a TOML file.

    Raises:
        ConfigError: If it is missing, is no TOML, or has unknown keys or wrong values.
    """
    try:
        return Description.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise ConfigError(f"there is no task {path}") from error
    except OSError as error:
        raise ConfigError(f"the task {path} cannot be read: {error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is no TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{path}: {place}: {first['msg']}, not {first['input']!r}") from error


def read_rows(path: Path) -> dict[str, dict[str, str]]:
    """The split's rows by image.

    Raises:
        ConfigError: If the file is missing, lacks a column, names a part other than train and
            test, an image twice or one outside its folder, a person in both parts, or too few
            images of a part.
    """
    if not path.is_file():
        raise ConfigError(f"there is no split {path}: list the images in it, one a row")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path} is no table in UTF-8: {error}") from error
    listed: dict[str, dict[str, str]] = {}
    parts: dict[str, str] = {}
    for line, raw in enumerate(rows, start=2):
        row = {key: value.strip() for key, value in raw.items() if key and isinstance(value, str)}
        part, person = row.get("part", ""), row.get("person", "")
        if not row.get("image") or part not in ("train", "test"):
            raise ConfigError(
                f'{path} line {line}: columns "image" and "part" (train or test) are needed, '
                f"not {row.get('image', '')!r} and {part!r}"
            )
        for name in (row["image"], row.get("mask", "")):
            if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
                raise ConfigError(f"{path} line {line}: {name} leaves its folder")
        image = PurePosixPath(row["image"]).as_posix()
        if image in listed:
            raise ConfigError(f"{path} line {line}: {image} is listed twice")
        if person and parts.setdefault(person, part) != part:
            raise ConfigError(
                f"{path} line {line}: {person} both trains and tests: keep a person in one part"
            )
        listed[image] = {**row, "image": image}
    for part, least in (("train", 2), ("test", 1)):
        count = sum(row["part"] == part for row in listed.values())
        if count < least:
            raise ConfigError(f"{path} lists {count} {part} images; {least} or more are needed")
    return listed
