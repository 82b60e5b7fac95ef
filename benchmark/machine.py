"""What a result was computed on, and what it cost there."""

import os
import platform
import resource
import subprocess
import time
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

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


@dataclass(frozen=True, slots=True)
class Meter:
    """Started when made; tells what has been spent since."""

    wall: float = field(default_factory=time.perf_counter)
    processor: float = field(default_factory=time.process_time)

    def read(self, device: torch.device) -> dict[str, Any]:
        """Seconds, memory, versions and the code's commit, JSON-ready."""
        return {
            "wall_seconds": round(time.perf_counter() - self.wall, 3),
            "processor_seconds": round(time.process_time() - self.processor, 3),
            "process_peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
            "threads": torch.get_num_threads(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "versions": {package: version(package) for package in PACKAGES},
            "commit": commit(),
        }


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
