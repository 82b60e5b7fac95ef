"""Anchors: on every task, an encoder that sees beats one that is blind."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from benchmark.contract.tasks import Blind, encoder
from methods.networks import Encoder
from tasks import TASKS
from tasks.base import Source, TaskScores
from tasks.labelled import Settings
from tasks.phantoms import write_phantoms
from tasks.segmentation import SegmentationTask

MakeTask = Callable[[str], SegmentationTask]


def direct_dice(scores: TaskScores) -> float:
    values = [one.value for one in scores.scores if (one.stage, one.metric) == ("direct", "dice")]
    return float(np.mean(values))


@dataclass(frozen=True)
class Anchor:
    """What is trained on which phantoms, and by how much sight must beat blindness there.

    Seeing and blind as measured with ``python -m tests.tasks.test_anchors``; the blind decoder
    paints everything.
    """

    dataset: str
    scale: float
    size: int
    steps: int
    margin: float


ANCHORS = {
    "idrid_optic_disc": Anchor("IDRiD", 0.1, 32, 40, 0.5),
    "rite_vessel": Anchor("RITE", 0.5, 64, 60, 0.08),
    "drishti_optic_cup": Anchor("Drishti-GS1_files", 0.2, 64, 120, 0.15),
    "drishti_optic_disc": Anchor("Drishti-GS1_files", 0.2, 64, 60, 0.4),
    "stare_vessel": Anchor("STARE", 1.0, 64, 60, 0.08),
    "idrid_hard_exudates": Anchor("IDRiD", 0.25, 32, 80, 0.2),
    "chasedb1_vessel": Anchor("CHASEDB1", 0.5, 64, 60, 0.08),
    "hrf_vessel": Anchor("HRF", 0.5, 64, 60, 0.1),
    "siim_pneumothorax": Anchor("SIIM-ACR", 0.02, 64, 100, 0.1),
    "scr_heart": Anchor("JSRT", 0.1, 32, 40, 0.3),
    "scr_lung": Anchor("JSRT", 0.1, 32, 40, 0.3),
    "scr_clavicle": Anchor("JSRT", 0.1, 64, 60, 0.1),
}
#: Those where even a short training beats both answers that ignore the image.
EASY = ("idrid_optic_disc", "scr_lung")


def measured(name: str, task: SegmentationTask, folder: Path) -> dict[str, float]:
    """Dice of sight and of blindness, and of answers that ignore the image."""
    anchor = ANCHORS[name]
    write_phantoms(folder / "data", scale=anchor.scale, seed=0, size=128, datasets=[anchor.dataset])
    settings = Settings(anchor.size, anchor.steps, 4, learning_rate=3e-3, checks=6)
    data = task.load(Source.at(folder / "data", folder / "cache"), settings)
    seeing, blind = (
        task.evaluate(
            SimpleNamespace(encoder=encoder(kind, data.normalisation.channels)),
            data,
            seed=0,
            stages=("direct",),
        )
        for kind in (Encoder, Blind)
    )
    assert seeing.facts["blind"] == blind.facts["blind"]
    answers: dict[str, float] = seeing.facts["blind"]
    return {"seeing": direct_dice(seeing), "blind": direct_dice(blind), **answers}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in EASY else pytest.mark.slow) for name in ANCHORS]
)
def test_sight_beats_blindness(name: str, make_task: MakeTask, tmp_path: Path) -> None:
    found = measured(name, make_task(name), tmp_path)
    assert found["blind"] + ANCHORS[name].margin < found["seeing"] < 1.0
    assert 0.0 < found["everything"] < 1.0
    if name in EASY:
        assert found["seeing"] > max(found["everything"], found["mean mask"]) + 0.02


def test_every_task_has_an_anchor() -> None:
    assert ANCHORS.keys() == TASKS.keys()


if __name__ == "__main__":
    import tempfile

    from benchmark import registry

    torch.set_num_threads(1)
    for called in ANCHORS:
        with tempfile.TemporaryDirectory() as place:
            values = measured(called, registry.segmentation(called), Path(place))
            print(called, {key: round(value, 3) for key, value in values.items()})  # noqa: T201
