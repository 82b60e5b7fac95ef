"""What a page says of where cells are from, against what is on disk."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.asked import Asked, Wanted, asked
from benchmark.cells import Cell, CellResult, Status
from benchmark.durable import StoreError
from benchmark.report.frame import results
from benchmark.report.page.origin import Fact, Origin, Provenance
from benchmark.report.page.provenance import provenance
from benchmark.report.page.wording import short, words
from benchmark.store import Store
from tests.benchmark.small_results import cell_of, put

COST = {
    "wall_seconds": 6.861, "device": "cpu", "cores": 2, "python": "3.11.7", "threads": 1,
    "versions": {"torch": "2.14.1"}, "commit": "3" * 40,
    "pretraining": {"images_drawn": 480, "steps": None, "device": "a GPU", "python": "3.11.7"},
}  # fmt: skip


def found(folder: Path) -> Provenance:
    store = Store(folder)
    wanted = asked(folder).cells
    return provenance(store, wanted, results(store, wanted))


def of(cell: Origin) -> dict[str, Fact]:
    assert len({fact.name for fact in cell.facts}) == len(cell.facts)
    return {fact.name: fact for fact in cell.facts}


def add(folder: Path, cell: Cell, result: CellResult) -> None:
    """A cell with a result of its own beside those that ``put`` asks for."""
    Store(folder).put_cell(cell, result)


def result(cell: Cell, **values: object) -> CellResult:
    facts = {"encoder": cell.encoder, "kind": "anatomy", "pool": "mine", "pool images": 9}
    given = CellResult(cell.key, Status.DONE, "", "fundus", "real", [], facts, COST)
    return replace(given, **values)  # type: ignore[arg-type]


def test_every_fact_is_the_records(tmp_path: Path) -> None:
    cell = cell_of("ld", temperature=0.5)
    facts = {
        "encoder": cell.encoder, "kind": "lesion", "layout": "masks as TIFF", "leaks": "exclude",
        "leaks excluded from the pool": 6, "pool": "mine", "pool images": 9,
        "pool images skipped": 2, "frozen": {"steps": 2, "selection": "last"},
        "traceback": ["/somewhere/private"],
    }  # fmt: skip
    add(tmp_path, cell, result(cell, facts=facts))
    put(tmp_path, cell)
    (origin,) = found(tmp_path).cells
    known = {name: fact.text for name, fact in of(origin).items()}
    seal = json.loads((tmp_path / "cells" / cell.name / "SHA256.json").read_bytes())
    assert known["folder"] == f"cells/{cell.name}/cell.json"
    assert known["key"] == f"SHA-256 {cell.key.hash[:16]}"
    assert known["scores"].endswith(f"SHA-256 {seal['per_image.parquet'][:16]}")
    assert known["settings"] == "fraction 1, steps 2"
    assert known["pool"].startswith("mine: 9 images; 6 more left out because they recur")
    assert "(leaks: exclude); 2 without a usable field of view" in known["pool"]
    assert known["frozen"] == "steps 2, selection last"
    assert known["layout"] == "masks as TIFF"
    assert known["hyperparameters"] == "defaults of the method's Config, not tuned"
    assert known["cost"] == "wall_seconds 6.861"
    assert known["code"] == cell.name.partition("-")[2]
    assert "private" not in str(origin)
    assert (origin.state, origin.kind, origin.stages) == ("done", "lesion", cell.key.stages)


def test_links_lead_to_the_encoder_the_code_and_the_machine(tmp_path: Path) -> None:
    one, other = cell_of("ld"), cell_of("ld", manifest="n")
    for cell in (one, other):
        add(tmp_path, cell, result(cell))
    put(tmp_path, one)
    question = asked(tmp_path)
    wanted = (*question.cells, Wanted.by(other, "fundus", "real"))
    store = Store(tmp_path)
    both = provenance(store, wanted, results(store, wanted))
    places = {part.anchor: part for parts in both.shared.values() for part in parts}
    assert [len(parts) for parts in both.shared.values()] == [1, 1, 2]
    for origin in both.cells:
        targets = [fact.target for fact in origin.facts if fact.target]
        assert len(targets) == 3
        assert set(targets) <= set(places)
    (encoder,) = both.shared["Encoders"]
    known = {fact.name: fact.text for fact in encoder.facts}
    assert known["folder"] == f"encoders/{one.encoder}/pretrain.json"
    assert known["excluded"] == "none"
    assert known["cost"] == "images_drawn 480"
    assert known["machine"].startswith("device a GPU")
    (code,) = both.shared["Code"]
    assert {fact.name: fact.text for fact in code.facts} == {
        name: value[:16] for name, value in one.fingerprint.items()
    }
    machine = both.shared["Machines"][0]
    assert Fact("versions.torch", "2.14.1") in machine.facts
    assert Fact("commit", "3" * 16) in machine.facts


def test_cells_that_are_not_done_say_why(tmp_path: Path) -> None:
    good, bad, gone, never = cell_of("ld"), cell_of("byol"), cell_of("gone"), cell_of("swav")
    old = replace(cell_of("simclr"), fingerprint={"methods.simclr": "0" * 64})
    old = replace(old, name=f"{old.name.partition('-')[0]}-00000000")
    for cell in (good, gone, old):
        add(tmp_path, cell, result(cell))
    add(tmp_path, bad, result(bad, status=Status.FAILED, reason="pre-training: NaN", cost={}))
    put(tmp_path, good, bad, gone, old)
    store, wanted = Store(tmp_path), asked(tmp_path).cells
    wanted = (*wanted, Wanted.by(never, "fundus", "real"))
    cells = provenance(store, wanted, results(store, wanted)).cells
    states = {cell.method: cell.state for cell in cells}
    assert states == {
        "ld": "done", "byol": "failed", "gone": "done, foreign", "simclr": "done, stale",
        "swav": "missing",
    }  # fmt: skip
    known = {cell.method: {f.name: f.text for f in cell.facts} for cell in cells}
    assert known["byol"]["state"] == "failed: pre-training: NaN"
    assert known["byol"]["cost"] == "unknown"
    assert "machine" not in known["byol"]
    assert known["simclr"]["state"].startswith("done, stale: changed since: methods.")
    assert "not installed" in known["gone"]["state"]
    assert known["swav"]["state"] == "missing: nobody has computed it"
    assert known["swav"]["key"] == f"SHA-256 {never.key.hash[:16]}"
    assert "folder" not in known["swav"]


def test_tuned_and_given_ones_say_so(tmp_path: Path) -> None:
    cell = cell_of("ld")
    tuned = {"config": {"temperature": 0.25}, "trial": 3}
    add(tmp_path, cell, result(cell, facts={"tuned": tuned}))
    put(tmp_path, cell)
    store = Store(tmp_path)
    (plain,) = asked(tmp_path).cells
    there = results(store, [plain])

    def hyperparameters(wanted: Wanted) -> str:
        (origin,) = provenance(store, [wanted], {wanted: there[plain]}).cells
        return of(origin)["hyperparameters"].text

    best = replace(plain, trials=9, tuning="9 trials of 480 images")
    assert hyperparameters(best) == (
        "best of 9 trials of 480 images by validation images (config.temperature 0.25, trial 3)"
    )
    assert hyperparameters(plain).startswith("tuned (config")
    assert "from a file" in hyperparameters(replace(plain, given=True))


def test_what_was_changed_afterwards_is_refused(tmp_path: Path) -> None:
    cell = cell_of("ld")
    put(tmp_path, cell)
    store, wanted = Store(tmp_path), asked(tmp_path).cells
    there = results(store, wanted)
    path = tmp_path / "cells" / cell.name / "cell.json"
    path.write_text(path.read_text(encoding="utf-8").replace("fundus", "x-ray"), encoding="utf-8")
    with pytest.raises(StoreError, match=r"cell\.json"):
        provenance(store, wanted, there)


def test_an_empty_folder_has_no_cells() -> None:
    empty = Asked("t", {}, {}, ())
    assert provenance(Store(Path("nowhere")), empty.cells, {}) == Provenance()


def test_values_are_short() -> None:
    assert short(0.1 + 0.2) == "0.3"
    assert short("f" * 64) == "f" * 16
    assert short("f" * 63) == "f" * 63
    assert short(list(range(14))).endswith("11, and 2 more")
    assert short(()) == "none"
    assert words({"a": {"b": True}, "c": None, "d": [1]}) == "a.b True, d 1"
    assert words({}) == ""
