"""``ldbench compare``: one method beside each rival, and how sure that is."""

from typing import Annotated, Literal

import typer

from benchmark.options import AsJson, Folder, Seeds

Method = Annotated[str, typer.Argument(metavar="METHOD", help="Whom to set beside all others.")]
Stage = Annotated[
    Literal["frozen", "finetuned", "direct", "probe", "neighbours"],
    typer.Option(help="Of fine-tuning, or of what frozen features tell."),
]
Metric = Annotated[Literal["dice", "iou", "hd95"], typer.Option(help="Of the scores.")]
Task = Annotated[str | None, typer.Option(help="One task's images; all tasks' if not given.")]


def compare(
    folder: Folder,
    method: Method,
    stage: Stage = "finetuned",
    metric: Metric = "dice",
    task: Task = None,
    seed: Seeds = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Set METHOD beside each rival in DIR: intervals, odds, tests, and what could be detected."""
    from benchmark.report.compared import show_comparison  # noqa: PLC0415
    from benchmark.report.gathered import gather  # noqa: PLC0415

    found = gather(folder, "leave out", seed or ())
    show_comparison(found, method, stage=stage, metric=metric, task=task, as_json=as_json)
