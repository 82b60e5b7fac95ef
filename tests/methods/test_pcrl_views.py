"""PCRL's views: descriptions against numpy, holes, clean aims and the shares of mixtures."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from methods.base import Draws, Images
from methods.pcrl import PCRL
from methods.pcrl.views import Context, PCRLViews
from methods.pretrain import build

SIDE, VIEW = 64, 48


@pytest.fixture(scope="module")
def pool(make_images: Callable[..., Images]) -> Images:
    return make_images(count=64, side=SIDE, held_out=0)


def views(pool: Images, config: PCRL.Config, *, step: int = 0) -> PCRLViews:
    method, index = build(PCRL, config, "tiny", 3, seed=0), torch.arange(64)
    made = method.views(pool.batch(index, torch.device("cpu")), Draws(0, step, index))
    assert isinstance(made, PCRLViews)
    return made


@pytest.mark.parametrize("name", ["query", "key"])
def test_descriptions_say_what_was_done(name: str, pool: Images) -> None:
    context: Context = getattr(views(pool, PCRL.Config()), name)
    for seen, aim, said in zip(
        context.images.numpy(), context.turned.numpy(), context.description.tolist(), strict=True
    ):
        assert sum(said[2:]) == 1.0
        expected = seen[:, ::-1] if said[0] else seen
        expected = expected[:, :, ::-1] if said[1] else expected
        np.testing.assert_array_equal(aim, np.rot90(expected, said[2:].index(1.0), axes=(1, 2)))
    used = context.description.mean(0)
    assert bool(((used[:2] > 0.3) & (used[:2] < 0.7)).all())
    assert bool(((used[2:] > 0.1) & (used[2:] < 0.4)).all())


def test_the_two_views_differ_in_everything(pool: Images) -> None:
    made = views(pool, PCRL.Config())
    for name in Context.__slots__:
        assert not torch.equal(getattr(made.query, name), getattr(made.key, name)), name


@pytest.mark.parametrize("holes", [1, 3])
def test_holes_are_cut_from_what_is_seen_and_not_from_clean_aims(holes: int, pool: Images) -> None:
    whole, cut = (views(pool, PCRL.Config(holes=count)).query for count in (0, holes))
    assert torch.equal(cut.clean, whole.clean)
    missing = (cut.images != whole.images).any(1)
    assert torch.equal(cut.images, torch.where(missing[:, None], 0.0, whole.images))
    side = 2 * round(VIEW / 7 / 2)  # 32 of 224 px
    sizes = missing.flatten(1).sum(1)
    assert 0.6 * holes * side**2 < float(sizes.float().mean()) < int(sizes.max()) + 1
    assert int(sizes.max()) <= holes * side**2
    assert len({tuple(hole.flatten().tolist()) for hole in missing}) > 55
    if holes == 1:  # a square whose centre lies in the image, cut off at the edge
        for hole in missing:
            rows, columns = int(hole.any(1).sum()), int(hole.any(0).sum())
            assert int(hole.sum()) == rows * columns
            assert side // 2 <= min(rows, columns) <= max(rows, columns) <= side


def test_clean_aims_are_the_view_without_colours(pool: Images) -> None:
    config = PCRL.Config(holes=0)
    plain = replace(config.view, jitter_probability=0.0, grey=0.0, blur_probability=0.0)
    coloured, same = (
        views(pool, replace(config, view=view)).query for view in (config.view, plain)
    )
    assert torch.equal(same.images, same.clean)
    assert torch.equal(coloured.clean, same.clean)
    assert not torch.equal(coloured.images, coloured.clean)


def test_shares_are_the_larger_part_of_a_uniform_split(pool: Images) -> None:
    made = [views(pool, PCRL.Config(), step=step) for step in range(12)]
    shares = {
        name: torch.cat([getattr(each, name) for each in made])
        for name in ("share", "share_maps", "share_mixed_maps")
    }
    for values in shares.values():
        assert 0.5 <= float(values.min()) < 0.51
        assert 0.99 < float(values.max()) <= 1.0
        assert float(values.mean()) == pytest.approx(0.75, abs=0.02)
    assert float(torch.corrcoef(torch.stack(list(shares.values()))).triu(1).abs().max()) < 0.15
    partners = [each.partner.tolist() for each in made]
    assert all(sorted(rows) == list(range(64)) for rows in partners)
    assert len({tuple(rows) for rows in partners}) == len(made)
