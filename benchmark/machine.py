"""What a result was computed on, and what it cost there."""

import os
import platform
import resource
import subprocess
import time
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from benchmark.cells import EMULATES
from benchmark.computing import give_back
from benchmark.emulation import lacks_bfloat16
from methods.errors import ConfigError
from methods.precision import Precision

PACKAGES = ("torch", "lightly", "monai", "numpy")


def device_called(name: str) -> torch.device:
    """The device for "auto", "cpu", "cuda" or "cuda:1".

    Raises:
        ConfigError: If there is no such device here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"device {name!r} cannot be used: {reason}; name auto or cpu") from error
    return device


def precision_for(name: str, device: torch.device) -> Precision:
    """Pick a precision; "auto" is bfloat16 where the hardware computes it, else float32."""
    if name in ("float32", "bfloat16"):
        return name  # type: ignore[return-value]
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    capable = torch.cpu._is_avx512_bf16_supported()  # no public question exists
    return "bfloat16" if capable else "float32"


class Meter:
    """Started when made; tells what has been spent since, and before an interruption."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.wall, self.processor = time.perf_counter(), time.process_time()
        self.before: Mapping[str, float] = {}
        self.forgets = forget_peak(device)

    def spent(self) -> dict[str, float]:
        """Wall and processor seconds, those of interrupted runs included."""
        now = {
            "wall_seconds": time.perf_counter() - self.wall,
            "processor_seconds": time.process_time() - self.processor,
        }
        return {name: round(value + self.before.get(name, 0.0), 3) for name, value in now.items()}

    def most(self) -> int:
        """Most memory taken since, MiB; where an older peak cannot be forgotten, that of now.

        Between two steps most of it is free again.
        """
        return peak(self.device) if self.forgets else resident(self.device)

    def read(self) -> dict[str, Any]:
        """Seconds, memory, versions and the code's commit, JSON-ready."""
        on_gpu = self.device.type == "cuda"
        return {
            **self.spent(),
            "peak_mib": peak(self.device),
            "device": torch.cuda.get_device_name(self.device) if on_gpu else "cpu",
            "threads": torch.get_num_threads(),
            "cores": os.cpu_count(),
            **({EMULATES: True} if not on_gpu and lacks_bfloat16() else {}),
            "python": platform.python_version(),
            "versions": versions(),
            "commit": commit(),
        }


@cache
def versions() -> dict[str, str]:
    """Of the packages that results depend on."""
    return {package: version(package) for package in PACKAGES}


def forget_peak(device: torch.device) -> bool:
    """Begin to measure peak memory anew; whether the system can."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    give_back()
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return device.type == "cuda"  # else the peak is that of the whole process
    return True


def process_memory(name: str) -> int | None:
    """A line of /proc/self/status in MiB; None where there is none."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) // 1024 for line in lines if line.startswith(name)), None)


def peak(device: torch.device) -> int:
    """Most memory taken since ``forget_peak``, MiB: the GPU's, or else the process's."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) // 2**20
    return process_memory("VmHWM") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def resident(device: torch.device) -> int:
    """Memory taken now, MiB: the GPU's, or else the process's."""
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device) // 2**20
    return process_memory("VmRSS") or peak(device)


@cache
def commit() -> str:
    """The checkout's commit; empty where there is none."""
    try:
        done = subprocess.run(
            ["git", "rev-parse", "HEAD"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
