"""Arguments to calls. Everything heavy is imported by the command that needs it."""

import os
import sys
from typing import Annotated, Literal

import typer

from benchmark.claiming import claim
from benchmark.comparing import Metric, compare
from benchmark.data import Cache
from benchmark.data import app as data_app
from benchmark.exploring import explore
from benchmark.extend import app as new_app
from benchmark.extend import check
from benchmark.options import (
    AsJson,
    Changes,
    Data,
    Device,
    Folder,
    Only,
    Out,
    PlanFile,
    Pools,
    Scale,
    Seeds,
)
from benchmark.ordering import order
from benchmark.planning import plan
from benchmark.reporting import report
from benchmark.running import SOME_FAILED, run
from benchmark.shape_guiding import shape_guided
from benchmark.share import export, import_cells
from benchmark.tune import app as tune_app
from methods.errors import InputError, TrainingError

app = typer.Typer(
    help="Which self-supervised pre-training gives medical images the best features, "
    "and how sure are we?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # boxes around the help take three tenths of a second to import
    context_settings={"max_content_width": 100},
)

#: Exit code of the user's mistakes.
MISTAKE = 2
#: What shells give a program that Ctrl-C has ended.
INTERRUPTED = 130

#: Exit code of an audit that finds a fault.
UNFAIR = 1

AuditAxis = Literal["images", "steps", "flops", "seconds"]


def main() -> int:
    """Run the command line; the user's mistakes end in one line and exit code 2."""
    try:
        code = app(standalone_mode=False)
    except InputError as error:
        print(f"ldbench: {error}", file=sys.stderr)
        return MISTAKE
    except TrainingError as error:
        print(f"ldbench: {type(error).__name__}: {error}", file=sys.stderr)
        return SOME_FAILED
    except (typer.Abort, KeyboardInterrupt):
        print("ldbench: interrupted; what is finished is kept, run again to go on", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        if hasattr(error, "show") and hasattr(error, "exit_code"):  # typer's own usage errors
            error.show()
            return int(error.exit_code)
        raise
    return int(code or 0)


app.add_typer(data_app, name="data")
app.add_typer(new_app, name="new")
app.add_typer(tune_app, name="tune")
app.command()(check)
app.command()(claim)
app.command()(compare)
app.command()(explore)
app.command()(order)
app.command()(plan)
app.command()(export)
app.command("import")(import_cells)
app.command()(report)
app.command()(run)
app.command()(shape_guided)


@app.command()
def pretrain(
    plan: PlanFile,
    data: Data,
    out: Out,
    device: Device = "auto",
    method: Only = None,
    pool: Pools = None,
    scale: Scale = 1.0,
    changes: Changes = None,
    cache: Cache = None,
) -> None:
    """Train every encoder of PLAN that OUT lacks, nothing downstream; draw the loss curves."""
    from benchmark.changes import Of, plan_from  # noqa: PLC0415
    from benchmark.threads import ranks_here, share  # noqa: PLC0415

    checked = plan_from(plan, scale, changes, Of(method, pools=pool), share(ranks_here(), out))
    from benchmark.pretraining import pretrain_all  # noqa: PLC0415
    from benchmark.report.courses import print_courses  # noqa: PLC0415

    names = pretrain_all(checked, data, out, device, cache)
    if os.environ.get("RANK", "0") == "0":
        print_courses(out, names, checked.title)


@app.command()
def leaderboard(
    folder: Folder,
    metric: Metric = "dice",
    by: Annotated[
        Literal["domain", "kind", "fraction"] | None,
        typer.Option(
            help="Take the tables apart: by the tasks' domain, lesions against anatomy, "
            "or the share of the labels."
        ),
    ] = None,
    seed: Seeds = None,
    *,
    as_json: AsJson = False,
    stale: Annotated[
        bool, typer.Option("--stale", help="Show cells of older code too, marked as stale.")
    ] = False,
) -> None:
    """Print the leaderboard of DIR and write it as CSV, Markdown, LaTeX, JSON and HTML."""
    from benchmark.report.publish import publish  # noqa: PLC0415

    publish(
        folder,
        as_json=as_json,
        stale="mark" if stale else "refuse",
        metric=metric,
        by=by,
        seeds=seed or (),
    )


@app.command()
def status(folder: Folder, *, as_json: AsJson = False) -> None:
    """Say how every cell stands that was asked of DIR, those that are not done one by one."""
    from benchmark.report.standing import show_status  # noqa: PLC0415

    show_status(folder, as_json=as_json)


@app.command()
def audit(
    folder: Folder,
    axis: Annotated[
        AuditAxis | None, typer.Option(help="What methods must have spent alike; the plan's.")
    ] = None,
    tolerance: Annotated[
        float | None, typer.Option(min=0, help="By how many per cent they may differ; the plan's.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> int:
    """Say what each method of DIR has cost; fail if they may not be compared, and say why."""
    from benchmark.report.auditing import show_audit  # noqa: PLC0415

    findings = show_audit(folder, axis=axis, tolerance=tolerance, as_json=as_json)
    return UNFAIR if findings else 0


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
    """List the twelve tasks, extras, landmarks and installed packages' ones, with their terms."""
    from dataclasses import asdict, fields  # noqa: PLC0415

    from benchmark import registry  # noqa: PLC0415
    from benchmark.listing import table  # noqa: PLC0415
    from tasks import EXTRAS, LANDMARKS, TASKS  # noqa: PLC0415
    from tasks.base import TaskInfo  # noqa: PLC0415

    rows: list[dict[str, object]] = [
        {"name": name, "part": part, **asdict(registry.task(name).info)}
        for part, names in (("twelve", TASKS), ("extra", EXTRAS), ("landmark", LANDMARKS))
        for name in names
    ]
    unknown = dict.fromkeys(entry.name for entry in fields(TaskInfo))  # until it is imported
    rows += [
        {"name": name, "part": "outside", **unknown, "title": name, "dataset": other.package}
        for name, other in registry.outside_tasks().items()
    ]
    table(rows, ("name", "part", "title", "domain", "kind", "dataset", "terms"), as_json=as_json)
