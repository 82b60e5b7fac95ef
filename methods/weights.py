"""Encoders' weights from files of others, read as tensors and never as code.

Two layouts are understood: this project's encoder, alone or inside of a whole method, and
torchvision's ``vgg16_bn``, which is the same network at full width.
"""

import hashlib
import io
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from methods.errors import ConfigError
from methods.networks import DEPTHS, WIDTHS, Encoder

Layout = Literal["ldbench", "torchvision"]

#: What a file that is no archive of tensors can raise.
UNREADABLE = (
    pickle.UnpicklingError, SafetensorError, RuntimeError, EOFError, ValueError, KeyError,
    AttributeError, IndexError, TypeError,
)  # fmt: skip
FIRST = "blocks.0.0.0.weight"


@dataclass(frozen=True, slots=True)
class Weights:
    """An encoder's weights from a file.

    Attributes:
        path: The file.
        sha256: Of its bytes.
        layout: Whose names its tensors had.
        state: Tensors by this project's names.
    """

    path: Path
    sha256: str
    layout: Layout
    state: Mapping[str, Tensor]


@cache
def read_weights(path: Path, size: int, changed: int) -> Weights:
    """The encoder's weights in a file; ``size`` and ``changed`` tell when to read it again."""
    del size, changed
    if path.suffix not in (".safetensors", ".pth", ".pt"):
        raise ConfigError(f"{path}: an encoder's file is called .safetensors, .pth or .pt")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror})") from error
    try:
        if path.suffix == ".safetensors":
            tensors: object = load(data)
        else:
            # weights_only: anything but tensors in it is refused, not run.
            tensors = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except UNREADABLE as error:
        reason = " ".join(str(error).split())[:120]
        raise ConfigError(
            f"{path} holds something else than tensors, which is not run, or is damaged "
            f"({type(error).__name__}: {reason}): save its state_dict() alone"
        ) from error
    layout, state = recognised(path, tensors)
    return Weights(path, hashlib.sha256(data).hexdigest(), layout, state)


def recognised(path: Path, tensors: object) -> tuple[Layout, dict[str, Tensor]]:
    """Whose encoder these tensors are, and they by this project's names.

    Raises:
        ConfigError: If they are none that is known, or not all of them.
    """
    if not isinstance(tensors, Mapping) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in tensors.items()
    ):
        raise ConfigError(f"{path} holds no plain table of tensors: save its state_dict() alone")
    names = torchvision_names()
    if any(name.startswith("features.") for name in tensors):
        layout: Layout = "torchvision"
        part = {n: v for n, v in tensors.items() if not n.startswith("classifier.")}
        state = {names.get(name, name): value for name, value in part.items()}
    else:
        layout = "ldbench"
        own = {
            n.removeprefix("encoder."): v for n, v in tensors.items() if n.startswith("encoder.")
        }
        state = own or dict(tensors)
    if FIRST not in state:
        shown = next(iter(tensors), "nothing")
        raise ConfigError(
            f"{path} holds {shown!r} and so on: neither an encoder of ldbench (blocks.*) nor "
            "torchvision's vgg16_bn (features.*)"
        )
    if state[FIRST].dim() != 4:
        raise ConfigError(f"{path}: {FIRST} is no kernel of a convolution: it is another network's")
    for mistake, some in (
        ("lacks", needed() - state.keys()),
        ("holds, beside a vgg16_bn,", state.keys() - set(names.values())),
    ):
        if some:
            raise ConfigError(f"{path} {mistake} {min(some)}: it is another network's")
    floats = {name: value for name, value in state.items() if value.is_floating_point()}
    if any(not value.isfinite().all() for value in floats.values()):
        raise ConfigError(f"{path} holds weights that are not finite: they diverged")
    return layout, {name: state[name].float() for name in sorted(needed())}


def torchvision_names() -> dict[str, str]:
    """Torchvision's names of a ``vgg16_bn``'s tensors to this project's."""
    names, place = dict[str, str](), 0
    for level, depth in enumerate(DEPTHS):
        for number in range(depth):
            ours = f"blocks.{level}.{number}"
            for part in ("weight", "bias"):
                names[f"features.{place}.{part}"] = f"{ours}.0.{part}"
            for part in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"):
                names[f"features.{place + 1}.{part}"] = f"{ours}.1.{part}"
            place += 3  # convolution, norm, ReLU
        place += 1  # max-pooling
    return names


def needed() -> set[str]:
    """Tensors without which there is no encoder; old files do not count their batches."""
    return {name for name in torchvision_names().values() if not name.endswith("_tracked")}


def fitted(weights: Weights, encoder: Encoder, channels: str) -> dict[str, Tensor]:
    """The weights as an encoder of this width and number of input channels takes them.

    With "mean", kernels for colour are averaged over its channels for grey images. Their sum would
    answer as to a grey photograph; recalibrated statistics make the two the same.

    Raises:
        ConfigError: If they are of another width or for other images.
    """
    state, path = dict(weights.state), weights.path
    kernels = state[FIRST]
    widths = {dims[0]: width for width, dims in WIDTHS.items()}
    width = widths.get(kernels.shape[0], f"{kernels.shape[0]} channels")
    if width != encoder.width:
        raise ConfigError(
            f"{path} is of width {width}, and the plan's encoders are {encoder.width}: write "
            f'width = "{width}" in the plan, or leave this row out'
        )
    if kernels.shape[1] == 3 and encoder.channels_in == 1 and channels == "mean":
        state[FIRST] = kernels.mean(dim=1, keepdim=True)
    elif kernels.shape[1] != encoder.channels_in:
        remedy = ' or write channels = "mean"' if kernels.shape[1] == 3 else ""
        raise ConfigError(
            f"{path} takes images of {kernels.shape[1]} channels, and the plan has some of "
            f"{encoder.channels_in}: leave out those tasks{remedy}"
        )
    mine = encoder.state_dict()
    for name, value in state.items():
        if value.shape != mine[name].shape:
            raise ConfigError(
                f"{path}: {name} has shape {tuple(value.shape)}, not {tuple(mine[name].shape)}: "
                "it is another network's"
            )
    return {**mine, **state}
