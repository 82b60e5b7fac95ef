"""How cells stand: done, running, failed, missing, stale, foreign, damaged; and what is fair."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmark import status
from benchmark.asked import Asked, Wanted, ask, asked
from benchmark.audit import audit
from benchmark.cells import Cell, CellResult, Status, canonical
from benchmark.leases import Leases
from benchmark.ledger import Axis, entries, totals
from benchmark.report.gathered import gather
from benchmark.speed.many_cells import invented, result
from benchmark.status import State, standings
from benchmark.store import Store, folder_name

Call = Callable[..., int]
Change = Callable[[Cell, CellResult], tuple[Cell, CellResult]]
Capture = pytest.CaptureFixture[str]


def cells_of(*methods: str, seeds: int = 1, tasks: int = 1) -> list[Cell]:
    """Made-up cells of some methods, on the first tasks; a seed is 20 methods by 12 tasks."""
    made = [cell for cell, _ in invented(240 * seeds)]
    names = list(dict.fromkeys(cell.key.task for cell in made))[:tasks]
    return [cell for cell in made if cell.key.method in methods and cell.key.task in names]


def direct(cell: Cell) -> Cell:
    key = replace(cell.key, stages=("direct",))
    return replace(cell, key=key, name=folder_name(key.hash, cell.fingerprint))


def asked_of(folder: Path, cells: list[Cell], **terms: Any) -> Store:  # noqa: ANN401
    pretrains = {cell.encoder: canonical(cell.pretrain) for cell in cells}
    wanted = tuple(Wanted.by(cell, "fundus", "phantom") for cell in cells)
    ask(folder, Asked("Made up", terms, pretrains, wanted))
    return Store(folder)


def done(store: Store, cell: Cell, **changes: Any) -> None:  # noqa: ANN401
    store.put_cell(cell, replace(result(cell, "fundus", "phantom"), **changes))


def fair(folder: Path) -> tuple[Store, list[Cell]]:
    """A complete folder in which nothing is wrong."""
    cells = cells_of("random", "ld", "simclr")
    cells += [direct(cell) for cell in cells if cell.key.method == "random"]
    store = asked_of(folder, cells)
    for cell in cells:
        done(store, cell)
    return store, cells


def states(store: Store) -> dict[str, State]:
    return {row.cell.method: row.state for row in standings(store)}


def test_done_failed_exceeded_and_missing(tmp_path: Path, call: Call, capsys: Capture) -> None:
    cells = cells_of("random", "ld", "simclr", "byol")
    store = asked_of(tmp_path, cells)
    done(store, cells[0])
    bad: dict[str, Any] = {"rows": [], "facts": {"traceback": ["line one\n", "line two\n"]}}
    done(store, cells[1], status=Status.FAILED, reason="fine-tuning: loss is nan", **bad)
    done(store, cells[2], status=Status.EXCEEDED, reason="took more than 2 hours", **bad)
    expected = {
        "random": State.DONE,
        "ld": State.FAILED,
        "simclr": State.EXCEEDED,
        "byol": State.MISSING,
    }
    assert states(store) == expected
    assert call("status", tmp_path) == 0
    printed = capsys.readouterr().out
    assert "4 cells: 1 done, 1 failed, 1 exceeded, 1 missing" in printed
    assert "failed    ld / idrid_optic_disc / seed 0 / finetuned: fine-tuning: loss is" in printed
    assert "line two" in printed
    assert call("status", tmp_path, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["counts"] == {"done": 1, "failed": 1, "exceeded": 1, "missing": 1}
    assert [cell["state"] for cell in told["cells"]] == [str(s) for s in expected.values()]


def test_running_says_who_and_since_when(tmp_path: Path) -> None:
    cells = cells_of("ld", "simclr")
    store = asked_of(tmp_path, cells)
    with Leases(store.leases) as leases:
        assert leases.claim(cells[0].name)
        assert leases.claim(cells[1].encoder)
        first, second = standings(store)
    assert (first.state, second.state) == (State.RUNNING, State.RUNNING)
    assert first.detail.startswith("fine-tuning by ")
    assert f"process {os.getpid()} since 20" in first.detail
    assert second.detail.startswith("pre-training by ")
    assert {row.state for row in standings(store)} == {State.MISSING}


def test_a_missing_cell_names_its_nearest_relative(tmp_path: Path) -> None:
    (cell,) = cells_of("ld")
    far = replace(cell.key, settings={**cell.key.settings, "steps": 9, "batch_size": 8}, threads=7)
    near_pretrain = replace(cell.pretrain, size=128)
    near = replace(cell.key, pretrain=near_pretrain.hash)
    store = asked_of(tmp_path, [cell])
    for key, pretrain in ((far, cell.pretrain), (near, near_pretrain)):
        name = folder_name(key.hash, cell.fingerprint)
        done(store, replace(cell, key=key, pretrain=pretrain, name=name))
    (row,) = standings(store)
    assert row.state is State.MISSING
    expected = f"nearest: {folder_name(near.hash, cell.fingerprint)}, which differs in "
    assert row.detail == f"{expected}pretrain.size (128, not 64)"


def test_a_failed_cell_does_not_hide_what_its_method_cost(tmp_path: Path) -> None:
    cells = cells_of("random", "ld", "simclr", tasks=2)
    store = asked_of(tmp_path, cells)
    for cell in cells[:-1]:
        done(store, cell)
    last = cells[-1]
    done(store, last, status=Status.FAILED, reason="odd", rows=[], cost={})
    prices = gather(tmp_path, "refuse").about().prices
    assert prices[last.key.method].images == 10


def test_changed_code_is_stale_and_no_leaderboard(
    tmp_path: Path, call: Call, capsys: Capture, mistake: Callable[..., str]
) -> None:
    store, cells = fair(tmp_path)
    old = next(cell for cell in cells if cell.key.method == "simclr")
    code = {**old.fingerprint, "methods.simclr": "older", "methods.gone": "1"}
    store.drop_cell(old.name)
    done(store, replace(old, name=folder_name(old.key.hash, code), fingerprint=code))
    row = next(row for row in standings(store) if row.cell.method == "simclr")
    assert row.state is State.STALE
    assert row.detail == "changed since: methods.gone, methods.simclr"
    line = mistake("leaderboard", tmp_path)
    assert "1 of 4 cells" in line
    assert "methods.gone, methods.simclr changed since" in line
    assert call("leaderboard", tmp_path, "--stale", "--json") == 0
    board = json.loads(capsys.readouterr().out)["boards"][0]
    assert {row["method"]: row["stale"] for row in board["rows"]} == {
        "random": False,
        "ld": False,
        "simclr": True,
    }
    assert any(note.startswith("Stale: 1 cells of simclr") for note in board["notes"])
    assert "| simclr (stale) |" in (tmp_path / "leaderboard.md").read_text()
    assert any("simclr" in fault and "is stale" in fault for fault in audit(store))


def test_a_method_that_is_not_installed_is_foreign_never_stale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, _ = fair(tmp_path)
    known = status.code_of
    monkeypatch.setattr(
        status, "code_of", lambda cell: None if cell.method == "ld" else known(cell)
    )
    row = next(row for row in standings(store) if row.cell.method == "ld")
    assert row.state is State.FOREIGN
    assert row.detail == "done; ld is not installed here"
    assert audit(store) == []


def test_a_failure_of_a_method_that_is_not_installed_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = changed_cell(
        tmp_path,
        lambda cell, one: (cell, replace(one, status=Status.FAILED, reason="odd", rows=[])),
    )
    known = status.code_of
    monkeypatch.setattr(
        status, "code_of", lambda cell: None if cell.method == "ld" else known(cell)
    )
    (fault,) = audit(store)
    assert fault.endswith("is foreign: failed; ld is not installed here: odd")


def test_an_edited_cell_is_damaged(tmp_path: Path, mistake: Callable[..., str]) -> None:
    store, cells = fair(tmp_path)
    path = store.cells / cells[0].name / "cell.json"
    path.write_text(path.read_text().replace('"done"', '"failed"'))
    assert states(store)["random"] is State.DONE  # the other of random's
    damaged = [row for row in standings(store) if row.state is State.DAMAGED]
    assert [row.folder for row in damaged] == [cells[0].name]
    assert "was changed after it was written" in damaged[0].detail
    assert "was changed after it was written" in mistake("leaderboard", tmp_path)


def test_an_empty_folder(tmp_path: Path, mistake: Callable[..., str]) -> None:
    for command in ("status", "audit", "leaderboard"):
        assert "holds no results: run a plan first" in mistake(command, tmp_path)


def test_a_fair_comparison(tmp_path: Path, call: Call, capsys: Capture) -> None:
    fair(tmp_path)
    assert call("audit", tmp_path) == 0
    assert "no fault: all methods spent alike in images, within 1 %" in capsys.readouterr().out
    assert call("audit", tmp_path, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["findings"] == []
    assert {row["method"]: row["images drawn"] for row in told["costs"]} == {
        "random": 10,
        "ld": 10,
        "simclr": 10,
    }


def changed_cell(
    folder: Path, change: Callable[[Cell, CellResult], tuple[Cell, CellResult]]
) -> Store:
    """A fair folder but for one cell of ld."""
    store, cells = fair(folder)
    cell = next(cell for cell in cells if cell.key.method == "ld")
    store.drop_cell(cell.name)
    store.put_cell(*change(cell, result(cell, "fundus", "phantom")))
    return store


def with_cost(**changes: Any) -> Change:  # noqa: ANN401
    def change(cell: Cell, one: CellResult) -> tuple[Cell, CellResult]:
        pretraining = {**one.cost["pretraining"], **changes}
        return cell, replace(one, cost={**one.cost, "pretraining": pretraining})

    return change


def with_facts(**changes: Any) -> Change:  # noqa: ANN401
    return lambda cell, one: (cell, replace(one, facts={**one.facts, **changes}))


@pytest.mark.parametrize(
    ("change", "axis", "fault"),
    [
        (with_cost(images_drawn=11), None, "ld has spent 10 % more images than simclr"),
        (with_cost(steps=3), "steps", "ld has spent 50 % more steps than simclr"),
        (with_cost(forward=4), "flops", "ld has spent 100 % more flops than simclr (6 against 3"),
        (with_cost(wall_seconds=2.0), "seconds", "ld has spent 100 % more seconds than simclr"),
        (with_cost(images_drawn=None), None, "what ld has spent in images is unknown"),
        (with_facts(leaks="allow"), None, "the leak policy of ld differs from that of random"),
        (
            with_facts(frozen={"steps": 2, "test opened after step": 1}),
            None,
            "opened its test images after step 1 of 2 of the stage frozen",
        ),
        (
            with_facts(frozen={"steps": 2, "test opened after step": 2, "selection": "oracle"}),
            None,
            "was chosen by its test images (oracle, frozen)",
        ),
        (with_facts(frozen={}), None, "does not say when its test images were opened (frozen)"),
    ],
)
def test_what_is_not_fair(
    tmp_path: Path,
    change: Change,
    axis: Axis | None,
    fault: str,
) -> None:
    store = changed_cell(tmp_path, change)
    assert any(fault in found for found in audit(store, axis)), audit(store, axis)
    assert (audit(store) != []) == (axis is None)


def test_a_tolerance_may_be_given(tmp_path: Path, call: Call) -> None:
    changed_cell(tmp_path, with_cost(images_drawn=11))
    assert call("audit", tmp_path) == 1
    assert call("audit", tmp_path, "--tolerance", "10") == 0


def test_floors_and_seeds_must_be_there(tmp_path: Path) -> None:
    cells = cells_of("random", "ld", seeds=2)
    cells = [cell for cell in cells if (cell.key.method, cell.key.seed) != ("ld", 1)]
    store = asked_of(tmp_path, cells)
    for cell in cells:
        done(store, cell)
    faults = audit(store)
    assert faults == [
        "idrid_optic_disc lacks the floor, random direct, for the seeds [0, 1]",
        "ld on idrid_optic_disc lacks the seeds [1]",
    ]


def test_other_pools_and_images_are_no_comparison(tmp_path: Path) -> None:
    store, cells = fair(tmp_path)
    cell = next(cell for cell in cells if cell.key.method == "ld")
    pretrain = replace(cell.pretrain, excluded=("a.png",), size=128)
    key = replace(cell.key, pretrain=pretrain.hash, manifest="other files")
    other = replace(cell, key=key, pretrain=pretrain, name=folder_name(key.hash, cell.fingerprint))
    store = asked_of(tmp_path, [other])
    done(store, other)
    faults = audit(store)
    assert any("the pool of ld differs from that of random" in fault for fault in faults)
    assert any("the image size of ld differs" in fault for fault in faults)
    assert any("the task's files of ld differs" in fault for fault in faults)


@pytest.mark.parametrize(
    ("tuned", "said"),
    [
        ({"ld": (12, "12 trials"), "simclr": (12, "12 trials")}, None),
        ({"ld": (12, "12 trials")}, "ld was tuned by 12 trials, simclr by no trial"),
        ({"ld": (12, "12 trials"), "simclr": (12, "6 + 6 trials")}, "simclr by 6 + 6 trials"),
    ],
)
def test_tuning_one_more_than_another_is_unfair(
    tuned: dict[str, tuple[int, str]], said: str | None, tmp_path: Path
) -> None:
    store, cells = fair(tmp_path)
    wanted = []
    for cell in cells:
        trials, terms = tuned.get(cell.key.method, (0, ""))
        known = Wanted.by(cell, "fundus", "phantom")
        wanted.append(replace(known, trials=trials, tuning=terms))
    old = asked(tmp_path)
    ask(tmp_path, replace(old, cells=tuple(wanted)))
    faults = audit(store)
    assert (faults == []) == (said is None), faults
    assert said is None or any(said in fault for fault in faults)
    counted = {row["method"]: row["trials"] for row in totals(entries(store, standings(store)))}
    assert counted == {m: tuned.get(m, (0, ""))[0] for m in ("random", "ld", "simclr")}
