"""Who computes what, so that any number of workers may share one results folder.

A lease on NAME is the file ``leases/NAME.N`` with the highest N. It is created exclusively, so one
worker has it; a thread touches it as long as the worker lives. A worker that finds it untouched for
a while creates ``NAME.(N + 1)``, and with that the old holder has lost it: whoever was only asleep
notices before it commits. Clocks of several machines are never compared: an observer waits, by its
own monotonic clock, for the file's time to change.
"""

import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from benchmark.durable import writing
from methods.errors import TrainingError

#: Seconds without a sign of life after which a worker counts as dead, and between two signs.
STALE, BEAT = 60.0, 5.0
#: Signs of life that a worker may miss, however long it is waited for elsewhere.
BEATS = 6


class LostLeaseError(TrainingError):
    """Somebody else has taken over; what was computed must be thrown away."""


class Holder(NamedTuple):
    """Who holds a lease.

    Attributes:
        host: Name of the machine.
        pid: Number of the process there.
        life: What tells the process apart from later ones of the same number.
        since: When it was taken, ISO 8601, by the holder's clock.
        attempt: How many workers of one run have begun this, none of whom got further than the
            one before.
        mark: How far it was when it was taken.
        beat: Seconds between its signs of life.
        run: The run that it works for.
        token: Of this lease alone.
    """

    host: str
    pid: int
    life: str
    since: str
    attempt: int
    mark: str
    beat: float
    run: str
    token: str

    def __str__(self) -> str:
        return f"{self.host}, process {self.pid}"


def life(pid: int) -> str:
    """What a process is known by on this machine: boot, container and start; "" if it is none.

    Empty everywhere on systems without /proc, where only silence tells that a worker is dead.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        space = os.readlink("/proc/self/ns/pid")  # noqa: PTH115  (it points at no file)
        # The start time is the 22nd field; the second, the program's name, may hold blanks.
        start = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if start[0] in "ZX" else f"{boot} {space} {start[19]}"


def here(holder: Holder) -> bool:
    """Whether a holder is a process of this machine and container, alive or not."""
    return bool(holder.life) and holder.life.split()[:2] == life(os.getpid()).split()[:2]


def dead(holder: Holder) -> bool:
    """Whether a holder is known to be no more; others may be dead too."""
    return here(holder) and life(holder.pid) != holder.life


def unheard(error: Exception) -> None:
    """Nobody wants to know what hangs."""
    del error


class Lease:
    """One worker's right to compute and commit NAME.

    Attributes:
        path: Its file.
        holder: The worker.
        hung: Told, from another thread, if the computation hangs and its process is to end.
    """

    def __init__(self, path: Path, holder: Holder) -> None:
        self.path, self.holder = path, holder
        self.hung: Callable[[Exception], None] = unheard

    @property
    def name(self) -> str:
        """What is leased."""
        return self.path.name.rpartition(".")[0]

    def held(self) -> bool:
        """Whether it is still this worker's."""
        newest = generations(self.path.parent, self.name)[-1:] == [number(self.path)]
        return newest and holder_of(self.path) == self.holder

    def check(self) -> None:
        """Insist that it is still this worker's.

        Raises:
            LostLeaseError: If somebody else has taken over.
        """
        if not self.held():
            raise LostLeaseError(f"{self.name} was taken over by another worker")

    def release(self) -> None:
        """Give it back; the older files first, so that a newer one never seems to be free."""
        folder, own = self.path.parent, number(self.path)
        if self.held():
            for generation in generations(folder, self.name):
                if generation <= own:
                    (folder / f"{self.name}.{generation}").unlink(missing_ok=True)


def number(path: Path) -> int:
    """The generation in a lease file's name."""
    return int(path.name.rpartition(".")[2])


def generations(folder: Path, name: str) -> list[int]:
    """The generations of a lease that are there, ascending."""
    numbers = [path.name.rpartition(".")[2] for path in folder.glob(f"{name}.*")]
    return sorted(int(text) for text in numbers if text.isdigit())


def holder_of(path: Path) -> Holder | None:
    """Who holds a lease; None if the file is empty, damaged or gone."""
    try:
        return Holder(**json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


@dataclass(slots=True)
class Leases:
    """One worker's view of a folder of leases; a context in which its own are kept alive.

    Attributes:
        folder: Where they are.
        stale: Seconds of silence after which a worker counts as dead.
        beat: Seconds between two signs of life.
        run: What this worker works for, with others that it may have replaced: only their deaths
            are held against what they were at. Whole runs are killed for reasons of their own.
        clock: Monotonic seconds.
    """

    folder: Path
    stale: float = STALE
    beat: float = BEAT
    run: str = field(default_factory=lambda: uuid.uuid4().hex)
    clock: Callable[[], float] = time.monotonic
    own: dict[str, Lease] = field(default_factory=dict)
    seen: dict[Path, tuple[int, float]] = field(default_factory=dict)
    ending: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None

    def __enter__(self) -> "Leases":
        self.folder.mkdir(parents=True, exist_ok=True)
        self.thread = threading.Thread(target=self.live, name="heartbeat", daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ending.set()
        assert self.thread is not None
        self.thread.join()
        for lease in list(self.own.values()):
            self.release(lease)

    def live(self) -> None:
        """Touch every lease held, until the end."""
        while not self.ending.wait(self.beat):
            for lease in list(self.own.values()):
                # What goes wrong here, ``check`` will tell whoever computes.
                with suppress(OSError):
                    if lease.held():
                        os.utime(lease.path)

    def claim(self, name: str, mark: str = "") -> Lease | None:
        """Take a lease if nobody living has it.

        Args:
            name: What is to be computed.
            mark: How far it is, e.g. the newest checkpoint: attempts that get on are not counted.

        Returns:
            None if somebody else is computing it.

        Raises:
            StoreError: If the folder cannot be written.
        """
        present = generations(self.folder, name)
        newest, attempt = (present[-1] if present else 0), 1
        if newest:
            path = self.folder / f"{name}.{newest}"
            if not self.abandoned(path):
                return None
            last = holder_of(path)
            if last is not None and (last.run, last.mark) == (self.run, mark):
                attempt = last.attempt + 1
        return self.created(self.folder / f"{name}.{newest + 1}", attempt, mark)

    def created(self, path: Path, attempt: int, mark: str) -> Lease | None:
        """Create a lease file; None if another worker was faster."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        own = life(os.getpid())
        token = uuid.uuid4().hex
        holder = Holder(
            socket.gethostname(), os.getpid(), own, now, attempt, mark, self.beat, self.run, token
        )
        with writing(path):
            try:
                handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
            except FileExistsError:
                return None
            try:
                os.write(handle, json.dumps(holder._asdict()).encode())
            except OSError:
                path.unlink()
                raise
            finally:
                os.close(handle)
        lease = Lease(path, holder)
        self.own[lease.name] = lease
        return lease

    def abandoned(self, path: Path) -> bool:
        """Whether a lease's holder is dead, or silent for too long since this worker first saw."""
        try:
            touched = path.stat().st_mtime_ns
        except FileNotFoundError:
            return False  # released a moment ago; the next look will tell
        holder = holder_of(path)
        if holder is not None and dead(holder):
            return True
        before = self.seen.get(path)
        if before is None or before[0] != touched:
            self.seen[path] = (touched, self.clock())
            return False
        # Workers of one folder may have been told different times.
        patience = max(self.stale, BEATS * holder.beat if holder else 0.0)
        return self.clock() - before[1] > patience

    def sweep(self, ended: Callable[[str], bool]) -> None:
        """Remove what the dead left of work that has ended: a kill may fall between the two."""
        for name, path in newest(self.folder).items():
            holder = holder_of(path)
            if holder is not None and dead(holder) and ended(name):
                Lease(path, holder).release()

    def release(self, lease: Lease) -> None:
        """Give a lease back."""
        self.own.pop(lease.name, None)
        lease.release()


def newest(folder: Path) -> dict[str, Path]:
    """The file that counts of every lease."""
    found: dict[str, Path] = {}
    for path in folder.glob("*.*"):
        name, _, text = path.name.rpartition(".")
        if text.isdigit() and (name not in found or number(found[name]) < int(text)):
            found[name] = path
    return found


def running(folder: Path) -> dict[str, dict[str, Any]]:
    """What is being computed: name to host, process, since when and seconds since a sign of life.

    A negative silence is a clock that differs from the one of the folder's disk.
    """
    told = {}
    for name, path in newest(folder).items():
        try:
            silent = time.time() - path.stat().st_mtime
        except FileNotFoundError:
            continue
        holder = holder_of(path)
        told[name] = {
            "by": str(holder) if holder else "a worker that left no name",
            "since": holder.since if holder else "",
            "silent": round(silent, 1),
            "dead": holder is not None and dead(holder),
        }
    return told
