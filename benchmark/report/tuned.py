"""What a study has found: gains on validation images with intervals, and what mattered."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import optuna
from jaxtyping import Float
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution

from benchmark.report.estimate import Estimate
from benchmark.report.frame import persons
from benchmark.report.persons import circles, people, strangers
from benchmark.report.scores import Scores
from benchmark.report.statistics import bootstrap, interval
from benchmark.store import Store
from benchmark.tuning.snapshot import Snapshot, scores_name
from benchmark.tuning.trials import LEAST, read

#: Draws of the bootstrap, and of the persons on whose images a choice is repeated.
DRAWS, SPLITS = 2000, 500
#: Fewer scored trials say nothing of which hyperparameter mattered.
LEAST_TRIALS = 5


@dataclass(frozen=True, slots=True)
class Gain:
    """What the best trial has gained over the defaults, in mean validation Dice over the tasks.

    Attributes:
        chosen: On the images by which it was chosen, so it flatters; the interval is over images.
        held_out: The choice among the trials of the last rung, repeated on half of the persons and
            scored on the rest; the interval is over such choices. Who came there was chosen on all
            images, so it may still flatter a little.
        by_task: ``chosen`` of each task.
    """

    chosen: Estimate
    held_out: Estimate
    by_task: dict[str, float]


def last_scores(store: Store, snapshot: Snapshot) -> tuple[list[int], Scores]:
    """Validation Dice of the trials that came to the last rung, with their numbers.

    Raises:
        StoreError: If scores of a trial are not there.
    """
    last = snapshot.last
    trials = {trial.index: trial for trial in snapshot.trials if last in trial.values}
    numbers = [*trials]
    dice = {n: read(store, scores_name(snapshot.folder, t, last)).dice for n, t in trials.items()}
    tasks = tuple(sorted(dice[numbers[0]]))
    images = {task: sorted(dice[numbers[0]][task]) for task in tasks}
    values = np.full((len(numbers), len(tasks), 1, max(map(len, images.values()))), np.nan)
    for row, number in enumerate(numbers):
        for column, task in enumerate(tasks):
            own = [dice[number][task][image] for image in images[task]]
            values[row, column, 0, : len(own)] = own
    seed = int(snapshot.terms["seed"])
    whose = strangers(*values.shape[1::2])
    names = {task: persons(task, images[task], ()) for task in tasks}
    everybody = sorted({who for own in names.values() for who in own.values()})
    whose += len(everybody)  # nobody's, where there is no image
    for column, task in enumerate(tasks):
        whose[column, : len(images[task])] = [everybody.index(names[task][i]) for i in images[task]]
    return numbers, Scores(tuple(map(str, numbers)), tasks, (seed,), values, False, whose)


def gain(store: Store, snapshot: Snapshot, rng: np.random.Generator) -> Gain | None:
    """What tuning has gained; None while the defaults or all others are not at the last rung."""
    best, defaults = snapshot.best, snapshot.defaults
    if best is None or defaults is None:
        return None
    numbers, scores = last_scores(store, snapshot)
    one, other = numbers.index(best.index), numbers.index(defaults.index)
    drawn = bootstrap(scores, rng, DRAWS)
    by_task = drawn.means[one] - drawn.means[other]
    low, high = interval((drawn.draws[:, one] - drawn.draws[:, other]).mean(axis=-1))
    chosen = Estimate(float(by_task.mean()), float(low), float(high))
    floor = floor_means(store, snapshot)
    held_out = chosen_again(scores, floor_of(scores, floor), other, rng)
    return Gain(chosen, held_out, dict(zip(scores.tasks, by_task.tolist(), strict=True)))


def floor_means(store: Store, snapshot: Snapshot) -> dict[str, float]:
    """Mean validation Dice of no pre-training, by task."""
    return read(store, f"floor-{snapshot.terms['floor'][:12]}").means


def floor_of(scores: Scores, floor: Mapping[str, float]) -> Float[np.ndarray, " tasks"]:
    """The floor in the order of the scores' tasks."""
    return np.array([floor[task] for task in scores.tasks])


def chosen_again(
    scores: Scores, floor: Float[np.ndarray, " tasks"], defaults: int, rng: np.random.Generator
) -> Estimate:
    """The gain of whichever trial is best on some persons' images, on those of all others.

    Half of the persons choose and the other half judges, again and again; the same on all tasks
    that show some of the same, so that no photograph does both.

    Args:
        scores: Dice of the trials, of one seed.
        floor: Dice without pre-training.
        defaults: The defaults' row.
        rng: Source of all randomness.

    Returns:
        The mean with the central 95 % of the splits; nothing where a task cannot be split.
    """
    values = scores.values[:, :, 0]
    there, whose = np.isfinite(values[0]), scores.whose().copy()
    for task, own in enumerate(there):
        numbers, place = people(scores.whose(), task, own)
        whose[task, own] = numbers[place]
    gains = []
    for _ in range(SPLITS):
        chooses = np.zeros_like(there)
        for tasks, everybody in circles(whose, there):
            half = rng.permutation(everybody)[: everybody.size // 2]
            chooses[list(tasks)] = np.isin(whose[list(tasks)], half)
        sides = [there & chooses, there & ~chooses]
        if not all(side.any(axis=1).all() for side in sides):
            continue
        choose, judge = (
            np.where(side, values, 0.0).sum(axis=-1) / side.sum(axis=-1) for side in sides
        )
        best = int(np.argmax(objectives(choose, floor)))
        gains.append(float((judge[best] - judge[defaults]).mean()))
    if not gains:
        return Estimate()
    low, high = np.quantile(gains, [0.025, 0.975])
    return Estimate(float(np.mean(gains)), float(low), float(high))


def objectives(
    means: Float[np.ndarray, "trials tasks"], floor: Float[np.ndarray, " tasks"]
) -> Float[np.ndarray, " trials"]:
    """What tuning maximises, of several trials."""
    return np.asarray(((means - floor) / np.maximum(1.0 - floor, LEAST)).mean(axis=1))


def importance(snapshot: Snapshot) -> dict[str, float]:
    """Share of the first rung's variance that each hyperparameter explains, by Optuna's fANOVA.

    Hutter et al., "An Efficient Approach for Assessing Hyperparameter Importance", ICML 2014. Of
    the first rung, because all trials have it. Empty if too few trials were scored, or if all
    scored the same.
    """
    space = {name: distribution(entry) for name, entry in snapshot.terms["space"].items()}
    scored = [trial for trial in snapshot.trials if 0 in trial.values]
    if len(scored) < LEAST_TRIALS or len({trial.values[0] for trial in scored}) == 1:
        return {}
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize")
    study.add_trials(
        [
            optuna.create_trial(params=dict(t.params), distributions=space, value=t.values[0])
            for t in scored
        ]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        found = optuna.importance.get_param_importances(
            study, evaluator=optuna.importance.FanovaImportanceEvaluator(seed=0)
        )
    return {name: float(found[name]) for name in space}


def distribution(entry: Mapping[str, object]) -> BaseDistribution:
    """A search range from its description in a study's terms."""
    low, high, log = entry["low"], entry["high"], bool(entry["log"])
    assert isinstance(low, int | float)
    assert isinstance(high, int | float)
    if entry["type"] == "int":
        return IntDistribution(int(low), int(high), log=log)
    return FloatDistribution(float(low), float(high), log=log)
