"""A study as a file: what reports and ``ldbench run --tuned`` read, whatever the storage.

``OUT/studies/<name>.json`` is written anew whenever a trial has got on.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmark.durable import StoreError, json_text, put_file, read_json
from benchmark.tuning.halving import DEFAULTS
from methods.tunable import Value
from tasks.base import Domain
from tasks.manifest import digest


@dataclass(frozen=True, slots=True)
class Trial:
    """A trial of ours.

    Attributes:
        index: Our number.
        number: Optuna's, of the last attempt.
        id: Of that attempt in the storage.
        params: Values of the hyperparameters.
        values: The objective at each rung that is over.
        begun: The rungs that somebody has begun.
        state: "running", "complete", "pruned" or "failed".
        orphan: Whether the last attempt lost its worker and is to be queued again.
        reason: Why it failed.
        attempts: How often it was queued.
    """

    index: int
    number: int
    id: int
    params: dict[str, Value]
    values: dict[int, float]
    begun: tuple[int, ...]
    state: str
    orphan: bool
    reason: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A study as it stood.

    Attributes:
        name: Of the study in its storage.
        folder: What its trials' folders begin with.
        method: Whose hyperparameters.
        domain: Of the tasks.
        terms: Everything that a trial's value depends on.
        images: Images drawn by the end of each rung.
        brackets: How many trials started together.
        finished: Whether nothing is left to compute.
        trials: Those that have begun.
    """

    name: str
    folder: str
    method: str
    domain: Domain
    terms: dict[str, Any]
    images: list[int]
    brackets: list[int]
    finished: bool
    trials: list[Trial]

    @property
    def last(self) -> int:
        """The last rung."""
        return len(self.images) - 1

    @property
    def best(self) -> Trial | None:
        """The trial of the highest value at the last rung, the first of equals; None if none."""
        done = [trial for trial in self.trials if self.last in trial.values]
        return max(done, key=lambda trial: (trial.values[self.last], -trial.index), default=None)

    @property
    def defaults(self) -> Trial | None:
        """The trial of the paper's defaults; None if it has not come to the last rung."""
        return next((t for t in self.trials if t.index == DEFAULTS and self.last in t.values), None)


def drawn_values(trial: Trial) -> str:
    """Digits that tell a trial's hyperparameters from others of the same number.

    What "tpe" suggests depends on the trials that it knows, so a study that is begun anew may give
    a trial other values.
    """
    return digest(dict(trial.params))[:8]


def scores_name(folder: str, trial: Trial, rung: int) -> str:
    """The folder of what a trial has scored at a rung."""
    return f"{folder}-{trial.index:04d}-{drawn_values(trial)}-{rung}"


def keep(root: Path, snapshot: Snapshot) -> None:
    """Write how a study stands."""
    put_file(root / "studies" / f"{snapshot.folder}.json", json_text(asdict(snapshot)))


def snapshots(root: Path) -> list[Snapshot]:
    """Every study of a results folder, by method and domain.

    Raises:
        StoreError: If it holds none, or one that cannot be read.
    """
    paths = sorted((root / "studies").glob("*.json"))
    if not paths:
        raise StoreError(
            f"{root} holds no study: run `ldbench tune PLAN --data ROOT --out {root}` first"
        )
    return sorted(map(read, paths), key=lambda one: (one.domain, one.method, one.name))


def read(path: Path) -> Snapshot:
    """A study from its file.

    Raises:
        StoreError: If it cannot be read.
    """
    record = read_json(path)
    try:
        trials = [
            Trial(
                **{
                    **trial,
                    "values": {int(rung): value for rung, value in trial["values"].items()},
                    "begun": tuple(trial["begun"]),
                }
            )
            for trial in record["trials"]
        ]
        return Snapshot(**{**record, "trials": trials})
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StoreError(
            f"{path} is of another version or damaged ({error!r}): run `ldbench tune` again, which "
            "writes it anew"
        ) from error
