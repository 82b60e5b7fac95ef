"""``ldbench tune``: search hyperparameters on equal terms, and say what it gained."""

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from benchmark.data import Cache
from benchmark.interruption import gentle
from benchmark.options import AsJson, Changes, Data, Device, Folder, PlanFile, Pools, Scale, Tasks
from benchmark.running import Address, CheckpointSeconds, StaleSeconds, Ways, Workers


class PlanFirst(TyperGroup):
    """Takes ``tune PLAN`` for ``tune start PLAN``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401  (click's own)
        """Put the command in where it was left out."""
        if args and args[0] not in {*self.commands, "--help"}:
            args = ["start", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=PlanFirst,
    no_args_is_help=True,
    help="Search hyperparameters: `tune PLAN --trials N`, see `tune start --help`; `tune report`.",
)

Trials = Annotated[int, typer.Option(min=1, help="Of every method, its defaults among them.")]
Methods = Annotated[
    list[str] | None,
    typer.Option(
        "--method",
        "--methods",
        help="Only these of PLAN's methods; repeat for several, or part them by commas.",
    ),
]
SamplerName = Annotated[
    Literal["tpe", "random", "grid"] | None,
    typer.Option(help="Who says where a trial looks; PLAN's tuning.sampler if not given."),
]
RetryFailed = Annotated[bool, typer.Option("--retry-failed", help="Compute failed trials again.")]
Storage = Annotated[
    str | None,
    typer.Option(
        metavar="URL", help="postgresql://USER:PASSWORD@HOST/NAME; a journal file in OUT otherwise."
    ),
]


@app.command()
def start(
    plan: PlanFile,
    data: Data,
    out: Annotated[Path, typer.Option(help="Where studies go; a second call goes on there.")],
    trials: Trials,
    device: Device = "auto",
    task: Tasks = None,
    method: Methods = None,
    pool: Pools = None,
    scale: Scale = 1.0,
    changes: Changes = None,
    cache: Cache = None,
    sampler: SamplerName = None,
    storage: Storage = None,
    workers: Workers = 1,
    executor: Ways = "local",
    address: Address = "auto",
    checkpoint_seconds: CheckpointSeconds = 60.0,
    stale_seconds: StaleSeconds = 60.0,
    *,
    retry_failed: RetryFailed = False,
) -> None:
    """Have N trials of every method of PLAN on validation images; a study each, on equal terms.

    Several calls, on several machines too, may share one OUT. The same call goes on where a killed
    one stopped; a larger --trials adds to what is there.
    """
    from benchmark.changes import Of, plan_from  # noqa: PLC0415

    method = [name for given in method or () for name in given.split(",")]
    more = [*(changes or []), *([f"tuning.sampler={sampler}"] if sampler else [])]
    from benchmark.threads import cores, share  # noqa: PLC0415

    threads = share(workers if executor == "local" else cores(), out)
    checked = plan_from(plan, scale, more, Of(method, task, pool), threads)
    gentle()
    from benchmark.comparison import Way  # noqa: PLC0415
    from benchmark.executors.choice import crowded, executor_called  # noqa: PLC0415
    from benchmark.machine import device_called  # noqa: PLC0415
    from benchmark.report.tuning import publish  # noqa: PLC0415
    from benchmark.tuning.search import Search, tune  # noqa: PLC0415

    chosen = executor_called(executor, workers, address)
    way = Way(chosen, every=checkpoint_seconds, stale=stale_seconds)
    search = Search(trials, tuple(method), storage, workers, retry_failed, way)
    if executor == "local" and (
        warning := crowded(workers, checked.threads, device_called(device))
    ):
        print(warning, file=sys.stderr)
    tune(checked, data, out, device, cache, search)
    publish(out, as_json=False)


@app.command()
def report(folder: Folder, *, as_json: AsJson = False) -> None:
    """Say what tuning gained over the defaults on validation images, and draw how it went."""
    from benchmark.report.tuning import publish  # noqa: PLC0415

    publish(folder, as_json=as_json)
