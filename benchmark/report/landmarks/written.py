"""Landmark tables as CSV, Markdown, JSON and LaTeX, and on the terminal."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchmark.durable import put_file
from benchmark.report.landmarks.board import LandmarkBoard
from benchmark.report.latex import escaped

#: Of the files' names.
STEM = "landmarks"


def write_landmarks(
    boards: Sequence[LandmarkBoard], out: Path, seed: int, ending: str = ""
) -> list[Path]:
    """Write the tables, a file of each kind; none if there are no tables.

    Args:
        boards: One a task.
        out: Folder to write to.
        seed: Of the bootstrap, to be noted.
        ending: Of the files' names before the point.

    Raises:
        StoreError: If there is no room or no permission.
    """
    if not boards:
        return []
    record = {"bootstrap seed": seed, "landmarks": [board.record() for board in boards]}
    texts = {
        "csv": csv(boards),
        "md": "# Landmarks\n\n" + "\n".join(map(markdown, boards)).rstrip("\n") + "\n",
        "json": json.dumps(record, indent=1, allow_nan=False, ensure_ascii=False) + "\n",
        "tex": "\n".join(map(latex, boards)),
    }
    for end, text in texts.items():
        put_file(out / f"{STEM}{ending}.{end}", text)
    return [out / f"{STEM}{ending}.{end}" for end in texts]


def csv(boards: Sequence[LandmarkBoard]) -> str:
    """A line a row of every task; every estimate as three columns x, x_low, x_high."""
    lines = []
    for board in boards:
        for row in board.rows:
            line: dict[str, Any] = {"task": board.task, "source": board.source}
            line |= {"method": row.method, "stage": row.stage, "window": board.window}
            for metric, score in row.scores.items():
                names = (metric, f"{metric}_low", f"{metric}_high")
                line |= dict(zip(names, score.record().values(), strict=True))
            line["spread_over_supports_px"] = row.spread
            line |= dict(zip(("cells", "cells_asked"), row.cells, strict=True))
            line |= {f"error_px_at_window_{w}": error for w, error in row.windows.items()}
            lines.append(line)
    return str(pd.DataFrame(lines).to_csv(index=False, lineterminator="\n"))


def markdown(board: LandmarkBoard) -> str:
    """A heading, the table, the effect of the window, and the notes."""
    parts = [f"## {board.title}", "", *piped(board.lines()), ""]
    if windows := board.window_lines():
        parts += [*piped(windows), ""]
    return "\n".join([*parts, *(f"- {note}" for note in board.notes), ""])


def piped(lines: Sequence[Sequence[str]]) -> list[str]:
    """A table's lines as Markdown."""
    head, *rest = lines
    return ["| " + " | ".join(line) + " |" for line in (head, ["---"] * len(head), *rest)]


def latex(board: LandmarkBoard) -> str:
    """The table for papers: needs booktabs, and graphicx for its width."""
    head, *rows = board.lines()
    return "\n".join(
        [
            r"% \usepackage{booktabs,graphicx}",
            r"\begin{table*}",
            r"\centering",
            rf"\caption{{{escaped(board.title)}. Errors: lower is better.}}",
            r"\resizebox{\textwidth}{!}{%",
            rf"\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}",
            r"\toprule",
            " & ".join(map(escaped, head)) + r" \\",
            r"\midrule",
            *(" & ".join(map(escaped, row)) + r" \\" for row in rows),
            r"\bottomrule",
            r"\end{tabular}}",
            r"\par\raggedright\footnotesize",
            *(escaped(note) for note in board.notes),
            r"\end{table*}",
            "",
        ]
    )


def print_landmarks(boards: Sequence[LandmarkBoard], console: Console) -> None:
    """Show every table with its notes."""
    for board in boards:
        console.print(Text(board.title, style="bold"))
        for lines in (board.lines(), board.window_lines()):
            if lines:
                console.print(shown(lines))
        for note in board.notes:
            console.print(Text(f"- {note}"))
        console.print()


def shown(lines: Sequence[Sequence[str]]) -> Table:
    """A table for the terminal, the interval below its value."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for name in lines[0]:
        table.add_column(Text(name), overflow="fold")
    for line in lines[1:]:
        table.add_row(*(Text(text.replace(" [", "\n[", 1)) for text in line))
    return table
