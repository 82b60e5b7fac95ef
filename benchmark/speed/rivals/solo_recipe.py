"""B: the recipe of ``lightly_recipe`` with solo-learn's loss in the place of lightly's.

python -m benchmark.speed.rivals.solo_recipe simclr --size 64
"""

from benchmark.speed.rivals.lightly_recipe import BYOL, SimCLR, run
from benchmark.speed.rivals.lightly_recipe import model as recipe
from benchmark.speed.work import Work
from methods.byol import squared_distance
from methods.simclr import nt_xent


def model(work: Work) -> SimCLR | BYOL:
    """The recipe's model with solo-learn's criterion.

    Raises:
        ConfigError: If solo-learn is not installed.
    """
    if work.what == "simclr":
        return recipe(work, nt_xent("solo", work.config.temperature))
    return recipe(work, squared_distance("solo"))


def block(work: Work) -> float:
    """Seconds a step."""
    return run(work, model(work))


if __name__ == "__main__":
    from benchmark.speed.alone import main

    main(block, __doc__)
