"""Rows of facts on the terminal, or as JSON."""

import json
from collections.abc import Sequence

from rich.console import Console
from rich.table import Column, Table

#: Blanks between two columns.
GAP = 2


def table(
    rows: Sequence[dict[str, object]], columns: Sequence[str], *, as_json: bool = False
) -> None:
    """Print rows as JSON, whole, or as a table of some columns; None is printed as a dash.

    The first column is never cut; the others are broken between words where that is enough.
    """
    if as_json:
        print(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    cells = [["-" if row[name] is None else str(row[name]) for name in columns] for row in rows]
    console = Console(highlight=False)
    sizes = widths([list(columns), *cells], console.width)
    heads = [
        Column(name, width=size, overflow="fold", no_wrap=place == 0)
        for place, (name, size) in enumerate(zip(columns, sizes, strict=True))
    ]
    shown = Table(*heads, box=None, padding=(0, GAP, 0, 0), pad_edge=False)
    for line in cells:
        shown.add_row(*line)
    console.print(shown)


def widths(lines: Sequence[Sequence[str]], room: int) -> list[int | None]:
    """How wide each column is, so that only spaces are broken at; None where that cannot be.

    Args:
        lines: Every row's cells, the heads' too.
        room: Characters of a line.
    """
    whole = [max(map(len, column)) for column in zip(*lines, strict=True)]
    least = [
        max(len(word) for cell in column for word in (cell.split() or [""]))
        for column in zip(*lines, strict=True)
    ]
    least[0] = whole[0]
    spare = room - sum(least) - GAP * (len(least) - 1)
    if spare < 0:
        return [None] * len(least)
    sizes: list[int | None] = []
    for narrow, wide in zip(least, whole, strict=True):
        more = min(wide - narrow, spare)
        sizes.append(narrow + more)
        spare -= more
    return sizes
