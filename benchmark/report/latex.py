"""A leaderboard as a LaTeX table, for papers: needs booktabs, and graphicx for its width."""

import math

from benchmark.report.board import Leaderboard, Row, Top
from benchmark.report.estimate import NOTHING, Estimate
from benchmark.report.prices import PRICES

#: What LaTeX would take for a command.
SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
}
HEAD = ("Method", "Rank", "Wins", "Ties", "Gain", "Gain (direct)", "Cells")


def latex(board: Leaderboard) -> str:
    """The table: two lines a method, the second with its intervals.

    The best mean of each task is bold; underlined are those that cannot be told apart from it
    (``board.Top``).
    """
    heads = [*HEAD, *(PRICES.values() if board.prices else ()), *board.tasks]
    lines = [
        r"% \usepackage{booktabs,graphicx}",
        r"\begin{table*}",
        r"\centering",
        rf"\caption{{{caption(board)}}}",
        r"\resizebox{\textwidth}{!}{%",
        rf"\begin{{tabular}}{{l{'r' * (len(heads) - 1)}}}",
        r"\toprule",
        " & ".join(map(escaped, heads)) + r" \\",
        r"\midrule",
        *(line for row in board.rows for line in both(board, row)),
        r"\bottomrule",
        r"\end{tabular}}",
        r"\par\raggedright\footnotesize",
        *(escaped(note) for note in board.notes),
        r"\end{table*}",
    ]
    return "\n".join([*lines, ""])


def caption(board: Leaderboard) -> str:
    """What is shown, and how to read it."""
    return (
        f"{escaped(board.title)}. Second lines: 95\\,\\% intervals. Bold: the best mean; "
        "underlined: not told apart from it. Gains: on no pre-training in the same stage, and in "
        "one stage."
    )


def both(board: Leaderboard, row: Row) -> list[str]:
    """A method's numbers, and the intervals below them."""
    decimals = board.scale.decimals
    scores = [row.scores[task] for task in board.tasks]
    marked = [
        emphasised(value(score, decimals), row.method, board.tops.get(task, Top()))
        for task, score in zip(board.tasks, scores, strict=True)
    ]
    counts = [NOTHING if count is None else str(count) for count in (row.wins, row.ties)]
    rank = NOTHING if math.isnan(row.rank.value) else f"{row.rank.value:.1f}"
    gains = [value(gain, decimals, signed=True) for gain in board.gains(row)]
    _, mark, range_ = row.rank.ranks().partition(" (")
    ranks = f"({range_}" if mark else ""
    prices = board.priced(row)
    below = [
        *(ranks, "", "", *(ends(gain, decimals) for gain in board.gains(row)), ""),
        *([""] * len(prices)),
        *(ends(score, decimals) for score in scores),
    ]
    above = [escaped(row.label), rank, *counts, *gains, row.coverage, *prices, *marked]
    return [
        " & ".join(above) + r" \\",
        " & ".join(["", *(rf"{{\scriptsize {text}}}" if text else "" for text in below)]) + r" \\",
    ]


def value(estimate: Estimate, decimals: int, *, signed: bool = False) -> str:
    """A number without its interval."""
    return estimate.text(decimals, signed=signed).partition(" ")[0]


def ends(estimate: Estimate, decimals: int) -> str:
    """An interval without its number; "" where there is none."""
    return estimate.text(decimals).partition(" ")[2]


def emphasised(text: str, method: str, top: Top) -> str:
    """A score in bold if it is the best, underlined if it may be."""
    if method in top.best:
        return rf"\textbf{{{text}}}"
    return rf"\underline{{{text}}}" if method in top.like else text


def escaped(text: str) -> str:
    """A text that LaTeX prints as it is."""
    return "".join(SPECIAL.get(letter, letter) for letter in " ".join(text.split()))
