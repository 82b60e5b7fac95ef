"""Jigsaw puzzles: tell in which order nine tiles of an image were shuffled.

Noroozi and Favaro, "Unsupervised Learning of Visual Representations by Solving Jigsaw Puzzles",
ECCV 2016, https://arxiv.org/abs/1603.09246: the context-free network, which sees one tile at a time
until its last layers; permutations far apart (algorithm 1); guards against shortcuts (random gaps,
tiles normalised one by one, grey images, colour channels moved apart). Numbers are the paper's and
its code's (github.com/MehdiNoroozi/JigsawPuzzleSolver). Cross-entropy is PyTorch's.
"""

import math
from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from methods.augmentation import Augmentation
from methods.base import Batch, Draws, Method, Phase, Progress, Scalar
from methods.jigsaw.puzzles import cell_centres, cut, hued, permutation_set, standardised
from methods.networks import Encoder, pooled
from methods.schedules import cosine
from methods.tunable import tunable
from methods.views import CROP_STEP, coloured, placed, view_side


@dataclass(frozen=True, slots=True)
class Puzzle:
    """Shuffled tiles.

    Attributes:
        tiles: Each normalised by itself; the i-th shows cell ``permutations[label][i]``.
        label: Which permutation each image was given.
    """

    tiles: Float[Tensor, "batch tiles channels side side"]
    label: Int[Tensor, " batch"]


class Jigsaw(Method[Puzzle]):
    """Classify the permutation of an image's tiles."""

    name = "jigsaw"
    paper = "https://arxiv.org/abs/1603.09246"
    phases = (Phase("pretraining", decay=cosine),)
    smallest_batch = 1

    @dataclass(frozen=True, slots=True)
    class Config:
        """The published numbers, with these departures.

        Adam at 1e-3 in place of SGD and batch 32 in place of 256. No dropout, a tile's global
        average in place of its whole map, and layers of a quarter of the published 1024 and 4096
        units, for an encoder of 128 in place of 2304 features a tile. 100 permutations, as in the
        authors' first code, in place of 1000, for which a small budget has too few steps. Gaps and
        moves in real in place of whole pixels.

        Tiles come straight from the source, at a multiple of the encoder's coarsest stride of
        16 px: 32 px from images of 128 (as large as they are there), 16 px from images of 32, where
        a tile covers 5 px and is up-sampled. No mirror images, as in the code. The black rim of a
        fundus photograph tells corner cells from others, a shortcut that no published guard closes.
        """

        learning_rate: float = tunable(1e-3, 1e-4, 1e-2, log=True)
        weight_decay: float = tunable(5e-4, 0.0, 1e-3)
        batch_size: int = 32
        grid: int = 3  # cells a side
        tile: float = 64 / 75  # share of its cell's side; the gap is random
        fringe: float = 2 / 64  # farthest move of a colour channel, as a share of the tile's side
        flat: float = 1 / 255  # ours: least standard deviation, so that black stays black
        permutations: int = tunable(100, 10, 1000, log=True)
        dim_tile: int = 256
        dim_hidden: int = 1024
        # A window of 225 of 256 px, 30 % grey images.
        view: Augmentation = Augmentation(area=((225 / 256) ** 2,) * 2, aspect=(1.0, 1.0), grey=0.3)

    config: Config
    permutations: Tensor

    def __init__(self, encoder: Encoder, config: Config) -> None:
        super().__init__(encoder, config)
        self.register_buffer("permutations", permutation_set(config.grid, config.permutations))
        self.tile_layer = nn.Sequential(nn.Linear(encoder.channels[-1], config.dim_tile), nn.ReLU())
        self.classifier = nn.Sequential(
            nn.Linear(config.grid**2 * config.dim_tile, config.dim_hidden),
            nn.ReLU(),
            nn.Linear(config.dim_hidden, config.permutations),
        )

    def views(self, batch: Batch, draws: Draws) -> Puzzle:
        """A window of each image and, from its cells in a permuted order, a tile each."""
        c, tiles, channels = self.config, self.config.grid**2, batch.images.shape[1]
        draws = draws.named("puzzle")
        images = coloured(batch.images, draws, c.view)
        label = draws.integers("permutation", c.permutations)
        half = c.tile / c.grid  # of a tile's side, with half of the window's as the unit
        gaps = draws.uniform("gap", -1.0, 1.0, (tiles, 1, 2)) * (1.0 / c.grid - half)
        moves = draws.uniform("fringe", -1.0, 1.0, (tiles, channels, 2)) * (2.0 * half * c.fringe)
        # Only colour images: a grey one with fringes would be none.
        moves = moves * hued(images)[:, None, None, None]
        centres = cell_centres(self.permutations[label], c.grid)[:, :, None] + gaps + moves
        size = CROP_STEP * math.ceil(half * view_side(batch.images.shape[-1]) / CROP_STEP)
        return Puzzle(
            standardised(cut(images, placed(draws, c.view), centres, half, size), c.flat), label
        )

    def loss(self, views: Puzzle, progress: Progress) -> Scalar:
        """Cross-entropy of the permutation; tiles meet in the last two layers only."""
        del progress
        tiles = self.tile_layer(pooled(self.encoder(views.tiles.flatten(0, 1))))
        logits = self.classifier(tiles.reshape(len(views.label), -1))
        return F.cross_entropy(logits, views.label)
