"""Arguments to calls. Everything heavy is imported by the command that needs it."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from benchmark.data import Cache
from benchmark.data import app as data_app
from benchmark.extend import app as new_app
from benchmark.extend import check
from benchmark.share import export, import_cells
from methods.errors import InputError

app = typer.Typer(
    help="Which self-supervised pre-training gives medical images the best features, "
    "and how sure are we?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

#: Exit codes besides 0: some cells failed; the user's mistake.
SOME_FAILED, MISTAKE = 1, 2

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
PlanFile = Annotated[Path, typer.Argument(metavar="PLAN", help="A TOML file, see benchmark/plans.")]
Data = Annotated[str, typer.Option(help='Folder of the data sets, or "phantom".')]
Out = Annotated[Path, typer.Option(help="Where results go; a second call continues there.")]
Device = Annotated[str, typer.Option(help='"auto", "cpu" or "cuda".')]
Only = Annotated[
    list[str] | None, typer.Option(help="Only these of PLAN's methods; repeat for several.")
]
Pools = Annotated[
    list[str] | None,
    typer.Option(
        metavar="[DOMAIN=]PATH",
        help="Pre-train on another pool or a folder of images instead of the plan's.",
    ),
]
Ways = Literal["local", "ray"]
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="Where a plan was run to.")]


def main() -> int:
    """Run the command line; the user's mistakes end in one line and exit code 2."""
    try:
        code = app(standalone_mode=False)
    except InputError as error:
        print(f"ldbench: {error}", file=sys.stderr)
        return MISTAKE
    except typer.Abort:
        return MISTAKE
    except Exception as error:
        if hasattr(error, "show") and hasattr(error, "exit_code"):  # typer's own usage errors
            error.show()
            return int(error.exit_code)
        raise
    return int(code or 0)


app.add_typer(data_app, name="data")
app.add_typer(new_app, name="new")
app.command()(check)
app.command()(export)
app.command("import")(import_cells)


@app.command()
def run(
    plan: PlanFile,
    data: Data,
    out: Out,
    device: Device = "auto",
    task: Annotated[
        list[str] | None, typer.Option(help="Only these of PLAN's tasks; repeat for several.")
    ] = None,
    method: Only = None,
    pool: Pools = None,
    cache: Cache = None,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="METHOD/TASK", help="Compute these alone; the others stay missing."),
    ] = None,
    workers: Annotated[
        int, typer.Option(min=1, help="Processes to compute in; each uses PLAN's threads.")
    ] = 1,
    executor: Annotated[
        Ways, typer.Option(help='"local" processes, or a "ray" cluster (needs ldbench[ray]).')
    ] = "local",
    address: Annotated[str, typer.Option(help="Of the Ray cluster.")] = "auto",
    checkpoint_seconds: Annotated[
        float, typer.Option(min=0, help="Between two checkpoints of a training.")
    ] = 60.0,
    stale_seconds: Annotated[
        float, typer.Option(min=0.5, help="Of silence, after which a worker counts as dead.")
    ] = 60.0,
    *,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Compute failed cells again.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be computed, and end.")
    ] = False,
) -> int:
    """Compute every cell of PLAN that OUT lacks, then print and write the leaderboard.

    Several calls, on several machines too, may share one OUT: each cell is computed by one.
    """
    from benchmark.plan import read_plan, with_methods, with_pools, with_tasks  # noqa: PLC0415

    some = with_methods(with_tasks(read_plan(plan), task or []), method or [])
    checked = with_pools(some, pool or [])
    from benchmark.comparison import Way, compare, left_to_do  # noqa: PLC0415
    from benchmark.executors.choice import executor_called  # noqa: PLC0415

    chosen = executor_called(executor, workers, address)
    way = Way(chosen, tuple(only or ()), retry_failed, checkpoint_seconds, stale_seconds)
    if dry_run:
        cells = left_to_do(checked, data, out, device, cache, way)
        for cell in cells:
            print(f"would compute {cell.label}")
        print(f"{len(cells)} cells to compute")
        return 0
    failed = compare(checked, data, out, device, cache, way)
    show(out, stale="leave out")
    return SOME_FAILED if failed else 0


@app.command()
def pretrain(
    plan: PlanFile,
    data: Data,
    out: Out,
    device: Device = "auto",
    method: Only = None,
    pool: Pools = None,
    cache: Cache = None,
) -> None:
    """Train every encoder of PLAN that OUT lacks, nothing downstream; draw the loss curves."""
    from benchmark.plan import read_plan, with_methods, with_pools  # noqa: PLC0415

    checked = with_pools(with_methods(read_plan(plan), method or []), pool or [])
    from benchmark.comparison import pretrain_all  # noqa: PLC0415
    from benchmark.report.publish import print_courses  # noqa: PLC0415

    print_courses(out, pretrain_all(checked, data, out, device, cache), checked.title)


@app.command()
def leaderboard(
    folder: Folder,
    *,
    as_json: AsJson = False,
    stale: Annotated[
        bool, typer.Option("--stale", help="Show cells of older code too, marked as stale.")
    ] = False,
) -> None:
    """Print the leaderboard of DIR and write it as CSV, Markdown, JSON and figures."""
    show(folder, as_json=as_json, stale="mark" if stale else "refuse")


def show(
    folder: Path,
    *,
    as_json: bool = False,
    stale: Literal["refuse", "mark", "leave out"],
) -> None:
    """Write every table and figure of a results folder, and print the tables."""
    from benchmark.report.publish import publish  # noqa: PLC0415

    publish(folder, as_json=as_json, stale=stale)


@app.command()
def status(folder: Folder, *, as_json: AsJson = False) -> None:
    """Say how every cell stands that was asked of DIR, those that are not done one by one."""
    from benchmark.report.standing import show_status  # noqa: PLC0415

    show_status(folder, as_json=as_json)


@app.command()
def methods(
    *,
    as_json: AsJson = False,
    cost: Annotated[
        bool, typer.Option("--cost", help="Measure what each spends on an image, against SimCLR.")
    ] = False,
) -> None:
    """List the methods, ours and those of installed packages; only --cost imports them."""
    from dataclasses import asdict  # noqa: PLC0415

    from benchmark import registry  # noqa: PLC0415
    from benchmark.listing import table  # noqa: PLC0415

    if cost:
        from benchmark.cost import costs  # noqa: PLC0415

        rows = costs(registry.methods())
        columns: tuple[str, ...] = tuple(rows[0])
    else:
        rows = [{"name": name, **asdict(listed)} for name, listed in registry.methods().items()]
        columns = ("name", "title", "family", "year", "source", "backend")
    table(rows, columns, as_json=as_json)


@app.command()
def tasks(*, as_json: AsJson = False) -> None:
    """List the twelve tasks, the extras and those of installed packages, with owners and terms."""
    from dataclasses import asdict, fields  # noqa: PLC0415

    from benchmark import registry  # noqa: PLC0415
    from benchmark.listing import table  # noqa: PLC0415
    from tasks import EXTRAS, TASKS  # noqa: PLC0415
    from tasks.base import TaskInfo  # noqa: PLC0415

    rows: list[dict[str, object]] = [
        {"name": name, "part": part, **asdict(registry.task(name).info)}
        for part, names in (("twelve", TASKS), ("extra", EXTRAS))
        for name in names
    ]
    unknown = dict.fromkeys(entry.name for entry in fields(TaskInfo))  # until it is imported
    rows += [
        {"name": name, "part": "outside", **unknown, "title": name, "dataset": other.package}
        for name, other in registry.outside_tasks().items()
    ]
    table(rows, ("name", "part", "title", "domain", "kind", "dataset", "terms"), as_json=as_json)
