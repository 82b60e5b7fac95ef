"""lightly against solo-learn, and what happens where solo-learn is missing."""

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from lightly.loss import DINOLoss, NegativeCosineSimilarity, NTXentLoss, VICRegLoss
from lightly.loss.swav_loss import sinkhorn
from torch import Tensor
from torch.nn import functional as F

from benchmark import registry
from methods import METHODS
from methods.backends import known_backend, solo
from methods.barlow_twins import cross_correlation
from methods.base import Budget, Images
from methods.byol import squared_distance
from methods.errors import ConfigError
from methods.pretrain import build, pretrain
from methods.simclr import nt_xent
from methods.simsiam import negative_cosine

AGREE = 1e-6
BOTH = [name for name, listed in METHODS.items() if listed.backend == "lightly, solo"]
ALONE = [name for name, listed in METHODS.items() if listed.backend == "solo"]

Loss = Callable[[Tensor, Tensor], Tensor]


def pair(*shape: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    a, b = torch.randn(2, *shape, generator=torch.Generator().manual_seed(seed))
    return a, b


def value_and_gradient(loss: Loss, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    a = a.clone().requires_grad_()
    value = loss(a, b)
    return value.detach(), torch.autograd.grad(value, a)[0]


@pytest.mark.parametrize(
    ("lightly", "other"),
    [
        pytest.param(nt_xent("lightly", 0.2), nt_xent("solo", 0.2), id="simclr"),
        pytest.param(
            cross_correlation("lightly", 5e-3), cross_correlation("solo", 5e-3), id="barlow_twins"
        ),
        pytest.param(negative_cosine("lightly"), negative_cosine("solo"), id="simsiam"),
        pytest.param(squared_distance("lightly"), squared_distance("solo"), id="byol"),
    ],
)
def test_values_and_gradients_agree(lightly: Loss, other: Loss) -> None:
    for seed in range(3):
        a, b = pair(16, 24, seed=seed)
        (value, gradient), (expected, slope) = (
            value_and_gradient(loss, a, b) for loss in (lightly, other)
        )
        assert value.item() == pytest.approx(expected.item(), rel=AGREE, abs=AGREE)
        torch.testing.assert_close(gradient, slope, rtol=1e-4, atol=AGREE)
        assert abs(other(a, b.roll(1, 0)).item() - value.item()) > 1e-3  # they tell pairs apart


def test_byol_is_two_plus_twice_the_negative_cosine() -> None:
    a, b = pair(16, 24)
    byol = solo("losses.byol:byol_loss_func")(a, b).item()
    assert byol == pytest.approx(2.0 + 2.0 * NegativeCosineSimilarity()(a, b).item(), rel=AGREE)


def test_solo_learn_scales_barlow_twins_if_it_is_not_told_otherwise() -> None:
    a, b = pair(16, 24)
    scaled = solo("losses.barlow:barlow_loss_func")(a, b, lamb=5e-3).item()
    assert scaled == pytest.approx(
        0.025 * cross_correlation("lightly", 5e-3)(a, b).item(), rel=AGREE
    )


def test_moco_agrees_on_one_bank() -> None:
    """lightly normalises what it is given, solo-learn expects unit vectors."""
    torch.manual_seed(0)
    criterion = NTXentLoss(temperature=0.2, memory_bank_size=(32, 24))
    bank = criterion.memory_bank.bank.clone()
    a, b = (F.normalize(z, dim=1) for z in pair(16, 24))
    other = solo("losses.moco:moco_loss_func")(a, b, bank.T, temperature=0.2).item()
    assert criterion(a, b).item() == pytest.approx(other, rel=AGREE)
    assert torch.equal(criterion.memory_bank.bank, bank)  # without gradients nothing is queued


def test_dino_agrees_over_steps_and_so_do_the_centres() -> None:
    ours = DINOLoss(12, warmup_teacher_temp=0.07, teacher_temp=0.07, warmup_teacher_temp_epochs=1)
    theirs = solo("losses.dino:DINOLoss")(12, 0.07, 0.07, 1, 5)
    for seed in range(3):  # the centre of one step is subtracted in the next
        student, teacher = pair(16, 12, seed=seed)
        got = ours(list(teacher.chunk(2)), list(student.chunk(2))).item()
        assert got == pytest.approx(theirs(student, teacher).item(), rel=AGREE)
    torch.testing.assert_close(ours.center.flatten(), theirs.center.flatten())
    assert bool(ours.center.any())


def test_sinkhorn_agrees_and_gives_every_prototype_its_share() -> None:
    scores = F.normalize(pair(16, 24)[0], dim=1) @ F.normalize(pair(6, 24, seed=1)[0], dim=1).T
    ours = sinkhorn(scores, iterations=3, epsilon=0.05)
    theirs = solo("utils.sinkhorn_knopp:SinkhornKnopp")(num_iters=3, epsilon=0.05)(scores)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=AGREE)
    torch.testing.assert_close(theirs.sum(dim=1), torch.ones(16))


def test_vicreg_differs_by_half_of_the_variance_term() -> None:
    """solo-learn adds both views' variance terms, lightly takes their mean: halve mu."""
    a, b = pair(16, 24)
    a, b = 0.5 * a, 0.7 * b  # below the hinge at 1, so that the term is not zero
    ours = VICRegLoss(lambda_param=25.0, mu_param=25.0, nu_param=1.0)(a, b).item()
    theirs = solo("losses.vicreg:vicreg_loss_func")
    variance = sum(float(F.relu(1.0 - (z.var(dim=0) + 1e-4).sqrt()).mean()) for z in (a, b))
    assert variance > 0.1
    assert theirs(a, b).item() == pytest.approx(ours + 0.5 * 25.0 * variance, rel=1e-5)
    assert theirs(a, b, var_loss_weight=12.5).item() == pytest.approx(ours, rel=1e-5)
    assert theirs(a, b).item() != pytest.approx(ours, rel=1e-3)


def test_solo_learns_w_mse_calls_what_torch_has_removed() -> None:
    with pytest.warns(FutureWarning, match="custom_fwd"):
        whitening = solo("utils.whitening:Whitening2d")(4)
    with pytest.raises((AttributeError, RuntimeError), match="cholesky"):
        whitening(pair(16, 4)[0])


@pytest.mark.parametrize("name", BOTH)
def test_both_backends_train_alike(name: str, images: Images) -> None:
    cls = registry.method(name)
    config = replace(cls.Config(), batch_size=8, learning_rate=1e-5)
    losses = [
        pretrain(
            build(cls, replace(config, backend=backend), "tiny", 3, seed=0),
            images,
            Budget(images=16, checks=1),
            seed=0,
        ).history.losses
        for backend in ("lightly", "solo")
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("bad", ["torch", "", "Lightly"])
def test_an_unknown_backend_is_refused(bad: str) -> None:
    with pytest.raises(ConfigError, match=f'backend must be "lightly" or "solo", not {bad!r}'):
        known_backend(bad)


@pytest.mark.parametrize("name", [*BOTH, *ALONE])
def test_without_solo_learn_its_backend_is_one_clear_error(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.util.find_spec

    def find_spec(module: str, package: str | None = None) -> Any:  # noqa: ANN401
        return None if module == "solo" else real(module, package)

    for module in [module for module in sys.modules if module.split(".")[0] == "solo"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(importlib.util, "find_spec", find_spec)
    cls = registry.method(name)
    own = {} if name in ALONE else {"backend": "solo"}
    with pytest.raises(ConfigError, match="solo-learn is not installed: pip install --no-deps"):
        build(cls, replace(cls.Config(), **own), "tiny", 3, seed=0)
    if name in BOTH:
        build(cls, cls.Config(), "tiny", 3, seed=0)  # lightly needs none of it


def test_loading_solo_learn_leaves_lightning_alone() -> None:
    code = (
        "import sys, methods.simclr; from methods.backends import solo; "
        "solo('losses.simclr:simclr_loss_func'); solo('utils.kmeans:KMeans'); "
        "print([m for m in sys.modules if m.split('.')[0] in "
        "('lightning', 'pytorch_lightning', 'pl_bolts')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
