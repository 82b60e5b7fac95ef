"""LD's and the fine-tuning's losses against numbers of the reference implementation.

The folder is ``tests/golden``, or that in the environment variable LD_GOLDEN_DIR.
"""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from methods.batch_criterion import batch_criterion
from methods.geometry import flips
from methods.ld import LocalDiscrimination
from methods.ld.losses import Losses, l2
from methods.ld.views import LDViews
from methods.networks import Encoder
from methods.views import View, upright
from tasks.metrics import soft_dice_loss

FOLDER = Path(os.environ.get("LD_GOLDEN_DIR") or Path(__file__).parents[1] / "golden")
LOSS, GRADIENT = 1e-4, 1e-3


def golden(pattern: str) -> list[Path]:
    return sorted(FOLDER.glob(pattern))


def views_of(record: "np.lib.npyio.NpzFile") -> LDViews:
    """Views that hold just what the losses read: flips, turns and mixing weights."""
    pairs = int(record["batch"])
    flipped = torch.from_numpy(record["flip"]).flatten().bool()
    turns = torch.from_numpy(record["rot90"]).flatten()
    blank = torch.zeros(2 * pairs, 3, 16, 16)
    place = flips(flipped, flipped)
    return LDViews(
        upright(place, blank),
        View(blank, place, flipped, turns),
        blank[:pairs],
        torch.from_numpy(record["mix_weight"]),
    )


@pytest.mark.parametrize("pattern", ["ld_*.npz", "batch_criterion*.npz", "dice_*.npz"])
def test_golden_files_are_present(pattern: str) -> None:
    assert golden(pattern), f"no {pattern} in the golden folder"


@pytest.mark.parametrize("path", golden("ld_*.npz"), ids=lambda path: path.stem)
def test_ld_losses_and_gradients(path: Path) -> None:
    record = np.load(path)
    embedding = torch.from_numpy(record["embedding"]).requires_grad_()
    logits = torch.from_numpy(record["cluster_logits"]).requires_grad_()
    config = LocalDiscrimination.Config(
        dim_embedding=embedding.shape[1], clusters=logits.shape[1], grid=int(record["grid"])
    )
    method = LocalDiscrimination(Encoder("tiny", 3), config)
    losses = method.losses(embedding, logits, views_of(record))
    total = method.total(losses)
    total.backward()
    losses, total = Losses(*(part.detach() for part in losses)), total.detach()
    assert embedding.grad is not None
    assert logits.grad is not None
    for part in Losses._fields:
        assert float(getattr(losses, part)) == pytest.approx(
            float(record[f"loss_{part}"]), rel=LOSS
        ), part
    assert float(total) == pytest.approx(float(record["loss_total"]), rel=LOSS)
    assert float(embedding.grad.norm()) == pytest.approx(
        float(record["grad_embedding_norm"]), rel=GRADIENT
    )
    assert float(logits.grad.norm()) == pytest.approx(
        float(record["grad_logits_norm"]), rel=GRADIENT
    )


@pytest.mark.parametrize("path", golden("batch_criterion*.npz"), ids=lambda path: path.stem)
def test_batch_criterion(path: Path) -> None:
    record = np.load(path)
    x = torch.from_numpy(record["x"]).requires_grad_()
    loss = batch_criterion(l2(x, 1), float(record["temperature"]))
    loss.backward()
    assert x.grad is not None
    assert float(loss.detach()) == pytest.approx(float(record["loss"]), rel=LOSS)
    expected = torch.from_numpy(record["grad"])
    assert float((x.grad - expected).norm() / expected.norm()) < GRADIENT


@pytest.mark.parametrize("path", golden("dice_*.npz"), ids=lambda path: path.stem)
def test_soft_dice(path: Path) -> None:
    record = np.load(path)
    loss = soft_dice_loss(
        torch.from_numpy(record["prediction"]), torch.from_numpy(record["target"])
    )
    assert float(loss.detach()) == pytest.approx(float(record["loss"]), rel=LOSS)
