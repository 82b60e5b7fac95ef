"""How far images' vectors lie apart, as numbers; computed by ``methods.collapse``."""

from typing import NamedTuple

#: Below either, vectors count as collapsed. Untrained projections of retinal photographs, which
#: are much alike, have deviations of about 0.05.
LEAST_DEVIATION, LEAST_RANK = 0.02, 2.0


class Spread(NamedTuple):
    """How far the images' vectors lie apart.

    Attributes:
        deviation: Standard deviation of the unit vectors' entries over images, times the square
            root of their number: 1 where directions are uniform, 0 where all are the same (Chen
            and He, "Exploring Simple Siamese Representation Learning", CVPR 2021, section 4.1).
        rank: Effective rank: the exponential of the entropy of the centred vectors' singular
            values (Roy and Vetterli, EUSIPCO 2007; Garrido et al., "RankMe", ICML 2023).
    """

    deviation: float
    rank: float


def collapsed(seen: Spread) -> bool:
    """Whether vectors have fallen onto a point or a line."""
    return seen.deviation < LEAST_DEVIATION or seen.rank < LEAST_RANK
