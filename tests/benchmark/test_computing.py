"""Memory that one step gives back is there for the next, in a process that trains."""

import platform
import subprocess
import sys

import pytest

SHOWN = """
import torch
from benchmark.computing import keep_freed, ready
from benchmark.machine import forget_peak, peak, resident

cpu = torch.device("cpu")
{told}
before = resident(cpu)
tensor = torch.ones(64 * 2**18)
del tensor
{then}
print(torch.get_num_threads(), resident(cpu) - before)
"""


def shown(told: str, then: str = "") -> list[int]:
    """Threads, and MiB that are still there after a tensor of 64 MiB has gone."""
    code = SHOWN.format(told=told, then=then)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    return [int(part) for part in done.stdout.split()]


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_freed_memory_stays_with_a_process_that_trains() -> None:
    assert shown("ready(1)")[0] == 1
    assert shown("ready(1)")[1] > 48
    assert shown("")[1] < 16


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_a_peak_is_not_that_of_what_a_process_did_before() -> None:
    assert shown("ready(1)", "assert forget_peak(cpu) and peak(cpu) - before < 16")[1] < 16


def test_other_systems_are_left_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmark import computing  # noqa: PLC0415

    monkeypatch.setattr(sys, "platform", "darwin")
    assert not computing.keep_freed()
    assert not computing.give_back()
