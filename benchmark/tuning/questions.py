"""From a plan and data to what its studies ask."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from benchmark.cells import canonical
from benchmark.exclusions import Exclusions
from benchmark.fingerprint import fingerprint
from benchmark.grid import all_present, configs_of, downstream, read_pools, tasks_of
from benchmark.machine import precision_for
from benchmark.plan import Plan
from benchmark.rows import method_of, module_of
from benchmark.tuning.halving import Halving
from benchmark.tuning.space import defaults, described, space_of
from benchmark.tuning.study import Question
from methods.base import Budget
from methods.errors import ConfigError
from methods.order import pool_suits
from methods.tunable import tunables
from tasks.base import Domain, Source
from tasks.labelled import TrainingData
from tasks.listed import ListedTask
from tasks.manifest import digest
from tasks.pools import Pool
from tasks.segmentation import SegmentationTask
from tasks.selection import SELECTIONS

#: The method that trains nothing: what it scores is the floor.
FLOOR = "random"


@dataclass(frozen=True, slots=True)
class Tuning:
    """Everything that a plan's studies need; no test image is among it.

    Attributes:
        plan: What to tune.
        budget: Of a trial that goes on to the end.
        configs: Settings from which trials start, by method and domain.
        tasks: Those whose validation images count.
        data: Their labelled images.
        pools: A domain's images to pre-train on.
        exclusions: Pool images left out as leaks.
        questions: A study each.
    """

    plan: Plan
    budget: Budget
    configs: dict[tuple[str, Domain], Any]
    tasks: dict[str, SegmentationTask]
    data: dict[str, TrainingData]
    pools: dict[Domain, Pool]
    exclusions: list[Exclusions]
    questions: list[Question]

    def tasks_of(self, domain: Domain) -> list[str]:
        """The names of a domain's tasks."""
        return [name for name, task in self.tasks.items() if task.info.domain == domain]

    def floor_terms(self, domain: Domain) -> dict[str, Any]:
        """What the floor of a domain depends on."""
        return {**self.common(domain), "code": fingerprint(module_of(self.plan, FLOOR))}

    def common(self, domain: Domain) -> dict[str, Any]:
        """What every value on a domain depends on."""
        plan, pool = self.plan, self.pools[domain]
        return {
            "budget": canonical(self.budget),
            "width": plan.width,
            "size": plan.size,
            "threads": plan.threads,
            "leaks": plan.leaks,
            "images": next(self.data[name].kind for name in self.tasks_of(domain)),
            "pool": {"name": pool.info.name, "files": pool.manifest, "excluded": [*pool.excluded]},
            "stage": plan.tuning.stage,
            "seed": plan.tuning.seed,
            "tasks": {
                name: {
                    "files": self.data[name].manifest,
                    "protocol": self.tasks[name].protocol,
                    "settings": canonical(self.data[name].settings),
                }
                for name in self.tasks_of(domain)
            },
        }


def settle(
    plan: Plan, source: Source, device: torch.device, say: Callable[[str], None], frozen: Path
) -> Tuning:
    """Check everything that a plan's studies need, read it, and list them.

    Args:
        plan: What to tune: its methods are those with hyperparameters to tune.
        source: Where the images are.
        device: Decides the precision.
        say: Told what is being read.
        frozen: The folder of the frozen lists of leaks; read, not written.

    Raises:
        MissingDataError: If data is missing; found before anything is written.
        ConfigError: If a method's settings or the budget do not suit it.
    """
    part = plan.tuning
    if SELECTIONS[plan.downstream.selection].opens_test:
        raise ConfigError(
            f"downstream.selection {plan.downstream.selection} looks at test images, which tuning "
            "must not see: give validation-best or last"
        )
    everything = tasks_of(plan)
    counted = validated(plan, everything)
    tasks = dict(counted[name] for name in (part.tasks or counted))
    images = part.images or plan.budget.images
    plan = plan.model_copy(update={"budget": plan.budget.model_copy(update={"images": images})})
    configs = configs_of(plan, tasks)
    all_present(plan, everything, source)
    precision = precision_for(plan.precision, device)
    data = {}
    for given, (name, task) in counted.items():
        if name not in tasks:
            continue
        say(f"reading the training images of {name}")
        settings = downstream(plan, given, task, source, precision)
        data[name] = task.load_training(source, max(settings, key=lambda one: one.fraction))
    # Leaks are sought in the test images of all of the plan's tasks, as for its cells.
    pools, lists = read_pools(plan, everything, source, say, frozen)
    spent = plan.budget
    budget = Budget(spent.images, spent.checks, precision, spent.statistics)
    tuning = Tuning(plan, budget, configs, tasks, data, pools, lists, [])
    tuning.questions.extend(questions_of(tuning))
    return tuning


def validated(
    plan: Plan, tasks: Mapping[str, ListedTask]
) -> dict[str, tuple[str, SegmentationTask]]:
    """Those tasks that have validation images, by the name that the plan gives them.

    Landmark tasks have none, for nothing is trained or chosen on them: they are left out.

    Raises:
        ConfigError: If one without is asked for, or none is left.
    """
    found = {
        given: (name, task)
        for given, (name, task) in zip(plan.tasks, tasks.items(), strict=True)
        if isinstance(task, SegmentationTask)
    }
    if without := [name for name in plan.tuning.tasks if name not in found]:
        raise ConfigError(
            f"tuning.tasks: {', '.join(without)} has no validation images to tune on: leave it out"
        )
    if not found:
        raise ConfigError(
            "none of the plan's tasks has validation images to tune on: add a segmentation task"
        )
    return found


def questions_of(tuning: Tuning) -> Iterator[Question]:
    """A study for each method and domain."""
    plan, part = tuning.plan, tuning.plan.tuning
    halving = Halving(tuning.budget.images, part.rungs, part.factor)
    for (method, domain), config in tuning.configs.items():
        cls, pool = method_of(plan, method), tuning.pools[domain]
        pool_suits(cls, config, len(pool.files) - pool.held_out, pool.held_out)
        space = space_of(config, f"[config.{method}]")
        terms = {
            **tuning.common(domain),
            "method": method,
            "domain": domain,
            "config": canonical(config),
            "start": {"config": plan.config.get(method, {}), "augmentation": plan.augmentation},
            "space": described(space),
            "sampler": part.sampler,
            "rungs": part.rungs,
            "factor": part.factor,
            "floor": digest(tuning.floor_terms(domain)),
            "code": fingerprint(module_of(plan, method)),
        }
        name = f"{plan.title} / {method} / {domain} / {tuning.budget.images} images"
        start = defaults(config, space)
        yield Question(name, method, domain, space, start, halving, part.sampler, part.seed, terms)


def tunable_methods(plan: Plan, asked: Sequence[str]) -> list[str]:
    """The methods to tune: those asked for, or all of the plan's that can be.

    Raises:
        ConfigError: If one that was asked for has nothing to tune, or none has.
    """

    def can(name: str) -> bool:
        return name not in plan.encoders | plan.shapes and bool(
            tunables(method_of(plan, name).Config)
        )

    for name in asked:
        if not can(name):
            raise ConfigError(f"{name} has no hyperparameters to tune: leave it out of --method")
    chosen = [name for name in plan.methods if can(name) and (name in asked or not asked)]
    if not chosen:
        raise ConfigError("none of the plan's methods has hyperparameters to tune")
    return chosen
