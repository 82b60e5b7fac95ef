"""A Ray cluster: every pre-training and every fine-tuning is a task of its own.

Tasks hand nothing to each other but names: encoders and cells pass through the results folder,
which all nodes must see under one path, as they must the data and its cache.
"""

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import ray

from benchmark.cells import Cell
from benchmark.durable import StoreError
from benchmark.executors import Executor, Job, Observe, Request, Say, joined, worker
from benchmark.grid import Grid
from benchmark.machine import device_called
from benchmark.progress import finetuning_images, pretraining_images
from benchmark.run import ATTEMPTS, PATIENCE, Outcome, Worker, by_encoder
from benchmark.store import Store
from methods.errors import ConfigError, InputError

#: Seconds between two looks at which tasks have ended, and for a cluster's head to answer.
LOOK, ANSWER = 1.0, 5.0


class ClusterError(StoreError):
    """Tasks that could not be run however often they were tried."""


@dataclass(frozen=True, slots=True)
class Cluster(Executor):
    """Computes on a Ray cluster.

    Attributes:
        address: Of the cluster, "auto" for the one of this machine, "local" for one to be started.
    """

    address: str = "auto"

    def run(self, request: Request, grid: Grid, say: Say, observe: Observe) -> None:
        """Hand out every task and wait for them; a task whose worker dies is tried again."""
        needed = needs(request)
        with connected(self.address, needed):
            cells = request.chosen(grid)
            tasks = submitted(ray.put(request), cells, grid, needed)
            failures = awaited(tasks, needed, say, observe)
        names = [cell.name for cell in cells]
        left = [name for name in names if not Store(request.out).has_cell(name)]
        if left:
            raise ClusterError(
                f"{len(left)} of {len(names)} cells could not be computed on the cluster: "
                f"{failures[0] if failures else 'no reason is known'}; run again to go on"
            )

    def share(self, job: Job, pieces: int, say: Say, observe: Observe) -> None:
        """Hand out as many workers as there are parts; those that find nothing to do end."""
        needed = needs(job)
        with connected(self.address, needed):
            code = ray.put(job)
            task = ray.remote(job_task).options(**options(needed))
            tasks = {task.remote(code): (f"worker {number}", 1) for number in range(pieces)}
            failures = awaited(tasks, needed, say, observe)
        if failures:
            raise ClusterError(f"{failures[0]}; run again to go on")


def awaited(
    waiting: dict[Any, tuple[str, int]], needed: dict[str, int], say: Say, observe: Observe
) -> list[str]:
    """Wait for tasks, given with their labels and sizes; why some have failed.

    Raises:
        ClusterError: If no node is left that is large enough for one.
    """
    failures = list[str]()
    while waiting:
        ended, _ = ray.wait(list(waiting), num_returns=1, timeout=LOOK)
        for task in ended:
            label, size = waiting.pop(task)
            try:
                for line in ray.get(task):
                    say(line)
            except ray.exceptions.RayError as error:
                failures.append(f"{label}: {str(error).strip().splitlines()[-1]}")
            observe(size)
        if not fits(needed):  # else Ray would wait for ever
            raise ClusterError(f"{unfit(needed)} any more; run again to go on")
    return failures


def fits(needed: dict[str, int]) -> bool:
    """Whether some living node is large enough for a task."""
    names = {"CPU": "num_cpus", "GPU": "num_gpus"}
    return any(
        node["Alive"]
        and all(node["Resources"].get(kind, 0) >= needed[name] for kind, name in names.items())
        for node in ray.nodes()
    )


def unfit(needed: dict[str, int]) -> str:
    """What to say if none is."""
    gpu = " and a GPU" if needed["num_gpus"] else ""
    return f"no node of the Ray cluster has the {needed['num_cpus']} CPUs{gpu} that a task needs"


@contextmanager
def connected(address: str, needed: dict[str, int]) -> Iterator[None]:
    """A connection to a cluster.

    Args:
        address: Of the cluster. One that is started here has the CPUs that a task needs, as Ray
            counts them: its threads may share cores.
        needed: By a task.

    Raises:
        ConfigError: If there is none, or none of its nodes is large enough.
    """
    own = not ray.is_initialized()
    if own:
        # Ray reports its use to its makers unless told not to; here nothing calls home.
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        cores = max(needed["num_cpus"], os.cpu_count() or 1)
        spare = {"num_cpus": cores} if address == "local" else {}
        try:
            knock(address)
            ray.init(
                address,
                **spare,
                log_to_driver=False,
                configure_logging=False,
                include_dashboard=False if address == "local" else None,
            )
        except (OSError, ValueError, RuntimeError) as error:
            raise ConfigError(
                f"there is no Ray cluster at {address!r} ({str(error).splitlines()[0]}): start one "
                "with `ray start --head`, or give --address"
            ) from error
    try:
        if not fits(needed):
            raise ConfigError(f"{unfit(needed)}: lower the plan's threads, or add such a node")
        yield
    finally:
        if own:
            ray.shutdown()


def knock(address: str) -> None:
    """Insist that somebody listens at HOST:PORT, where Ray would try again for many minutes.

    Raises:
        OSError: If nobody does.
    """
    host, _, port = address.rpartition(":")
    if host and port.isdigit() and "/" not in host:
        socket.create_connection((host.strip("[]"), int(port)), ANSWER).close()


def needs(job: Job) -> dict[str, int]:
    """What a task asks a node for."""
    on_gpu = device_called(job.device).type == "cuda"
    return {"num_cpus": job.plan.threads, "num_gpus": 1 if on_gpu else 0}


def options(needed: dict[str, int]) -> dict[str, Any]:
    """What Ray is told of a task; it sets OMP_NUM_THREADS, and workers tell torch again."""
    return {**needed, "max_retries": ATTEMPTS, "retry_exceptions": False}


def submitted(
    code: Any,  # noqa: ANN401
    cells: list[Cell],
    grid: Grid,
    needs: dict[str, int],
) -> dict[Any, tuple[str, int]]:
    """Hand out the tasks; every fine-tuning waits for its pre-training.

    Returns:
        Each task's label, and how many images it passes.
    """
    pretraining = ray.remote(encoder_task).options(**options(needs))
    finetuning = ray.remote(cell_task).options(**options(needs))
    tasks: dict[Any, tuple[str, int]] = {}
    for group in by_encoder(cells):
        names = tuple(cell.name for cell in group)
        first = pretraining.remote(code, names)
        method = group[0].key.method
        tasks[first] = (f"pre-training of {method}", pretraining_images(grid, method))
        for cell in group:
            task = finetuning.remote(code, cell.name, first)
            tasks[task] = (cell.label, finetuning_images(cell))
    return tasks


def encoder_task(request: Request, names: tuple[str, ...]) -> list[str]:
    """Pre-train the encoder of some cells."""
    with world(request) as (working, cells, lines):
        group = [cells[name] for name in names]
        patient(lambda: working.encoder(group))
        return lines


def cell_task(request: Request, name: str, encoder: list[str]) -> list[str]:
    """Fine-tune and score one cell, once its pre-training has said its lines."""
    del encoder
    with world(request) as (working, cells, lines):
        patient(lambda: working.cell(cells[name]))
        return lines


def job_task(job: Job) -> list[str]:
    """Do what is left of a job."""
    os.environ.setdefault("OMP_NUM_THREADS", str(job.plan.threads))
    lines: list[str] = []
    with spoken():
        job.work(lines.append, lambda _: None)
    return lines


@contextmanager
def spoken() -> Iterator[None]:
    """Say an input error in words, which Ray can carry to whoever asked.

    Raises:
        RuntimeError: In its place.
    """
    try:
        yield
    except InputError as error:
        raise RuntimeError(str(error)) from error


def patient(compute: Callable[[], Outcome]) -> None:
    """Compute something, or wait until whoever is at it has done so or died."""
    while compute() in (Outcome.BUSY, Outcome.LOST):
        time.sleep(PATIENCE)


#: The grid of this process, by the names of its cells: tasks of one request share it.
GRIDS: dict[tuple[str, ...], Grid] = {}


@contextmanager
def world(request: Request) -> Iterator[tuple[Worker, dict[str, Cell], list[str]]]:
    """A worker in a process of the cluster, the cells by name, and the lines that it says.

    Raises:
        RuntimeError: What an input error says, which Ray can carry to whoever asked.
    """
    os.environ.setdefault("OMP_NUM_THREADS", str(request.plan.threads))
    lines: list[str] = []
    with spoken():
        if request.names not in GRIDS:
            GRIDS.clear()
            GRIDS[request.names] = joined(request)
        grid = GRIDS[request.names]
        with worker(request, grid, lines.append, lambda _: None) as working:
            yield working, {cell.name: cell for cell in grid.cells}, lines
