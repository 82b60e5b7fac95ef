"""TransVW's two losses spelled out, what each phase trains, and the discovery of words."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from methods.base import Batch, Budget, Draws, Images, Progress
from methods.images import Images as Pool
from methods.pretrain import build, pretrain
from methods.transvw import TransVW
from methods.transvw.views import WordViews

WORDS, NEIGHBOURS = 4, 5
FIRST, SECOND = (phase.name for phase in TransVW.phases)
CPU = torch.device("cpu")


@pytest.fixture
def method() -> TransVW:
    config = TransVW.Config(
        words=WORDS, neighbours=NEIGHBOURS, batch_size=8, weight_classification=0.3
    )
    made = build(TransVW, config, "tiny", 3, seed=0)
    assert isinstance(made, TransVW)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():  # networks that cannot stand in for one another
        for part in (made.autoencoder, made.autodecoder):
            for p in part.parameters():
                p.mul_(torch.empty_like(p).uniform_(0.5, 1.5, generator=generator))
    return made


def discovered(method: TransVW, images: Images, seed: int = 0) -> int:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return method.before_phase(SECOND, images)


def views(method: TransVW, images: Images, *index: int, step: int = 0) -> WordViews:
    rows = torch.tensor(index)
    return method.views(images.batch(rows, CPU), Draws(0, step, rows))


def squared(logits: Tensor, aim: Tensor) -> float:
    pairs = zip(logits.flatten().tolist(), aim.flatten().tolist(), strict=True)
    return math.fsum((1.0 / (1.0 + math.exp(-a)) - b) ** 2 for a, b in pairs) / aim.numel()


def shrunk(images: Tensor, like: Tensor) -> Tensor:
    return nn.functional.interpolate(images, size=like.shape[2:], mode="area")


def cross_entropies(logits: Tensor, words: list[int]) -> list[float]:
    rows = zip(logits.double().tolist(), words, strict=True)
    return [
        math.log(math.fsum(math.exp(x) for x in row)) - row[word] for row, word in rows if word >= 0
    ]


def test_a_step_restores_crops_and_names_their_words(method: TransVW, images: Images) -> None:
    discovered(method, images)
    held_out = range(len(images), len(images) + 2)
    made = views(method, images, *range(6), *held_out)
    words = made.word.tolist()
    assert words[6:] == [-1, -1]
    assert max(words) >= 0
    with torch.no_grad():
        maps = method.encoder(made.crop.seen)
        restored = method.decoder(maps, ("image",))["image"]
        logits = method.classifier(maps[-1])
        loss = method.loss(made, Progress(SECOND, 0, 2)).item()
    error, entropies = squared(restored, made.crop.aim), cross_entropies(logits, words)
    entropy = math.fsum(entropies) / len(entropies)
    assert loss == pytest.approx(0.3 * entropy + error, rel=1e-5)
    everyone = cross_entropies(logits, [max(word, 0) for word in words])
    wrongs = {
        "distorted aims": 0.3 * entropy + squared(restored, made.crop.seen),
        "weights swapped": entropy + 0.3 * error,
        "averaged over images without a word": 0.3 * math.fsum(entropies) / 8 + error,
        "no word is the first word": 0.3 * math.fsum(everyone) / 8 + error,
        "whole images": 0.3 * entropy + squared(restored, shrunk(made.whole.aim, restored)),
        "no sigmoid": 0.3 * entropy + float(((restored - made.crop.aim) ** 2).mean()),
    }
    for wrong, value in wrongs.items():
        assert loss != pytest.approx(value, rel=1e-3), wrong


def test_the_autoencoder_restores_whole_images_from_its_coarsest_map(
    method: TransVW, images: Images
) -> None:
    made = views(method, images, *range(6))

    def error(encoder: nn.Module, seen: Tensor, *, skips: bool) -> float:
        *finer, coarsest = encoder(seen)
        maps = [*(each * float(skips) for each in finer), coarsest]
        return squared(method.autodecoder(maps, ("image",))["image"], made.whole.aim)

    with torch.no_grad():
        expected = error(method.autoencoder, made.whole.seen, skips=False)
        wrongs = {
            "skips": error(method.autoencoder, made.whole.seen, skips=True),
            "the other encoder": error(method.encoder, made.whole.seen, skips=False),
        }
        loss = method.loss(made, Progress(FIRST, 0, 2)).item()
    assert loss == pytest.approx(expected, rel=1e-5)
    for wrong, value in wrongs.items():
        assert loss != pytest.approx(value, rel=1e-3), wrong


def test_the_order_of_the_images_does_not_matter(method: TransVW, images: Images) -> None:
    discovered(method, images)
    rows = [3, 0, 5, 13, 1, 4, 2]
    losses = [
        method.loss(views(method, images, *each), Progress(phase, 0, 2)).item()
        for phase in (FIRST, SECOND)
        for each in (rows, sorted(rows))
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    assert losses[2] == pytest.approx(losses[3], rel=1e-4)


def test_without_words_the_classifier_learns_nothing(method: TransVW, images: Images) -> None:
    made = views(method, images, *range(6))
    assert made.word.tolist() == [-1] * 6
    method.loss(made, Progress(SECOND, 0, 2)).backward()
    assert not any(bool(p.grad.any()) for p in method.classifier.parameters() if p.grad is not None)


def nearest_by_loops(features: Tensor, reference: int) -> list[int]:
    rows = features.double().tolist()
    distances = [math.dist(rows[reference], row) for row in rows]
    return sorted(range(len(rows)), key=distances.__getitem__)


def test_words_are_held_by_the_training_images_nearest_to_a_reference(
    method: TransVW, images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[int] = []
    real = Pool.batch

    def batch(self: Pool, index: Tensor, device: torch.device) -> Batch:
        fetched.extend(index.tolist())
        return real(self, index, device)

    monkeypatch.setattr(Pool, "batch", batch)
    assert method.before_phase(FIRST, images) == 0
    assert fetched == []
    assert bool((method.holders == -1).all())
    assert discovered(method, images) == len(images)
    assert sorted(fetched) == list(range(len(images)))
    with torch.no_grad():
        method.eval()
        everyone = torch.arange(len(images))
        whole = method.views(images.batch(everyone, CPU), Draws(0, 0, everyone)).whole.seen
        features = method.autoencoder(whole)[-1].mean((2, 3))
    assert method.holders.shape == (WORDS, NEIGHBOURS)
    references = method.holders[:, 0].tolist()
    assert len(set(references)) == WORDS
    for reference, row in zip(references, method.holders.tolist(), strict=True):
        assert row == nearest_by_loops(features, reference)[:NEIGHBOURS]
    other = nearest_by_loops(method.encoder(whole)[-1].mean((2, 3)), references[0])
    assert other[:NEIGHBOURS] != method.holders[0].tolist()  # not by the other encoder's features
    assert float(method.places.abs().max()) <= 1.0 - method.config.crop


def test_discovery_depends_on_the_seed_alone(method: TransVW, images: Images) -> None:
    tables = []
    for seed in (0, 0, 1):
        discovered(method, images, seed)
        tables.append((method.holders.clone(), method.places.clone()))
    assert all(torch.equal(a, b) for a, b in zip(tables[0], tables[1], strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(tables[0], tables[2], strict=True))
    assert {"holders", "places"} <= set(method.state_dict())


def test_each_phase_trains_its_own_networks(
    method: TransVW, images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = (method.autoencoder, method.autodecoder)
    second = (method.encoder, method.decoder, method.classifier)
    states: list[list[list[Tensor]]] = []
    words: list[int] = []

    def kept() -> None:
        states.append(
            [
                [p.detach().clone() for part in parts for p in part.parameters()]
                for parts in (first, second)
            ]
        )

    real, real_loss = TransVW.before_phase, TransVW.loss

    def before_phase(self: TransVW, phase: str, images: Images) -> int:
        kept()
        return real(self, phase, images)

    def loss(self: TransVW, views: WordViews, progress: Progress) -> Tensor:
        if progress.phase == SECOND and self.training:
            words.extend(views.word.tolist())
        return real_loss(self, views, progress)

    monkeypatch.setattr(TransVW, "before_phase", before_phase)
    monkeypatch.setattr(TransVW, "loss", loss)
    pretrain(method, images, Budget(images=80, checks=1), seed=0)
    kept()
    moved = [
        [any(not torch.equal(a, b) for a, b in zip(*parts, strict=True)) for parts in pairs]
        for pairs in (
            zip(states[0], states[1], strict=True),
            zip(states[1], states[2], strict=True),
        )
    ]
    assert moved == [[True, False], [False, True]]
    assert len(words) == 64
    assert set(range(WORDS)) <= set(words)
    assert {
        id(p) for phase in (FIRST, SECOND) for p in method.param_groups(phase)[0]["params"]
    } == {id(p) for p in method.parameters()}


def test_a_pool_has_an_image_for_every_neighbour(make_images: Callable[..., Images]) -> None:
    config = TransVW.Config(batch_size=8)
    assert TransVW.smallest_pool(config) == 100
    assert TransVW.smallest_pool(replace(config, words=200)) == 200
    method = build(TransVW, replace(config, words=12, neighbours=12), "tiny", 3, seed=0)
    assert isinstance(method, TransVW)
    pool = make_images()
    discovered(method, pool)
    assert all(sorted(row) == list(range(12)) for row in method.holders.tolist())
