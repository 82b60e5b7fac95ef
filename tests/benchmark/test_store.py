"""A cell is on disk whole or not at all."""

import math
from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.asked import Asked, Wanted, ask, asked, difference
from benchmark.cells import Cell, CellKey, CellResult, PretrainKey, Status, canonical
from benchmark.durable import StoreError, put_folder
from benchmark.store import Store, folder_name

KEY = CellKey("ld", "0" * 64, "hrf_vessel", "m", "segmentation-1", ("direct",), {"steps": 2}, 0, 2)

PRETRAIN = PretrainKey("ld", {"rate": 1}, "tiny", 64, {}, "pool", "m", (), 0, 2)
CELL_WITH_FRACTION = Cell(
    replace(KEY, settings={"steps": 2, "fraction": 1.0}), PRETRAIN, "a", "e", {"methods.ld": "1"}
)
CELL = Cell(KEY, PRETRAIN, "a", "e", {"methods.ld": "1"})


def result(status: Status = Status.DONE) -> CellResult:
    rows = [("direct", "01_h", "dice", 0.5), ("direct", "01_h", "hd95", math.nan)]
    return CellResult(KEY, status, "", "fundus", "real", rows, {"blind": {"everything": 0.1}})


def test_what_was_put_is_found(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.put_cell(CELL, result())
    back = store.cell("a")
    assert back.key == KEY
    assert back.key.hash == KEY.hash
    assert back.status is Status.DONE
    assert back.rows[0] == ("direct", "01_h", "dice", 0.5)
    assert math.isnan(back.rows[1][3])
    assert back.facts == {"blind": {"everything": 0.1}}


@pytest.mark.parametrize("step", ["per_image.parquet", "extra", "cell.json"])
def test_a_fault_at_any_step_leaves_nothing(
    tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path)

    def fault(*_: object, **__: object) -> None:
        raise OSError("no space left on device")

    if step == "per_image.parquet":
        monkeypatch.setattr("pyarrow.parquet.write_table", fault)
    if step == "cell.json":
        monkeypatch.setattr("benchmark.store.write_json", fault)
    with pytest.raises(OSError, match="no space"):
        store.put_cell(CELL, result(), fault if step == "extra" else None)
    assert not store.has_cell("a")
    assert list(store.cells.iterdir()) == []


def test_a_finished_folder_is_never_replaced(tmp_path: Path) -> None:
    for text in ("first", "second"):
        put_folder(
            tmp_path / "a",
            lambda folder, text=text: (folder / "f").write_text(text),  # type: ignore[misc]
        )
    assert (tmp_path / "a" / "f").read_text() == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_damaged_cell_is_named_with_the_remedy(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.put_cell(CELL, result())
    (store.cells / "a" / "SHA256.json").write_text("{", encoding="utf-8")
    with pytest.raises(StoreError, match=r"cells/a cannot be read .*delete it"):
        store.cell("a")
    (store.cells / "a" / "SHA256.json").unlink()
    with pytest.raises(StoreError, match=r"cells/a cannot be read .*delete it"):
        store.record("a")


@pytest.mark.parametrize("file", ["cell.json", "per_image.parquet"])
def test_an_edited_cell_is_noticed(tmp_path: Path, file: str) -> None:
    store = Store(tmp_path)
    store.put_cell(CELL, result())
    path = store.cells / "a" / file
    path.write_bytes(path.read_bytes().replace(b"0.1", b"0.9") + b" ")
    with pytest.raises(StoreError, match=f"{file} was changed after it was written"):
        store.cell("a")
    path.unlink()
    with pytest.raises(StoreError, match=f"{file} cannot be read"):
        store.cell("a")


def test_an_empty_folder_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="holds no results: run a plan first"):
        asked(tmp_path)


def question(size: int = 64, title: str = "Title", **changes: object) -> Asked:
    cell = replace(Wanted.by(CELL_WITH_FRACTION, "fundus", "real"), **changes)  # type: ignore[arg-type]
    return Asked(title, {"size": size}, {"e": canonical(PRETRAIN)}, (cell,))


def test_what_is_asked_is_kept(tmp_path: Path) -> None:
    ask(tmp_path / "new", question())
    kept, given = asked(tmp_path / "new"), question()
    assert (kept.title, kept.terms) == (given.title, given.terms)
    assert [cell.place for cell in kept.cells] == [cell.place for cell in given.cells]
    assert not list(difference(kept.pretrains, given.pretrains))
    assert not list(difference(kept.cells[0].key, given.cells[0].key))


def test_what_several_ask_is_put_together(tmp_path: Path) -> None:
    ask(tmp_path, question())
    ask(tmp_path, question(method="byol", name="b"))
    ask(tmp_path, question(title="Second", name="c"))
    both = asked(tmp_path)
    assert both.title == "Second"
    # Of one place in the table, what was asked last.
    assert [(cell.method, cell.name) for cell in both.cells] == [("ld", "c"), ("byol", "b")]


def test_two_plans_in_one_folder_are_refused(tmp_path: Path) -> None:
    ask(tmp_path, question())
    before = (tmp_path / "grid.json").read_bytes()
    with pytest.raises(StoreError, match=r"'Title', which differs in size \(64, not 128\)"):
        ask(tmp_path, question(size=128))
    assert (tmp_path / "grid.json").read_bytes() == before


def test_what_an_audit_looks_at_is_no_other_terms(tmp_path: Path) -> None:
    def budget(**values: object) -> Asked:
        return replace(question(), terms={"budget": {"images": 64, **values}})

    ask(tmp_path, budget(axis="images", tolerance=1.0))
    ask(tmp_path, budget(axis="flops", tolerance=5.0))
    assert asked(tmp_path).terms["budget"] == {"images": 64, "axis": "flops", "tolerance": 5.0}
    with pytest.raises(StoreError, match=r"budget.images \(64, not 32\)"):
        ask(tmp_path, budget(images=32))


def test_a_plan_may_be_run_task_by_task(tmp_path: Path) -> None:
    def part(task: str, pools: dict[str, str], **own: object) -> Asked:
        (cell,) = question(name=task).cells
        terms = {"pools": pools, "downstream": {"steps": 4, "tasks": own}}
        return replace(question(), terms=terms, cells=(replace(cell, task=task),))

    ask(tmp_path, part("a", {"fundus": "one"}, a={"steps": 8}))
    ask(tmp_path, part("b", {"chest X-ray": "two"}, b={"steps": 9}))
    both = asked(tmp_path)
    assert both.terms["pools"] == {"fundus": "one", "chest X-ray": "two"}
    assert both.terms["downstream"]["tasks"] == {"a": {"steps": 8}, "b": {"steps": 9}}
    before = (tmp_path / "grid.json").read_bytes()
    with pytest.raises(StoreError, match=r"downstream\.tasks\.a\.steps \(8, not nothing\)"):
        ask(tmp_path, part("a", {"fundus": "one"}))
    with pytest.raises(StoreError, match=r"pools\.fundus \(one, not other\)"):
        ask(tmp_path, part("c", {"fundus": "other"}))
    assert (tmp_path / "grid.json").read_bytes() == before


def test_an_older_list_of_cells_is_named(tmp_path: Path) -> None:
    (tmp_path / "grid.json").write_text('{"title": "Old", "cells": []}')
    with pytest.raises(StoreError, match="another version or damaged"):
        asked(tmp_path)


def test_names_tell_key_and_code_apart() -> None:
    assert folder_name(KEY.hash, {"m": "1"}).split("-")[0] == KEY.hash[:16]
    assert folder_name(KEY.hash, {"m": "1"}) != folder_name(KEY.hash, {"m": "2"})
