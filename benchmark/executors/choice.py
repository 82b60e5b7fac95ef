"""Which executor a command line names."""

from typing import Literal

import torch

from benchmark.executors import Executor, Serial
from benchmark.threads import cores
from methods.errors import ConfigError


def executor_called(name: Literal["local", "ray"], workers: int, address: str) -> Executor:
    """The executor.

    Raises:
        ConfigError: If Ray is asked for and not installed.
    """
    if name == "ray":
        if workers != 1:
            raise ConfigError(
                f"--workers {workers} is for local processes: a Ray cluster runs as many as fit"
            )
        try:
            from benchmark.executors.cluster import Cluster  # noqa: PLC0415
        except ModuleNotFoundError as error:
            raise ConfigError(
                f"--executor ray needs the package {error.name}: python -m pip install "
                "'.[ray]' in the checkout"
            ) from error
        return Cluster(address)
    if workers == 1:
        return Serial()
    from benchmark.executors.processes import Processes  # noqa: PLC0415

    return Processes(workers)


def crowded(workers: int, threads: int, device: torch.device) -> str:
    """What to say if workers have more threads than there are cores, or share GPUs; else empty.

    A plan that leaves threads open has them divided (``benchmark.threads``); its own number is part
    of its cells' keys, as their last digits depend on it, and is not changed.
    """
    if device.type == "cuda" and workers > torch.cuda.device_count():
        return (
            f"{workers} workers share {torch.cuda.device_count()} GPUs, and their memory: "
            f"--workers {torch.cuda.device_count()} gives each its own"
        )
    have = cores()
    if workers * threads <= have:
        return ""
    fits = max(1, have // threads)
    return (
        f"{workers} workers of {threads} threads share {have} cores and will slow each other down: "
        f'--workers {fits} fits, or threads = "divided" in the plan and another --out (other '
        "cells: results depend on it in the last digit)"
    )
