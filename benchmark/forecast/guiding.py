"""What a cell without labels takes: looks at images, and the steps of a second network."""

from benchmark.forecast.tuning import Tuning
from benchmark.forecast.work import Counts, Work
from tasks import guided
from tasks.labelled import Settings


def guided_cell(
    stages: tuple[str, ...], settings: Settings, task: Counts, tuning: Tuning, size: int
) -> Work:
    """One cell of ``tasks.guided``.

    A look with the method's own decoder is counted as one with the downstream decoder, which is of
    about the same size; the seconds of Frangi's filter, a fraction of one an image, are left out.

    Args:
        stages: One of ``guided.CELLS``.
        settings: The task's.
        task: Its images.
        tuning: What an image takes downstream.
        size: Bytes that it leaves.
    """
    looks = {guided.FRANGI: 0, guided.REFINED: task.train + task.validation + task.test}
    seen = looks.get(stages, task.test)
    trained = settings.steps * settings.batch_size if stages == guided.REFINED else 0
    step = tuning.stages["direct"]
    return Work(
        trained=trained,
        seen=seen,
        operations=trained * step.both + seen * tuning.look.forward,
        seconds=trained * step.seconds + seen * tuning.look.seconds,
        size=size,
    )
