"""Writing phantoms: whole or not at all, the same bytes again, only what is asked for."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark import registry
from methods.errors import InputError
from tasks import EXTRAS, LANDMARKS, TASKS
from tasks.base import MissingDataError, Source
from tasks.phantoms import DATASETS, VERSION, count_phantoms, write_phantoms
from tasks.phantoms.layouts import (
    Line,
    Request,
    write_chasedb1,
    write_cxr8,
    write_idrid_segmentation,
)
from tasks.segmentation import SegmentationTask

SCALE, SEED, SIZE = 0.01, 3, 64


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("phantoms") / "new" / "data"
    write_phantoms(root, scale=SCALE, seed=SEED, size=SIZE)
    return root


def contents(root: Path) -> dict[str, bytes]:
    files = (path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): path.read_bytes() for path in files}


def test_same_arguments_give_the_same_bytes(root: Path, tmp_path: Path) -> None:
    seen: list[int] = []
    # Other processes, so that nothing hangs on what one process drew before.
    write_phantoms(
        tmp_path / "again", scale=SCALE, seed=SEED, size=SIZE, workers=2, observe=seen.append
    )
    first = contents(root)
    assert contents(tmp_path / "again") == first
    assert seen == [1] * count_phantoms(scale=SCALE)
    assert {Path(name).parts[0] for name in first} == {*DATASETS, "SCR", "PHANTOM.json"}


def test_data_sets_are_selected(root: Path, tmp_path: Path) -> None:
    some = ["STARE", "IDRiD"]
    seen: list[int] = []
    write_phantoms(
        tmp_path / "some", scale=SCALE, seed=SEED, size=SIZE, datasets=some, observe=seen.append
    )
    few, all_of_them = contents(tmp_path / "some"), contents(root)
    record = json.loads(few.pop("PHANTOM.json"))
    assert record["datasets"] == ["IDRiD", "STARE"]
    assert {Path(name).parts[0] for name in few} == set(some)
    assert few == {n: all_of_them[n] for n in all_of_them if Path(n).parts[0] in some}
    assert len(seen) == count_phantoms(scale=SCALE, datasets=some) == 18


def test_another_seed_gives_other_images(root: Path, tmp_path: Path) -> None:
    write_chasedb1(tmp_path, Request(SCALE, SEED + 1, SIZE))
    before = contents(root / "CHASEDB1")
    after = contents(tmp_path / "CHASEDB1")
    assert before.keys() == after.keys()
    assert not any(before[name] == after[name] for name in before)


def test_scale_only_selects(root: Path, tmp_path: Path) -> None:
    write_cxr8(tmp_path, Request(2 * SCALE, SEED, SIZE))
    few, many = contents(root / "CXR8"), contents(tmp_path / "CXR8")
    assert len(few) == 4
    assert len(many) == 8
    assert few.items() <= many.items()


def test_no_two_images_are_equal(root: Path) -> None:
    suffixes = {".jpg", ".JPG", ".jpeg", ".IMG", ".dcm"}
    every = [path for path in root.rglob("*") if path.suffix in suffixes]
    # IDRiD's third part shows the photographs of its second once more.
    again = [path for path in every if "C. Localization" in path.parts]
    images = [path for path in every if path not in again]
    assert len({path.read_bytes() for path in images}) == len(images) > 60
    assert {path.read_bytes() for path in again} < {path.read_bytes() for path in images}


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_record_comes_with_a_whole_folder(root: Path) -> None:
    record = json.loads((root / "PHANTOM.json").read_text(encoding="utf-8"))
    asked = {"scale": SCALE, "seed": SEED, "size": SIZE, "version": VERSION}
    assert record == asked | {"datasets": list(DATASETS), "leaks": []}  # too few images for leaks
    source = Source.at(root, root)
    assert (source.scale, source.kind) == (SCALE, "phantom")
    assert names(root.parent) == {"data"}  # the unfinished folder is gone


def test_a_limit_goes_from_the_record_to_every_task(tmp_path: Path) -> None:
    seen: list[int] = []
    datasets = ["IDRiD", "SIIM-ACR"]
    write_phantoms(
        tmp_path / "data", scale=0.02, seed=0, size=64, most=4, datasets=datasets,
        observe=seen.append,
    )  # fmt: skip
    assert len(seen) == count_phantoms(scale=0.02, most=4, datasets=datasets) == 26
    record = json.loads((tmp_path / "data" / "PHANTOM.json").read_text(encoding="utf-8"))
    assert (record["most"], record["scale"]) == (4, 0.02)
    source = Source.at(tmp_path / "data", tmp_path / "cache")
    assert (source.scale, source.most, source.kind) == (0.02, 4, "phantom")
    names = [name for name in (*TASKS, *EXTRAS, *LANDMARKS) if "idrid" in name or "siim" in name]
    assert len(names) == 8
    for name in names:
        task = registry.listed(name)
        assert task.files(source)  # all of them are there
        split = task.split(source)
        assert (len(split.train), len(split.test)) == (4, 2)
    drawn = {path.stem for path in source.root.rglob("*.dcm")}
    siim = registry.listed("siim_pneumothorax").split(source)
    assert len(drawn) == 4 + 2 + 4  # some show no pneumothorax and are on no list
    assert drawn > {*siim.train, *siim.test}


@pytest.mark.parametrize("name", EXTRAS)
def test_at_full_scale_extra_lesions_keep_to_the_photographs_drawn(
    name: str, make_task: Callable[[str], SegmentationTask], tmp_path: Path
) -> None:
    drawn = write_idrid_segmentation.images(Request(1.0, 0, 64, 30))
    split = make_task(name).split(Source(tmp_path, tmp_path, 1.0, "phantom", 30))
    assert [Path(image).name for image in drawn] == [*split.train, *split.test]
    assert (len(split.train), len(split.test)) == (30, 15)


@pytest.mark.parametrize("scale", [0.0, -0.5, 1.01])
def test_refuses_scales_out_of_range(tmp_path: Path, scale: float) -> None:
    with pytest.raises(ValueError, match=str(scale)):
        write_phantoms(tmp_path / "data", scale=scale, seed=0)


def test_refuses_a_limit_too_small(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="most must be at least 4, not 3"):
        write_phantoms(tmp_path / "data", scale=0.1, seed=0, most=3)
    assert not (tmp_path / "data").exists()


def test_refuses_small_pictures(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="63"):
        write_phantoms(tmp_path / "data", scale=0.1, seed=0, size=63)


def test_refuses_an_existing_folder(tmp_path: Path) -> None:
    with pytest.raises(FileExistsError, match="remove it") as caught:
        write_phantoms(tmp_path, scale=0.1, seed=0)
    assert isinstance(caught.value, InputError)


def test_refuses_unknown_data_sets(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'CHASE'.*did you mean CHASEDB1"):
        write_phantoms(tmp_path / "data", scale=0.1, seed=0, datasets=["CHASE"])
    with pytest.raises(InputError, match=r"'ADAM'.*there are IDRiD, RITE"):
        count_phantoms(scale=0.1, datasets=["ADAM"])
    assert not (tmp_path / "data").exists()


def test_refuses_no_workers(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="workers must be at least 1, not 0"):
        write_phantoms(tmp_path / "data", scale=0.1, seed=0, workers=0)


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "{}", '{"scale": "all"}', '{"scale": null}', '{"scale": 2}'),
        *('{"scale": 0.1, "most": "all"}', '{"scale": 0.1, "most": 3}'),
    ],
)
def test_a_damaged_record_is_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "PHANTOM.json").write_text(text, encoding="utf-8")
    with pytest.raises(
        MissingDataError, match=r"PHANTOM.json is damaged .*write the phantoms again"
    ):
        Source.at(tmp_path, tmp_path)


def test_leaves_nothing_behind_when_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(job: object) -> list[Line]:
        raise KeyboardInterrupt

    monkeypatch.setattr("tasks.phantoms.call", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_phantoms(tmp_path / "data", scale=SCALE, seed=0, size=SIZE)
    assert not list(tmp_path.iterdir())
