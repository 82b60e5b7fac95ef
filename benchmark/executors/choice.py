"""Which executor a command line names."""

import os
from typing import Literal

import torch

from benchmark.executors import Executor, Serial
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
                "'ldbench[ray]'"
            ) from error
        return Cluster(address)
    if workers == 1:
        return Serial()
    from benchmark.executors.processes import Processes  # noqa: PLC0415

    return Processes(workers)


def crowded(workers: int, threads: int, device: torch.device) -> str:
    """What to say if workers have more threads than there are cores, or share GPUs; else empty.

    A cell's threads are part of its key, as its last digits depend on them, so they are not
    changed behind the user's back.
    """
    if device.type == "cuda" and workers > torch.cuda.device_count():
        return (
            f"{workers} workers share {torch.cuda.device_count()} GPUs, and their memory: "
            f"--workers {torch.cuda.device_count()} gives each its own"
        )
    cores = os.cpu_count() or 1
    if workers * threads <= cores:
        return ""
    return (
        f"{workers} workers of {threads} threads share {cores} cores and will slow each other "
        f"down: --workers {max(1, cores // threads)} fits, or threads = {max(1, cores // workers)} "
        "in the plan (other cells: results depend on it in the last digit)"
    )
