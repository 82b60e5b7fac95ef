"""Leaderboards and ledgers as the lines of sortable tables."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, replace

from benchmark.report.board import Leaderboard, Row, Top
from benchmark.report.estimate import NOTHING, Estimate, plain
from benchmark.report.guided import GuidedTable
from benchmark.report.page.content import Page
from benchmark.report.page.origin import anchor
from benchmark.report.prices import PRICES

#: Orders by which a column is sorted first.
UP, DOWN = "ascending", "descending"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        name: Its heading.
        first: By which order it is sorted first.
        domain: Of a task's column, else "".
        kind: The same.
        source: The same.
    """

    name: str
    first: str = UP
    domain: str = ""
    kind: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """What stands in one place of a table.

    Attributes:
        text: The value as printed.
        more: Its interval as printed, below it.
        value: What it is sorted by; None sorts last.
        target: Where on the page it is from.
        is_best: Whether it is the best of its column.
        is_alike: Whether it cannot be told from the best.
    """

    text: str
    more: str = ""
    value: float | None = None
    target: str = ""
    is_best: bool = False
    is_alike: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A method's line."""

    method: str
    label: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A leaderboard's or the ledger's."""

    columns: tuple[Column, ...]
    lines: tuple[Line, ...]


def leaderboard_table(board: Leaderboard, page: Page) -> Table:
    """A leaderboard: ranks, gains, costs, then tasks, each number linked to where it is from."""
    ledger = {str(row["method"]) for row in page.ledger}
    places, tops = page.provenance.places(), {t: board.tops.get(t, Top()) for t in board.tasks}
    share = f"{board.fraction:.6g}"
    lines = []
    for row in board.rows:
        scores = [
            replace(
                estimated(row.scores[task].text(board.scale.decimals), row.scores[task]),
                target=places.get((row.method, task, board.stage, share), ""),
                is_best=row.method in tops[task].best,
                is_alike=row.method in tops[task].like,
            )
            for task in board.tasks
        ]
        target = anchor("ledger", row.method) if row.method in ledger else ""
        spent = [replace(amount(x), target=target) for x in astuple(board.price(row))]
        lines.append(
            Line(
                row.method,
                row.label,
                (*summary(board, row), *(spent if board.prices else ()), *scores),
            )
        )
    return Table((*head(board), *tasks(board, page)), tuple(lines))


def guided_lines(guided: GuidedTable, page: Page) -> Table:
    """The table of what segments without labels, each number linked to where it is from."""
    places = page.provenance.places()
    lines = []
    for row in guided.rows:
        scores = [
            replace(
                estimated(text, row.scores[task]),
                target=places.get((row.method, task, row.stage, "1"), ""),
            )
            for task, text in zip(guided.sources, row.texts(), strict=False)
        ]
        has, asked = row.cells
        cells = Entry(row.texts()[-1], "", has / asked)
        lines.append(Line(row.method, row.label, (*scores, cells)))
    columns = [Column(task, DOWN, source=kind) for task, kind in guided.sources.items()]
    return Table((*columns, Column("cells", DOWN)), tuple(lines))


def head(board: Leaderboard) -> list[Column]:
    """The columns before the tasks; gains are improvements whatever the metric's direction."""
    return [
        Column("mean rank"),
        Column("wins", DOWN),
        Column("ties", DOWN),
        Column("gain on random", DOWN),
        Column("gain on random direct", DOWN),
        Column("cells", DOWN),
        *(map(Column, PRICES.values()) if board.prices else ()),
    ]


def tasks(board: Leaderboard, page: Page) -> list[Column]:
    """The columns of tasks."""
    cells = sorted(page.provenance.cells, key=lambda cell: cell.kind)  # a known kind comes last
    about = {cell.task: (cell.domain, cell.kind) for cell in cells}
    first = DOWN if board.scale.larger_is_better else UP
    return [
        Column(task, first, *about.get(task, ("", "")), source)
        for task, source in board.sources.items()
    ]


def summary(board: Leaderboard, row: Row) -> list[Entry]:
    """What stands before the costs."""
    decimals = board.scale.decimals
    return [
        estimated(row.rank.ranks(), row.rank),
        counted(row.wins),
        counted(row.ties),
        *(estimated(gain.text(decimals, signed=True), gain) for gain in board.gains(row)),
        Entry(row.coverage, "", row.cells[0] / max(row.cells[1], 1)),
    ]


def estimated(text: str, estimate: Estimate) -> Entry:
    """An estimate, its interval apart."""
    value, _, more = text.partition(" ")
    return Entry(value, more, plain(estimate.value))


def counted(number: int | None) -> Entry:
    """A whole number; None where there is none."""
    return Entry(NOTHING) if number is None else Entry(str(number), "", float(number))


def amount(value: object) -> Entry:
    """A value of the ledger."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return Entry(NOTHING if value is None else str(value))
    if not math.isfinite(value):
        return Entry(NOTHING)
    if 0 < abs(value) < 0.001:
        return Entry(f"{value:.2g}", "", float(value))
    whole = float(value).is_integer() or abs(value) >= 1000
    decimals = 0 if whole else 3 if abs(value) < 10 else 1
    return Entry(f"{value:,.{decimals}f}", "", float(value))


def ledger_table(rows: Sequence[Mapping[str, object]]) -> Table:
    """What each method has cost."""
    names = [name for name in dict.fromkeys(n for row in rows for n in row) if name != "method"]
    lines = [
        Line(str(row["method"]), str(row["method"]), tuple(amount(row.get(n)) for n in names))
        for row in rows
    ]
    return Table(tuple(map(Column, names)), tuple(lines))
