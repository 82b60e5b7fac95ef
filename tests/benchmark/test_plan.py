"""Plans are checked before anything is computed, and errors name the remedy."""

from pathlib import Path

import pytest

from benchmark import registry
from benchmark.narrowed import with_methods, with_pools, with_tasks
from benchmark.plan import Plan, read_plan
from methods.errors import ConfigError, InputError, UnknownNameError

PLANS = Path(__file__).parents[2] / "benchmark" / "plans"

VALID = """
title = "Small"
methods = ["random", "ld"]
tasks = ["chasedb1_vessel"]
seeds = [0]
size = 64
[pools]
fundus = "idrid_grading"
[budget]
images = 64
[downstream]
steps = 2
batch_size = 2
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "plan.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("path", sorted(PLANS.glob("*.toml")), ids=lambda path: path.stem)
def test_shipped_plans_are_valid(path: Path) -> None:
    assert isinstance(read_plan(path), Plan)


def test_the_real_plan_spends_what_shows_a_difference() -> None:
    plan = read_plan(PLANS / "real.toml")
    assert plan.size >= 128
    assert plan.budget.images >= 12_000
    assert (plan.downstream.steps or 0) >= 400
    assert plan.downstream.direct == ["random"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('"ld"', '"dl"', "unknown method 'dl'; did you mean 'ld'"),
        ("chasedb1_vessel", "chase_vessel", "did you mean 'chasedb1_vessel'"),
        ("size = 64", "syze = 64", "unknown plan key 'syze'; did you mean 'size'"),
        ("steps = 2", "step = 2", "did you mean 'downstream.steps'"),
        ('"idrid_grading"', '"idrid"', "did you mean 'idrid_grading'"),
        ("seeds", "limits = {hour = 1}\nseeds", "did you mean 'limits.hours'"),
        (
            "batch_size = 2",
            "batch_size = 2\n[downstream.tasks.hrf_vessel]\nsteps = 1",
            "unknown task of downstream.tasks 'hrf_vessel'; did you mean 'chasedb1_vessel'",
        ),
        (
            "batch_size = 2",
            "batch_size = 2\n[downstream.tasks.chasedb1_vessel]\nstep = 1",
            "did you mean 'downstream.tasks.chasedb1_vessel.steps'",
        ),
        ("batch_size = 2", 'batch_size = 2\ndirect = ["byol"]', "unknown method of downstream"),
        ("images = 64", "images = 64\nown = {rondom = 8}", "unknown method of budget.own 'rondom'"),
        ("images = 64", "images = 64\nown = {random = 8}", "unknown method of budget.own 'random'"),
    ],
)
def test_unknown_names_suggest_the_nearest(
    tmp_path: Path, old: str, new: str, expected: str
) -> None:
    with pytest.raises(UnknownNameError, match=expected):
        read_plan(written(tmp_path, VALID.replace(old, new)))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("images = 64", "images = 0", "budget.images: .*greater than 0, not 0"),
        ("size = 64", "size = 1024", "size: .*512, not 1024"),
        ("seeds = [0]", "seeds = [0, 0]", "seeds lists a name twice"),
        ('title = "Small"', "title = ", "is no TOML"),
        ("seeds = [0]", "", "seeds: Field required"),
        ("steps = 2", "steps = 2\nepochs = 1", "downstream has both steps and epochs"),
        ("steps = 2", "", "downstream needs steps or epochs"),
        ("steps = 2", "epochs = 0", "downstream.epochs: .*greater than 0, not 0"),
        ("steps = 2", "steps = 2\nfractions = []", "downstream.fractions: .*at least 1"),
        ("steps = 2", "steps = 2\nfractions = [0.5, 0.5]", "fractions lists one twice"),
        ("steps = 2", "steps = 2\nfractions = [1.5]", "downstream.fractions.0: .*not 1.5"),
        (
            "batch_size = 2",
            "batch_size = 2\n[downstream.tasks.chasedb1_vessel]\nsteps = 1\nepochs = 1",
            "downstream.tasks.chasedb1_vessel has both",
        ),
        ("steps = 2", 'steps = 2\nselection = "first"', "selection: .*not 'first'"),
        ("images = 64", 'images = 64\naxis = "watts"', "budget.axis: .*not 'watts'"),
        ("images = 64", "images = 64\ntolerance = -1", "budget.tolerance: .*not -1"),
        ("images = 64", "images = 64\nown = {ld = 0}", "budget.own.ld: .*greater than 0, not 0"),
        ("seeds", "limits = {hours = 0}\nseeds", "limits.hours: .*greater than 0, not 0"),
        ("seeds", "phantom = {most = 3}\nseeds", "phantom.most: .*or equal to 4, not 3"),
        ("seeds", "phantom = {most = 4.5}\nseeds", "phantom.most: .*not 4.5"),
    ],
)
def test_wrong_values_are_named(tmp_path: Path, old: str, new: str, expected: str) -> None:
    with pytest.raises(ConfigError, match=expected) as caught:
        read_plan(written(tmp_path, VALID.replace(old, new)))
    assert isinstance(caught.value, InputError)


def test_a_missing_plan_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no plan"):
        read_plan(tmp_path / "absent.toml")


def test_extras_may_be_named(tmp_path: Path) -> None:
    text = VALID.replace("chasedb1_vessel", "extra_idrid_haemorrhages")
    assert read_plan(written(tmp_path, text)).tasks == ["extra_idrid_haemorrhages"]
    assert registry.task("extra_idrid_haemorrhages").name == "extra_idrid_haemorrhages"
    misspelt = text.replace("extra_idrid_haemorrhages", "extra_idrid_hemorrhages")
    with pytest.raises(UnknownNameError, match="did you mean 'extra_idrid_haemorrhages'"):
        read_plan(written(tmp_path, misspelt))


def test_a_part_of_the_tasks_in_the_plans_order(tmp_path: Path) -> None:
    two = VALID.replace('["chasedb1_vessel"]', '["hrf_vessel", "chasedb1_vessel"]')
    plan = read_plan(written(tmp_path, two))
    assert with_tasks(plan, []).tasks == ["hrf_vessel", "chasedb1_vessel"]
    assert with_tasks(plan, ["chasedb1_vessel"]).tasks == ["chasedb1_vessel"]
    with pytest.raises(UnknownNameError, match="unknown task of the plan 'hrf'; did you mean 'hrf"):
        with_tasks(plan, ["hrf"])
    own = str(tmp_path / "lungs.toml")
    plan = plan.model_copy(update={"tasks": ["hrf_vessel", own]})
    assert with_tasks(plan, ["lungs"]).tasks == with_tasks(plan, [own]).tasks == [own]


def test_some_of_the_methods(tmp_path: Path) -> None:
    plan = read_plan(written(tmp_path, VALID))
    assert with_methods(plan, []) == plan
    some = with_methods(plan, ["ld"])
    assert (some.methods, some.downstream.direct) == (["ld"], [])  # random is not there to direct
    with pytest.raises(UnknownNameError, match="unknown method of the plan 'simclr'"):
        with_methods(plan, ["simclr"])


def test_other_pools(tmp_path: Path) -> None:
    plan = read_plan(written(tmp_path, VALID))
    (tmp_path / "mine").mkdir()
    for given in (str(tmp_path / "mine"), f"fundus={tmp_path / 'mine'}", "eyepacs"):
        assert with_pools(plan, [given]).pools == {"fundus": given.removeprefix("fundus=")}
    for given, complaint in (
        ("chestxray14", "holds chest X-ray images, not fundus"),
        ("eyepac", "did you mean 'eyepacs'"),
        ("skin=eyepacs", "unknown domain of a pool 'skin'"),
    ):
        with pytest.raises(InputError, match=complaint):
            with_pools(plan, [given])
    both = VALID.replace("[budget]", '"chest X-ray" = "chestxray14"\n[budget]')
    with pytest.raises(ConfigError, match="the plan has pools for fundus, chest X-ray; write"):
        with_pools(read_plan(written(tmp_path, both)), ["eyepacs"])


def test_an_own_task_lies_beside_its_plan(tmp_path: Path) -> None:
    plan = read_plan(written(tmp_path, VALID.replace("chasedb1_vessel", "mine/blobs.toml")))
    assert plan.tasks == [str(tmp_path / "mine" / "blobs.toml")]


def test_what_is_declared_for_others(tmp_path: Path) -> None:
    plan = read_plan(written(tmp_path, VALID))
    assert (plan.budget.axis, plan.budget.tolerance) == ("images", 1.0)
    assert (plan.limits.hours, plan.limits.memory_gib) == (None, None)
    told = VALID.replace("images = 64", 'images = 64\naxis = "flops"\ntolerance = 5')
    told = told.replace("seeds", "limits = {hours = 2, memory_gib = 8.5}\nseeds")
    plan = read_plan(written(tmp_path, told))
    assert (plan.budget.axis, plan.budget.tolerance) == ("flops", 5.0)
    assert (plan.limits.hours, plan.limits.memory_gib) == (2.0, 8.5)


def test_a_task_may_differ_from_the_others(tmp_path: Path) -> None:
    own = "\n[downstream.tasks.chasedb1_vessel]\nepochs = 3\nfractions = [0.5, 1.0]\n"
    plan = read_plan(written(tmp_path, VALID + own))
    part = plan.downstream.of("chasedb1_vessel")
    assert (part.steps, part.epochs, part.batch_size) == (None, 3.0, 2)
    assert part.fractions == [0.5, 1.0]
    # 3 passes over 5 images, 2 a step: 7.5 steps, rounded up.
    assert part.settings(64, "float32", 0.5, 5).steps == 8
    assert plan.downstream.of("hrf_vessel").steps == 2
    assert with_tasks(plan, ["chasedb1_vessel"]) == plan


def test_a_task_left_out_takes_its_exceptions_along(tmp_path: Path) -> None:
    two = VALID.replace('["chasedb1_vessel"]', '["hrf_vessel", "mine/discs.toml"]')
    two += "\n[downstream.tasks.discs]\nsteps = 3\n[downstream.tasks.hrf_vessel]\nsteps = 4\n"
    plan = read_plan(written(tmp_path, two))
    assert list(with_tasks(plan, ["hrf_vessel"]).downstream.tasks) == ["hrf_vessel"]
    assert list(with_tasks(plan, plan.tasks[1:]).downstream.tasks) == ["discs"]
