"""The options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

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
Changes = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Another value than PLAN's, as TOML writes it: size=64, budget.images=3200.",
    ),
]
Scale = Annotated[
    float, typer.Option(help="Share of PLAN's images drawn and fine-tuning steps, in (0, 1].")
]
Tasks = Annotated[
    list[str] | None, typer.Option(help="Only these of PLAN's tasks; repeat for several.")
]
Seeds = Annotated[
    list[int] | None,
    typer.Option("--seed", help="Only scores of this seed count; repeat for several."),
]
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="Where a plan was run to.")]
