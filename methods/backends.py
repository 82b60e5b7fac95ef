"""The second backend: solo-learn's losses and clustering, without its trainers.

solo-learn 1.0.2's package imports Lightning, its data loaders and a library that is gone. Its
losses and ``utils.kmeans``, ``utils.sinkhorn_knopp`` need none of them, so they are loaded below
bare parent packages that know where their files lie and run no code.
"""

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from methods.errors import ConfigError

Backend = Literal["lightly", "solo"]

#: Packages whose own ``__init__`` cannot be run.
BARE = ("solo", "solo.utils")


class Alone:
    """What solo-learn's modules find in the place of ``torch.distributed``.

    Where several processes train together (``methods.parallel``), each already hands over the
    whole batch, which solo-learn would gather once more.
    """

    @staticmethod
    def is_available() -> bool:
        """There are no other processes to it."""
        return False


def solo(where: str) -> Any:  # noqa: ANN401
    """A function or class of solo-learn.

    Args:
        where: "module:name" below the package, e.g. "losses.barlow:barlow_loss_func".

    Raises:
        ConfigError: If solo-learn is not installed.
    """
    module, _, name = where.partition(":")
    for package in BARE:
        if package not in sys.modules:
            sys.modules[package] = bare(package)
    found = getattr(importlib.import_module(f"solo.{module}"), name)
    for place, loaded in list(sys.modules.items()):
        if place.startswith("solo.") and hasattr(loaded, "dist"):
            loaded.dist = Alone  # type: ignore[attr-defined]
    return found


def bare(package: str) -> ModuleType:
    """A package with a path and without code."""
    # Found by its folder: asking for "solo.utils" by name would run "solo" itself.
    spec = importlib.util.find_spec("solo") if "solo" not in sys.modules else None
    if package == "solo":
        if spec is None or not spec.submodule_search_locations:
            raise ConfigError(
                "solo-learn is not installed: pip install --no-deps solo-learn==1.0.2"
            )
        folders = [Path(place) for place in spec.submodule_search_locations]
    else:
        parent, _, name = package.rpartition(".")
        folders = [Path(place) / name for place in sys.modules[parent].__path__]
    module = ModuleType(package)
    module.__path__ = [str(folder) for folder in folders]
    return module


def known_backend(backend: str) -> Backend:
    """The backend itself if it is one.

    Raises:
        ConfigError: If it is not.
    """
    if backend not in ("lightly", "solo"):
        raise ConfigError(f'backend must be "lightly" or "solo", not {backend!r}')
    return backend  # type: ignore[return-value]  # checked a line above
