"""Several processes of this machine."""

import multiprocessing
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

import torch

from benchmark.durable import StoreError
from benchmark.executors import Executor, Job, Observe, Request, Say
from benchmark.grid import Grid
from benchmark.interruption import gentle
from benchmark.machine import device_called
from benchmark.run import ATTEMPTS, BrokenDeviceError
from methods.errors import InputError

#: How a worker ends that was sent a signal to.
INTERRUPTED = 130
#: Seconds between two reports of a worker on how far it is.
REPORT = 0.5

#: Not forked: torch's threads do not survive that.
CONTEXT = multiprocessing.get_context("spawn")


class WorkersDiedError(StoreError):
    """Workers that die again and again."""


class Processes(Executor):
    """Computes in ``count`` processes; one that dies is replaced.

    Each has a pipe of its own: a process that is killed while it holds a lock they shared would
    stop the others.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        #: Each worker and its number, by its pipe.
        self.workers: dict[Connection, tuple[int, BaseProcess]] = {}
        #: Workers that died since something was finished last.
        self.deaths = 0

    def run(self, request: Request, grid: Grid, say: Say, observe: Observe) -> None:
        """Compute the cells; each worker reads its own data."""
        self.share(request, len(grid.cells), say, observe)

    def share(self, job: Job, pieces: int, say: Say, observe: Observe) -> None:
        """Start the workers and listen to them until all have ended."""
        del pieces
        try:
            for number in range(self.count):
                self.start(job, number)
            while self.workers:
                for pipe in wait([*self.workers]):
                    assert isinstance(pipe, Connection)
                    self.listen(pipe, job, say, observe)
        finally:
            for _, process in self.workers.values():
                process.terminate()
            for _, process in self.workers.values():
                process.join()

    def start(self, job: Job, number: int) -> None:
        """Start a worker."""
        ours, theirs = CONTEXT.Pipe(duplex=False)
        own = job.on(device_of(number, job.device))
        process = CONTEXT.Process(target=work, args=(own, theirs))
        process.start()
        theirs.close()
        self.workers[ours] = (number, process)

    def listen(self, pipe: Connection, job: Job, say: Say, observe: Observe) -> None:
        """Take one message of a worker, or see to its end."""
        try:
            kind, told = pipe.recv()
        except (EOFError, OSError):
            self.ended(pipe, job, say)
            return
        if kind == "mistake":
            raise StoreError(told)
        if kind == "images":
            observe(told)
        else:
            self.deaths = 0
            say(told)

    def ended(self, pipe: Connection, job: Job, say: Say) -> None:
        """Replace a worker that died; one that is through is let go."""
        number, process = self.workers.pop(pipe)
        process.join()
        pipe.close()
        if process.exitcode == 0:
            return
        self.deaths += 1
        if self.deaths > ATTEMPTS * self.count:
            raise WorkersDiedError(
                f"{self.deaths} workers died without finishing anything, the last with exit code "
                f"{process.exitcode}: see what they print, or use one worker"
            )
        say(f"a worker ended with exit code {process.exitcode}; another takes its place")
        self.start(job, number)


def device_of(number: int, name: str) -> str:
    """The device of a worker: GPUs are dealt out in turn, unless one is named."""
    device = device_called(name)
    if device.type != "cuda" or ":" in name:
        return name
    return f"cuda:{number % torch.cuda.device_count()}"


def work(job: Job, pipe: Connection) -> None:
    """What a worker process does."""
    gentle()
    say, observe = reporter(pipe)
    try:
        job.work(say, observe)
    except BrokenDeviceError as error:
        sys.exit(str(error))  # another process takes its place
    except InputError as error:
        pipe.send(("mistake", str(error)))
    except (BrokenPipeError, KeyboardInterrupt):
        # Leases have been given back. If whoever asked is still there, this one was to end alone.
        sys.exit(INTERRUPTED)


def reporter(pipe: Connection) -> tuple[Callable[[str], None], Callable[[int], None]]:
    """Functions that send lines, and numbers of images put together."""
    images, last = 0, time.monotonic()

    def send(kind: str, told: str | int) -> None:
        try:
            pipe.send((kind, told))
        except OSError:
            # Whoever asked is gone: no cell's failure, so it must pass through as Ctrl-C does.
            raise KeyboardInterrupt from None

    def say(line: str) -> None:
        send("line", line)

    def observe(count: int) -> None:
        nonlocal images, last
        images += count
        if time.monotonic() - last >= REPORT:
            send("images", images)
            images, last = 0, time.monotonic()

    return say, observe
