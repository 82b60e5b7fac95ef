"""Whether a plan's shape priors may be used on its tasks."""

from collections.abc import Mapping

from benchmark.plan import Plan, entry
from benchmark.rows import prior_of
from methods.errors import ConfigError
from tasks.base import Source
from tasks.listed import ListedTask
from tasks.segmentation import SegmentationTask


def check_priors(plan: Plan, tasks: Mapping[str, ListedTask], source: Source) -> None:
    """Insist that no prior is made of a task's own masks, unless the plan leaves that cell out.

    Files are compared by their bytes; masks stored anew are not recognised.

    Raises:
        ConfigError: Naming the file and what to do.
    """
    for row in plan.shapes:
        own = {digest: path for path, digest in prior_of(plan, row).files.items()}
        for given, (name, task) in zip(plan.tasks, tasks.items(), strict=True):
            cell = f"{row}/{entry(given)}"
            if not own or cell in plan.skip or not isinstance(task, SegmentationTask):
                continue
            split = task.split(source)
            examples = [task.example(source.root, each) for each in split.train + split.test]
            masks = [path for example in examples for path in example.masks]
            known = source.hashes(name, sorted(set(masks)))
            for place, digest in known.items():
                if digest in own:
                    raise ConfigError(
                        f"[shapes.{row}]: {own[digest]} is {place}, a mask of the task {name}, "
                        "which no training may see: give other masks, or leave the cell out by "
                        f'[skip] "{cell}" = "its own masks"'
                    )
