"""What finding landmarks takes: images that pass the encoder, and vectors that are summed."""

from benchmark.forecast.tuning import Tuning
from benchmark.forecast.work import Counts, Work
from methods.networks import WIDTHS, Width
from tasks.landmarks import ENCODED
from tasks.landmarks.data import LandmarkSettings
from tasks.probing.features import grid_side


def landmark_cell(
    stages: tuple[str, ...],
    task: Counts,
    settings: LandmarkSettings,
    tuning: Tuning,
    width: Width,
    size: int,
) -> Work:
    """One cell; nothing is trained in it.

    An embedding is counted as an encoder's features are. What is summed takes as long an operation
    as the encoder's own; template matching is not counted.

    Args:
        stages: Of ``tasks.landmarks``.
        task: Images.
        settings: What the plan chose.
        tuning: What an image takes that the encoder looks at.
        width: Of the encoder.
        size: Bytes that it leaves.
    """
    encoded = len(set(stages) & set(ENCODED))
    passed = encoded * (settings.supports + task.test)
    side, grid = settings.size, grid_side(settings.size)
    # Two matrix products, W_y v W_x^T, for each window.
    summed = 2.0 * sum(WIDTHS[width]) * (grid * grid * side + grid * side * side)
    summed *= encoded * task.test * (1 + len(settings.windows))
    second = tuning.encode.seconds / tuning.encode.forward
    return Work(
        seen=passed,
        operations=passed * tuning.encode.forward + summed,
        seconds=passed * tuning.encode.seconds + summed * second,
        size=size,
    )
