"""What a view goes through, with strengths: a method's manifest is its Config's augmentations.

Every field of a ``Config`` that holds an ``Augmentation`` is one view's recipe. Whatever else
happens to a view (holes, permuted tiles, sizes of crops, mixing) makes the method what it is and is
no augmentation. ``shared`` puts one recipe in the place of all of them, for plans that ask what is
left of a method's lead when everybody sees the same views.
"""

from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

Choice = Literal["own", "shared"]


@dataclass(frozen=True, slots=True)
class Augmentation:
    """One view's recipe, in the order in which it is applied.

    Attributes:
        area: Random resized crop: range of the share of the area.
        aspect: Random resized crop: range of width over height.
        flip: Probability of a left-right mirror image.
        flip_vertical: Probability of a top-bottom mirror image.
        jitter: Strengths of brightness, contrast, saturation (around 1) and hue (turns).
        jitter_probability: Share of images whose colours are jittered.
        grey: Share of images turned grey.
        blur: Range of the Gaussian's standard deviation, as a share of the side.
        blur_probability: Share of images blurred.
    """

    area: tuple[float, float] = (1.0, 1.0)
    aspect: tuple[float, float] = (3 / 4, 4 / 3)
    flip: float = 0.0
    flip_vertical: float = 0.0
    jitter: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    jitter_probability: float = 0.0
    grey: float = 0.0
    blur: tuple[float, float] = (0.0, 0.0)
    blur_probability: float = 0.0


#: 0.1 to 2 px of 224, as SimCLR's successors have it.
BLUR = (0.1 / 224, 2.0 / 224)

#: Mirror images and nothing else; top-bottom ones too, because a retina has no upright.
FLIPPED = Augmentation(flip=0.5, flip_vertical=0.5)

#: Instance discrimination, its published code (https://arxiv.org/abs/1805.01978), and with it
#: invariant and spreading features (https://arxiv.org/abs/1904.03436, section 4.1).
INSTDISC = replace(
    FLIPPED, area=(0.2, 1.0), jitter=(0.4, 0.4, 0.4, 0.4), jitter_probability=1.0, grey=0.2
)
#: SimCLR, appendix A, at strength 1.
SIMCLR = replace(
    FLIPPED,
    area=(0.08, 1.0),
    jitter=(0.8, 0.8, 0.8, 0.2),
    jitter_probability=0.8,
    grey=0.2,
    blur=BLUR,
    blur_probability=0.5,
)
#: MoCo v2 (https://arxiv.org/abs/2003.04297), section 3 and its published code.
MOCO_V2 = replace(SIMCLR, area=(0.2, 1.0), jitter=(0.4, 0.4, 0.4, 0.1))
#: BYOL, table 6; solarisation (0 and 0.2) is left out: it inverts bright lesions.
BYOL_A = replace(SIMCLR, jitter=(0.4, 0.4, 0.2, 0.1), blur_probability=1.0)
BYOL_B = replace(BYOL_A, blur_probability=0.1)
#: SwAV and DeepCluster-v2 (https://arxiv.org/abs/2006.09882), appendix A.2: their large crops.
SWAV = replace(SIMCLR, area=(0.14, 1.0))

#: What every view goes through under ``augmentation = "shared"``: the mildest of the published
#: recipes that contrast instances (MoCo v2's).
SHARED = MOCO_V2


def manifest(config: Any) -> dict[str, dict[str, Any]]:  # noqa: ANN401
    """A ``Config``'s augmentations by the name of their field, as plain values."""
    return {name: asdict(value) for name, value in recipes(config).items()}


def recipes(config: Any) -> dict[str, Augmentation]:  # noqa: ANN401
    """A ``Config``'s augmentations by the name of their field."""
    values = {entry.name: getattr(config, entry.name) for entry in fields(config)}
    return {name: value for name, value in values.items() if isinstance(value, Augmentation)}


def chosen(config: Any, choice: Choice) -> Any:  # noqa: ANN401
    """The ``Config`` with its own augmentations, or with ``SHARED`` in the place of each."""
    if choice == "own":
        return config
    return replace(config, **dict.fromkeys(recipes(config), SHARED))
