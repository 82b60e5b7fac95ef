"""``ldbench report``: every figure, and one HTML file with all that is known."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from benchmark.options import Folder, Seeds


def report(
    folder: Folder,
    seed: Seeds = None,
    *,
    stale: Annotated[
        bool, typer.Option("--stale", help="Show cells of older code too, marked as stale.")
    ] = False,
) -> None:
    """Draw every figure of DIR as PNG and SVG, and write report.html: tables, figures, claims."""
    write(folder, stale="mark" if stale else "refuse", seeds=seed or ())


def write(
    folder: Path, *, stale: Literal["refuse", "mark", "leave out"], seeds: Sequence[int] = ()
) -> None:
    """Write a report and say where."""
    from rich.console import Console  # noqa: PLC0415

    from benchmark.report.reported import write_report  # noqa: PLC0415

    page, *figures = write_report(folder, stale=stale, seeds=seeds)
    console = Console(highlight=False, soft_wrap=True, markup=False)
    console.print(f"  {page}: tables, figures, and where every number is from; for a browser")
    for drawn in sorted({path.parent for path in figures}):
        console.print(f"  {drawn}: {sum(path.parent == drawn for path in figures)} files")
