"""A second network, taught by what shape-guided clusters say of unlabelled training images.

A figure of Chen et al., TPAMI 2023, https://arxiv.org/abs/2108.09440, shows that a label and an
uncertainty map feed a second network; what follows is our reading. Both rules' shares are averaged
into p. The pseudo-label is p > 0.5 and the uncertainty the binary entropy of p in bits, which is
high where a rule is undecided or the rules disagree. A pixel weighs one minus its uncertainty. The
network starts from the row's own encoder, with a fresh decoder; the last step is kept, for without
labels nothing can choose another.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32
from torch import Tensor

from methods.base import Scalar, Spent
from methods.checkpoint import Checkpoint, Checkpoints, kept, moments, put_back, put_moments_back
from methods.draws import derive_seed
from methods.errors import DivergedError
from methods.geometry import sample
from methods.ledger import Ledger
from methods.networks import Encoder, SegmentationDecoder, set_precision
from tasks.guided.view_field import view_masks
from tasks.labelled import Unlabelled
from tasks.metrics import THRESHOLD
from tasks.segmenter import Segmenter, batches, normalised, placed

#: Names its draws.
STAGE = "shape-refined"
#: Images that are predicted together.
BATCH = 8


@dataclass(frozen=True, slots=True)
class PseudoLabels:
    """What the rules say of unlabelled images.

    Attributes:
        masks: Where the mean share of both rules exceeds a half.
        weights: One minus its binary entropy, in [0, 1]; 0 outside the field of view.
    """

    masks: Bool[np.ndarray, "images side side"]
    weights: Float32[np.ndarray, "images side side"]


def pseudo_labels(
    shares: Float[np.ndarray, "rules images side side"], view: Bool[np.ndarray, "images side side"]
) -> PseudoLabels:
    """Labels and weights from the rules' shares.

    Args:
        shares: Of the guided cluster, in [0, 1].
        view: Where the images show something.
    """
    mean = shares.mean(axis=0, dtype=np.float64)
    weights = (1.0 - binary_entropy(mean)) * view
    return PseudoLabels((mean > THRESHOLD) & view, weights.astype(np.float32))


def binary_entropy(p: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """-p log2 p - (1 - p) log2 (1 - p), in bits; 0 where p is 0 or 1."""
    bits = np.zeros_like(p)
    for share in (p, 1.0 - p):
        bits -= share * np.log2(share, out=np.zeros_like(share), where=share > 0.0)
    return bits


def weighted_dice_loss(
    prediction: Float[Tensor, "batch 1 height width"],
    target: Float[Tensor, "batch 1 height width"],
    weight: Float[Tensor, "batch 1 height width"],
) -> Scalar:
    """Batch-global soft Dice of weighted pixels, -2 sum(w p y) / (sum w y + sum w p + 1).

    With every weight 1 that of ``tasks.metrics.soft_dice_loss``, whose rule for batches without
    foreground holds here too.

    Args:
        prediction: Foreground probabilities in [0, 1].
        target: 0 or 1.
        weight: In [0, 1].

    Returns:
        The loss, in (-1, 0].
    """
    empty = ((weight * target).sum() == 0).to(prediction.dtype)
    p = empty + (1.0 - 2.0 * empty) * prediction
    y = empty + (1.0 - 2.0 * empty) * target
    return -2.0 * (weight * p * y).sum() / ((weight * y).sum() + (weight * p).sum() + 1.0)


class Refinement:
    """One training of a second network under way.

    Args:
        encoder: Of the row; left as it was.
        data: Images to learn from.
        labels: What the rules say of them.
        seed: Of the decoder, the batches and the augmentation.
    """

    def __init__(self, encoder: Encoder, data: Unlabelled, labels: PseudoLabels, seed: int) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive_seed(seed, "decoder"))
            decoder = SegmentationDecoder(encoder.channels)
        self.device = next(encoder.parameters()).device
        self.segmenter = Segmenter(deepcopy(encoder), decoder.to(self.device))
        for network in (self.segmenter.encoder, self.segmenter.decoder):
            set_precision(network, data.settings.precision)
        self.data, self.labels, self.seed = data, labels, seed
        networks = (self.segmenter.encoder, self.segmenter.decoder)
        parameters = [each for network in networks for each in network.parameters()]
        self.parameters = sum(each.numel() for each in parameters)
        self.optimiser = torch.optim.Adam(parameters, lr=data.settings.learning_rate, fused=True)
        order = derive_seed(seed, "batches", STAGE)
        self.stream = batches(len(data), data.settings.batch_size, order)
        self.ledger, self.step = Ledger(), 0

    def train(self, observe: Callable[[int], None] | None, checkpoints: Checkpoints | None) -> None:
        """Take the steps that are left.

        Raises:
            DivergedError: If the last loss is not finite.
        """
        if checkpoints is not None and checkpoints.start is not None:
            self.restore(checkpoints.start)
        steps, loss = self.data.settings.steps, torch.zeros(())
        while self.step < steps:
            loss = self.train_step()
            if observe is not None:
                observe(1)
            if checkpoints is not None and checkpoints.due(self.step):
                checkpoints.keep(self.checkpoint())
        if not bool(torch.isfinite(loss)):
            raise DivergedError(
                f"the {STAGE} loss is {float(loss)} at step {steps - 1} of {steps}: lower the "
                "learning_rate"
            )

    def train_step(self) -> Scalar:
        """Draw a batch, take one step; returns the loss."""
        self.segmenter.encoder.train()
        self.segmenter.decoder.train()
        images, target, weight = self.augmented(next(self.stream))
        self.optimiser.zero_grad(set_to_none=True)
        with self.ledger.step(STAGE) as forward_done:
            loss = weighted_dice_loss(self.segmenter(images, trainable=True), target, weight)
            forward_done()
            loss.backward()
        self.optimiser.step()
        self.step += 1
        done: Scalar = loss.detach()
        return done

    def augmented(self, rows: list[int]) -> tuple[Tensor, Tensor, Tensor]:
        """Images, pseudo-labels and weights after flips and a rotation; no weight outside."""
        pixels = torch.from_numpy(np.ascontiguousarray(self.data.images[rows]))
        images = pixels.to(self.device).float() / 255.0
        both = np.stack([self.labels.masks[rows].astype(np.float32), self.labels.weights[rows]], 1)
        views = derive_seed(self.seed, "views", STAGE)
        placement = placed(self.data, rows, views, self.step, self.device)
        side = images.shape[-1]
        turned = normalised(sample(images, placement, side, "bilinear"), self.data)
        planes = sample(torch.from_numpy(both).to(self.device), placement, side, "nearest")
        return turned, planes[:, :1], planes[:, 1:]

    @torch.no_grad()
    def predict(self, images: Unlabelled) -> Bool[np.ndarray, "images side side"]:
        """Foreground of any images, inside the field of view."""
        self.segmenter.encoder.eval()
        self.segmenter.decoder.eval()
        out = []
        with self.ledger.other("test"):
            for first in range(0, len(images), BATCH):
                pixels = torch.from_numpy(
                    np.ascontiguousarray(images.images[first : first + BATCH])
                )
                inputs = normalised(pixels.to(self.device).float() / 255.0, images)
                found = self.segmenter(inputs, trainable=False)[:, 0] > THRESHOLD
                out.append(found.cpu().numpy())
        masks: np.ndarray = np.concatenate(out) & view_masks(images.images)
        return masks

    @property
    def spent(self) -> Spent:
        """Steps and operations so far."""
        return Spent(self.step, self.parameters, **self.ledger.operations())

    def checkpoint(self) -> Checkpoint:
        """Everything that the rest depends on, but for the pseudo-labels."""
        tensors = {
            **kept(self.segmenter.encoder.state_dict(), "encoder"),
            **kept(self.segmenter.decoder.state_dict(), "decoder"),
            **kept(moments(self.optimiser), "optimiser"),
        }
        return Checkpoint(tensors, {"step": self.step, "operations": self.ledger.values()})

    def restore(self, start: Checkpoint) -> None:
        """Go to where a checkpoint was taken."""
        self.step = start.values["step"]
        put_back(self.segmenter.encoder, start.part("encoder"))
        put_back(self.segmenter.decoder, start.part("decoder"))
        put_moments_back(self.optimiser, start.part("optimiser"))
        self.ledger = Ledger.of(start.values["operations"])
        for _ in range(self.step):
            next(self.stream)
