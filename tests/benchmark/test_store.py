"""A cell is on disk whole or not at all."""

import json
import math
from pathlib import Path

import pytest

from benchmark.cells import CellKey, CellResult, Status
from benchmark.store import Store, StoreError, folder_name, put_folder

KEY = CellKey("ld", "0" * 64, "hrf_vessel", "m", "segmentation-1", ("direct",), {"steps": 2}, 0, 2)


def result(status: Status = Status.DONE) -> CellResult:
    rows = [("direct", "01_h", "dice", 0.5), ("direct", "01_h", "hd95", math.nan)]
    return CellResult(KEY, status, "", "fundus", "real", rows, {"blind": {"everything": 0.1}})


def test_what_was_put_is_found(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.put_cell("a", result())
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
        monkeypatch.setattr("pandas.DataFrame.to_parquet", fault)
    if step == "cell.json":
        monkeypatch.setattr("benchmark.store.write_json", fault)
    with pytest.raises(OSError, match="no space"):
        store.put_cell("a", result(), fault if step == "extra" else None)
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
    store.put_cell("a", result())
    (store.cells / "a" / "cell.json").write_text("{", encoding="utf-8")
    with pytest.raises(StoreError, match=r"cells/a cannot be read .*delete it"):
        store.cell("a")


def test_an_empty_folder_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="holds no results: run a plan first"):
        Store(tmp_path).grid()


def test_a_grid_is_kept_as_json(tmp_path: Path) -> None:
    store = Store(tmp_path / "new")
    store.put_grid("Title", [{"name": "a"}])
    assert store.grid() == {"title": "Title", "cells": [{"name": "a"}]}
    assert [path.name for path in store.root.iterdir()] == ["grid.json"]
    assert json.loads((store.root / "grid.json").read_text())["title"] == "Title"


def test_names_tell_key_and_code_apart() -> None:
    assert folder_name(KEY.hash, {"m": "1"}).split("-")[0] == KEY.hash[:16]
    assert folder_name(KEY.hash, {"m": "1"}) != folder_name(KEY.hash, {"m": "2"})
