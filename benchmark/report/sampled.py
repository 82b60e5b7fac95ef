"""A leaderboard together with what it was computed from."""

from dataclasses import dataclass

from benchmark.report.board import Leaderboard
from benchmark.report.scores import Scores
from benchmark.report.statistics import Bootstrap


@dataclass(frozen=True, slots=True)
class Sampled:
    """One leaderboard, its scores and their bootstrap; see ``leaderboard.sampled``.

    Attributes:
        board: Methods by rank.
        scores: What it compares.
        sample: The draws behind its intervals.
    """

    board: Leaderboard
    scores: Scores
    sample: Bootstrap
