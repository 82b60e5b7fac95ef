"""``ldbench report``: what is written of folders that hold much, little, nothing or nonsense."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmark.asked import Asked, Wanted, ask
from benchmark.cells import Cell, CellResult, Status, canonical
from benchmark.report.gathered import gather
from benchmark.report.material import material
from benchmark.store import Store
from tests.benchmark.conftest import Call
from tests.benchmark.page.reading import Read
from tests.benchmark.small_results import COST, TERMS, cell_of, facts

Mistake = Callable[..., str]
Scores = Callable[[Cell, str, int], float]


def words(folder: Path) -> str:
    """What the page says."""
    return Read((folder / "report.html").read_text(encoding="utf-8")).words


def fill(folder: Path, cells: list[Cell], score: Scores, images: int = 2) -> None:
    """A folder of cells whose scores are given, by cell, stage and image."""
    store = Store(folder)
    for cell in cells:
        rows = [
            (stage, f"i{n}", "dice", score(cell, stage, n))
            for stage in cell.key.stages
            for n in range(images)
        ]
        store.put_cell(
            cell, CellResult(cell.key, Status.DONE, "", "fundus", "real", rows, facts(cell), COST)
        )
    wanted = tuple(Wanted.by(cell, "fundus", "real") for cell in cells)
    pretrains = {cell.encoder: canonical(cell.pretrain) for cell in cells}
    ask(folder, Asked("Made up", TERMS, pretrains, wanted))


def varied(cell: Cell, stage: str, image: int) -> float:
    seed = len(cell.key.method) * 1000 + cell.key.seed * 10 + image + len(stage)
    return float(np.random.default_rng(seed).uniform(0.4, 0.8))


CASES: dict[str, tuple[list[Cell], Scores, int, tuple[str, ...]]] = {
    "one method": ([cell_of("ld"), cell_of("ld", 1)], varied, 4, ("Only ld",)),
    "one seed": (
        [cell_of("ld"), cell_of("random")], varied, 4,
        ("With one seed, nothing shows how much another training run would differ",),
    ),
    "one test image": (
        [cell_of(name, seed) for name in ("ld", "random", "byol") for seed in (0, 1)], varied, 1,
        ("One test image on hrf_vessel", "no interval there"),
    ),
    "all equal": (
        [cell_of(name, seed) for name in ("ld", "random", "byol") for seed in (0, 1)],
        lambda *_: 0.5, 4, ("All scores are equal", "not that there is none"),
    ),
    "no floor": (
        [cell_of(name, seed) for name in ("ld", "byol") for seed in (0, 1)], varied, 4,
        ("No random in this stage: nothing shows that pre-training helps at all",),
    ),
    "mixed protocols": (
        [cell_of("ld"), cell_of("random"), cell_of("byol", manifest="of other files")], varied, 4,
        ("byol / hrf_vessel / seed 0", "Nothing can be concluded from ranks, wins and gains"),
    ),
    "scores that are none": (
        [cell_of(name, seed) for name in ("ld", "random", "byol") for seed in (0, 1)],
        lambda cell, stage, image: (
            float("nan") if (cell.key.method, image) == ("byol", 0) else varied(cell, stage, image)
        ),
        4, ("NaN scores, left out of the means", "Without rank, because cells are missing: byol"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_cannot_be_concluded_is_said(tmp_path: Path, call: Call, case: str) -> None:
    cells, score, images, expected = CASES[case]
    fill(tmp_path, cells, score, images)
    assert call("report", tmp_path) == 0
    assert call("leaderboard", tmp_path) == 0
    said = words(tmp_path)
    table = Read((tmp_path / "leaderboard.html").read_text(encoding="utf-8")).words
    for part in expected:
        assert part in said
        assert part in table
    for path in (tmp_path / "figures").iterdir():
        assert path.stat().st_size > 0
    record = json.loads((tmp_path / "leaderboard.json").read_text(encoding="utf-8"))
    for row in record["boards"][0]["rows"]:
        spans = [row["rank"], row["gain"], *row["scores"].values()]
        assert all(one["low"] is None for one in spans) or case != "one test image"


def test_the_same_results_give_the_same_files(tmp_path: Path, call: Call) -> None:
    cells = [cell_of(name, seed) for name in ("ld", "random", "byol") for seed in (0, 1)]
    fill(tmp_path, cells, varied)
    assert call("report", tmp_path) == 0

    def written() -> dict[Path, bytes]:
        paths = [tmp_path / "report.html", *(tmp_path / "figures").iterdir()]
        return {path: path.read_bytes() for path in paths}

    first = written()
    figures = tmp_path / "figures"
    (figures / "of_older_results.png").write_bytes(b"old")
    drawn = json.loads((figures / "drawn.json").read_text(encoding="utf-8"))
    (figures / "drawn.json").write_text(json.dumps([*drawn, "of_older_results.png", "../x"]))
    (figures / "notes.d").mkdir()
    own = [figures / "notes.d" / "mine.txt", figures / "mine.png", tmp_path / "x"]
    for path in own:
        path.write_bytes(b"mine")
    assert call("report", tmp_path) == 0
    assert [path.read_bytes() for path in own] == [b"mine"] * 3
    own[0].unlink()
    (figures / "notes.d").rmdir()
    own[1].unlink()
    assert written() == first
    names = {path.stem for path in first}
    assert {"leaderboard_finetuned", "gains_frozen", "critical_frozen", "pairwise_frozen"} <= names
    assert {path.suffix for path in first} == {".html", ".png", ".svg", ".json"}


def test_claims_and_the_comparison_are_on_the_page(tmp_path: Path, call: Call) -> None:
    cells = [cell_of(name, seed) for name in ("ld", "random", "byol") for seed in (0, 1)]
    fill(tmp_path, cells, varied)
    assert call("report", tmp_path) == 0
    said = words(tmp_path)
    assert "LD wins" in said
    assert "undecided" in said
    assert "Nemenyi" in said
    without = tmp_path / "without"
    fill(without, [cell_of(name) for name in ("random", "byol")], varied)
    assert call("report", without) == 0
    assert "No claim is judged: ld is not among the methods." in words(without)


def test_claims_need_one_set_of_terms(tmp_path: Path, call: Call) -> None:
    fill(tmp_path, [cell_of("ld"), cell_of("byol", manifest="of other files")], varied)
    assert call("report", tmp_path) == 0
    assert "No claim is judged: " in words(tmp_path)
    assert "manifest" in words(tmp_path)


def test_a_report_of_some_seeds_leaves_the_whole_one_alone(
    tmp_path: Path, call: Call, mistake: Mistake
) -> None:
    """A run under way has whole rows of its first seeds."""
    fill(
        tmp_path, [cell_of(name) for name in ("ld", "random", "byol")] + [cell_of("ld", 1)], varied
    )
    assert call("report", tmp_path) == 0
    whole = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert "Without rank, because cells are missing: " in words(tmp_path)
    assert call("report", tmp_path, "--seed", "0") == 0
    assert {path: path.read_bytes() for path in whole} == whole
    said = Read((tmp_path / "report_seed0.html").read_text(encoding="utf-8")).words
    assert "Of the seeds 0, 1 only these count: 0." in said
    assert "Without rank" not in said
    assert "seed 1" not in said  # no cell's origin, no finding of the audit
    names = {path.name for path in (tmp_path / "figures_seed0").iterdir()}
    assert {"drawn.json", "leaderboard_finetuned.png"} <= names
    assert "has no seed 7: it has 0, 1" in mistake("report", tmp_path, "--seed", "7")


def test_an_empty_folder_is_no_report(tmp_path: Path, mistake: Mistake) -> None:
    assert "holds no results: run a plan first" in mistake("report", tmp_path)
    assert not list(tmp_path.iterdir())


def test_nothing_finished_is_a_report_that_says_so(tmp_path: Path, call: Call) -> None:
    cell = cell_of("ld")
    ask(tmp_path, Asked("Begun", TERMS, {}, (Wanted.by(cell, "fundus", "real"),)))
    assert call("report", tmp_path) == 0
    assert "nothing can be concluded" in words(tmp_path)


def test_stale_cells_are_refused_or_marked(tmp_path: Path, call: Call, mistake: Mistake) -> None:
    old = cell_of("ld")
    changed = dict(old.fingerprint) | {"methods.ld": "older"}
    stale = Cell(old.key, old.pretrain, f"{old.name[:16]}-0ld0ld0l", old.encoder, changed)
    fill(tmp_path, [stale, cell_of("random")], varied)
    assert "stale" in mistake("report", tmp_path)
    assert call("report", tmp_path, "--stale") == 0
    said = words(tmp_path)
    assert "ld (stale)" in said
    # Neither claims nor the comparison count them.
    left_out = "1 stale cells of older code do not count: run the plan again."
    assert said.count(left_out) == 4  # three claims, one comparison


def test_only_finished_probes_measure_representations(tmp_path: Path) -> None:
    fill(tmp_path, [cell_of("ld"), cell_of("random")], varied)
    found = gather(tmp_path, "refuse")
    frame = found.frame("dice")
    made = material(found, frame, found.sampled(frame, "dice"))
    assert (made.representation, list(made.features), made.costs) == (
        {},
        [],
        {"ld": 2.0, "random": 2.0},
    )
