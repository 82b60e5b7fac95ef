"""Values: what a result is identified by, and what it says."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from enum import StrEnum
from typing import Any

from tasks.manifest import digest

#: Under which name a cell's facts have the settings of its method that the plan gave.
SET = "settings of the plan's own"
#: Under which name a cell's facts count the pool images that were left out as leaks.
EXCLUDED = "leaks excluded from the pool"
#: Under which name they number the persons on the test images, in the order of these images' names;
#: there is none where nobody is known to be shown twice.
PERSONS = "persons on the test images"
#: Said in costs of a processor on which convolutions in bfloat16 are computed in float32, if there
#: are any.
EMULATES = "emulates bfloat16"


class Status(StrEnum):
    """How a cell ended."""

    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"
    #: More time or memory than the plan allows.
    EXCEEDED = "exceeded"


def canonical(value: object) -> Any:  # noqa: ANN401
    """A dataclass as JSON-ready values for hashing.

    A field marked ``metadata={"added later": True}`` is left out while it has its default, so that
    results from before it existed are still found.
    """
    if not is_dataclass(value):
        return value
    return {
        entry.name: canonical(getattr(value, entry.name))
        for entry in fields(value)
        if not (entry.metadata.get("added later") and getattr(value, entry.name) == entry.default)
    }


@dataclass(frozen=True, slots=True)
class PretrainKey:
    """Everything an encoder depends on: same key, same experiment.

    Attributes:
        method: Registered name.
        config: The method's settings.
        width: Of the encoder.
        size: Side of the pool's images in pixels.
        budget: Images drawn, checks, precision, statistics.
        pool: Name of the pool.
        manifest: Digest of the pool's files and preparation, without the excluded ones.
        excluded: Files left out because they recur among test images.
        seed: Of initialisation, order and augmentation.
        threads: Of the computation; sums depend on it in the last digit.
        ranks: Processes that train it together; the last digit depends on them too.
    """

    method: str
    config: dict[str, Any]
    width: str
    size: int
    budget: dict[str, Any]
    pool: str
    manifest: str
    excluded: tuple[str, ...]
    seed: int
    threads: int
    ranks: int = field(default=1, metadata={"added later": True})

    @property
    def hash(self) -> str:
        """SHA-256 of the canonical JSON."""
        return digest(canonical(self))


@dataclass(frozen=True, slots=True)
class CellKey:
    """Everything a score depends on.

    Attributes:
        method: Registered name.
        pretrain: Hash of the encoder's key.
        task: Registered name.
        manifest: Digest of the task's files, split and preparation.
        protocol: The family's protocol; bumped when what a score means changes.
        stages: ("frozen", "finetuned"), ("frozen",), ("direct",), ("probe", "neighbours"), one of
            ``tasks.guided.CELLS``, or those of landmarks (``tasks.landmarks``).
        settings: Steps, batch size, label fraction and so on, as far as they matter to the stages.
        seed: Of decoder, batches and augmentation; the encoder's is the same.
        threads: Of the computation.
    """

    method: str
    pretrain: str
    task: str
    manifest: str
    protocol: str
    stages: tuple[str, ...]
    settings: dict[str, Any]
    seed: int
    threads: int

    @property
    def hash(self) -> str:
        """SHA-256 of the canonical JSON."""
        return digest(canonical(self))


@dataclass(frozen=True, slots=True)
class Cell:
    """One (method, task, seed, stages) with the names under which results are kept."""

    key: CellKey
    pretrain: PretrainKey
    name: str
    encoder: str
    #: Of the method's code: module names to digests.
    fingerprint: Mapping[str, str]

    @property
    def label(self) -> str:
        """For people."""
        share = self.key.settings.get("fraction", 1.0)
        task = self.key.task if share == 1.0 else f"{self.key.task} at {share:.0%} of the labels"
        return f"{self.key.method} / {task} / seed {self.key.seed} / {self.key.stages[-1]}"


@dataclass(frozen=True, slots=True)
class CellResult:
    """What a cell's evaluation gave.

    Attributes:
        key: What was asked.
        status: How it ended.
        reason: Why it was skipped or failed; empty when done.
        domain: Of the task.
        source: real, phantom or stand-in images.
        rows: One (stage, image, metric, score) for each number.
        facts: Known besides, JSON-ready.
        cost: Seconds, memory, versions and so on.
    """

    key: CellKey
    status: Status
    reason: str
    domain: str
    source: str
    rows: list[tuple[str, str, str, float]] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    cost: dict[str, Any] = field(default_factory=dict)
