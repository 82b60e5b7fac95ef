"""Plans with landmark tasks: what their cells depend on, what is refused, and a forecast."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from benchmark.arms import FEATURES, RIVALS, embeds, of_landmarks, trains
from benchmark.comparison import question
from benchmark.forecast import forecast
from benchmark.forecast.footprint import cell_bytes
from benchmark.grid import Grid, settle
from benchmark.plan import Plan, checked
from benchmark.progress import finetuning_images
from benchmark.tuning.questions import settle as settle_tuning
from methods.errors import ConfigError, UnknownNameError
from methods.networks import Encoder
from tasks import LANDMARKS
from tasks.base import Source
from tasks.landmarks import ENCODED
from tasks.landmarks.data import STRIDE
from tasks.phantoms import write_phantoms
from tests.benchmark.conftest import Call

#: One process computes what all of them look at.
pytestmark = pytest.mark.xdist_group("landmark cells")

RECORD = {
    "title": "Small",
    "methods": ["random", "ld", "inpainting"],
    "tasks": ["scr_lung", "scr_heart_center"],
    "seeds": [0],
    "size": 32,
    "precision": "float32",
    "threads": 1,
    "leaks": "allow",
    "pools": {"chest X-ray": "chestxray14"},
    "budget": {"images": 16, "checks": 2},
    "downstream": {"steps": 2, "batch_size": 2, "checks": 1},
    "landmarks": {"supports": 3, "windows": [0.1]},
}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    folder = tmp_path_factory.mktemp("landmarks")
    write_phantoms(folder / "data", scale=0.02, seed=0, size=64, datasets=["JSRT", "CXR8"])
    return Source.at(folder / "data", folder / "cache")


def plan(**changes: object) -> Plan:
    return checked({**RECORD, **changes}, "plan")


def settled(source: Source, frozen: Path, **changes: object) -> Grid:
    return settle(plan(**changes), source, torch.device("cpu"), lambda _: None, frozen)


def test_each_method_has_a_cell_and_the_floor_the_rivals_too(
    source: Source, tmp_path: Path
) -> None:
    grid = settled(source, tmp_path)
    cells = [cell for cell in grid.cells if cell.key.task == "scr_heart_center"]
    assert [(cell.key.method, cell.key.stages) for cell in cells] == [
        ("random", FEATURES),
        ("random", RIVALS),
        ("ld", ENCODED),
        ("inpainting", FEATURES),
    ]
    alone = settled(source, tmp_path, tasks=["scr_lung"])
    rest = [cell.key for cell in grid.cells if cell.key.task == "scr_lung"]
    assert rest == [cell.key for cell in alone.cells]
    # Landmarks may be added to a folder from before, whatever their settings.
    assert question(alone, source).terms == question(grid, source).terms
    assert {finetuning_images(cell) for cell in cells} == {0}
    assert cells[1].label == "random / scr_heart_center / seed 0 / landmark_centre"
    assert all(of_landmarks(cell.key.stages) and not trains(cell.key.stages) for cell in cells)
    assert grid.data_of(cells[0].key).settings.windows == (0.1,)


def test_rivals_depend_on_supports_and_window_alone(source: Source, tmp_path: Path) -> None:
    three: dict[str, object] = {"supports": 3}
    keys = [
        {
            cell.key.stages: cell.key.settings
            for cell in settled(source, tmp_path, landmarks=part).cells
            if cell.key.method == "random" and cell.key.task == "scr_heart_center"
        }
        for part in (three, three | {"windows": [0.2]}, three | {"window": 0.1})
    ]
    assert keys[0][RIVALS] == keys[1][RIVALS]
    assert keys[0][RIVALS] != keys[2][RIVALS]
    assert keys[0][FEATURES] != keys[1][FEATURES]
    assert set(keys[0][RIVALS]) == {"size", "fraction", "supports", "window"}


def test_only_what_gives_pixels_vectors_embeds(tmp_path: Path) -> None:
    names = ["random", "ld", "simclr", "deepcluster_v2", "pcrl", "densecl"]
    several = plan(methods=names)
    assert [name for name in names if embeds(several, name)] == ["ld"]


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"landmarks": {"supports": 0}}, ConfigError, "landmarks.supports"),
        ({"landmarks": {"window": 0.0}}, ConfigError, "landmarks.window"),
        ({"landmarks": {"windows": [0.1, 1.5]}}, ConfigError, "landmarks.windows.1"),
        ({"landmarks": {"widow": 0.1}}, UnknownNameError, "did you mean 'landmarks.window'"),
        ({"downstream": {"batch_size": 2}}, ConfigError, "downstream needs steps or epochs"),
    ],
)
def test_mistakes_in_a_plan_are_named(
    changes: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        plan(**changes)


def test_landmarks_alone_need_no_downstream_table() -> None:
    record = {name: value for name, value in RECORD.items() if name != "downstream"}
    assert checked({**record, "tasks": ["scr_heart_center"]}, "plan").downstream.steps is None
    with pytest.raises(ConfigError, match="downstream needs steps or epochs"):
        checked(record, "plan")


def test_more_supports_than_images_are_refused(source: Source, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="supports = 9, and scr_heart_center has 4 images"):
        settled(source, tmp_path, landmarks={"supports": 9})


@pytest.mark.parametrize(("size", "instead"), [(50, 48), (33, 32), (500, 496)])
def test_sizes_that_misplace_coarse_features_are_refused(
    size: int, instead: int, source: Source, tmp_path: Path
) -> None:
    assert Encoder.strides[-1] == STRIDE
    message = f"size = {size}, and scr_heart_center needs a multiple of 16, e.g. {instead}: "
    with pytest.raises(ConfigError, match=message):
        settled(source, tmp_path, size=size)
    with pytest.raises(ConfigError, match=message):
        forecast(plan(size=size), torch.device("cpu"))


def test_tuning_leaves_landmarks_out_and_refuses_them_by_name(
    source: Source, tmp_path: Path
) -> None:
    def tuned(**changes: object) -> set[str]:
        downstream = {"steps": 2, "batch_size": 2, "direct": []}
        own = plan(methods=["inpainting"], downstream=downstream, **changes)
        return set(settle_tuning(own, source, torch.device("cpu"), lambda _: None, tmp_path).tasks)

    assert tuned() == {"scr_lung"}
    with pytest.raises(ConfigError, match="scr_heart_center has no validation images"):
        tuned(tuning={"tasks": ["scr_heart_center"]})
    with pytest.raises(ConfigError, match="none of the plan's tasks has validation images"):
        tuned(tasks=["scr_heart_center"])


def test_a_forecast_counts_cells_that_train_nothing() -> None:
    tasks = {"methods": ["random"], "tasks": ["scr_heart_center"]}
    few, many = (
        forecast(plan(**tasks, landmarks={"supports": n}), torch.device("cpu")) for n in (1, 100)
    )
    (row,) = few.rows
    assert (row.cells, row.downstream.trained, row.downstream.seen) == (2, 0, 1 + 123)
    assert many.rows[0].downstream.seen == 100 + 123
    assert row.downstream.operations > 0
    assert cell_bytes(RIVALS, 9, 32) > cell_bytes(RIVALS, 2, 32) > 0


def test_listings_say_that_landmarks_are_not_of_the_twelve(
    call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("tasks", "--json") == 0
    parts = {row["name"]: row["part"] for row in json.loads(capsys.readouterr().out)}
    assert {name for name, part in parts.items() if part == "landmark"} == set(LANDMARKS)
    assert sum(part == "twelve" for part in parts.values()) == 12


def test_what_needs_masks_says_so(mistake: Callable[..., str], source: Source) -> None:
    line = mistake("data", "show", "scr_heart_center", "--root", source.root)
    assert "scr_heart_center is no segmentation task" in line
    assert "no segmentation task" in mistake("check", "scr_heart_center")
