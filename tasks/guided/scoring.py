"""How cells without labels are scored: predict from images alone, then open the test masks."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool
from torch.utils.flop_counter import FlopCounterMode

from methods.base import Spent
from methods.checkpoint import Checkpoints
from tasks.base import TaskScores
from tasks.finetuning import stage_scores
from tasks.guided import FRANGI, ORACLE, REFINED, RULES
from tasks.guided.refinement import Refinement, pseudo_labels
from tasks.guided.rules import cluster_masks, guided_shares
from tasks.guided.view_field import view_masks
from tasks.labelled import Labelled, Unlabelled
from tasks.metrics import THRESHOLD, dice

Masks = Bool[np.ndarray, "images side side"]
Observe = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Guided:
    """One evaluation.

    Attributes:
        pretrained: What pre-training left (``methods.base.Pretrained``), on the device to use.
        train: Images of the training list, those that validate elsewhere included; without masks.
        test: Images that are predicted, without masks.
        seed: Of everything drawn.
        observe: Called after each step with 1, and with 0 between parts of other work.
        checkpoints: Where to start from, and who keeps checkpoints how often.
    """

    pretrained: Any
    train: Unlabelled
    test: Unlabelled
    seed: int
    observe: Observe | None = None
    checkpoints: Checkpoints | None = None

    def rest(self) -> None:
        """Let limits be looked at."""
        if self.observe is not None:
            self.observe(0)


@dataclass(frozen=True, slots=True)
class Predicted:
    """What was predicted of the test images.

    Attributes:
        masks: By stage.
        spent: Steps and operations.
        facts: Of each stage, JSON-ready.
    """

    masks: dict[str, Masks]
    spent: Spent
    facts: dict[str, dict[str, Any]]


def guided(work: Guided, stages: tuple[str, ...], test: Labelled) -> TaskScores:
    """Score test images by one of ``tasks.guided.CELLS``.

    Whoever predicts has ``work``, in which there is no mask; the test images' masks are opened
    afterwards, but for ``clusters-oracle``, which chooses by them and says so.

    Args:
        work: What to predict, and from what.
        stages: One of ``CELLS``.
        test: The test images with their masks.

    Raises:
        ConfigError: If the row's model cannot do what the stages ask for.
        DivergedError: If the second network's loss is not finite.
    """
    if stages == ORACLE:
        found = best_cluster(work, test)
    else:
        found = {RULES: by_rules, REFINED: refined, FRANGI: by_filter}[stages](work)
    rows = [row for stage in stages for row in stage_scores(stage, found.masks[stage], test)]
    return TaskScores(rows, found.masks, found.facts, found.spent)


def untrained() -> dict[str, Any]:
    """What is known of a stage without steps or choices."""
    return {"selection": "nothing to choose", "steps": 0, "test opened after step": 0}


def by_rules(work: Guided) -> Predicted:
    """Both rules of inference."""
    with FlopCounterMode(display=False) as counter:
        shares = guided_shares(work.pretrained.model, work.test, work.rest)
    masks = dict(zip(RULES, shares > THRESHOLD, strict=True))
    spent = Spent(forward=counter.get_total_flops())
    return Predicted(masks, spent, {stage: untrained() for stage in RULES})


def refined(work: Guided) -> Predicted:
    """A second network, taught by both rules on the training images."""
    train, (stage,) = work.train, REFINED
    with FlopCounterMode(display=False) as counter:
        shares = guided_shares(work.pretrained.model, train, work.rest)
    labels = pseudo_labels(shares, view_masks(train.images))
    if not labels.masks.any():
        # Whatever a network made of that would be its initialisation's.
        facts = {**untrained(), "selection": "no pixel of any training image is pseudo-labelled"}
        nothing = np.zeros((len(work.test), *train.images.shape[2:]), dtype=bool)
        return Predicted({stage: nothing}, Spent(aside=counter.get_total_flops()), {stage: facts})
    training = Refinement(work.pretrained.encoder, train, labels, work.seed)
    training.train(work.observe, work.checkpoints)
    masks, steps, known = training.predict(work.test), train.settings.steps, training.spent
    facts = {
        "selection": "last",
        "steps": steps,
        "test opened after step": steps,
        "pseudo-labelled": float(labels.masks.mean()),
        "mean weight": float(labels.weights.mean()),
    }
    aside = known.aside + counter.get_total_flops()
    spent = Spent(known.steps, known.parameters, known.forward, known.backward, aside)
    return Predicted({stage: masks}, spent, {stage: facts})


def best_cluster(work: Guided, test: Labelled) -> Predicted:
    """The cluster of the highest mean Dice on the test images: an oracle."""
    (stage,) = ORACLE
    with FlopCounterMode(display=False) as counter:
        masks = cluster_masks(work.pretrained.model, work.test, work.rest)
    means = [float(dice(own, test.masks).mean()) for own in masks]
    best = int(np.argmax(means))
    facts = {"selection": "oracle", "steps": 0, "test opened after step": 0}
    known = {"cluster": best, "dice by cluster": means}
    spent = Spent(forward=counter.get_total_flops())
    return Predicted({stage: masks[best]}, spent, {stage: {**facts, **known}})


def by_filter(work: Guided) -> Predicted:
    """Frangi's filter; the encoder is not used."""
    from tasks.guided.vesselness import vessels  # noqa: PLC0415  (scikit-image takes a while)

    (stage,), masks = FRANGI, []
    for image in work.test.images:
        masks.append(vessels(image))
        work.rest()
    return Predicted({stage: np.stack(masks)}, Spent(), {stage: untrained()})
