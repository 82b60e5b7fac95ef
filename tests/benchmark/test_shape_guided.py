"""Plans with shape priors: cells, refusals, a run of them, and the table that they give."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from rich.console import Console

from benchmark.arms import FROZEN, ONE_STAGE, PROBE, TWO_STAGES, arms, protocol_of, settings_of
from benchmark.asked import asked
from benchmark.audit import audit
from benchmark.cells import Status
from benchmark.forecast.guiding import guided_cell
from benchmark.forecast.probe import Spent
from benchmark.forecast.tuning import Tuning
from benchmark.forecast.work import Counts
from benchmark.grid import config_of, tasks_of
from benchmark.narrowed import with_methods
from benchmark.plan import Plan, checked, read_plan
from benchmark.report.figures.captions import SOURCES
from benchmark.report.gathered import Gathered, gather
from benchmark.report.guided import GuidedTable, guided_table
from benchmark.report.guided_notes import DRAWN_NOTE, ORACLE_NOTE, READING
from benchmark.report.guiding import print_guided
from benchmark.rows import method_of, module_of
from benchmark.shapes import check_priors
from benchmark.status import State, standings
from benchmark.store import Store
from methods.errors import ConfigError, InputError
from tasks import guided
from tasks.base import Source
from tasks.labelled import Settings
from tasks.phantoms import write_phantoms

#: One process computes what all of them look at.
pytestmark = pytest.mark.xdist_group("shape guided")

Call = Callable[..., int]
PLAN = """
title = "Shapes"
methods = ["random", "ld", "octa", "mine"]
tasks = ["chasedb1_vessel"]
seeds = [0]
size = 32
precision = "float32"
threads = 1
[pools]
fundus = "idrid_grading"
[budget]
images = 40
checks = 1
[downstream]
steps = 2
batch_size = 2
decoder = false
[config.ld]
clusters = 8
[shapes.octa]
masks = "phantom:octa"
note = "another modality, drawn"
[shapes.mine]
masks = "masks"
pattern = "*.png"
[skip]
"mine/chasedb1_vessel" = "not wanted here"
[phantom]
scale = 0.02
size = 64
"""
OCTA, DRAWN = "[shapes.octa]", 'masks = "phantom:octa"'


def written(folder: Path, text: str = PLAN) -> Path:
    """The plan with a folder of masks beside it."""
    (folder / "masks").mkdir(exist_ok=True)
    for number in range(2):
        mask = np.zeros((40, 50), dtype=np.uint8)
        mask[10 + number : 14, 5:45] = 255
        Image.fromarray(mask).save(folder / "masks" / f"{number}.png")
    path = folder / "plan.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return read_plan(written(tmp_path))


def changed(plan: Plan, **downstream: object) -> Plan:
    return plan.model_copy(update={"downstream": plan.downstream.model_copy(update=downstream)})


def test_every_row_has_its_cells(plan: Plan) -> None:
    (task,) = tasks_of(plan).values()
    assert arms(plan, "octa", task) == [guided.RULES, guided.REFINED]
    assert arms(plan, "random", task) == [guided.FRANGI]
    assert arms(plan, "ld", task) == [guided.ORACLE]
    assert arms(changed(plan, probe=True), "ld", task) == [PROBE, guided.ORACLE]
    trained = changed(plan, decoder=True)
    assert arms(trained, "octa", task) == [TWO_STAGES, guided.RULES, guided.REFINED]
    assert arms(trained, "random", task) == [TWO_STAGES, ONE_STAGE, guided.FRANGI]
    assert arms(changed(trained, finetuned=False), "ld", task) == [FROZEN, guided.ORACLE]
    without = trained.model_copy(update={"shapes": {}})
    assert arms(without, "ld", task) == [TWO_STAGES]


def test_cells_depend_on_what_they_use(plan: Plan) -> None:
    (task,) = tasks_of(plan).values()
    few = {"size": 32, "fraction": 1.0, "precision": "float32"}
    settings = Settings(size=32, steps=7, batch_size=3)
    for stages in guided.CELLS:
        own = settings_of(settings, stages)
        assert protocol_of(task, stages) == "segmentation-1 guided-1"
        more = {"steps": 7, "batch_size": 3, "learning_rate": 1e-3}
        assert own == ({**few, **more} if stages == guided.REFINED else few)
        assert Settings(**own).size == 32


def test_a_rows_settings_hold_what_its_prior_shows(plan: Plan, tmp_path: Path) -> None:
    one, other = (config_of(plan, name, "fundus") for name in ("octa", "mine"))
    assert (one.clusters, one.batch_size, one.slope) == (8, 6, 0.2)
    assert one.masks_sha256 != other.masks_sha256
    Image.fromarray(np.full((9, 9), 255, dtype=np.uint8)).save(tmp_path / "masks" / "2.png")
    assert config_of(plan, "mine", "fundus").masks_sha256 != other.masks_sha256
    assert method_of(plan, "octa").name == "octa"
    assert module_of(plan, "octa") == "methods.ld.shape_guided"
    linear = plan.model_copy(update={"config": {"octa": {"slope": 1.0}}})
    assert config_of(linear, "octa", "fundus").slope == 1.0


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"octa", "mine"]', '"mine"]', r'\[shapes.octa\] is no row: add "octa" to methods'),
        (OCTA, f'[shapes.ld]\n{DRAWN}\n{OCTA}', r"ld is a method: give the row another name"),
        (OCTA, f'[shapes."a b"]\n{DRAWN}\n{OCTA}', r"call the row by a-z"),
        (OCTA, f'[encoders.octa]\nfile = "a"\n{OCTA}', r"two rows are called octa"),
        (DRAWN, 'masks = "phantom:mri"', r"no masks of 'mri' are drawn: write phantom:octa or"),
        (DRAWN, "", r"shapes.octa.masks: Field required"),
        (DRAWN, f"{DRAWN}\nsize = 3", r"unknown plan key .shapes.octa.size."),
        ("decoder = false", "decoder = false\nfractions = [0.5, 1.0]", r"\[shapes\] use no label"),
        ('"ld", "octa"', '"ld", "simclr", "octa"', r"simclr has nothing to be scored by"),
        ("[config.ld]", "[config.oct]\na = 1\n[config.ld]", r"unknown method with settings 'oct'"),
    ],
)  # fmt: skip
def test_mistakes_in_a_plan_are_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_plan(written(tmp_path, PLAN.replace(old, new, 1)))


def test_without_a_decoder_something_else_must_score() -> None:
    record = {
        "title": "Nothing",
        "methods": ["random"],
        "tasks": ["chasedb1_vessel"],
        "seeds": [0],
        "size": 32,
        "pools": {"fundus": "idrid_grading"},
        "budget": {"images": 16},
        "downstream": {"steps": 2, "batch_size": 2, "decoder": False},
    }
    with pytest.raises(ConfigError, match="random has nothing to be scored by"):
        checked(record, "here")


def test_a_tasks_own_masks_are_no_prior(plan: Plan, tmp_path: Path) -> None:
    write_phantoms(tmp_path / "data", scale=0.02, seed=0, size=64, datasets=["CHASEDB1"])
    source = Source.at(tmp_path / "data", tmp_path / "cache")
    tasks = tasks_of(plan)
    unskipped = plan.model_copy(update={"skip": {}})
    check_priors(unskipped, tasks, source)
    (mask, *_) = sorted((tmp_path / "data" / "CHASEDB1").glob("*_1stHO.png"))
    shutil.copy(mask, tmp_path / "masks" / "renamed.png")
    with pytest.raises(ConfigError, match=r"renamed.png is .*_1stHO.png, a file of the task chase"):
        check_priors(unskipped, tasks, source)
    check_priors(plan, tasks, source)  # the cell is left out
    check_priors(with_methods(plan, ["octa"]), tasks, source)  # the row is


@pytest.mark.parametrize("pattern", ["*_2ndHO.png", "*.jpg", "stored_anew/*.png"])
@pytest.mark.parametrize("linked", [False, True])
def test_nothing_from_a_tasks_own_folder_is_a_prior(
    tmp_path: Path, pattern: str, linked: bool, mistake: Callable[..., str]
) -> None:
    """Whose bytes are no file of the task: other observers', photographs, copies."""
    root = tmp_path / "data"
    write_phantoms(root, scale=0.02, seed=0, size=64, datasets=["CHASEDB1", "IDRiD"])
    own = tmp_path / "link" if linked else root / "CHASEDB1"
    if linked:
        own.symlink_to(root / "CHASEDB1")
    (own / "stored_anew").mkdir()
    for mask in own.glob("*_1stHO.png"):
        Image.open(mask).save(own / "stored_anew" / mask.name, compress_level=0)
    skipped = PLAN.replace('"mine/chasedb1_vessel"', '"octa/chasedb1_vessel"')
    text = skipped.replace('masks = "masks"\npattern = "*.png"', f'masks = "{own}"\npattern = "X"')
    plan = written(tmp_path, text.replace('"X"', f'"{pattern}"'))
    line = mistake("run", plan, "--data", root, "--out", tmp_path / "out", "--dry-run")
    assert "[shapes.mine]: " in line
    assert "the folder of the task chasedb1_vessel, which no training may see" in line
    left_out = text.replace('"octa/', '"mine/').replace('"X"', f'"{pattern}"')
    source = Source.at(root, tmp_path / "cache")
    given = read_plan(written(tmp_path, left_out))
    check_priors(given, tasks_of(given), source)


def test_masks_beside_a_tasks_folder_are_a_prior(plan: Plan, tmp_path: Path) -> None:
    write_phantoms(tmp_path / "data", scale=0.02, seed=0, size=64, datasets=["CHASEDB1"])
    shutil.copytree(tmp_path / "masks", tmp_path / "data" / "OCTA")
    source, shapes = Source.at(tmp_path / "data", tmp_path / "cache"), dict(plan.shapes)
    shapes["mine"] = shapes["mine"].model_copy(update={"masks": str(tmp_path / "data" / "OCTA")})
    other = plan.model_copy(update={"skip": {}, "shapes": shapes})
    check_priors(other, tasks_of(other), source)


def test_a_forecast_counts_looks_and_steps_by_hand() -> None:
    step, look = Spent(1.0, 3.0, 0.5), Spent(2.0, 2.0, 0.25)
    tuning = Tuning({"direct": step}, look=look, encode=look)
    settings, images = Settings(size=32, steps=5, batch_size=2), Counts(6, 2, 4)
    found = {
        stages: guided_cell(stages, settings, images, tuning, size=7) for stages in guided.CELLS
    }
    assert {work.size for work in found.values()} == {7}
    looks = {guided.RULES: 4, guided.REFINED: 12, guided.ORACLE: 4, guided.FRANGI: 0}
    for stages, work in found.items():
        steps = 10 if stages == guided.REFINED else 0
        assert (work.trained, work.seen) == (steps, looks[stages])
        assert work.operations == 3.0 * steps + 2.0 * looks[stages]
        assert work.seconds == 0.5 * steps + 0.25 * looks[stages]


def test_a_plan_without_shapes_is_refused(tmp_path: Path, mistake: Callable[..., str]) -> None:
    text = PLAN.partition("[shapes.octa]")[0].replace(', "octa", "mine"', "")
    path = written(tmp_path, text.replace("decoder = false", ""))
    line = mistake("shape-guided", path, "--data", "phantom", "--out", tmp_path / "out")
    assert "has no shape prior: add a table [shapes.NAME]" in line


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a whole run went."""
    from benchmark.cli import main  # noqa: PLC0415

    place = tmp_path_factory.mktemp("run")
    arguments = ["shape-guided", written(place), "--data", "phantom", "--out", place / "out"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["ldbench", *map(str, arguments), "--device", "cpu"])
        assert main() == 0
    torch.set_num_threads(1)
    return place / "out"


def test_all_cells_are_there_and_the_audit_finds_them_fair(folder: Path) -> None:
    store = Store(folder)
    rows = standings(store)
    done = {row.cell.stages[-1]: row.cell.method for row in rows if row.state is State.DONE}
    rivals = {"frangi": "random", "clusters-oracle": "ld"}
    assert done == {**rivals, "shape-regions": "octa", "shape-refined": "octa"}
    assert {row.cell.method for row in rows if row.state is State.SKIPPED} == {"mine"}
    assert [line for line in audit(store) if "fine-tuning" not in line] == []
    assert {str(store.status(row.folder)) for row in rows} == {Status.DONE, Status.SKIPPED}
    assert asked(folder).terms["downstream"]["decoder"] is False
    assert "shapes" not in asked(folder).terms


def table_of(found: Gathered) -> GuidedTable:
    table = guided_table(found)
    assert table is not None
    return table


def test_the_table_says_what_each_row_is(folder: Path) -> None:
    table = table_of(gather(folder, "refuse"))
    assert [row.label for row in table.rows][:3] == ["octa, map", "octa, regions", "octa, refined"]
    assert [row.label for row in table.rows if row.oracle] == ["ld clusters (oracle)"]
    assert {
        *(READING, ORACLE_NOTE, SOURCES["phantom"], DRAWN_NOTE.format("octa")),
        "Prior octa: phantom:octa: another modality, drawn.",
        "Hyperparameters: defaults of each method's Config, not tuned.",
        "One seed: nothing shows how much another training run would differ.",
    } <= set(table.notes)
    text = table.markdown()
    assert "ld of the oracle differs from octa, mine in batch_size (8, not 6); batch_size" in text
    assert "- Skipped: mine, map on chasedb1_vessel (seed 0); mine, regions on chasedb1_" in text
    assert any(note.startswith("Few test images (chasedb1_vessel") for note in table.notes)
    record = json.loads((folder / "shape_guided.json").read_text(encoding="utf-8"))["shape_guided"]
    assert record["rows"] == table.record()["rows"]
    scores = {row["row"]: row["scores"]["chasedb1_vessel"] for row in record["rows"]}
    assert all(
        score["low"] <= score["value"] <= score["high"]
        for name, score in scores.items()
        if not name.startswith("mine")
    )
    for name in ("shape_guided.csv", "shape_guided.md", "leaderboard.html"):
        assert "octa, refined" in (folder / name).read_text(encoding="utf-8")


def with_another_seed(found: Gathered, gone: Status | None) -> Gathered:
    """The same cells again, as if of another seed, but for octa's refined: missing, or ``gone``."""
    there = dict(found.there)
    for cell, result in found.there.items():
        fails = cell.stages == guided.REFINED and cell.method == "octa"
        if not fails:
            there[replace(cell, seed=1)] = result
        elif gone is not None:
            there[replace(cell, seed=1)] = replace(result, status=gone)
    cells = (*found.question.cells, *(replace(cell, seed=1) for cell in found.question.cells))
    return replace(found, question=replace(found.question, cells=cells), there=there)


@pytest.mark.parametrize(("gone", "word"), [(None, "Not run"), (Status.FAILED, "Failed")])
def test_a_row_without_a_seed_has_no_mean(folder: Path, gone: Status | None, word: str) -> None:
    one = gather(folder, "refuse")
    table = table_of(with_another_seed(one, gone))
    rows = {row.label: row for row in table.rows}
    lacking, whole = rows["octa, refined"], rows["octa, map"]
    assert np.isnan(lacking.scores["chasedb1_vessel"].value)
    assert (lacking.texts(), lacking.cells) == (["-", "1/2"], (1, 2))
    assert not np.isnan(whole.scores["chasedb1_vessel"].value)
    assert whole.cells == (2, 2)
    assert f"{word}: octa, refined on chasedb1_vessel (seed 1)." in table.notes
    assert any("With 2 seeds intervals are too narrow" in note for note in table.notes)
    assert "| octa, refined | - | 1/2 |" in table.markdown()
    line = table.table().set_index("row").loc["octa, refined"]
    assert (line["cells"], line["cells_asked"]) == (1, 2)


def test_a_table_of_failures_is_one(folder: Path) -> None:
    found = gather(folder, "refuse")
    failed = {c: replace(r, status=Status.FAILED) for c, r in found.there.items()}
    table = table_of(replace(found, there=failed))
    assert {row.texts()[-1] for row in table.rows} == {"0/1"}
    assert all(np.isnan(row.scores["chasedb1_vessel"].value) for row in table.rows)


def test_cells_on_other_terms_are_told(folder: Path) -> None:
    found = gather(folder, "refuse")
    (cell,) = (c for c in found.question.cells if c.stages == guided.RULES and c.method == "octa")
    other = replace(cell, method="other", key={**cell.key, "manifest": "another"})
    cells = (*found.question.cells, other)
    there = {**found.there, other: found.there[cell]}
    more = replace(found, question=replace(found.question, cells=cells), there=there)
    assert any(note.startswith("Terms are mixed: octa") for note in table_of(more).notes)


def test_only_the_oracle_is_red(folder: Path) -> None:
    table = table_of(gather(folder, "refuse"))
    out = StringIO()
    named = replace(table, notes=(*table.notes, "Prior b: masks of the oracle at Delphi."))
    print_guided(named, Console(file=out, force_terminal=True, color_system="standard", width=400))
    red = [line for line in out.getvalue().splitlines() if "\x1b[31m" in line]
    assert len(red) == 2
    assert "ld clusters (oracle)" in red[0]
    assert ORACLE_NOTE[:40] in red[1]


def test_no_leaderboard_ranks_such_cells(folder: Path) -> None:
    assert not (folder / "leaderboard.json").exists()
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert 'id="shape-guided"' in page
    assert 'id="leaderboards"' not in page
    assert (folder / "figures" / "examples_guided_chasedb1_vessel.png").is_file()


def test_a_second_call_keeps_everything(
    folder: Path, call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = folder.parent / "plan.toml"
    assert call("shape-guided", plan, "--data", "phantom", "--out", folder, "--device", "cpu") == 0
    assert "0 cells computed, 6 kept, 0 not done" in capsys.readouterr().out
    assert call("leaderboard", folder, "--json") == 0
    assert json.loads(capsys.readouterr().out)["shape_guided"]["rows"]


def test_its_cells_travel(folder: Path, call: Call, tmp_path: Path) -> None:
    assert call("export", folder, tmp_path / "x.zip", "--method", "octa") == 0
    assert call("import", tmp_path / "x.zip", "--out", tmp_path / "theirs") == 0
    assert {str(row.state) for row in standings(Store(tmp_path / "theirs"))} == {"done"}
