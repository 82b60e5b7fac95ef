"""The contract between a method and the loop that trains it.

A method says how images become views and what the loss of views is. Everything else, the loop, the
optimiser, the order of images, seeds and the check for divergence, belongs to
``methods.pretrain``, so that methods compete on equal terms.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Literal, Protocol, TypeVar, runtime_checkable

from jaxtyping import Float
from torch import Tensor, nn

from methods.draws import Draws, derive_seed
from methods.images import Batch, Images
from methods.networks import Encoder, pooled
from methods.precision import Precision
from methods.schedules import constant

__all__ = [
    "Batch",
    "Budget",
    "DenseEmbedding",
    "Draws",
    "Images",
    "MaskPredictor",
    "Method",
    "Phase",
    "Pretrained",
    "Progress",
    "Scalar",
    "Spent",
    "derive_seed",
]

Scalar = Float[Tensor, ""]
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Progress:
    """Where training stands: ``step`` of ``steps`` in the phase called ``phase``."""

    phase: str
    step: int
    steps: int

    @property
    def fraction(self) -> float:
        """Share of the phase's steps already taken, in [0, 1)."""
        return self.step / self.steps


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of training with an optimiser of its own.

    Attributes:
        name: What ``Progress.phase`` says.
        share: Share of the budget's images, in (0, 1].
        decay: Factor of the learning rate as a function of ``Progress.fraction``.
        transfer: Which checkpoint leaves the phase.
    """

    name: str
    share: float = 1.0
    decay: Callable[[float], float] = constant
    transfer: Literal["last", "lowest validation loss"] = "last"


@dataclass(frozen=True, slots=True)
class Budget:
    """What every method spends alike.

    Attributes:
        images: Images drawn from the pool over all phases; each method spends exactly as many.
        checks: How often the validation loss is computed over the run.
        precision: Precision of the convolutions.
        statistics: Batch-norm statistics of the transferred encoder: recalibrated on the pool's
            plain images, or as trained.
    """

    images: int
    checks: int = 20
    precision: Precision = "float32"
    statistics: Literal["recalibrated", "trained"] = "recalibrated"

    def __post_init__(self) -> None:
        if self.images < 1 or self.checks < 1:
            raise ValueError(
                f"a budget needs at least one image and one check, not {self.images} images and "
                f"{self.checks} checks"
            )


@dataclass(frozen=True, slots=True)
class History:
    """What happened: the loss of every step, and every check's validation loss."""

    losses: list[float] = field(default_factory=list)
    checks: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Spent:
    """What a training cost besides images, seconds and memory.

    Attributes:
        steps: Optimiser steps.
        parameters: Numbers that the optimiser moved, the most over the phases.
        forward: Floating-point operations of the losses.
        backward: Of their gradients.
        aside: Of everything else, e.g. validation.
    """

    steps: int = 0
    parameters: int = 0
    forward: int = 0
    backward: int = 0
    aside: int = 0


@dataclass(frozen=True, slots=True)
class Pretrained:
    """What pre-training leaves behind.

    Attributes:
        encoder: In evaluation mode; all that segmentation tasks may use.
        model: The whole method, for tasks that ask it for embeddings or masks.
        history: Losses and checks.
        images_drawn: Images drawn for training.
        images_passed: Images drawn besides: validation, ``before_epoch``, recalibration.
        transferred: Which checkpoint of the last phase this is.
        spent: Steps and operations.
    """

    encoder: Encoder
    model: "Method[Any]"
    history: History
    images_drawn: int
    images_passed: int
    transferred: str
    spent: Spent = Spent()


@runtime_checkable
class DenseEmbedding(Protocol):
    """A model that gives every pixel a unit vector."""

    def embed(self, images: Tensor) -> Tensor:
        """Normalised images to unit vectors, shape (batch, dim, height, width)."""
        ...


@runtime_checkable
class MaskPredictor(Protocol):
    """A model that gives every pixel shares of belonging to regions."""

    def masks(self, images: Tensor) -> Tensor:
        """Normalised images to shares in [0, 1], shape (batch, regions, height, width)."""
        ...


@runtime_checkable
class TrainingConfig(Protocol):
    """What every ``Config`` states besides its own constants."""

    @property
    def learning_rate(self) -> float:
        """Adam's step size, before the phase's decay."""
        ...

    @property
    def weight_decay(self) -> float:
        """Adam's L2 penalty."""
        ...

    @property
    def batch_size(self) -> int:
        """Images drawn a step."""
        ...


class Method(nn.Module, ABC, Generic[V]):
    """Unlabelled images to a trained encoder; ``V`` is the method's type of views."""

    name: ClassVar[str]
    paper: ClassVar[str]
    Config: ClassVar[type[Any]]
    phases: ClassVar[tuple[Phase, ...]] = (Phase("pretraining"),)
    #: "epochs": every image once before any comes again. "replacement": independent draws.
    sampling: ClassVar[Literal["epochs", "replacement"]] = "epochs"
    #: Images that belong together in a batch, and the fewest with which the loss means something.
    group: ClassVar[int] = 1
    smallest_batch: ClassVar[int] = 2

    config: Any

    def __init__(self, encoder: Encoder, config: TrainingConfig) -> None:
        super().__init__()
        self.encoder = encoder
        self.config = config

    @abstractmethod
    def views(self, batch: Batch, draws: Draws) -> V:
        """Augment a batch; must leave ``batch.images`` unchanged."""

    @abstractmethod
    def loss(self, views: V, progress: Progress) -> Scalar:
        """The loss of one batch's views.

        Changes no state but batch-norm statistics and, while gradients are enabled, a queue.
        Whatever must outlive the step belongs into a buffer, so that training can be resumed.
        """

    @classmethod
    def smallest_pool(cls, config: Any) -> int:  # noqa: ANN401
        """Fewest training images with which the method means something, e.g. one a cluster."""
        del config
        return 1

    def prepare(self, images: Images) -> None:
        """Called once before training, and before a trained state is loaded.

        The place for buffers whose size depends on the pool, e.g. a memory bank. May draw from
        torch's global generator, which the loop seeds.
        """
        del images

    def before_phase(self, phase: str, images: Images) -> int:
        """Called when a phase starts; returns how many images it passed."""
        del phase, images
        return 0

    def before_epoch(self, images: Images) -> int:
        """Called before each pass over the pool; returns how many images it passed."""
        del images
        return 0

    def after_step(self, progress: Progress) -> None:
        """Called after each optimiser step, e.g. to move a momentum encoder."""
        del progress

    def vectors(self, images: Tensor) -> Float[Tensor, "things dim"]:
        """What the loss tells apart, one vector a thing, for seeing collapses.

        Args:
            images: Normalised images.

        Returns:
            The encoder's pooled features, unless a projector follows it: then its projections.
        """
        return pooled(self.encoder(images))

    def param_groups(self, phase: str) -> list[dict[str, Any]]:
        """Parameter groups for the phase's optimiser.

        A group may set its own ``lr``, and a ``decay`` in the place of the phase's.
        """
        del phase
        return [{"params": [p for p in self.parameters() if p.requires_grad]}]
