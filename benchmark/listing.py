"""Rows of facts on the terminal, or as JSON."""

import json
from collections.abc import Sequence

from rich.console import Console
from rich.table import Column, Table

#: Blanks between two columns.
GAP = 2
#: No column is made narrower than this.
NARROWEST = 6


def table(
    rows: Sequence[dict[str, object]],
    columns: Sequence[str],
    *,
    as_json: bool = False,
    console: Console | None = None,
) -> None:
    """Print rows as JSON, whole, or as a table of some columns; None is printed as a dash.

    The first column is never cut; the others are broken between words where that is enough.

    Args:
        rows: Every row's facts.
        columns: Those to print.
        as_json: Whether to print JSON.
        console: Where to print a table; the terminal if None.
    """
    if as_json:
        print(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    cells = [["-" if row[name] is None else str(row[name]) for name in columns] for row in rows]
    console = console or Console(highlight=False)
    sizes = widths([list(columns), *cells], console.width)
    heads = [
        Column(name, width=size, overflow="fold", no_wrap=place == 0)
        for place, (name, size) in enumerate(zip(columns, sizes, strict=True))
    ]
    shown = Table(*heads, box=None, padding=(0, GAP, 0, 0), pad_edge=False)
    for line in cells:
        shown.add_row(*line)
    console.print(shown)


def widths(lines: Sequence[Sequence[str]], room: int) -> list[int]:
    """How wide each column is, so that only spaces are broken at, or else the longest words.

    Args:
        lines: Every row's cells, the heads' too.
        room: Characters of a line; exceeded where even ``NARROWEST`` columns do not fit.
    """
    columns = list(zip(*lines, strict=True))
    whole = [max(map(len, column)) for column in columns]
    sizes = [max(map(len, " ".join(column).split())) for column in columns]
    sizes[0] = whole[0]
    room -= GAP * (len(sizes) - 1)
    while sum(sizes) > room and max(sizes[1:]) > NARROWEST:
        sizes[1 + sizes[1:].index(max(sizes[1:]))] -= 1
    for place, wide in enumerate(whole):
        sizes[place] += max(0, min(wide - sizes[place], room - sum(sizes)))
    return sizes
