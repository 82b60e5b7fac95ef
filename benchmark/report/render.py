"""Leaderboards as files and on the terminal; the only part of the report that writes."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchmark.durable import put_file
from benchmark.report.board import SUMMARY, Leaderboard
from benchmark.report.footers import ORACLE
from benchmark.report.latex import latex
from benchmark.report.leaderboard import sampled
from benchmark.report.prices import PRICES, Price
from benchmark.report.sampled import Sampled
from benchmark.report.selection import PROBED, STAGES


@dataclass(frozen=True, slots=True)
class About:
    """What boards say besides what their scores do.

    Attributes:
        footers: After a board's own notes.
        stale: Methods to mark, because other code than today's has computed some of their cells.
        oracle: Whether test images chose the checkpoints.
        prices: What a pre-training of each method has cost.
    """

    footers: Sequence[str] = ()
    stale: Collection[str] = ()
    oracle: bool = False
    prices: Mapping[str, Price] = field(default_factory=dict)


NOTHING_MORE = About()


def boards_of(
    frame: pd.DataFrame,
    *,
    seed: int,
    metric: str = "dice",
    about: About = NOTHING_MORE,
    part: str = "",
) -> list[Leaderboard]:
    """Each stage's leaderboard; see ``sampled_of``."""
    found = sampled_of(frame, seed=seed, metric=metric, about=about, part=part)
    return [each.board for each in found]


def sampled_of(
    frame: pd.DataFrame,
    *,
    seed: int,
    metric: str = "dice",
    about: About = NOTHING_MORE,
    part: str = "",
) -> list[Sampled]:
    """Each stage's leaderboard with its draws, all the same random ones.

    Args:
        frame: One row per score; see the design guide, section 8.
        seed: Of the bootstrap.
        metric: A name in ``SCALES``.
        about: What else every board has to say.
        part: Which of the tasks are in the frame; "" for all.

    Returns:
        None if all scores are of stages that have a table of their own.

    Raises:
        ValueError: If the frame is inconsistent; see ``leaderboard``.
    """
    stages = [stage for stage in STAGES if (frame["stage"] == stage).any()]
    if frame.empty:
        stages = [STAGES[0]]
    found = [
        sampled(frame, np.random.default_rng(seed), stage=stage, metric=metric) for stage in stages
    ]
    return [replace(each, board=told(each.board, about, part)) for each in found]


def told(board: Leaderboard, about: About, part: str) -> Leaderboard:
    """A board with what else it has to say."""
    # What is not trained has no checkpoints to choose.
    oracle = about.oracle and board.stage not in PROBED
    return replace(
        board,
        rows=tuple(replace(row, stale=row.method in about.stale) for row in board.rows),
        notes=(*board.notes, *about.footers, *([ORACLE] if oracle else [])),
        oracle=oracle,
        prices=about.prices,
        part=part,
    )


def print_leaderboard(board: Leaderboard, console: Console) -> None:
    """Show ranks and gains, then the scores in as many tables as the terminal's width asks for."""
    console.print(Text(board.title, style="bold red" if board.oracle else "bold"))
    if board.rows:
        cell = str if console.width >= 100 else _two_lines
        summary = [[cell(text) for text in board.summary(row)] for row in board.rows]
        console.print(_table(SUMMARY, summary))
        names = [row.label for row in board.rows]
        cells = [[_two_lines(cell) for cell in board.cells(row)] for row in board.rows]
        for block in _blocks(cells, max(map(len, names)), console.width):
            lines = [[name, *line[block]] for name, line in zip(names, cells, strict=True)]
            console.print(_table(["method", *board.tasks[block]], lines))
    for note in board.notes:
        console.print(Text(f"- {note}", style="red" if "oracle" in note else ""))
    console.print()


def print_prices(boards: Sequence[Leaderboard], console: Console) -> None:
    """Show what a pre-training of each method has cost, if anybody has looked."""
    known = {row.method: row for board in boards if board.prices for row in board.rows}
    if not known:
        return
    board = next(board for board in boards if board.prices)
    console.print(Text("cost of one pre-training", style="bold"))
    rows = [[row.method, *board.priced(row)] for row in known.values()]
    console.print(_table(["method", *PRICES.values()], rows))
    console.print()


def render(boards: Sequence[Leaderboard], out: Path, stem: str, seed: int) -> list[Path]:
    """Write boards as one CSV, Markdown, JSON and LaTeX file each.

    The same boards give the same bytes.

    Args:
        boards: What ``boards_of`` gave.
        out: Folder to write to; created if need be. Files of the same names are replaced.
        stem: Of the files' names.
        seed: Of the bootstrap, to be noted.

    Returns:
        The paths written. An empty frame gives files that say so.

    Raises:
        StoreError: If there is no room or no permission.
    """
    table = pd.concat([board.table() for board in boards], ignore_index=True)
    markdown = "# Leaderboard\n\n" + "\n".join(board.markdown() for board in boards)
    record = {"bootstrap seed": seed, "boards": [board.record() for board in boards]}
    texts = {
        "csv": table.to_csv(index=False, lineterminator="\n"),
        "md": markdown.rstrip("\n") + "\n",
        "json": json.dumps(record, indent=1, allow_nan=False, ensure_ascii=False) + "\n",
        "tex": "\n".join(latex(board) for board in boards),
    }
    for end, text in texts.items():
        put_file(out / f"{stem}.{end}", text)
    return [out / f"{stem}.{end}" for end in texts]


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for name in head:
        table.add_column(Text(name), overflow="fold")
    for line in lines:
        table.add_row(*map(Text, line))
    return table


def _two_lines(text: str) -> str:
    """The value above its interval."""
    return text.replace(" [", "\n[", 1)


def _blocks(cells: Sequence[Sequence[str]], names: int, width: int) -> list[slice]:
    """Split the tasks so that a table with a column of names fits the width."""
    column = max((len(part) for line in cells for c in line for part in c.split("\n")), default=0)
    count = max(1, (width - max(names, len("method"))) // (column + 2))
    tasks = len(cells[0])
    return [slice(start, start + count) for start in range(0, tasks, count)]
