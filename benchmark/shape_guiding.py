"""``ldbench shape-guided``: vessels without labels, by the shapes of another modality."""

from benchmark.data import Cache
from benchmark.options import Changes, Data, Device, Only, Out, PlanFile, Pools, Scale, Tasks
from benchmark.running import (
    CheckpointSeconds,
    DryRun,
    Pairs,
    RetryFailed,
    StaleSeconds,
    Workers,
    run,
)
from methods.errors import ConfigError


def shape_guided(
    plan: PlanFile,
    data: Data,
    out: Out,
    device: Device = "auto",
    task: Tasks = None,
    method: Only = None,
    pool: Pools = None,
    scale: Scale = 1.0,
    changes: Changes = None,
    cache: Cache = None,
    only: Pairs = None,
    workers: Workers = 1,
    checkpoint_seconds: CheckpointSeconds = 60.0,
    stale_seconds: StaleSeconds = 60.0,
    *,
    retry_failed: RetryFailed = False,
    dry_run: DryRun = False,
) -> int:
    """Compute every cell of PLAN, which has [shapes], that OUT lacks; print the table of them.

    As `ldbench run`, which computes the same cells: no vessel label is used but to score.
    """
    from benchmark.changes import Of, plan_from  # noqa: PLC0415
    from benchmark.threads import share  # noqa: PLC0415

    if not plan_from(plan, scale, changes, Of(method, task, pool), share(workers, out)).shapes:
        raise ConfigError(
            f"{plan} has no shape prior: add a table [shapes.NAME] with masks, and NAME to methods"
        )
    return run(
        plan,
        data,
        out,
        device=device,
        task=task,
        method=method,
        pool=pool,
        scale=scale,
        changes=changes,
        cache=cache,
        only=only,
        workers=workers,
        checkpoint_seconds=checkpoint_seconds,
        stale_seconds=stale_seconds,
        retry_failed=retry_failed,
        dry_run=dry_run,
    )
