"""A statement about a comparison: a TOML file, checked before anything is read."""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, ValidationError, field_validator

from benchmark.parts import Fraction, Part
from benchmark.registry import known
from benchmark.registry import tasks as registered_tasks
from benchmark.report.scales import SCALES
from benchmark.report.selection import FLOOR
from methods import METHODS
from methods.errors import ConfigError
from tasks import TASKS

#: The claims that come with the benchmark.
BUILT_IN = Path(__file__).parent / "claims"
#: Stands for every method of ours but the subject and no pre-training.
ALL = "all"

Name = Annotated[str, Field(min_length=1)]


class Claim(Part):
    """What is claimed of one method; either ``wins`` or ``margin``.

    Attributes:
        title: The claim in a sentence.
        subject: The method that it is about.
        wins: ">= N": the subject wins at least N tasks. A win is being better than every rival by
            more than ``ties``; being level with one is none.
        margin: "lesion > anatomy": the subject's lead over its best rival, averaged over the tasks
            of the one kind, exceeds that over those of the other by more than ``ties``.
        of: How many tasks there are.
        tasks: Which; the paper's twelve.
        against: The rivals.
        metric: By which test images are scored.
        stage: What was trained downstream.
        fraction: Share of the labels.
        ties: The largest difference that is called none, in points (hundredths) of a share such as
            Dice, in pixels of a distance.
        level: Bootstrap probability from which on a claim holds, or fails.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    title: Name
    subject: Name
    wins: str | None = Field(default=None, pattern=r"^>= ?[1-9]\d{0,3}$")
    margin: Literal["lesion > anatomy", "anatomy > lesion"] | None = None
    of: int | None = Field(default=None, gt=0)
    tasks: list[str] = Field(default=list(TASKS), min_length=1)
    against: list[Name] = Field(default=[ALL], min_length=1)
    metric: Literal["dice", "iou", "hd95"] = "dice"
    stage: Literal["frozen", "finetuned", "direct", "probe", "neighbours"] = "finetuned"
    fraction: Fraction = 1.0
    ties: float = Field(default=0.5, ge=0, allow_inf_nan=False)
    level: float = Field(default=0.95, gt=0.5, lt=1)

    @field_validator("against", mode="before")
    @classmethod
    def listed(cls, value: object) -> object:
        """Take "all" for a list."""
        return [ALL] if value == ALL else value

    @property
    def rivals(self) -> tuple[str, ...]:
        """The methods that the subject is compared with."""
        if self.against != [ALL]:
            return tuple(self.against)
        return tuple(name for name in METHODS if name not in {FLOOR, self.subject})

    @property
    def needed(self) -> int:
        """How many wins are claimed; 0 if none are."""
        return int(self.wins.removeprefix(">=")) if self.wins else 0

    @property
    def tie(self) -> float:
        """``ties`` in the metric's unit."""
        return self.ties if SCALES[self.metric].unit else self.ties / 100


def built_in() -> list[str]:
    """Names of the claims that come with the benchmark: the paper's first."""
    names = sorted(path.stem for path in BUILT_IN.glob("*.toml"))
    return sorted(names, key=lambda name: name != "paper")


def claims_called(name: str | None) -> list[Claim]:
    """A claim by its name or its file; all that are built in if there is none.

    Raises:
        ConfigError: If the file is missing, is no TOML, or has unknown keys or wrong values.
        UnknownNameError: If no claim has that name, or it names an unknown task.
    """
    if name is None:
        return [read_claim(BUILT_IN / f"{each}.toml") for each in built_in()]
    if name.endswith(".toml") or Path(name).is_file():
        return [read_claim(Path(name))]
    return [read_claim(BUILT_IN / f"{known('claim', name, built_in())}.toml")]


def read_claim(path: Path) -> Claim:
    """Read and check a claim.

    Raises:
        ConfigError: If the file is missing, is no TOML, or has unknown keys or wrong values.
        UnknownNameError: If it names an unknown key or task.
    """
    try:
        record = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"there is no claim {path}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is no TOML: {error}") from error
    return checked(record, str(path))


def checked(record: dict[str, Any], place: str) -> Claim:
    """A claim from a table.

    Args:
        record: The table.
        place: Where it comes from, for errors.

    Raises:
        ConfigError: If it has wrong values, or none where there must be some.
        UnknownNameError: If it names an unknown key or task.
    """
    for key in record:
        known("claim key", key, Claim.model_fields)
    try:
        claim = Claim.model_validate(record)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        if first["type"] == "missing":
            raise ConfigError(f"{place}: {key} is missing") from error
        hint = '; write ">= N"' if key == "wins" else ""
        raise ConfigError(
            f"{place}: {key}: {first['msg']}, not {first['input']!r}{hint}"
        ) from error
    for task in claim.tasks:
        known("task of the claim", task, registered_tasks())
    for fault in faults(claim):
        raise ConfigError(f"{place}: {fault}")
    return claim


def faults(claim: Claim) -> list[str]:
    """What of a claim does not fit together."""
    out = []
    if (claim.wins is None) == (claim.margin is None):
        out.append("a claim has either wins or margin: give one of them")
    if claim.of is not None and claim.of != len(claim.tasks):
        out.append(f"of is {claim.of}, but there are {len(claim.tasks)} tasks; list them in tasks")
    if claim.needed > len(claim.tasks):
        out.append(f"wins {claim.wins} of {len(claim.tasks)} tasks can never be")
    if claim.subject in claim.rivals:
        out.append(f"{claim.subject} cannot be its own rival: take it out of against")
    if ALL in claim.rivals:
        out.append('"all" stands alone: against = "all", or a list of methods')
    for what, names in (("tasks", claim.tasks), ("against", claim.against)):
        if len(set(names)) < len(names):
            out.append(f"{what} lists a name twice: {', '.join(names)}")
    return out
