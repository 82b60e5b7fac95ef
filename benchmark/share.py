"""``ldbench export`` and ``ldbench import``: results from one folder into another."""

from pathlib import Path
from typing import Annotated

import typer

from methods.errors import InputError

#: Signs of a message about a file that somebody else has written.
LONGEST = 600


def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where a plan was run to.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The archive to write.")],
    method: Annotated[
        list[str] | None, typer.Option(help="Only these methods' cells; repeat for several.")
    ] = None,
    *,
    stale: Annotated[
        bool, typer.Option("--stale", help="Cells of older code of their methods, too.")
    ] = False,
    encoders: Annotated[
        bool, typer.Option("--encoders", help="Their pre-trained encoders, too.")
    ] = False,
) -> None:
    """Write DIR's finished cells into one file, for somebody else's table; no image goes along."""
    from benchmark import sharing  # noqa: PLC0415

    done = sharing.export(folder, file, method or (), stale=stale, encoders=encoders)
    left = ", ".join(f"{count} {state}" for state, count in done.left.items())
    print(
        f"{done.cells} cells of {', '.join(done.methods)} and {done.encoders} encoders exported to "
        f"{file}{f'; left out: {left}' if left else ''}"
    )


def import_cells(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `ldbench export` wrote.")],
    out: Annotated[Path, typer.Option(help="The results folder to add them to, or a new one.")],
) -> None:
    """Add FILE's cells to a results folder; all is checked first, and nothing is overwritten."""
    from benchmark.receiving import take_in  # noqa: PLC0415

    try:
        done = take_in(file, out)
    except InputError as error:  # it may quote the file, which may hold anything
        text = "".join(sign if sign.isprintable() else " " for sign in str(error))
        raise InputError(text[:LONGEST]) from error
    print(f"{done.cells} cells imported, {done.cells_kept} kept as they were")
    if done.encoders + done.encoders_kept:
        print(f"{done.encoders} encoders imported, {done.encoders_kept} kept as they were")
