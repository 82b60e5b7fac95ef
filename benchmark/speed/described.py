"""The machine on which a table was measured."""

import os

import torch

from benchmark.speed.work import cpu_flags, cpu_line

#: Flags that decide how fast convolutions can be.
TOLD = ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "amx_tile")


def machine() -> str:
    """Processor, cores, flags, torch, threads and load, in one line."""
    flags = ", ".join(flag for flag in TOLD if flag in cpu_flags()) or "none known"
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    return (
        f"{cpu_line('model name') or 'unknown processor'}, {os.cpu_count()} cores ({flags}), torch "
        f"{torch.__version__}, {torch.get_num_threads()} threads, load {load}"
    )
