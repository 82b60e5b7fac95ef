"""One worker at a time, dead ones replaced, clocks not trusted."""

import json
import os
import subprocess
import sys
import textwrap
from collections import Counter
from pathlib import Path

import pytest

from benchmark.leases import Holder, Lease, Leases, LostLeaseError, generations, life, running


class Clock:
    """Monotonic seconds, by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def observer(folder: Path, clock: Clock) -> Leases:
    folder.mkdir(parents=True, exist_ok=True)
    return Leases(folder, stale=60.0, beat=10.0, run="one run", clock=clock)


def from_elsewhere(lease: Lease) -> None:
    """Let a lease seem to be another machine's."""
    holder = lease.holder._replace(host="elsewhere", life="another boot")
    times = lease.path.stat()
    lease.path.write_text(json.dumps(holder._asdict()))
    os.utime(lease.path, ns=(times.st_atime_ns, times.st_mtime_ns))
    lease.holder = holder


def claimed(leases: Leases, name: str = "a", mark: str = "") -> Lease:
    lease = leases.claim(name, mark)
    assert lease is not None
    return lease


def test_one_at_a_time(tmp_path: Path, clock: Clock) -> None:
    first, second = observer(tmp_path, clock), observer(tmp_path, clock)
    lease = claimed(first)
    assert second.claim("a") is None
    assert second.claim("b") is not None
    lease.check()
    first.release(lease)
    assert claimed(second).holder.attempt == 1


def test_the_silent_are_replaced_and_notice(tmp_path: Path, clock: Clock) -> None:
    first, second = observer(tmp_path, clock), observer(tmp_path, clock)
    lease = claimed(first)
    from_elsewhere(lease)
    assert second.claim("a") is None
    clock.now = 59.0
    assert second.claim("a") is None
    clock.now = 61.0
    taken = claimed(second)
    assert taken.holder.attempt == 2
    with pytest.raises(LostLeaseError, match="a was taken over"):
        lease.check()
    # The old holder gives back nothing that is not its own.
    lease.release()
    taken.check()
    taken.release()
    assert generations(tmp_path, "a") == []
    assert not lease.held()


def test_a_sign_of_life_keeps_a_lease(tmp_path: Path, clock: Clock) -> None:
    first, second = observer(tmp_path, clock), observer(tmp_path, clock)
    lease = claimed(first)
    from_elsewhere(lease)
    for seconds in range(0, 600, 50):
        clock.now = float(seconds)
        assert second.claim("a") is None
        os.utime(lease.path)


def test_whoever_beats_slowly_is_given_time(tmp_path: Path, clock: Clock) -> None:
    slow = Leases(tmp_path, stale=600.0, beat=100.0, clock=clock)
    from_elsewhere(claimed(slow))
    hasty = Leases(tmp_path, stale=1.0, beat=0.1, clock=clock)
    assert hasty.claim("a") is None
    clock.now = 599.0
    assert hasty.claim("a") is None
    clock.now = 601.0
    assert hasty.claim("a") is not None


@pytest.mark.parametrize("shift", [-(10**6), 10**6])
def test_a_clock_that_jumps_kills_nobody(tmp_path: Path, clock: Clock, shift: int) -> None:
    """Times of the disk or of another machine may go backwards: any change is a sign of life."""
    first, second = observer(tmp_path, clock), observer(tmp_path, clock)
    lease = claimed(first)
    from_elsewhere(lease)
    for number in range(5):
        clock.now += 50.0
        seconds = lease.path.stat().st_mtime + shift / (number + 1)
        os.utime(lease.path, (seconds, seconds))
        assert second.claim("a") is None


def test_a_dead_process_of_this_machine_is_replaced_at_once(tmp_path: Path, clock: Clock) -> None:
    code = (
        "import sys; from pathlib import Path; from benchmark.leases import Leases;"
        "leases = Leases(Path(sys.argv[1]), run='one run'); "
        "print(leases.claim('a') is not None, flush=True);"
        "sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == "True\n"
    leases = observer(tmp_path, clock)
    assert leases.claim("a") is None
    assert running(tmp_path)["a"]["dead"] is False
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()
    assert running(tmp_path)["a"]["dead"] is True
    assert claimed(leases).holder.attempt == 2


def test_the_number_of_a_process_may_come_again(tmp_path: Path, clock: Clock) -> None:
    lease = claimed(observer(tmp_path, clock))
    old = lease.holder._replace(life=life(os.getpid()) + "1")
    lease.path.write_text(json.dumps(old._asdict()))
    assert observer(tmp_path, clock).claim("a") is not None


def test_a_lease_cut_short_is_given_time(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "a.1").touch()
    leases = observer(tmp_path, clock)
    assert leases.claim("a") is None
    assert running(tmp_path)["a"]["by"] == "a worker that left no name"
    clock.now = 61.0
    assert claimed(leases).holder.attempt == 1


def test_getting_on_counts_anew(tmp_path: Path, clock: Clock) -> None:
    attempts = []
    for mark in ("", "", "1", "1", "1", "2"):
        leases = observer(tmp_path, clock)
        lease = claimed(leases, mark=mark)
        attempts.append(lease.holder.attempt)
        gone = lease.holder._replace(life=lease.holder.life + "1")
        lease.path.write_text(json.dumps(gone._asdict()))
    assert attempts == [1, 2, 1, 2, 3, 1]


def test_the_dead_of_other_runs_are_not_counted(tmp_path: Path, clock: Clock) -> None:
    """A job that is killed at its time limit again and again, and never gets to a checkpoint."""
    for number in range(9):
        leases = observer(tmp_path, clock)
        leases.run = f"run {number}"
        lease = claimed(leases)
        assert lease.holder.attempt == 1
        gone = lease.holder._replace(life=lease.holder.life + "1")
        lease.path.write_text(json.dumps(gone._asdict()))


def test_the_heartbeat_beats_until_the_end(tmp_path: Path) -> None:
    with Leases(tmp_path, beat=0.02) as leases:
        lease = claimed(leases)
        before = lease.path.stat().st_mtime_ns
        for _ in range(500):
            if lease.path.stat().st_mtime_ns != before:
                break
            leases.ending.wait(0.01)
        else:
            pytest.fail("no sign of life")
    assert list(tmp_path.iterdir()) == []
    assert isinstance(lease.holder, Holder)


CROWD = """
import random, sys, time
from pathlib import Path
from benchmark.durable import put_folder
from benchmark.leases import Leases, LostLeaseError

root, seed = Path(sys.argv[1]), int(sys.argv[2])
rng = random.Random(seed)
sleepy = seed < 4
with Leases(root / "leases", stale=0.3, beat=0.05) as leases:
    names = [f"cell{n}" for n in range(40)]
    while left := [name for name in names if not (root / name).exists()]:
        name = rng.choice(left)
        lease = leases.claim(name)
        if lease is None:
            continue
        if not (root / name).exists():
            if sleepy:
                # Falls asleep once, heartbeat and all, until others must think that it is dead.
                sleepy = False
                leases.own.pop(name)
                time.sleep(3.0)
            time.sleep(rng.random() * 0.01)
            try:
                done = put_folder(
                    root / name, lambda f: (f / "by").write_text(str(seed)), lease.check
                )
                print("committed" if done else "discarded", name, flush=True)
            except LostLeaseError:
                print("discarded", name, flush=True)
        leases.own[name] = lease
        leases.release(lease)
"""


def test_eight_processes_commit_every_cell_once(tmp_path: Path) -> None:
    code = textwrap.dedent(CROWD)
    crowd = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path), str(seed)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in range(8)
    ]
    told = [process.communicate(timeout=120)[0].split("\n") for process in crowd]
    assert [process.returncode for process in crowd] == [0] * 8
    lines = Counter(line for lines in told for line in lines if line)
    committed = {line: n for line, n in lines.items() if line.startswith("committed")}
    assert committed == {f"committed cell{n}": 1 for n in range(40)}
    # Some fell asleep, and their work was thrown away.
    assert sum(n for line, n in lines.items() if line.startswith("discarded")) >= 1
    # Who does how much is the system's affair; a busy one may leave most to a few.
    assert sum(any("committed" in line for line in lines) for lines in told) >= 2
    assert [path.name for path in (tmp_path / "leases").iterdir()] == []
