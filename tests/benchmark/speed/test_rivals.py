"""Rivals do our work: equal losses, equally many parameters, equal batches."""

from pathlib import Path
from types import ModuleType

import pytest
import torch
from PIL import Image

from benchmark import registry
from benchmark.speed import limits, ours
from benchmark.speed.__main__ import RIVALS, expanded, measured, modules, rivals, solo_is_there
from benchmark.speed.alone import spent
from benchmark.speed.photographs import COUNT, labelled, pool
from benchmark.speed.rivals import lightly_recipe, solo_recipe, straight_finetuning, straight_ld
from benchmark.speed.rivals.straight_ld import StraightLD, full_product
from benchmark.speed.work import FEWEST, Work
from methods import METHODS
from methods.draws import Draws
from methods.ld import LocalDiscrimination
from methods.ld.losses import pixel_vectors, region_vectors, shares
from methods.order import pool_suits
from methods.pretrain import build
from tasks.labelled import Settings
from tasks.pools import HELD_OUT


def work(what: str, folder: Path) -> Work:
    """The smallest that a step can be."""
    return Work(what, 32, folder, warm=1, steps=1)


def moved(network: torch.nn.Module) -> int:
    """Numbers that an optimiser moves."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


def test_the_full_product_gives_our_region_vectors() -> None:
    generator = torch.Generator().manual_seed(0)
    v = pixel_vectors(torch.randn(4, 8, 6, 6, generator=generator))
    r = shares(torch.randn(4, 5, 6, 6, generator=generator))
    torch.testing.assert_close(full_product(v, r), region_vectors(v, r))


def test_straight_ld_has_our_loss_and_gradient(folder: Path) -> None:
    w = work("ld", folder)
    index = torch.arange(w.batch)
    batch = pool(folder, 32).batch(index, torch.device("cpu"))
    draws = Draws(0, 0, index, torch.zeros_like(index), torch.device("cpu"))
    got = []
    for cls in (LocalDiscrimination, StraightLD):
        method = build(cls, w.config, "tiny", 3, seed=0).train()
        views = method.views(batch, draws)
        assert isinstance(method, LocalDiscrimination)
        assert views.first.images.shape[-1] == w.crop
        images = torch.cat([views.first.images, views.second.images, views.mixed])
        maps = method.decoder(method.encoder(images), ("embedding", "clusters"))
        losses = method.losses(maps["embedding"], maps["clusters"], views)
        method.total(losses).backward()
        weight = method.decoder.get_parameter("branches.clusters.1.weight")
        got.append((torch.stack(list(losses)).detach(), weight.grad, moved(method)))
    torch.testing.assert_close(got[0][0], got[1][0])
    torch.testing.assert_close(got[0][1], got[1][1], rtol=1e-3, atol=1e-6)
    assert got[0][2] == got[1][2]


@pytest.mark.parametrize("what", ["simclr", "byol"])
def test_the_recipe_moves_as_many_numbers_as_we_do(what: str, folder: Path) -> None:
    w = work(what, folder)
    method = build(registry.method(what), w.config, "tiny", 3, seed=0)
    assert moved(lightly_recipe.model(w)) == moved(method)
    ((x0, x1),) = [next(iter(alone(w)))[0]]
    assert x0.shape == x1.shape == (w.batch, 3, w.crop, w.crop)
    index = torch.arange(w.batch)
    draws = Draws(0, 0, index, torch.zeros_like(index), torch.device("cpu"))
    views = method.views(pool(folder, 32).batch(index, torch.device("cpu")), draws)
    assert views.a.images.shape == x0.shape


def alone(w: Work) -> torch.utils.data.DataLoader[tuple[list[torch.Tensor], int, str]]:
    """The recipe's loader without its workers."""
    made = lightly_recipe.loader(w)
    return torch.utils.data.DataLoader(
        made.dataset, made.batch_size, sampler=made.sampler, drop_last=True
    )


@pytest.mark.parametrize(("what", "scale"), [("simclr", 1.0), ("byol", 2.0)])
def test_solo_learns_loss_is_lightlys_up_to_a_constant(
    what: str, scale: float, folder: Path
) -> None:
    if not solo_is_there():
        pytest.skip("solo-learn is not installed")
    generator = torch.Generator().manual_seed(1)
    a, b = torch.randn(2, 8, 16, generator=generator)
    w = work(what, folder)
    offset = 2.0 if what == "byol" else 0.0
    lightly, solo = lightly_recipe.model(w).criterion(a, b), solo_recipe.model(w).criterion(a, b)
    torch.testing.assert_close(solo, offset + scale * lightly)


def test_what_other_processes_run_is_found_by_them() -> None:
    """A spawned process does not import a package's ``__main__`` again."""
    assert spent.__module__ == "benchmark.speed.alone"


def test_another_method_has_no_recipe(folder: Path) -> None:
    with pytest.raises(ValueError, match="not for 'ld'"):
        lightly_recipe.model(work("ld", folder))


def test_straight_finetuning_sees_our_batches(folder: Path) -> None:
    w = work("finetuning", folder)
    data = labelled(folder, Settings(size=32, batch_size=w.batch))
    dataset = straight_finetuning.Photographs(folder, w.size)
    image, mask = dataset[0]
    assert len(dataset) == len(data.train)
    assert image.shape == data.train.images.shape[1:]
    assert mask.shape[1:] == data.train.masks.shape[1:]
    assert set(mask.flatten().tolist()) <= {0.0, 1.0}
    with Image.open(folder / "images" / "000.png") as first:
        assert first.size == (64, 64)


@pytest.mark.parametrize(
    ("rival", "what"),
    [
        (lightly_recipe, "simclr"),
        (lightly_recipe, "byol"),
        (solo_recipe, "byol"),
        (straight_ld, "ld"),
        (straight_finetuning, "finetuning"),
    ],
    ids=lambda each: getattr(each, "__name__", each).rpartition(".")[2],
)
def test_rivals_take_their_steps(rival: ModuleType, what: str, folder: Path) -> None:
    if rival is solo_recipe and not solo_is_there():
        pytest.skip("solo-learn is not installed")
    assert rival.block(work(what, folder)) > 0.0


@pytest.mark.parametrize("rival", [lightly_recipe, straight_finetuning])
def test_loaders_do_not_run_dry_before_the_last_step(rival: ModuleType, folder: Path) -> None:
    w = work("simclr" if rival is lightly_recipe else "finetuning", folder)
    made = rival.loader(w)
    ready = made.num_workers * made.prefetch_factor
    assert len(made) == w.warm + w.steps + ready
    assert ready < FEWEST


def test_straight_ld_computes_as_we_do(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In so far as its process is set up alike, and through both phases."""
    kept = []
    for module in (straight_ld, ours, limits):
        monkeypatch.setattr(module, "keep_freed", lambda name=module.__name__: kept.append(name))
        module.block(work("ld", folder))
    assert len(set(kept)) == 3


def test_straight_finetuning_has_our_optimiser(folder: Path) -> None:
    w = work("finetuning", folder)
    under_way = ours.tuning(w, ours.initial())
    under_way.begin()
    theirs = straight_finetuning.adam(list(ours.initial().parameters()))
    assert under_way.optimiser.defaults == theirs.defaults
    assert type(under_way.optimiser) is type(theirs)


def test_a_methods_phases_count_by_their_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ours, "phase", lambda _, __, place: (1.0, 2.0)[place])
    assert ours.pretraining(Work("ld", 64, Path())) == pytest.approx(0.2 * 1.0 + 0.8 * 2.0)


@pytest.mark.parametrize("name", [name for name in METHODS if name != "random"])
def test_there_are_photographs_enough_for_every_method(name: str) -> None:
    cls = registry.method(name)
    held_out = int(HELD_OUT * COUNT)
    pool_suits(cls, cls.Config(), COUNT - held_out, held_out)


@pytest.mark.parametrize("what", ["simclr", "byol", "ld", "finetuning"])
def test_our_path_and_the_limit_take_their_steps(what: str, folder: Path) -> None:
    w = work(what, folder)
    assert ours.block(w) > 0.0
    assert limits.block(w) > 0.0


@pytest.mark.parametrize("what", ["simclr", "byol", "ld", "finetuning", "jigsaw"])
def test_every_row_has_its_rivals_ours_and_the_limit(what: str, folder: Path) -> None:
    found = modules(work(what, folder).at("bfloat16"))
    assert {"ours", "E", *rivals(what)} <= set(found)
    assert set(rivals(what)) <= set(RIVALS.get(what, {}))
    assert ("ours float32" in found) == (what != "jigsaw")


def test_every_way_is_measured(folder: Path) -> None:
    found = measured(work("ld", folder), pairs=1)
    assert {name: len(taken) for name, taken in found.seconds.items()} == dict.fromkeys(
        ("C", "ours", "E"), 1
    )
    assert set(found.memory) == set(found.seconds)
    assert min(found.memory.values()) > 0.0


def test_others_are_all_methods_without_a_rival() -> None:
    assert {"simclr", "byol", "ld", "random", "others"}.isdisjoint(expanded(["others"]))
    assert len(expanded(["ld", "others"])) == len(METHODS) - 3
