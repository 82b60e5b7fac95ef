"""What an encoder is worth by the validation images alone: for choices that no test may decide."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64

from methods.base import Spent
from methods.checkpoint import Checkpoints
from methods.networks import Encoder
from tasks.finetuning import FineTuning
from tasks.labelled import TrainingData
from tasks.metrics import dice

#: What is trained one after the other up to the end of a stage.
LEADING = {
    "frozen": ("frozen",),
    "finetuned": ("frozen", "finetuned"),
    "direct": ("direct",),
}


@dataclass(frozen=True, slots=True)
class Validation:
    """Scores of validation images.

    Attributes:
        ids: Of the images.
        dice: Of each of them.
        spent: On all stages that were trained.
        facts: Of each of these stages, JSON-ready.
    """

    ids: tuple[str, ...]
    dice: Float64[np.ndarray, " images"]
    spent: Spent
    facts: dict[str, Any]


def validate(
    encoder: Encoder,
    data: TrainingData,
    stage: str,
    *,
    seed: int,
    observe: Callable[[int], None] | None = None,
    checkpoints: Checkpoints | None = None,
) -> Validation:
    """Train an encoder up to the end of a stage and score every validation image.

    Weights are those of ``tasks.finetuning.finetune`` after the same stage, to the bit. The images
    scored are those that chose the checkpoint, so the scores flatter; every encoder's alike.

    Args:
        encoder: Pre-trained, on the device to use; left as it was.
        data: The task's images; the test images are left aside if it has any.
        stage: "frozen", "finetuned" (after "frozen") or "direct".
        seed: Of the decoder, the batches and the augmentation.
        observe: Called after each step with 1.
        checkpoints: Where to start from, and who keeps checkpoints how often.

    Raises:
        DivergedError: If a loss is not finite.
        ConfigError: If the rule of selection looks at test images.
    """
    stages, seen = LEADING[stage], data.training()
    tuning = FineTuning(encoder, seen, stages, seed)
    if checkpoints is not None and checkpoints.start is not None:
        tuning.restore(checkpoints.start)
    while tuning.number < len(stages):
        tuning.train(observe, checkpoints)
        tuning.score_validation()
    spent = Spent(tuning.taken, tuning.parameters, **tuning.ledger.operations())
    scores = dice(tuning.masks[stage], seen.validation.masks)
    return Validation(seen.validation.ids, scores, spent, tuning.facts)
