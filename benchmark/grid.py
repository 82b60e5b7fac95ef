"""From a plan and data to the cells that it asks for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import torch

from benchmark import exclusions, registry
from benchmark.arms import arms, protocol_of, settings_of
from benchmark.cells import Cell, CellKey, PretrainKey, canonical
from benchmark.exclusions import Exclusions
from benchmark.fingerprint import fingerprint
from benchmark.machine import precision_for
from benchmark.plan import Plan, entry
from benchmark.rows import config_of_given, method_of, module_of, prior_of
from benchmark.shapes import check_priors
from benchmark.store import folder_name
from methods.augmentation import chosen
from methods.base import Budget
from methods.errors import ConfigError
from methods.order import pool_suits, timetable
from methods.precision import Precision
from tasks.base import Domain, Source, Task
from tasks.listed import ListedTask, TaskData
from tasks.pools import Pool, load_pool, pool_called, pool_files


@dataclass(frozen=True, slots=True)
class Grid:
    """Everything a plan asks for, with the data to compute it from.

    Its budget is that of methods without one of their own: ask ``budget_of``.
    """

    plan: Plan
    budget: Budget
    configs: dict[tuple[str, Domain], Any]
    tasks: dict[str, ListedTask]
    data: dict[str, Any]  # of TaskData; each family has more
    settings: dict[str, list[Any]]
    pools: dict[Domain, Pool]
    exclusions: list[Exclusions]
    cells: list[Cell]

    def budget_of(self, method: str) -> Budget:
        """What a method's pre-training spends."""
        return replace(self.budget, images=self.plan.budget.of(method).images)

    def data_of(self, key: CellKey) -> Any:  # noqa: ANN401
        """A cell's images with its settings; they are in memory once for all of them."""
        return self.tasks[key.task].fitting(self.data[key.task], key.settings)


def settle(
    plan: Plan,
    source: Source,
    device: torch.device,
    say: Callable[[str], None],
    frozen: Path,
) -> Grid:
    """Check everything that a plan needs, read it, and list its cells.

    Args:
        plan: What to compute.
        source: Where the images are.
        device: Decides the precision.
        say: Told what is being read.
        frozen: The folder of the frozen lists of leaks; read, not written.

    Raises:
        MissingDataError: If data is missing; found before anything is written.
        ConfigError: If a method's settings, batches or the budget do not fit it.
    """
    tasks = tasks_of(plan)
    configs = configs_of(plan, tasks)
    all_present(plan, tasks, source)
    precision = precision_for(plan.precision, device)
    settings = {
        name: downstream(plan, given, task, source, precision)
        for given, (name, task) in zip(plan.tasks, tasks.items(), strict=True)
    }
    data = dict[str, TaskData]()
    for name, task in tasks.items():
        say(f"reading {name}")
        first, *more = settings[name]
        data[name] = task.load(source, replace(first, fraction=1.0) if more else first)
    check_tuned(plan, tasks, data)
    check_priors(plan, tasks, source)
    pools, lists = read_pools(plan, tasks, source, say, frozen)
    for (name, domain), config in configs.items():
        pool = pools[domain]
        pool_suits(method_of(plan, name), config, len(pool.files) - pool.held_out, pool.held_out)
    part = plan.budget
    budget = Budget(part.images, part.checks, precision, part.statistics)
    grid = Grid(plan, budget, configs, tasks, data, settings, pools, lists, [])
    grid.cells.extend(cells_of(grid))
    return grid


def check_tuned(plan: Plan, tasks: Mapping[str, Task], data: Mapping[str, TaskData]) -> None:
    """Insist that methods were tuned on images of the kind that is scored.

    Raises:
        ConfigError: If one was tuned on phantoms for real images, or the other way round.
    """
    for (method, tuned), (name, task) in product(plan.tuned.items(), tasks.items()):
        part = tuned.get(task.info.domain)
        if part is not None and part.kind != data[name].kind:
            raise ConfigError(
                f"{method} was tuned on {part.kind} images, and {name} has {data[name].kind} ones: "
                "tune on such as will be scored"
            )


def configs_of(plan: Plan, tasks: Mapping[str, Task]) -> dict[tuple[str, Domain], Any]:
    """Every row's settings on every domain of the tasks; they suit the plan's budget.

    Raises:
        ConfigError: If a row's settings or batches do not suit it.
    """
    domains = sorted({task.info.domain for task in tasks.values()})
    configs = {
        (name, domain): config_of(plan, name, domain)
        for name, domain in product(plan.methods, domains)
    }
    for (name, _), config in configs.items():
        timetable(method_of(plan, name), config.batch_size, plan.budget.of(name).images)
    return configs


def read_pools(
    plan: Plan,
    tasks: Mapping[str, Task],
    source: Source,
    say: Callable[[str], None],
    frozen: Path,
) -> tuple[dict[Domain, Pool], list[Exclusions]]:
    """The pool of every domain without its leaks, and the lists of these.

    Takes and raises what ``settle`` does.
    """
    pools, lists = {}, list[Exclusions]()
    for domain in sorted({task.info.domain for task in tasks.values()}):
        say(f"reading pool {plan.pools[domain]} and seeking test images in it")
        chosen = [task for task in tasks.values() if task.info.domain == domain]
        pool = load_pool(pool_called(plan.pools[domain], domain), source, plan.size)
        if plan.leaks != "allow":
            frozen_list = exclusions.settled(pool, chosen, source, frozen)
            exclusions.judge(frozen_list, plan.leaks)
            lists.append(frozen_list)
            pool = pool.without(frozen_list.images)
        pools[domain] = pool
    return pools, lists


def tasks_of(plan: Plan) -> dict[str, ListedTask]:
    """The plan's tasks by their names; own ones have theirs in their TOML file.

    Raises:
        ConfigError: If two tasks have one name, or one is of another family.
    """
    loaded = [registry.listed(name) for name in plan.tasks]
    names = [task.name for task in loaded]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"two tasks are called {name}: give your own another name")
    return dict(zip(names, loaded, strict=True))


def all_present(plan: Plan, tasks: Mapping[str, Task], source: Source) -> None:
    """Insist that every file of every task and a pool for every domain are there."""
    for domain in sorted({task.info.domain for task in tasks.values()}):
        if domain not in plan.pools:
            raise ConfigError(f"the plan's tasks need a pool for {domain!r}: add it to [pools]")
        pool_files(pool_called(plan.pools[domain], domain), source)
    for task in tasks.values():
        task.files(source)


def config_of(plan: Plan, name: str, domain: Domain) -> Any:  # noqa: ANN401
    """A row's settings on a domain.

    They are a method's defaults with the plan's changes and with what tuning has found, or a file
    of weights.

    Raises:
        ConfigError: If the plan sets what the method does not have, or the weights do not suit the
            tasks' images.
    """
    if name in plan.encoders:
        return config_of_given(plan, name)
    method = method_of(plan, name)
    found = plan.tuned.get(name, {}).get(domain)
    try:
        config = changed(method.Config(), plan.config.get(name, {}), f"setting of {name}")
        if found is not None:
            config = changed(config, dict(found.config), f"tuned setting of {name}")
        if name in plan.shapes:
            config = replace(config, masks_sha256=prior_of(plan, name).sha256)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"settings of {name}: {error}") from error
    return chosen(config, plan.augmentation)


def changed(config: Any, changes: dict[str, Any], what: str) -> Any:  # noqa: ANN401
    """A dataclass with some fields changed; a table changes fields of a field."""
    new = {}
    for key, value in changes.items():
        registry.known(what, key, [field.name for field in fields(config)])
        old = getattr(config, key)
        if is_dataclass(old):
            if not isinstance(value, dict):
                raise TypeError(f"{key} must be a table with its fields, not {value!r}")
            value = changed(old, value, f"{what}'s {key}")  # noqa: PLW2901
        elif isinstance(old, tuple) and isinstance(value, list):
            value = tuple(value)  # noqa: PLW2901  (TOML has no tuples)
        new[key] = value
    return replace(config, **new)


def downstream(
    plan: Plan, given: str, task: ListedTask, source: Source, precision: Precision
) -> list[Any]:
    """A task's settings, as its family has them: of segmentation, for each label fraction.

    Raises:
        ConfigError: If there are fewer images than support images asked for.
        FractionError: If a fraction leaves nothing to train on.
    """
    split = task.split(source)
    if task.family == "landmarks":
        count = len(split.train)
        return [plan.landmarks.settings(task.name, plan.size, precision, count)]
    part = plan.downstream.of(entry(given))
    trained = {share: len(split.fraction(share, task.person)[0]) for share in part.fractions}
    return [part.settings(plan.size, precision, *row) for row in trained.items()]


def cells_of(grid: Grid) -> list[Cell]:
    """The plan's cells, seed by seed, so that a stopped run leaves whole columns."""
    plan, cells = grid.plan, []
    for seed in plan.seeds:
        for method in plan.methods:
            code = fingerprint(module_of(plan, method))
            for task in grid.tasks:
                pretrain = pretrain_key(grid, method, task, seed)
                for settings, stages in product(
                    grid.settings[task], arms(plan, method, grid.tasks[task])
                ):
                    key = CellKey(
                        method=method,
                        pretrain=pretrain.hash,
                        task=task,
                        manifest=grid.data[task].manifest,
                        protocol=protocol_of(grid.tasks[task], stages),
                        stages=stages,
                        settings=settings_of(settings, stages),
                        seed=seed,
                        threads=plan.threads,
                    )
                    encoder = folder_name(pretrain.hash, code)
                    name = folder_name(key.hash, code)
                    cells.append(Cell(key, pretrain, name, encoder, code))
    return cells


def pretrain_key(grid: Grid, method: str, task: str, seed: int) -> PretrainKey:
    """The identity of the encoder that a task of this method and seed uses."""
    plan, domain = grid.plan, grid.tasks[task].info.domain
    pool = grid.pools[domain]
    return PretrainKey(
        method=method,
        config=canonical(grid.configs[method, domain]),
        width=plan.width,
        size=plan.size,
        budget=canonical(grid.budget_of(method)),
        pool=pool.info.name,
        manifest=pool.manifest,
        excluded=pool.excluded,
        seed=seed,
        threads=plan.threads,
        ranks=plan.ranks,
    )
