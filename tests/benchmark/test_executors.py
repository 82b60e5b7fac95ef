"""Whoever computes a grid, the results are the same bits; who may not is told why."""

import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

from benchmark.comparison import Way, compare, prepared, request_for
from benchmark.durable import StoreError
from benchmark.executors import OtherCodeError, Request, joined, quiet
from benchmark.executors.choice import crowded, executor_called
from benchmark.executors.processes import Processes, device_of
from benchmark.grid import Grid
from benchmark.plan import read_plan
from benchmark.roots import root_of
from benchmark.store import Store
from methods.errors import ConfigError
from tests.benchmark.small_run import at_work

PLAN = """
title = "Shared"
methods = ["random", "inpainting"]
tasks = ["chasedb1_vessel"]
seeds = [0, 1]
size = 32
precision = "float32"
threads = 1
[pools]
fundus = "idrid_grading"
[budget]
images = 32
checks = 2
[downstream]
steps = 6
batch_size = 2
checks = 2
[config.inpainting]
batch_size = 8
[phantom]
scale = 0.02
size = 64
"""


@pytest.fixture(scope="module")
def plan_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("plan") / "plan.toml"
    path.write_text(PLAN)
    return path


@pytest.fixture(scope="module")
def serial(plan_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The results of one process."""
    threads = torch.get_num_threads()
    store = Store(tmp_path_factory.mktemp("serial") / "out")
    assert compare(read_plan(plan_file), "phantom", store.root, "cpu") == 0
    torch.set_num_threads(threads)
    return store


def data_of(store: Store) -> str:
    (data,) = store.root.glob("phantoms-*")
    return str(data)


def scores(store: Store) -> dict[str, bytes]:
    return {path.parent.name: path.read_bytes() for path in store.cells.glob("*/per_image.parquet")}


@pytest.fixture
def asked_for(plan_file: Path, serial: Store, tmp_path: Path) -> tuple[Request, Grid]:
    """The same cells in a new folder, not yet computed."""
    store, console = Store(tmp_path / "out"), Console(quiet=True)
    plan = read_plan(plan_file)
    root = root_of(plan, data_of(serial), store, console, None)
    grid = prepared(plan, root, "cpu", store, console)
    way = Way(every=0.0, stale=10.0)
    return request_for(grid, root, store.root, "cpu", grid.cells, way), grid


@pytest.mark.slow
def test_processes_give_the_same_bits_though_one_is_killed(
    asked_for: tuple[Request, Grid], serial: Store
) -> None:
    request, grid = asked_for
    store, lines, killed = Store(request.out), list[str](), list[int]()

    def kill() -> None:
        while not killed:
            for pid in [*at_work(store.leases).values()][:1]:
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)
            time.sleep(0.01)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    Processes(2).run(request, grid, lines.append, lambda _: None)
    assert scores(store) == scores(serial)
    assert any("ended with exit code -9; another takes its place" in line for line in lines)
    assert sum(line.startswith("done") for line in lines) >= len(grid.cells) - 1
    assert list(store.leases.iterdir()) == []


@pytest.mark.slow
def test_a_ray_cluster_gives_the_same_bits_though_a_node_is_killed(
    plan_file: Path, serial: Store, tmp_path: Path
) -> None:
    pytest.importorskip("ray", reason="needs the extra ray")
    script = Path(__file__).parent / "cluster_loses_a_node.py"
    done = subprocess.run(
        [sys.executable, script, plan_file, data_of(serial), tmp_path / "out"],
        capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert 1 <= told["done before"] < told["done"] == 6
    assert scores(Store(tmp_path / "out")) == scores(serial)


def test_a_worker_with_other_code_is_turned_away(asked_for: tuple[Request, Grid]) -> None:
    request, _ = asked_for
    older = {**request.code["random"], "methods.networks": "another digest"}
    with pytest.raises(OtherCodeError, match=r"other code of random .*methods.networks differs"):
        joined(replace(request, code={"random": older}))


def test_a_worker_that_sees_other_data_is_turned_away(asked_for: tuple[Request, Grid]) -> None:
    request, _ = asked_for
    with pytest.raises(OtherCodeError, match="2 of the cells have another key there"):
        joined(replace(request, names=(*request.names, "a", "b")))


@pytest.mark.slow
def test_what_a_worker_refuses_ends_the_run(asked_for: tuple[Request, Grid]) -> None:
    request, grid = asked_for
    older = replace(request, code={"random": {}})
    with pytest.raises(StoreError, match="other code of random"):
        Processes(1).run(older, grid, quiet, lambda _: None)


@pytest.mark.slow
def test_torchrun_trains_one_encoder_by_two_processes(
    plan_file: Path, serial: Store, tmp_path: Path
) -> None:
    store = Store(tmp_path / "out")
    launch = ["torch.distributed.run", "--nproc-per-node", "2", "--standalone", "-m", "benchmark"]
    options = ["--data", data_of(serial), "--out", str(store.root), "--device", "cpu"]
    changes = ["--set", "seeds=[0]", "--set", "ranks=2"]
    done = subprocess.run(
        [sys.executable, "-m", *launch, "pretrain", str(plan_file), *options, *changes],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    two, one = courses(store), courses(serial)
    assert {method: record["key"]["ranks"] for method, record in two.items()} == {
        "random": 2,
        "inpainting": 2,
    }
    first = two["inpainting"]["losses"][0]
    assert first == pytest.approx(one["inpainting"]["losses"][0], rel=1e-4)
    assert list(store.leases.iterdir()) == []


def courses(store: Store) -> dict[str, dict[str, Any]]:
    """What is known of each method's training, for the seed 0."""
    records = store.courses(sorted(path.name for path in store.encoders.iterdir()))
    return {r["key"]["method"]: r for r in records if r["key"]["seed"] == 0}


def test_encoders_of_several_ranks_are_trained_first(
    plan_file: Path, serial: Store, tmp_path: Path
) -> None:
    three = read_plan(plan_file).model_copy(update={"ranks": 3})
    with pytest.raises(ConfigError, match=r"trained by 3 ranks: run torchrun --nproc-per-node 3"):
        compare(three, data_of(serial), tmp_path / "out", "cpu")


CPU = torch.device("cpu")


def test_workers_share_gpus_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr("benchmark.executors.processes.device_called", torch.device)
    assert [device_of(number, "cuda") for number in range(3)] == ["cuda:0", "cuda:1", "cuda:0"]
    assert device_of(1, "cuda:0") == "cuda:0"
    assert device_of(1, "cpu") == "cpu"
    assert "3 workers share 2 GPUs" in crowded(3, 1, torch.device("cuda"))


def test_a_cluster_without_a_large_enough_node_is_refused(
    asked_for: tuple[Request, Grid], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ray would wait for one for ever, and say nothing."""
    ray = pytest.importorskip("ray", reason="needs the extra ray")
    cluster = importlib.import_module("benchmark.executors.cluster")
    nodes = [
        {"Alive": True, "Resources": {"CPU": 2.0}},
        {"Alive": False, "Resources": {"CPU": 64.0, "GPU": 8.0}},
    ]
    monkeypatch.setattr(ray, "nodes", lambda: nodes)
    assert cluster.fits({"num_cpus": 2, "num_gpus": 0})
    assert not cluster.fits({"num_cpus": 3, "num_gpus": 0})
    assert not cluster.fits({"num_cpus": 1, "num_gpus": 1})
    request, grid = asked_for
    large = replace(request, plan=request.plan.model_copy(update={"threads": 3}))
    monkeypatch.setattr(ray, "is_initialized", lambda: True)
    with pytest.raises(ConfigError, match="no node of the Ray cluster has the 3 CPUs that a task"):
        cluster.Cluster().run(large, grid, quiet, lambda _: None)


def test_a_cluster_that_does_not_answer_is_refused_at_once() -> None:
    """Ray itself would knock for many minutes."""
    pytest.importorskip("ray", reason="needs the extra ray")
    cluster = importlib.import_module("benchmark.executors.cluster")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound and not listening: nobody else gets the number
        address = f"127.0.0.1:{closed.getsockname()[1]}"
        with (
            pytest.raises(ConfigError, match=rf"no Ray cluster at '{address}' .*refused"),
            cluster.connected(address, {"num_cpus": 1, "num_gpus": 0}),
        ):
            pass
    for address in ("auto", "local", "ray://head:10001"):
        cluster.knock(address)  # of these Ray knows more


@pytest.mark.slow
def test_workers_whose_parent_is_killed_fail_nothing(
    plan_file: Path, serial: Store, tmp_path: Path
) -> None:
    """They find nobody to tell, and end as if they had been interrupted."""
    store = Store(tmp_path / "out")
    arguments = ["run", str(plan_file), "--data", data_of(serial), "--out", str(store.root)]
    options = ["--device", "cpu", "--workers", "2", "--set", "downstream.steps=60"]
    parent = subprocess.Popen(
        [sys.executable, "-m", "benchmark", *arguments, *options], stdout=subprocess.DEVNULL
    )
    wait_for(lambda: store.checkpoints.is_dir() or any(store.cells.glob("*")) or busy(store))
    assert parent.poll() is None
    parent.kill()
    parent.wait()
    wait_for(lambda: not busy(store))
    finished = [path.name for path in store.cells.glob("[!.]*")]
    assert all(store.status(name) == "done" for name in finished)


def busy(store: Store) -> bool:
    """Whether somebody holds a lease."""
    return store.leases.is_dir() and any(store.leases.iterdir())


def wait_for(happened: Callable[[], bool]) -> None:
    """Wait, a minute at most."""
    for _ in range(1200):
        if happened():
            return
        time.sleep(0.05)
    pytest.fail("waited for a minute in vain")


def test_executors_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(executor_called("local", 3, "auto"), Processes)
    with pytest.raises(ConfigError, match="--workers 2 is for local processes"):
        executor_called("ray", 2, "auto")
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "benchmark.executors.cluster", raising=False)
    with pytest.raises(ConfigError, match=r"needs the package ray: .*\[ray\]' in the checkout"):
        executor_called("ray", 1, "auto")
