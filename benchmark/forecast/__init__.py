"""What a plan will take: cells, images, operations, disk and hours, before anything is computed.

Needs the plan, the published splits and the methods, and no data.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from benchmark.arms import PROBE, arms, of_landmarks
from benchmark.computing import ready
from benchmark.forecast.classifying import Probing, probe_cell, probing
from benchmark.forecast.footprint import cell_bytes, encoder_bytes, shared_bytes
from benchmark.forecast.guiding import guided_cell
from benchmark.forecast.locating import landmark_cell
from benchmark.forecast.probe import Setting, drawing, started
from benchmark.forecast.tuning import Tuning, tuning
from benchmark.forecast.work import Counts, Work, cell, encoder, together
from benchmark.grid import config_of, configs_of, downstream, tasks_of
from benchmark.machine import precision_for
from benchmark.plan import Plan
from benchmark.rows import method_of
from methods.errors import ConfigError
from tasks import guided
from tasks.base import NORMALISATION, Domain, Source
from tasks.listed import ListedTask
from tasks.pools import pool_called, pool_files, validating

#: The published splits, whole; no file is looked at.
NOWHERE = Source(Path(), Path())


@dataclass(frozen=True, slots=True)
class Row:
    """What a method takes, or all of them: pre-training and fine-tuning."""

    method: str
    encoders: int
    cells: int
    pretraining: Work
    downstream: Work

    @property
    def work(self) -> Work:
        """Both together."""
        return together([self.pretraining, self.downstream])


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a plan takes.

    Attributes:
        rows: A method's each.
        shared: Bytes that all methods share: prepared images, and test images for pictures.
        setting: What was measured on.
    """

    rows: list[Row]
    shared: dict[str, int]
    setting: Setting

    @property
    def total(self) -> Row:
        """Everything together."""
        return Row(
            "total",
            sum(row.encoders for row in self.rows),
            sum(row.cells for row in self.rows),
            together([row.pretraining for row in self.rows]),
            together([row.downstream for row in self.rows]),
        )


@dataclass(frozen=True, slots=True)
class Grounds:
    """What a plan asks for, before any method is measured.

    Attributes:
        plan: The plan.
        setting: What is measured on.
        channels: Of the images that are measured on: an X-ray's encoder differs in its first layer
            only, so colour images stand for both where there are any.
        pools: Images of each domain's pool.
        tuning: What an image takes downstream.
        probing: What classifiers take; None if nothing is probed.
        tasks: By name.
        settings: Of each task's cells.
    """

    plan: Plan
    setting: Setting
    channels: int
    pools: dict[Domain, Counts]
    tuning: Tuning
    probing: Probing | None
    tasks: dict[str, ListedTask]
    settings: dict[str, list[Any]]

    def cell(self, stages: tuple[str, ...], task: ListedTask, chosen: Any) -> Work:  # noqa: ANN401
        """What one cell takes."""
        images = task_counts(task, chosen.fraction)
        size = cell_bytes(stages, images.test, self.plan.size)
        if of_landmarks(stages):
            return landmark_cell(stages, images, chosen, self.tuning, self.setting.width, size)
        if self.probing is not None and stages == PROBE:
            return probe_cell(images, self.tuning, self.probing, size)
        if stages in guided.CELLS:
            return guided_cell(stages, chosen, images, self.tuning, size)
        return cell(stages, chosen, images, self.tuning, size)


def forecast(plan: Plan, device: torch.device) -> Forecast:
    """Measure a step of every method and stage, and multiply by what the plan asks for.

    Raises:
        ConfigError: If a method's settings, batches or the budget do not fit it, or a task has no
            pool.
        FractionError: If a label fraction leaves nothing to train on.
    """
    threads = torch.get_num_threads()
    ready(plan.threads)
    try:
        setting = Setting(plan.width, plan.size, precision_for(plan.precision, device), device)
        tasks = tasks_of(plan)
        grounds = grounds_of(plan, setting, tasks)
        rows = [row(name, grounds) for name in plan.methods]
    finally:
        torch.set_num_threads(threads)
    whole = {}
    for name, task in tasks.items():
        split = task.split(NOWHERE)
        whole[name] = Counts(len(split.train), 0, len(split.test))
    return Forecast(rows, shared_bytes(plan, tasks, whole, grounds.pools), setting)


def grounds_of(plan: Plan, setting: Setting, tasks: dict[str, ListedTask]) -> Grounds:
    """Check that the plan can be run, as far as no data is needed, and measure what all share."""
    settings = {
        name: downstream(plan, given, task, NOWHERE, setting.precision)
        for given, (name, task) in zip(plan.tasks, tasks.items(), strict=True)
    }
    domains = sorted({task.info.domain for task in tasks.values()})
    pools = {domain: pool_counts(plan, domain) for domain in domains}
    configs_of(plan, tasks)
    channels = max(NORMALISATION[domain].channels for domain in domains)
    tuned = tuning(channels, setting)
    probed = probing(setting) if plan.downstream.probe else None
    return Grounds(plan, setting, channels, pools, tuned, probed, tasks, settings)


def row(name: str, grounds: Grounds) -> Row:
    """What a method takes."""
    plan, setting = grounds.plan, grounds.setting
    cls, config, seeds = (
        method_of(plan, name),
        # Of any domain: what tuning changes hardly changes the cost.
        config_of(plan, name, next(iter(grounds.pools))),
        len(plan.seeds),
    )
    start = started(cls, config, grounds.channels, setting)
    spent = drawing(start, setting)
    encoders = [
        encoder(
            start,
            plan.budget.of(name),
            pool,
            spent,
            grounds.tuning,
            encoder_bytes(cls, config, NORMALISATION[domain].channels, pool, setting),
        )
        for domain, pool in grounds.pools.items()
    ]
    cells = [
        grounds.cell(stages, task, chosen)
        for called, task in grounds.tasks.items()
        for stages in arms(plan, name, task)
        for chosen in grounds.settings[called]
    ]
    return Row(name, *counted(encoders, cells, seeds))


def counted(
    encoders: Sequence[Work], cells: Sequence[Work], seeds: int
) -> tuple[int, int, Work, Work]:
    """Encoders and cells of all seeds: how many, and what they take."""
    both = (together(encoders).times(seeds), together(cells).times(seeds))
    return seeds * len(encoders), seeds * len(cells), *both


def task_counts(task: ListedTask, fraction: float) -> Counts:
    """A task's images at a label fraction."""
    split = task.split(NOWHERE)
    train, validation = split.fraction(fraction, task.person)
    return Counts(len(train), len(validation), len(split.test))


def pool_counts(plan: Plan, domain: Domain) -> Counts:
    """A pool's images as published, leaks and skipped ones included; a folder's are counted.

    Raises:
        ConfigError: If the plan has no pool for the domain.
        MissingDataError: If the pool is a folder that is not there.
    """
    if domain not in plan.pools:
        raise ConfigError(f"the plan's tasks need a pool for {domain!r}: add it to [pools]")
    info = pool_called(plan.pools[domain], domain)
    count = info.images or len(pool_files(info, NOWHERE))
    held_out = validating(info, count)
    return Counts(count - held_out, held_out)
