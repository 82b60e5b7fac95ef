"""What goes on beyond its time is interrupted; what does not heed that ends its process."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmark import overtime
from benchmark.cells import Status
from benchmark.overtime import ExceededError
from benchmark.store import Store

LONG = ExceededError("took too long")


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Looks often, and leaves the handler of the signal as it was."""
    before = signal.getsignal(signal.SIGALRM)
    for name, seconds in (("LOOK", 0.01), ("LATE", 0.05), ("HUNG", 1000.0)):
        monkeypatch.setattr(overtime, name, seconds)
    yield
    assert signal.getsignal(signal.SIGALRM) is before


def beyond(limit: float) -> Callable[[], float]:
    begun = time.monotonic()
    return lambda: time.monotonic() - begun - limit


def unheard(error: Exception) -> None:
    raise AssertionError(error)


def test_a_step_that_waits_is_interrupted() -> None:
    begun = time.monotonic()
    with (
        pytest.raises(ExceededError, match="took too long"),
        overtime.overtime(beyond(0.1), LONG, unheard),
    ):
        time.sleep(60)
    assert time.monotonic() - begun < 30


def test_a_step_that_computes_is_interrupted() -> None:
    def computed() -> None:
        with overtime.overtime(beyond(0.1), LONG, unheard):
            while True:
                pass

    with pytest.raises(ExceededError, match="took too long"):
        computed()


def test_what_ends_in_time_is_left_alone() -> None:
    with overtime.overtime(beyond(1000.0), LONG, unheard):
        time.sleep(0.05)
    assert not [each for each in threading.enumerate() if each.name == "overtime"]


def test_an_error_of_its_own_passes_through() -> None:
    with pytest.raises(ValueError, match="other"), overtime.overtime(beyond(9.0), LONG, unheard):
        raise ValueError("other")


def test_what_hangs_in_another_thread_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signals do not reach it: it is as deaf as a kernel that hangs."""
    ended, told = threading.Event(), list[str]()

    def end(error: Exception, hung: Callable[[Exception], None]) -> None:
        hung(error)
        ended.set()

    def hang() -> None:
        with overtime.overtime(beyond(0.0), ExceededError("too long"), hear):
            while not ended.is_set():
                time.sleep(0.01)

    def hear(error: Exception) -> None:
        told.append("".join([str(error), *error.__notes__]))

    monkeypatch.setattr(overtime, "HUNG", 0.1)
    monkeypatch.setattr(overtime, "end", end)
    thread = threading.Thread(target=hang)
    thread.start()
    thread.join(60)
    assert told[0].startswith("too longit hangs here:")
    assert "in hang" in told[0]


#: A worker whose fine-tuning of the cell "ld-two" is deaf to signals and does not end.
HANGING = """
import signal, sys, time
from pathlib import Path
from benchmark import overtime
from benchmark.leases import Leases
from benchmark.run import Worker
from benchmark.store import Store
from tests.benchmark.test_run import CELLS, FakeBench

overtime.LOOK, overtime.LATE, overtime.HUNG = 0.01, 0.02, 0.3

class Hanging(FakeBench):
    def evaluated(self, cell, lease):
        if cell.name == "ld-two":
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
            begun, error = time.monotonic(), overtime.ExceededError("took too long")
            with overtime.overtime(lambda: time.monotonic() - begun, error, lease.hung):
                time.sleep(60)
        return super().evaluated(cell, lease)

    def status_of(self, error):
        return "exceeded" if isinstance(error, overtime.ExceededError) else "failed"

store = Store(Path(sys.argv[1]))
with Leases(store.leases) as leases:
    Worker(store, Hanging(store), leases, print).run(CELLS)
"""


def test_a_process_that_hangs_keeps_the_status_and_the_next_goes_on(tmp_path: Path) -> None:
    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", HANGING, tmp_path],
            cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False,
        )  # fmt: skip

    first = run()
    assert first.returncode == 1, first.stderr
    assert first.stderr == "ldbench: took too long; a step hangs, so this process ends: run again\n"
    store = Store(tmp_path)
    assert not any(store.leases.iterdir())
    kept = store.cell("ld-two")
    assert (kept.status, kept.reason) == (
        Status.EXCEEDED,
        "fine-tuning: ExceededError: took too long",
    )
    assert any("in evaluated" in line for line in kept.facts["traceback"])
    assert not store.has_cell("ld-three")
    assert run().returncode == 0
    assert store.status("ld-three") is Status.DONE
