"""The worker, without torch: what is missing is computed, failures are kept."""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from benchmark.cells import Cell, CellKey, CellResult, PretrainKey, Status
from benchmark.durable import StoreError, put_folder
from benchmark.leases import Lease, Leases
from benchmark.run import ATTEMPTS, BrokenDeviceError, Evaluated, Worker, by_encoder
from benchmark.store import CELL_RECORD, ENCODER_RECORD, Store

PRETRAIN = PretrainKey("ld", {}, "tiny", 64, {}, "pool", "m", (), 0, 2)


def cell(method: str, task: str) -> Cell:
    key = CellKey(method, method, task, "m", "p", ("frozen", "finetuned"), {}, 0, 2)
    return Cell(key, replace(PRETRAIN, method=method), f"{method}-{task}", f"encoder-{method}", {})


CELLS = [cell(method, task) for method in ("random", "ld") for task in ("one", "two", "three")]


@dataclass
class FakeBench:
    """Records what is asked; fails where told."""

    store: Store
    broken: dict[str, BaseException] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    def act(self, name: str) -> None:
        self.calls.append(name)
        if name in self.broken:
            raise self.broken[name]

    def mark(self, name: str) -> str:
        return ""

    def forget(self, name: str) -> None: ...

    def pretrain(self, cell: Cell, lease: Lease) -> None:
        self.act(f"pretrain {cell.key.method}")

        def fill(folder: Path) -> None:
            (folder / ENCODER_RECORD).write_text("{}")

        put_folder(self.store.encoders / cell.encoder, fill, lease.check)

    def evaluated(self, cell: Cell, lease: Lease) -> Evaluated:
        assert self.store.has_encoder(cell.encoder)
        self.act(cell.name)
        rows = [("finetuned", "image", "dice", 0.5)]
        return Evaluated(CellResult(cell.key, Status.DONE, "", "fundus", "real", rows))

    def unfinished(self, cell: Cell, status: Status, reason: str, lines: list[str]) -> CellResult:
        facts = {"traceback": lines}
        return CellResult(cell.key, status, reason, "fundus", "real", [], facts)

    def resumable(self, error: Exception) -> bool:
        return isinstance(error, TimeoutError)

    def device_broke(self, error: Exception) -> bool:
        return isinstance(error, ConnectionError)

    def status_of(self, error: Exception) -> Status:
        return Status.EXCEEDED if isinstance(error, TimeoutError) else Status.FAILED


def bench(folder: Path, **broken: BaseException) -> FakeBench:
    return FakeBench(Store(folder), {name.replace("_", " "): e for name, e in broken.items()})


def ran(
    folder: Path, hands: FakeBench, cells: list[Cell] = CELLS, run: str = "another run"
) -> Worker:
    store = Store(folder)
    with Leases(store.leases, run=run) as leases:
        worker = Worker(store, hands, leases, lambda _: None)
        worker.run(cells)
    assert not list(store.leases.iterdir())
    return worker


def test_each_encoder_is_trained_once_and_each_cell_evaluated(tmp_path: Path) -> None:
    hands = bench(tmp_path)
    worker = ran(tmp_path, hands)
    assert hands.calls == [
        "pretrain random", "random-one", "random-two", "random-three",
        "pretrain ld", "ld-one", "ld-two", "ld-three",
    ]  # fmt: skip
    assert (worker.computed, worker.failed, worker.lost) == ([c.name for c in CELLS], [], 0)


def test_a_half_finished_grid_is_resumed(tmp_path: Path) -> None:
    first = FakeBench(Store(tmp_path), {"ld-two": KeyboardInterrupt()})
    with pytest.raises(KeyboardInterrupt):
        ran(tmp_path, first)
    assert not list(Store(tmp_path).leases.iterdir())
    hands = bench(tmp_path)
    assert ran(tmp_path, hands).computed == ["ld-two", "ld-three"]
    assert hands.calls == ["ld-two", "ld-three"]
    again = bench(tmp_path)
    ran(tmp_path, again)
    assert again.calls == []


def test_a_failed_cell_is_a_result_and_the_others_go_on(tmp_path: Path) -> None:
    hands = FakeBench(Store(tmp_path), {"ld-two": ValueError("loss is nan at step 7")})
    worker = ran(tmp_path, hands)
    assert (len(worker.computed), len(worker.failed)) == (5, 1)
    kept = Store(tmp_path).cell("ld-two")
    assert kept.status is Status.FAILED
    assert kept.reason == "fine-tuning: ValueError: loss is nan at step 7"
    assert any("act" in line for line in kept.facts["traceback"])


def test_a_failed_pretraining_fails_its_cells_only(tmp_path: Path) -> None:
    worker = ran(tmp_path, bench(tmp_path, pretrain_random=RuntimeError("diverged at step 3")))
    assert [name for name, _ in worker.failed] == [each.name for each in CELLS[:3]]
    assert all("pre-training: RuntimeError: diverged" in why for _, why in worker.failed)
    assert len(worker.computed) == 3


def test_more_than_the_plan_allows_is_a_status_of_its_own(tmp_path: Path) -> None:
    ran(tmp_path, FakeBench(Store(tmp_path), {"ld-two": TimeoutError("too long")}))
    assert Store(tmp_path).status("ld-two") is Status.EXCEEDED


def test_a_full_disk_is_nobodys_failure(tmp_path: Path) -> None:
    """The run ends with the reason; the cell stays missing, and is computed when there is room."""
    full = StoreError("the disk is full")
    with pytest.raises(StoreError, match="the disk is full"):
        ran(tmp_path, FakeBench(Store(tmp_path), {"ld-two": full}))
    store = Store(tmp_path)
    assert not store.has_cell("ld-two")
    assert not list(store.leases.iterdir())
    assert ran(tmp_path, bench(tmp_path)).computed == ["ld-two", "ld-three"]


def test_what_another_worker_computes_is_left_to_it(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with Leases(store.leases) as others:
        held = [others.claim("encoder-random"), others.claim("ld-two")]
        assert all(held)
        hands = bench(tmp_path)
        with Leases(store.leases) as leases:
            worker = Worker(store, hands, leases, lambda _: None)
            groups = by_encoder(CELLS)
            assert [worker.group(group) for group in groups] == [False, True]
        assert hands.calls == ["pretrain ld", "ld-one", "ld-three"]
    ran(tmp_path, bench(tmp_path))
    assert all(store.has_cell(cell.name) for cell in CELLS)


def test_a_worker_that_lost_its_lease_throws_its_work_away(tmp_path: Path) -> None:
    store = Store(tmp_path)

    class Sleepy(FakeBench):
        def evaluated(self, cell: Cell, lease: Lease) -> Evaluated:
            own = super().evaluated(cell, lease)
            if cell.name == "ld-two" and self.calls.count("ld-two") == 1:
                # Another one thinks that this one is dead, takes over and finishes.
                taken = Leases(store.leases).created(lease.path.with_suffix(".2"), 2, "")
                assert taken is not None
                other = replace(own.result, facts={"by": "the other"})
                assert store.put_cell(cell, other, before=taken.check)
                taken.release()
            return own

    hands = Sleepy(store)
    worker = ran(tmp_path, hands)
    assert worker.lost == 1
    assert "ld-two" not in worker.computed
    assert store.cell("ld-two").facts == {"by": "the other"}


def test_whatever_goes_wrong_without_the_lease_is_no_failure(tmp_path: Path) -> None:
    """The new holder sweeps what the old one was writing, which finds its files gone."""
    store, taken = Store(tmp_path), list[Lease | None]()

    class Swept(FakeBench):
        def evaluated(self, cell: Cell, lease: Lease) -> Evaluated:
            if cell.name == "ld-two" and not taken:
                taken.append(Leases(store.leases).created(lease.path.with_suffix(".2"), 1, ""))
                raise FileNotFoundError("half a cell")
            return super().evaluated(cell, lease)

        def forget(self, name: str) -> None:
            assert not (name == "ld-two" and taken), "the new holder's checkpoints"

    hands = Swept(store)
    with Leases(store.leases) as leases:
        worker = Worker(store, hands, leases, lambda _: None)
        worker.group([cell for cell in CELLS if cell.key.method == "ld"])
    assert (worker.lost, worker.failed) == (1, [])
    assert not store.has_cell("ld-two")


def test_a_cell_without_its_record_ends_the_run(tmp_path: Path) -> None:
    """It can be neither kept nor replaced; computing it again and again would help nobody."""
    store = Store(tmp_path)
    ran(tmp_path, bench(tmp_path))
    (store.cells / "ld-two" / CELL_RECORD).unlink()
    with pytest.raises(StoreError, match=r"ld-two lacks cell.json: delete it"):
        ran(tmp_path, bench(tmp_path))


@pytest.mark.parametrize("place", ["cells/ld-two", "encoders/encoder-ld"])
def test_a_place_that_is_taken_is_noticed_before_anything_is_computed_for_it(
    tmp_path: Path, place: str
) -> None:
    (tmp_path / place).mkdir(parents=True)
    (tmp_path / place / "notes.txt").write_text("mine")
    hands = bench(tmp_path)
    with pytest.raises(StoreError, match=r"json: delete it and run the plan again"):
        ran(tmp_path, hands)
    assert not {"ld-two", "pretrain ld"} & set(hands.calls[-1:])
    assert (tmp_path / place / "notes.txt").exists()


@pytest.mark.parametrize("name", ["encoder-ld", "ld-two"])
def test_what_kills_one_worker_after_another_has_failed(tmp_path: Path, name: str) -> None:
    """Each left its lease, with the process number of one who is no more."""
    store = Store(tmp_path)
    for attempt in range(1, ATTEMPTS + 1):
        with Leases(store.leases, run="one run") as leases:
            lease = leases.claim(name)
            assert lease is not None
            assert lease.holder.attempt == attempt
            gone = lease.holder._replace(life=f"{lease.holder.life} long ago")
            lease.path.write_text(json.dumps(gone._asdict()))
            leases.own.clear()  # it died: nothing was given back
    worker = ran(tmp_path, bench(tmp_path), run="one run")
    failed = {cell.name for cell in CELLS if name in (cell.name, cell.encoder)}
    assert {each for each, _ in worker.failed} == failed
    assert all("3 workers died over this" in reason for _, reason in worker.failed)


def test_checkpoints_of_what_has_ended_are_dropped(tmp_path: Path) -> None:
    """A kill may fall between a result and the end of its checkpoints."""
    store = Store(tmp_path)
    ran(tmp_path, bench(tmp_path))
    for name in ("ld-two", "encoder-ld", "of another plan"):
        (store.checkpoints / name / "1").mkdir(parents=True)
    ran(tmp_path, bench(tmp_path))
    assert [path.name for path in store.checkpoints.iterdir()] == ["of another plan"]


def test_a_broken_device_fails_one_thing_and_ends_the_process(tmp_path: Path) -> None:
    """Whoever comes next goes on with what is left."""
    hands = bench(tmp_path, **{"ld-two": ConnectionError("illegal access")})
    with pytest.raises(BrokenDeviceError, match="of ld-two: the device broke"):
        ran(tmp_path, hands)
    store = Store(tmp_path)
    assert store.status("ld-two") is Status.FAILED
    assert not store.has_cell("ld-three")
    assert ran(tmp_path, hands).computed == ["ld-three"]


def test_what_lacked_time_or_memory_may_go_on(tmp_path: Path) -> None:
    """Its checkpoints outlive it, and later runs, until it is asked for again."""
    store, forgotten = Store(tmp_path), list[str]()

    class Forgetful(FakeBench):
        def forget(self, name: str) -> None:
            forgotten.append(name)

    hands = Forgetful(store, {"ld-two": TimeoutError("too long"), "ld-one": ValueError("odd")})
    ran(tmp_path, hands)
    assert "ld-one" in forgotten
    assert "ld-two" not in forgotten
    (store.checkpoints / "ld-two" / "1").mkdir(parents=True)
    ran(tmp_path, hands)
    assert [path.name for path in store.checkpoints.iterdir()] == ["ld-two"]


def test_leases_of_what_has_ended_are_dropped(tmp_path: Path) -> None:
    """A kill may fall between a result and the return of its lease, again and again."""
    store = Store(tmp_path)
    ran(tmp_path, bench(tmp_path))
    with Leases(store.leases) as leases:
        for name in ("ld-two", "ld-two", "encoder-ld"):
            lease = leases.claim(name)
            assert lease is not None
            gone = lease.holder._replace(life=f"{lease.holder.life} long ago")
            lease.path.write_text(json.dumps(gone._asdict()))
        leases.own.clear()
        living = leases.claim("random-one")
        assert living is not None
        with Leases(store.leases) as others:
            Worker(store, bench(tmp_path), others, lambda _: None).run(CELLS)
        assert list(store.leases.iterdir()) == [living.path]


def test_progress_gives_new_attempts(tmp_path: Path) -> None:
    """A long training that is killed again and again, and gets on each time, has not failed."""
    store = Store(tmp_path)
    for step in range(9):
        with Leases(store.leases, run="one run") as leases:
            lease = leases.claim("ld-two", mark=str(step))
            assert lease is not None
            assert lease.holder.attempt == 1
            gone = lease.holder._replace(life=f"{lease.holder.life} long ago")
            lease.path.write_text(json.dumps(gone._asdict()))
            leases.own.clear()
