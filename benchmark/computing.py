"""How a process computes: in so many threads, with the memory of a step kept for the next one.

A step allocates and frees tensors of megabytes. The C library's allocator maps the large ones anew,
and the kernel clears their pages again, which took about a tenth of a step's time.
"""

import ctypes
import sys

import torch

from benchmark.emulation import emulate_where_needed

#: glibc's parameters of ``mallopt`` (malloc.h): free memory at the heap's end that is given back,
#: what is asked for in advance, and the size from which a block is mapped on its own.
TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD = -1, -2, -3
#: Largest block that stays on the heap; mallopt takes a C int.
LARGEST = 2**31 - 1
#: Bytes by which the heap grows at a time.
STEP = 64 * 2**20


def keep_freed() -> bool:
    """Let glibc keep freed memory for the rest of this process.

    Returns:
        Whether the C library could be told; elsewhere (musl, macOS, Windows) nothing changes.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    told = {MMAP_THRESHOLD: LARGEST, TRIM_THRESHOLD: LARGEST, TOP_PAD: STEP}
    return all(mallopt(name, value) == 1 for name, value in told.items())


def give_back() -> bool:
    """Let the system have the memory that was freed, so that the next peak is what comes next.

    Returns:
        Whether any was given back; there is no such call outside glibc.
    """
    if not sys.platform.startswith("linux"):
        return False
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return trim is not None and trim(0) == 1


def ready(threads: int) -> None:
    """Let this process compute: in so many threads, with memory kept from step to step."""
    torch.set_num_threads(threads)
    keep_freed()
    emulate_where_needed()
