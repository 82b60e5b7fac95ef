"""Trainings under way on disk: written whole, read back exactly, done without when damaged."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from benchmark import checkpoints
from benchmark.checkpoints import Interrupted, Periodic, read, write
from benchmark.leases import LostLeaseError, unheard
from benchmark.limits import Limits, OutOfMemoryError, memory_named
from benchmark.machine import Meter
from benchmark.overtime import ExceededError
from methods.checkpoint import Checkpoint

CPU = torch.device("cpu")


def taken(step: int) -> Checkpoint:
    tensors = {"method/w": torch.full((3,), step / 7), "generator/cpu": torch.get_rng_state()}
    return Checkpoint(tensors, {"step": step, "best_loss": None, "losses": [1 / 3] * step})


@pytest.fixture
def under_way(tmp_path: Path) -> Interrupted:
    lines: list[str] = []
    return Interrupted(tmp_path / "name", 0.0, lines.append)


def keep(under_way: Interrupted, *steps: int) -> None:
    points = under_way.points(Meter(CPU), lambda: None)
    for step in steps:
        points.keep(taken(step))


def test_what_was_kept_comes_back_exactly(under_way: Interrupted) -> None:
    assert under_way.start() is None
    assert under_way.mark == ""
    keep(under_way, 1)
    back = under_way.start()
    assert back is not None
    assert back.values["losses"] == [1 / 3]
    for name, value in taken(1).tensors.items():
        assert torch.equal(back.tensors[name], value)
        assert back.tensors[name].dtype == value.dtype
    under_way.remove()
    assert under_way.start() is None


def test_the_last_two_are_kept(under_way: Interrupted) -> None:
    keep(under_way, 1, 2, 3)
    assert under_way.numbers() == [2, 3]
    assert under_way.mark == "3"
    keep(under_way, 4)
    assert under_way.numbers() == [3, 4]


@pytest.mark.parametrize("file", ["tensors.safetensors", "values.json", "SHA256.json"])
@pytest.mark.parametrize("length", [0, 20])
def test_one_cut_short_costs_no_more_than_the_steps_since_the_other(
    under_way: Interrupted, file: str, length: int
) -> None:
    keep(under_way, 1, 2)
    path = under_way.folder / "2" / file
    path.write_bytes(path.read_bytes()[:length])
    back = under_way.start()
    assert back is not None
    assert back.values["step"] == 1
    lines = under_way.say.__self__  # type: ignore[attr-defined]
    assert "cannot be used, the one before it is" in lines[0]
    # The next has a name of its own, so that nothing is written over.
    keep(under_way, 3)
    assert under_way.numbers() == [2, 3]


def test_other_versions_would_not_lead_to_the_same_bits(
    under_way: Interrupted, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(under_way, 1)
    monkeypatch.setattr(checkpoints, "versions", lambda: {"torch": "99"})
    assert under_way.start() is None
    assert "of other versions of torch: starting anew" in under_way.say.__self__[0]  # type: ignore[attr-defined]


def test_what_was_spent_before_counts(under_way: Interrupted) -> None:
    write(under_way.folder / "1", taken(1), {"wall_seconds": 100.0, "processor_seconds": 50.0})
    meter = Meter(CPU)
    under_way.points(meter, lambda: None)
    assert 100.0 <= meter.spent()["wall_seconds"] < 110.0
    assert 50.0 <= meter.read()["processor_seconds"] < 60.0


def test_nothing_is_kept_by_who_has_lost_the_lease(under_way: Interrupted) -> None:
    def lost() -> None:
        raise LostLeaseError("lost")

    with pytest.raises(LostLeaseError):
        under_way.points(Meter(CPU), lost).keep(taken(1))
    assert under_way.numbers() == []


def test_nothing_is_unpickled(under_way: Interrupted, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a pickle was read")

    keep(under_way, 1)
    for place in ("pickle.load", "pickle.loads", "pickle.Unpickler", "torch.load"):
        monkeypatch.setattr(place, refuse)
    assert read(under_way.folder / "1").values["step"] == 1


def test_time_decides_when_one_is_due() -> None:
    assert Periodic(0.0)(1)
    assert not Periodic(1000.0)(1)


def test_limits_are_seen_after_a_step() -> None:
    seen: list[int] = []

    def after(limits: Limits) -> Callable[[int], None]:
        meter = Meter(CPU)
        meter.before = {"wall_seconds": 7200.0}
        return limits.watch(meter, seen.append)

    after(Limits())(3)
    after(Limits(seconds=8000.0, mebibytes=10.0**6))(4)
    with pytest.raises(
        ExceededError, match=r"more than the 1.5 hours that the plan's limits.hours"
    ):
        after(Limits(seconds=5400.0))(5)
    with pytest.raises(ExceededError, match=r"of memory, more than the 0.000976562 GiB"):
        after(Limits(mebibytes=1.0))(6)
    assert seen == [3, 4, 5, 6]


def test_a_step_that_does_not_end_is_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was spent before an interruption counts from its first moment."""
    monkeypatch.setattr("benchmark.overtime.LOOK", 0.01)
    meter = Meter(CPU)
    meter.before = {"wall_seconds": 7200.0}
    with (
        pytest.raises(ExceededError, match=r"more than the 1.5 hours that the plan's limits.hours"),
        Limits(seconds=5400.0).timed(meter, unheard),
    ):
        time.sleep(60)
    with Limits().timed(meter, unheard):
        pass


def test_memory_that_is_free_again_after_the_step_counts() -> None:
    meter = Meter(CPU)
    if not meter.forgets:
        pytest.skip("this system does not forget the peak of a process")
    before = meter.most()
    watched = Limits(mebibytes=before + 200.0).watch(meter, lambda _: None)
    watched(1)
    torch.ones(100 * 2**20)  # 400 MiB, free at once
    with pytest.raises(ExceededError, match="MiB of memory, more than the"):
        watched(1)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError("no"),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB\nmore"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
    ],
)
def test_out_of_memory_names_the_batch(error: Exception) -> None:
    with (
        pytest.raises(OutOfMemoryError, match="out of memory with batches of 32 images of 512 px"),
        memory_named(32, 512),
    ):
        raise error


def test_other_errors_are_left_as_they_are() -> None:
    with pytest.raises(RuntimeError, match="shapes"), memory_named(32, 512):
        raise RuntimeError("shapes differ")


def test_memory_really_runs_out() -> None:
    with pytest.raises(OutOfMemoryError, match="batches of 2 images of 64 px"), memory_named(2, 64):
        torch.empty(2**60)
