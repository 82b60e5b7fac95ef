"""Every registered task keeps every promise on its phantoms; sight is tried in ``test_anchors``."""

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.contract import TASK_PROMISES, Subject
from tasks import TASKS
from tasks.base import Source
from tasks.segmentation import SegmentationTask

CHEAP = [name for name in TASK_PROMISES if name != "sight beats blindness"]


@pytest.mark.parametrize("promise", CHEAP)
@pytest.mark.parametrize("name", TASKS)
def test_contract(
    name: str, promise: str, make_task: Callable[[str], SegmentationTask], phantoms: Source
) -> None:
    TASK_PROMISES[promise](Subject(make_task(name), phantoms))


def test_masks_that_belong_to_other_images_are_noticed(
    make_task: Callable[[str], SegmentationTask], tmp_path: Path
) -> None:
    """The promise that takes longest, kept and broken."""
    from tasks.phantoms import write_phantoms  # noqa: PLC0415

    write_phantoms(tmp_path / "data", scale=0.1, seed=0, size=96, datasets=["JSRT"])
    source = Source.at(tmp_path / "data", tmp_path / "cache")
    TASK_PROMISES["sight beats blindness"](Subject(make_task("scr_lung"), source))
