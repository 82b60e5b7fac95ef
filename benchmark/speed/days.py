"""Days that a plan takes, from the seconds of its steps; counts as the forecast has them."""

from dataclasses import dataclass
from typing import Any

from benchmark.arms import PROBE, arms, of_landmarks
from benchmark.forecast import NOWHERE, pool_counts, task_counts
from benchmark.forecast.classifying import Probing, probe_cell
from benchmark.forecast.locating import landmark_cell
from benchmark.forecast.probe import NOTHING, Setting, Spent, Started
from benchmark.forecast.tuning import Tuning
from benchmark.forecast.work import Work, cell, encoder, together
from benchmark.grid import config_of, downstream, tasks_of
from benchmark.plan import Plan
from benchmark.speed.counting import Step, looking
from benchmark.speed.roofline import Card, terms
from methods.views import view_side
from tasks.base import Domain
from tasks.listed import ListedTask

DAY = 86400.0


@dataclass(frozen=True, slots=True)
class Counted:
    """Steps of everything in a plan.

    Attributes:
        setting: At which they were counted.
        methods: By method: it, and a step of each of its phases.
        tuned: By stage and batch size.
    """

    setting: Setting
    methods: dict[str, tuple[Started, list[Step]]]
    tuned: dict[tuple[str, int], Step]


@dataclass(frozen=True, slots=True)
class Days:
    """What a method takes, each from all fused to nothing fused."""

    method: str
    encoders: int
    cells: int
    pretraining: tuple[float, float]
    downstream: tuple[float, float]

    @property
    def least(self) -> float:
        """If all is fused."""
        return self.pretraining[0] + self.downstream[0]

    @property
    def total(self) -> float:
        """If nothing is."""
        return self.pretraining[1] + self.downstream[1]


def spent(step: Step, card: Card, *, fused: bool) -> Spent:
    """An image's share of a step."""
    found = terms(step.whole, card)
    seconds = found.fast if fused else found.slow
    count = step.images
    return Spent(step.forward.operations / count, step.whole.operations / count, seconds / count)


def configured(plan: Plan, name: str) -> Any:  # noqa: ANN401
    """A method's settings; those of any domain, since tuning hardly changes the cost."""
    return config_of(plan, name, first_domain(plan))


def first_domain(plan: Plan) -> Domain:
    """Of the plan's pools."""
    return next(iter(plan.pools))


def days(plan: Plan, found: Counted, card: Card) -> list[Days]:
    """What every method takes."""
    least, most = (seconds(plan, found, card, fused=fused) for fused in (True, False))
    return [
        Days(
            name,
            least[name][2],
            least[name][3],
            (least[name][0].seconds / DAY, most[name][0].seconds / DAY),
            (least[name][1].seconds / DAY, most[name][1].seconds / DAY),
        )
        for name in plan.methods
    ]


def seconds(
    plan: Plan, found: Counted, card: Card, *, fused: bool
) -> dict[str, tuple[Work, Work, int, int]]:
    """Each method's pre-trainings and cells: what they take, and how many there are."""
    looks = {
        name: spent(looking(found.setting, 8, decoder=decoder), card, fused=fused)
        for name, decoder in (("look", True), ("encode", False))
    }
    tuned = {place: spent(step, card, fused=fused) for place, step in found.tuned.items()}
    domains = sorted({task.info.domain for task in tasks_of(plan).values()})
    pools = [pool_counts(plan, domain) for domain in domains]
    seeds = len(plan.seeds)
    out = {}
    for name, (start, steps) in found.methods.items():
        drawn = NOTHING
        for phase, step in zip(start.method.phases, steps, strict=True):
            drawn = drawn.plus(spent(step, card, fused=fused), phase.share)
        encode = Tuning({}, **looks)
        encoders = [encoder(start, plan.budget, pool, drawn, encode, 0) for pool in pools]
        cells = [
            work
            for given, task in zip(plan.tasks, tasks_of(plan).values(), strict=True)
            for stages in arms(plan, name, task)
            for work in cells_of(plan, found, given, task, stages, tuned, looks)
        ]
        out[name] = (
            together(encoders).times(seeds),
            together(cells).times(seeds),
            seeds * len(encoders),
            seeds * len(cells),
        )
    return out


def cells_of(  # noqa: PLR0913, PLR0917  (a task's cells, and what everything takes)
    plan: Plan,
    found: Counted,
    given: str,
    task: ListedTask,
    stages: tuple[str, ...],
    tuned: dict[tuple[str, int], Spent],
    looks: dict[str, Spent],
) -> list[Work]:
    """A method's cells of one seed and task with these stages."""
    works = []
    view = (view_side(plan.size) / plan.size) ** 2
    for settings in downstream(plan, given, task, NOWHERE, found.setting.precision):
        images = task_counts(task, settings.fraction)
        own = {
            stage: spent for (stage, batch), spent in tuned.items() if batch == settings.batch_size
        }
        if of_landmarks(stages):
            width = found.setting.width
            works.append(landmark_cell(stages, images, settings, Tuning({}, **looks), width, 0))
            continue
        chosen = Tuning(own | {"direct": own["finetuned"]}, **looks)
        if stages == PROBE:
            probing = Probing(0.0, 0.0, 1.0 + 2.0 * view)
            works.append(probe_cell(images, chosen, probing, 0))
        else:
            works.append(cell(stages, settings, images, chosen, 0))
    return works
