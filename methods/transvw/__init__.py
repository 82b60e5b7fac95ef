"""TransVW: name the visual word that a distorted crop shows, and restore the crop.

Haghighi et al., "Transferable Visual Words: Exploiting the Semantics of Anatomical Patterns for
Self-supervised Learning", IEEE TMI 2021, https://arxiv.org/abs/2102.10680, after Semantic Genesis
(MICCAI 2020, https://arxiv.org/abs/2007.06959). Self-discovery: an autoencoder finds images that
resemble a random reference; crops of all of them at one random place are a word. Then
self-classification and self-restoration. Written after the authors' published code,
https://github.com/fhaghighi/TransVW (``self_discovery/``, ``pytorch/``). The distortions are those
of Models Genesis.
"""

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from methods.augmentation import Augmentation
from methods.base import Batch, Draws, Images, Method, Phase, Progress, Scalar
from methods.networks import Encoder, PixelDecoder, conv_block, pooled
from methods.schedules import cosine
from methods.transvw.distortions import GENESIS, Distortions, distorted
from methods.transvw.losses import restoration_error, without_skips, word_error
from methods.transvw.views import NEARBY, PLAIN, Nearby, Restorable, WordViews, crops, whole
from methods.transvw.words import nearest, scattered, word_of
from methods.tunable import tunable


class TransVW(Method[WordViews]):
    """Discover visual words, then classify and restore them."""

    name = "transvw"
    paper = "https://arxiv.org/abs/2102.10680"
    phases = (
        Phase("self-discovery", 0.2, cosine),
        Phase("self-classification and self-restoration", 0.8, cosine),
    )

    @dataclass(frozen=True, slots=True)
    class Config:
        """Constants of the published code, with these departures.

        Batch 16 in place of 64; a fifth of the budget for the autoencoder. 44 words of 100 images
        in place of 200 would give 99 % of 1,000 images a word and 90 % of 2,000 if they fell
        evenly; 97 % of 936 X-rays had one, as some resemble few others. The rest, and held-out
        images, are restored only, from crops at places of their own. Crops have 3/8 of the side in
        place of an eighth (64 of 512 px), of which little is left in small images (48 of 128 px; as
        published, they are not enlarged), and keep no distance from the border. Other sizes of a
        word's crop are drawn anew each time, where the code stores two. No elastic deformation
        before the distortion; shuffled blocks cover the crop as in Models Genesis, where the code
        has five.
        """

        learning_rate: float = tunable(1e-3, 1e-4, 1e-2, log=True)
        weight_decay: float = tunable(0.0, 0.0, 1e-3)
        batch_size: int = 16
        words: int = 44  # train.py
        neighbours: int = 100
        weight_classification: float = tunable(0.01, 1e-3, 1.0, log=True)  # train.py
        weight_restoration: float = 1.0  # train.py
        widening: int = 2  # of the classifier's convolution: 1024 for 512 channels, ynet3d.py
        crop: float = tunable(3 / 8, 1 / 8, 7 / 8)  # share of the side
        apart: float = 5 / 512  # least distance of words, share of the side, pattern_generator_3D
        tries: int = 200  # pattern_generator_3D.py
        nearby: Nearby = NEARBY
        distortions: Distortions = GENESIS
        view: Augmentation = PLAIN  # of the crop

    config: Config

    def __init__(self, encoder: Encoder, config: Config) -> None:
        super().__init__(encoder, config)
        self.autoencoder = deepcopy(encoder)
        self.autodecoder, self.decoder = (
            PixelDecoder(encoder.channels, {"image": encoder.channels_in}) for _ in range(2)
        )
        channels = encoder.channels[-1]
        self.classifier = nn.Sequential(
            conv_block(channels, config.widening * channels),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(config.widening * channels, config.words),
        )
        self.holders: Tensor
        self.register_buffer("holders", torch.full((config.words, config.neighbours), -1))
        self.places: Tensor
        self.register_buffer("places", torch.zeros(config.words, 2))

    @classmethod
    def smallest_pool(cls, config: Config) -> int:
        """A reference for each word, and the images that hold it."""
        return max(config.words, config.neighbours)

    def param_groups(self, phase: str) -> list[dict[str, Any]]:
        """The autoencoder, then all else."""
        first = (self.autoencoder, self.autodecoder)
        second = (self.encoder, self.decoder, self.classifier)
        parts = first if phase == self.phases[0].name else second
        return [{"params": [p for part in parts for p in part.parameters()]}]

    @torch.no_grad()
    def before_phase(self, phase: str, images: Images) -> int:
        """Discover the words among the training images, once the autoencoder is trained."""
        if phase == self.phases[0].name:
            return 0
        c = self.config
        self.autoencoder.eval()
        features = [
            pooled(self.autoencoder(whole(images.batch(index, self.places.device)).seen))
            for index in torch.arange(len(images)).split(c.batch_size)
        ]
        references = torch.randperm(len(images))[: c.words].to(self.places.device)
        self.holders.copy_(nearest(torch.cat(features), references, c.neighbours))
        self.places.copy_(scattered(c.words, 1.0 - c.crop, 2.0 * c.apart, c.tries))
        return len(images)

    def views(self, batch: Batch, draws: Draws) -> WordViews:
        """Whole images, and a distorted crop of each at the place of one of its words."""
        c = self.config
        word = word_of(batch.index, self.holders, draws)
        elsewhere = draws.uniform("place", c.crop - 1.0, 1.0 - c.crop, (2,))
        centres = torch.where((word >= 0)[:, None], self.places[word], elsewhere)
        aim = crops(batch, draws, centres, c.crop, c.nearby, c.view)
        seen = batch.normalised(distorted(aim, draws, c.distortions))
        return WordViews(whole(batch), Restorable(seen, aim), word)

    def loss(self, views: WordViews, progress: Progress) -> Scalar:
        """The autoencoder's error; then the weighted errors of words and crops."""
        if progress.phase == self.phases[0].name:
            maps = without_skips(self.autoencoder(views.whole.seen))
            return restoration_error(self.autodecoder(maps, ("image",))["image"], views.whole.aim)
        c, maps = self.config, self.encoder(views.crop.seen)
        restored = self.decoder(maps, ("image",))["image"]
        classified = word_error(self.classifier(maps[-1].float()), views.word)
        error = restoration_error(restored, views.crop.aim)
        return c.weight_classification * classified + c.weight_restoration * error
