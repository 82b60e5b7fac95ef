"""``ldbench shape-guided``: vessels without labels, by the shapes of another modality."""

from functools import wraps
from typing import Any

from benchmark.running import run
from methods.errors import ConfigError


@wraps(run, assigned=("__annotations__",))
def shape_guided(**options: Any) -> int:  # noqa: ANN401  (those of `ldbench run`)
    """Compute every cell of PLAN, which has [shapes], that OUT lacks; print the table of them.

    As `ldbench run`, which computes the same cells. No label of a task's own images is used but to
    score, except by the row named oracle; a prior may be masks of other images.
    """
    from benchmark.changes import Of, plan_from  # noqa: PLC0415

    chosen = Of(options["method"], options["task"], options["pool"])
    if not plan_from(options["plan"], options["scale"], options["changes"], chosen).shapes:
        raise ConfigError(
            f"{options['plan']} has no shape prior: add a table [shapes.NAME] with masks, and NAME "
            "to methods"
        )
    return run(**options)
