"""Two processes find what one does: gradients, buffers, losses, for every method."""

import json
import os
import socket
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import torch
from filelock import FileLock

from methods import METHODS, parallel
from methods.backends import solo
from methods.networks import Encoder, PixelDecoder
from methods.parallel.networks import SplitMaps, make_whole, split_networks

ROOT = Path(__file__).parents[2]
#: Seconds until processes that wait for each other are given up.
PATIENCE = 300
#: float32; the largest gap to one process, over a tensor's largest entry: sums over slices round
#: otherwise.
CLOSE = 1e-4
pytestmark = pytest.mark.slow

TRAINED = [name for name in METHODS if name != "random"]

Found = dict[str, Any]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[Found]:
    """What each of two processes found; computed once for all workers of a test run."""
    base = tmp_path_factory.getbasetemp()
    folder = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    paths = [folder / f"rank{rank}.json" for rank in range(2)]
    with FileLock(folder / "ranks.lock"):
        if not all(path.exists() for path in paths):
            compute(paths)
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


def compute(paths: list[Path]) -> None:
    """Start two processes as torchrun starts them, and wait."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    group = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    processes = [
        subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("one_of_ranks.py")), str(path)],
            env=os.environ
            | group
            | {"RANK": str(rank), "LOCAL_RANK": str(rank)}
            | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank, path in enumerate(paths)
    ]
    try:
        for process in processes:
            _, said = process.communicate(timeout=PATIENCE)
            assert process.returncode == 0, said[-3000:]
    finally:
        for process in processes:
            process.kill()
            process.wait()


@pytest.mark.parametrize("name", TRAINED)
def test_two_ranks_give_the_gradient_of_one_with_the_whole_batch(
    name: str, found: list[Found]
) -> None:
    first, second = (each[name]["steps"] for each in found)
    assert first
    for phase, step in first.items():
        assert step["parameters"] > 50
        assert step["loss"] < CLOSE
        assert step["gradients"] < CLOSE
        assert step["digest"] == second[phase]["digest"]


@pytest.mark.parametrize("name", TRAINED)
def test_statistics_queues_and_memory_banks_have_seen_the_whole_batch(
    name: str, found: list[Found]
) -> None:
    first, second = (each[name]["left"] for each in found)
    assert first
    for phase, left in first.items():
        assert left["loss"] < 10 * CLOSE  # norms of few values magnify rounding
        assert left["buffers"] < CLOSE
        assert left["digest"] == second[phase]["digest"]


@pytest.mark.parametrize("rows", ["1", "5"])
def test_batch_statistics_and_their_gradients_are_those_of_the_whole_batch(
    rows: str, found: list[Found]
) -> None:
    """In float64, because batch norms in training mode magnify float32's rounding a thousandfold.

    Decoders round their outputs to float32.
    """
    for each in found:
        assert each["exact"][rows]["loss"] < 1e-7
        assert each["exact"][rows]["tensors"] < 1e-6


@pytest.mark.parametrize("name", METHODS)
def test_ranks_stay_the_same_to_the_bit_and_go_where_one_goes(
    name: str, found: list[Found]
) -> None:
    first, second = (each[name]["training"] for each in found)
    assert first == second
    assert first["split"] == 0
    assert first["counts"] == found[0][name]["alone"]["counts"]
    expected = found[0][name]["alone"]
    assert first["losses"][:1] == pytest.approx(expected["losses"][:1], rel=1e-4)
    assert first["losses"] == pytest.approx(expected["losses"], rel=0.05)
    assert first["checks"] == pytest.approx(expected["checks"], rel=0.05)


def test_negatives_of_the_other_rank_would_be_missed(found: list[Found]) -> None:
    """What the comparison of gradients can tell: half of the negatives."""
    assert found[0]["apart"] > 100 * CLOSE


def test_a_rank_without_an_image(found: list[Found]) -> None:
    step, other = (each["one image"] for each in found)
    assert step["gradients"] < CLOSE
    assert step["digest"] == other["digest"]


def test_maps_in_bfloat16_cross_too(found: list[Found]) -> None:
    first, second = (each["bfloat16"] for each in found)
    assert first == second
    assert first["losses"] == pytest.approx(found[0]["inpainting"]["training"]["losses"], rel=0.1)
    assert first["losses"] != found[0]["inpainting"]["training"]["losses"]


def test_solo_learn_does_not_gather_what_is_whole() -> None:
    loss = solo("losses.barlow:barlow_loss_func")
    assert not sys.modules[loss.__module__].dist.is_available()


def test_one_process_needs_no_group() -> None:
    weight = torch.nn.Linear(2, 1, bias=False)
    with parallel.joined(torch.device("cpu")) as device, parallel.split(weight):
        assert device.type == "cpu"
        assert (parallel.rank(), parallel.ranks()) == (0, 1)
        parallel.backward(weight(torch.ones(1, 2)).sum(), weight)
    assert weight.weight.grad is not None
    assert torch.equal(weight.weight.grad, torch.ones(1, 2))


def test_ranks_wait_longer_than_a_first_preparation_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch gives up after half an hour; hours pass while rank 0 prepares images."""
    asked = list[tuple[str, Any]]()
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(
        torch.distributed,
        "init_process_group",
        lambda backend, timeout: asked.append((backend, timeout)),
    )
    monkeypatch.setattr(torch.distributed, "destroy_process_group", lambda: None)
    with parallel.joined(torch.device("cpu")) as device:
        assert device == torch.device("cpu")
    ((backend, timeout),) = asked
    assert backend == "gloo"
    assert timeout > timedelta(days=1)


def test_networks_become_split_and_whole_again() -> None:
    class Own(Encoder):
        pass

    both = torch.nn.ModuleList([Own("tiny", 3), PixelDecoder((16, 32, 64, 128, 128), {"z": 2})])
    both.append(torch.nn.BatchNorm2d(2))
    names, kinds = list(both.state_dict()), [type(part) for part in both.modules()]
    split_networks(both)
    assert list(both.state_dict()) == names
    assert isinstance(both[0], Own)
    assert type(both[2]) is torch.nn.BatchNorm2d  # sees whole batches
    assert type(both[0]) is not Own
    make_whole(both)
    assert [type(part) for part in both.modules()] == kinds


def test_maps_are_gathered_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[int] = []

    def gathered(mine: torch.Tensor, total: int) -> torch.Tensor:
        sent.append(mine.shape[-1])
        return mine.repeat(total, 1)

    monkeypatch.setattr("methods.parallel.networks.gathered", gathered)
    maps = SplitMaps([torch.zeros(1, side) for side in (4, 2, 1)], 2)
    assert len(maps) == 3
    assert maps[-1].shape == maps[2].shape == (2, 1)
    assert sent == [1]  # once, and none of the finer ones
    assert [each.shape for each in maps[:2]] == [(2, 4), (2, 2)]
    assert [each.shape for each in maps] == [(2, 4), (2, 2), (2, 1)]
    assert sent == [1, 4, 2]
