"""``ldbench order``: whether the methods keep their order from table to table."""

from pathlib import Path
from typing import Annotated

import typer

from benchmark.comparing import Metric, Stage
from benchmark.options import AsJson, Seeds

Folders = Annotated[
    list[Path], typer.Argument(metavar="DIR...", help="Where plans were run to; the first leads.")
]


def order(
    folders: Folders,
    stage: Stage = "finetuned",
    metric: Metric = "dice",
    seed: Seeds = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Hold every stage and label fraction of each DIR against one table of the first DIR."""
    from benchmark.report.ordered import show_orders  # noqa: PLC0415

    show_orders(folders, stage=stage, metric=metric, seeds=seed or (), as_json=as_json)
