"""``ldbench run``: a plan from start to end."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from benchmark.data import Cache
from benchmark.interruption import gentle
from benchmark.options import Changes, Data, Device, Only, Out, PlanFile, Pools, Scale, Tasks

#: Exit code if some cells have failed.
SOME_FAILED = 1

Pairs = Annotated[
    list[str] | None,
    typer.Option(metavar="METHOD/TASK", help="Compute these alone; the others stay missing."),
]
Workers = Annotated[
    int,
    typer.Option(
        min=1,
        help="Processes to compute in; they divide the cores, unless PLAN has a number of threads.",
    ),
]
Ways = Annotated[
    Literal["local", "ray"],
    typer.Option(help='"local" processes, or a "ray" cluster.'),
]
Address = Annotated[str, typer.Option(help="Of the Ray cluster.")]
CheckpointSeconds = Annotated[
    float, typer.Option(min=0, help="Between two checkpoints of a training.")
]
StaleSeconds = Annotated[
    float, typer.Option(min=0.5, help="Of silence, after which a worker counts as dead.")
]
Tuned = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="With the best trials of `ldbench tune PLAN --out DIR`."),
]
RetryFailed = Annotated[bool, typer.Option("--retry-failed", help="Compute failed cells again.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be computed, and end.")]


def run(
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
    tuned: Tuned = None,
    only: Pairs = None,
    workers: Workers = 1,
    executor: Ways = "local",
    address: Address = "auto",
    checkpoint_seconds: CheckpointSeconds = 60.0,
    stale_seconds: StaleSeconds = 60.0,
    *,
    retry_failed: RetryFailed = False,
    dry_run: DryRun = False,
) -> int:
    """Compute every cell of PLAN that OUT lacks, then print and write the leaderboard.

    Several calls, on several machines too, may share one OUT: each cell is computed by one.
    """
    from benchmark.changes import Of, plan_from  # noqa: PLC0415
    from benchmark.threads import cores, share  # noqa: PLC0415

    # A task of Ray's has a thread: as many run as there are cores.
    threads = share(workers if executor == "local" else cores(), out)
    checked = plan_from(plan, scale, changes, Of(method, task, pool), threads)
    if tuned is not None:
        from benchmark.tuned import remarks, with_tuned  # noqa: PLC0415

        checked = with_tuned(checked, tuned)
        for remark in remarks(checked, tuned):
            print(remark, file=sys.stderr)
    from benchmark.again import Call, ended_badly  # noqa: PLC0415

    call = Call(checked, data, out, device, cache)
    # Without torch, whose import alone takes seconds.
    if not (only or retry_failed or dry_run) and (names := call.finished()) is not None:
        bad = ended_badly(out, names)
        print(f"0 cells computed, {len(names)} kept, {bad} not done")
        if (table := call.table()) is None:
            show(out)
            call.note_table()
        else:
            print(table)
        return SOME_FAILED if bad else 0
    gentle()
    from benchmark.comparison import Way, compare, left_to_do  # noqa: PLC0415
    from benchmark.executors.choice import crowded, executor_called  # noqa: PLC0415
    from benchmark.machine import device_called  # noqa: PLC0415

    chosen = executor_called(executor, workers, address)
    if executor == "local" and (
        warning := crowded(workers, checked.threads, device_called(device))
    ):
        print(warning, file=sys.stderr)
    way = Way(chosen, tuple(only or ()), retry_failed, checkpoint_seconds, stale_seconds)
    if dry_run:
        cells = left_to_do(checked, data, out, device, cache, way)
        for cell in cells:
            print(f"would compute {cell.label}")
        print(f"{len(cells)} cells to compute")
        return 0
    failed = compare(checked, data, out, device, cache, way)
    show(out)
    call.note_table()
    return SOME_FAILED if failed else 0


def show(folder: Path) -> None:
    """Write every table and figure of a results folder, and print the tables."""
    from benchmark.report.publish import publish  # noqa: PLC0415
    from benchmark.reporting import write  # noqa: PLC0415

    publish(folder, as_json=False, stale="leave out")
    write(folder, stale="leave out")
