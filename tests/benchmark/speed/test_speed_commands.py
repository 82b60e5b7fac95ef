"""Commands are timed with all that they start; one that fails is not timed."""

import subprocess
import sys

import pytest

from benchmark.speed.commands import Run, line, timed

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
#: Holds 64 MiB for as long as a look at the memory may be away.
HOLDING = "import time; held = bytearray(64 << 20); time.sleep(0.6)"


def test_memory_is_that_of_what_a_command_starts_too() -> None:
    starting = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {HOLDING!r}])"
    run = timed([sys.executable, "-c", starting])
    assert run.seconds > 0.6
    assert 64.0 < run.mib < 512.0


def test_a_command_that_fails_is_no_measurement() -> None:
    with pytest.raises(subprocess.CalledProcessError) as caught:
        timed([sys.executable, "-c", "raise SystemExit('no such thing')"])
    assert b"no such thing" in caught.value.stderr


def test_a_line_has_the_median_and_the_extremes() -> None:
    runs = [Run(1.0, 10.0), Run(3.0, 30.0), Run(2.0, 20.0)]
    assert line("x", runs) == ["`x`", "3", "2.00", "1.00", "3.00", "30"]
    assert line("x", [Run(0.3, 7.0)])[-1] == "-"
