"""From a plan and data to cells: what is left out of a pool, and what a label fraction changes."""

from dataclasses import fields, is_dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark import registry
from benchmark.cells import canonical
from benchmark.comparison import question
from benchmark.exclusions import LeakError
from benchmark.grid import Grid, changed, config_of, settle
from benchmark.plan import Plan
from methods import METHODS
from methods.augmentation import SHARED
from methods.errors import ConfigError, InputError
from tasks.base import Source
from tasks.phantoms import write_phantoms

OWN = """title = "Discs again"
domain = "fundus"
kind = "anatomy"
images = "IDRiD/A. Segmentation/1. Original Images"
masks = "IDRiD/A. Segmentation/2. All Segmentation Groundtruths"
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    """Phantoms of IDRiD, one of whose grading photographs is a test photograph."""
    folder = tmp_path_factory.mktemp("grid")
    write_phantoms(folder / "data", scale=0.05, seed=0, size=128, datasets=["IDRiD"])
    return Source.at(folder / "data", folder / "cache")


def plan(**changes: object) -> Plan:
    record: dict[str, object] = {
        "title": "Small",
        "methods": ["random"],
        "tasks": ["idrid_optic_disc"],
        "seeds": [0],
        "size": 64,
        "pools": {"fundus": "idrid_grading"},
        "budget": {"images": 8},
        "downstream": {"steps": 1, "batch_size": 2},
    }
    return Plan.model_validate(record | changes)


def settled(source: Source, frozen: Path, **changes: object) -> Grid:
    return settle(plan(**changes), source, torch.device("cpu"), lambda _: None, frozen)


def test_a_leak_is_left_out_and_belongs_to_the_key(source: Source, tmp_path: Path) -> None:
    grid = settled(source, tmp_path)
    pool = grid.pools["fundus"]
    assert len(pool.excluded) == 1
    assert set(pool.excluded).isdisjoint(pool.files)
    key = grid.cells[0].pretrain
    assert key.excluded == pool.excluded
    everything = settled(source, tmp_path, leaks="allow").cells[0].pretrain
    assert everything.excluded == ()
    assert everything.hash != key.hash
    assert not list(tmp_path.iterdir())  # lists are kept when the run starts


def test_a_pool_too_small_for_a_method_is_refused_before_anything_is_computed(
    source: Source, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"transvw needs a pool of at least 100 training images"):
        settled(source, tmp_path, methods=["transvw"])


def test_leaks_may_be_refused(source: Source, tmp_path: Path) -> None:
    with pytest.raises(LeakError, match="1 images of the pool idrid_grading recur among test"):
        settled(source, tmp_path, leaks="error")


def test_another_task_leaves_the_encoders_key_alone(source: Source, tmp_path: Path) -> None:
    first = settled(source, tmp_path)
    for frozen in first.exclusions:
        frozen.keep()
    later = settled(source, tmp_path, tasks=["idrid_optic_disc", "idrid_hard_exudates"])
    assert {cell.pretrain.hash for cell in later.cells} == {first.cells[0].pretrain.hash}


def test_a_label_fraction_is_part_of_the_cells_key_only(source: Source, tmp_path: Path) -> None:
    whole = settled(source, tmp_path)
    half = settled(source, tmp_path, downstream={"steps": 1, "batch_size": 2, "fractions": [0.5]})
    one, other = whole.cells[0], half.cells[0]
    assert one.pretrain.hash == other.pretrain.hash
    assert one.key.hash != other.key.hash
    data, less = whole.data["idrid_optic_disc"], half.data["idrid_optic_disc"]
    labelled = data.validation.ids + data.train.ids
    assert less.validation.ids + less.train.ids == labelled[: len(labelled) // 2]
    assert less.test.ids == data.test.ids


def test_several_label_fractions_are_cells_over_the_same_images(
    source: Source, tmp_path: Path
) -> None:
    part = {"epochs": 3, "batch_size": 2, "fractions": [0.5, 0.75], "direct": []}
    grid = settled(source, tmp_path, downstream=part)
    cells = {cell.key.settings["fraction"]: cell for cell in grid.cells}
    assert list(cells) == [0.5, 0.75]
    assert len({cell.encoder for cell in cells.values()}) == 1
    assert "at 50% of the labels" in cells[0.5].label
    for share, cell in cells.items():
        changed = {**part, "fractions": [share]}
        alone = settled(source, tmp_path, downstream=changed)
        (same,) = alone.cells
        assert same.key == cell.key
        data, expected = grid.data_of(cell.key), alone.data_of(same.key)
        assert data.settings == expected.settings
        assert data.settings.steps == -(-3 * len(data.train) // 2)
        assert data.test is grid.data["idrid_optic_disc"].test
        for one, other in ((data.train, expected.train), (data.validation, expected.validation)):
            assert one.ids == other.ids
            assert np.array_equal(one.images, other.images)
            assert np.array_equal(one.masks, other.masks)
            assert np.shares_memory(one.images, grid.data["idrid_optic_disc"].labelled.images)


def test_a_rule_of_selection_is_part_of_the_key_unless_it_is_the_usual_one(
    source: Source, tmp_path: Path
) -> None:
    part = {"steps": 1, "batch_size": 2}
    rules = ("validation-best", "last", "oracle")
    usual, last, oracle = (
        settled(source, tmp_path, downstream={**part, "selection": rule}) for rule in rules
    )
    plain = settled(source, tmp_path, downstream=part)
    assert [cell.key for cell in plain.cells] == [cell.key for cell in usual.cells]
    key = plain.cells[0].key
    # What keys were made of before there were rules.
    names = ("size", "steps", "batch_size", "learning_rate", "checks", "fraction", "precision")
    assert tuple(key.settings) == names
    assert last.cells[0].key.settings["selection"] == "last"
    assert last.data_of(last.cells[0].key).settings.selection == "last"
    assert len({grid.cells[0].key.hash for grid in (plain, last, oracle)}) == 3
    # Nor are the terms of a folder others than before.
    terms = [question(grid, source).terms["downstream"] for grid in (plain, last)]
    assert [terms.get("selection") for terms in terms] == [None, "last"]


def test_without_a_limit_to_phantoms_terms_are_those_of_before(
    source: Source, tmp_path: Path
) -> None:
    before: dict[str, object] = {"scale": 0.25, "size": 256, "seed": 0}
    for limit in ({}, {"most": 8}):
        terms = question(settled(source, tmp_path, phantom=limit), source).terms
        assert terms["phantom"] == before | limit


def test_what_an_audit_compares_is_no_part_of_a_key(source: Source, tmp_path: Path) -> None:
    plain = settled(source, tmp_path)
    told = settled(
        source,
        tmp_path,
        budget={"images": 8, "axis": "flops", "tolerance": 5.0},
        limits={"hours": 1.0, "memory_gib": 2.0},
    )
    assert [cell.key for cell in told.cells] == [cell.key for cell in plain.cells]


def test_a_budget_of_its_own_is_in_the_key_of_that_method_alone(
    source: Source, tmp_path: Path
) -> None:
    methods = ["random", "inpainting", "simclr"]
    alike = settled(source, tmp_path, methods=methods, budget={"images": 64})
    own = settled(
        source, tmp_path, methods=methods, budget={"images": 64, "own": {"inpainting": 96}}
    )
    assert [own.budget_of(name).images for name in methods] == [64, 96, 64]
    images = {cell.key.method: cell.pretrain.budget["images"] for cell in own.cells}
    assert images == {"random": 64, "inpainting": 96, "simclr": 64}
    same = {c.key.method for c in own.cells} - {
        c.key.method for c in own.cells if c.key not in [other.key for other in alike.cells]
    }
    assert same == {"random", "simclr"}
    # A folder may hold both: the tables say how many images each method has drawn.
    assert question(own, source).terms == question(alike, source).terms


def test_an_own_budget_must_suit_its_method(source: Source, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="groups of 2, not 65"):
        settled(source, tmp_path, methods=["ld"], budget={"images": 64, "own": {"ld": 65}})


def test_an_own_task_joins_the_registered_ones(source: Source, tmp_path: Path) -> None:
    (tmp_path / "again.toml").write_text(OWN, encoding="utf-8")
    parts = {"a. Training Set": ("01", "02", "18"), "b. Testing Set": ("55", "56")}
    rows = [
        f"{part}/IDRiD_{n}.jpg,{use},{part}/5. Optic Disc/IDRiD_{n}_OD.tif"
        for (part, numbers), use in zip(parts.items(), ("train", "test"), strict=True)
        for n in numbers
    ]
    (tmp_path / "split.csv").write_text("\n".join(["image,part,mask", *rows]), encoding="utf-8")
    tasks = ["idrid_optic_disc", str(tmp_path / "again.toml")]
    grid = settled(source, tmp_path / "frozen", tasks=tasks)
    assert list(grid.data) == ["idrid_optic_disc", "again"]
    assert {cell.key.task for cell in grid.cells} == {"idrid_optic_disc", "again"}


@pytest.mark.parametrize("name", METHODS)
def test_every_setting_of_a_method_can_be_set(name: str) -> None:
    """Those that were added later, too, which keys leave out while they have their default."""
    config = registry.method(name).Config()
    for field in fields(config):
        value = getattr(config, field.name)
        given = {field.name: {} if is_dataclass(value) else value}
        assert changed(config, given, f"setting of {name}") == config


def test_a_setting_that_was_added_later_is_set() -> None:
    config = changed(registry.method("ld").Config(), {"window": 0.036}, "setting of ld")
    assert canonical(config)["window"] == 0.036


def test_settings_reach_into_augmentations_and_a_plan_may_share_them() -> None:
    settings = {"simclr": {"temperature": 0.2, "view": {"grey": 0.5, "area": [0.5, 1.0]}}}
    config = config_of(plan(methods=["simclr"], config=settings), "simclr", "fundus")
    assert (config.temperature, config.view.grey, config.view.area) == (0.2, 0.5, (0.5, 1.0))
    assert config.view.flip == 0.5
    shared = config_of(plan(methods=["ld"], augmentation="shared"), "ld", "fundus")
    assert shared.view == SHARED
    assert config_of(plan(methods=["ld"]), "ld", "fundus").view != SHARED
    for wrong, complaint in (
        ({"view": {"gray": 0.5}}, "unknown setting of simclr's view 'gray'; did you mean 'grey'"),
        ({"view": 0.5}, "view must be a table"),
    ):
        with pytest.raises(InputError, match=complaint):
            config_of(plan(methods=["simclr"], config={"simclr": wrong}), "simclr", "fundus")
