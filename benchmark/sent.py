"""The types that results of others must have, wherever something relies on them."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field, PositiveInt, TypeAdapter

from benchmark.cells import EXCLUDED, PERSONS, SET, CellResult, PretrainKey
from benchmark.parts import TunedPart

#: What names a method, a task or a domain: it is shown, and part of paths.
PLAIN = re.compile(r"\w[\w. ()+-]{0,99}")


def plain(name: str) -> str:
    """A name that can be shown and be part of a path."""
    if not PLAIN.fullmatch(name):
        raise ValueError(f"{name[:40]!r} is no name")
    return name


def printable(text: str) -> str:
    """A text without anything that moves a terminal's cursor."""
    if not text.isprintable():
        raise ValueError("it holds control characters")
    return text


class Blind(BaseModel):
    """What answers that ignore the image score."""

    everything: float
    mean_mask: float = Field(validation_alias="mean mask")


class Facts(BaseModel):
    """Those of a cell's facts that reports read."""

    encoder: str
    pool: Annotated[str, Field(max_length=500), AfterValidator(printable)]
    images: int = Field(validation_alias="pool images")
    excluded: int = Field(validation_alias=EXCLUDED)
    blind: Blind | None = None
    tuned: TunedPart | None = None
    persons: list[int] = Field(default=[], validation_alias=PERSONS)
    settings: list[Annotated[str, AfterValidator(plain)]] = Field(default=[], validation_alias=SET)


class Sent(BaseModel):
    """What a cell's JSON says beside its result."""

    pretrain: PretrainKey
    fingerprint: dict[str, str]
    facts: Facts


class Check(BaseModel):
    """A look at held-out images during a training."""

    step: int
    loss: float
    deviation: float
    rank: float


class Cost(BaseModel):
    """What a training cost, as far as reports show it."""

    wall_seconds: float


class Trained(BaseModel):
    """What an encoder's JSON says, as far as reports read it."""

    key: PretrainKey
    fingerprint: dict[str, str]
    phases: dict[str, PositiveInt]
    losses: list[float]
    checks: list[Check]
    images_passed: int
    cost: Cost


RESULT = TypeAdapter(CellResult)
NAME = TypeAdapter(Annotated[str, AfterValidator(plain)])
SHARE = TypeAdapter(Annotated[float, Field(gt=0, le=1)])
