"""Plans with shape priors: their cells, what is no prior, and a forecast."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.arms import FROZEN, ONE_STAGE, PROBE, TWO_STAGES, arms, protocol_of, settings_of
from benchmark.forecast.guiding import guided_cell
from benchmark.forecast.probe import Spent
from benchmark.forecast.tuning import Tuning
from benchmark.forecast.work import Counts
from benchmark.grid import config_of, tasks_of
from benchmark.narrowed import with_methods
from benchmark.plan import Plan, checked, read_plan
from benchmark.rows import method_of, module_of
from benchmark.shapes import check_priors
from methods.errors import ConfigError, InputError
from tasks import guided
from tasks.base import Source
from tasks.labelled import Settings
from tasks.phantoms import write_phantoms
from tests.benchmark.small_shapes import PLAN, written

OCTA, DRAWN = "[shapes.octa]", 'masks = "phantom:octa"'


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
