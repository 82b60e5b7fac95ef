"""B: the recipe of ``lightly_recipe`` with solo-learn's loss in the place of lightly's.

python -m benchmark.speed.rivals.solo_recipe simclr --size 64
"""

from functools import partial

from benchmark.speed.rivals.lightly_recipe import BYOL, SimCLR, run
from benchmark.speed.rivals.lightly_recipe import model as recipe
from benchmark.speed.work import Work
from methods.backends import solo


def model(work: Work) -> SimCLR | BYOL:
    """The recipe's model with solo-learn's criterion.

    Raises:
        ConfigError: If solo-learn is not installed.
    """
    network = recipe(work)
    if work.what == "simclr":
        criterion = solo("losses.simclr:simclr_loss_func")
        network.criterion = partial(criterion, temperature=work.config.temperature)
    else:
        network.criterion = solo("losses.byol:byol_loss_func")
    return network


def block(work: Work) -> float:
    """Seconds a step."""
    return run(work, model(work))


if __name__ == "__main__":
    from benchmark.speed.alone import main

    main(block, __doc__)
