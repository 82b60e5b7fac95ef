"""``ldbench data`` as its users meet it."""

import json
import shutil
import sys
from pathlib import Path

import pytest
from PIL import Image

from benchmark.cli import main
from tasks import EXTRAS, LANDMARKS, TASKS
from tasks.phantoms import write_phantoms
from tasks.pools import POOLS

SHARED = Path(__file__).parents[3] / "shared" / "data"
GRADING = Path("IDRiD", "B. Disease Grading", "1. Original Images", "a. Training Set")


def called(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> int:
    monkeypatch.setattr(sys, "argv", ["ldbench", "data", *map(str, arguments)])
    return main()


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("phantoms") / "data"
    write_phantoms(root, scale=0.01, seed=0, size=96)
    return root


@pytest.fixture
def root(phantoms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy to change, with a cache of its own."""
    monkeypatch.setenv("LDBENCH_CACHE", str(tmp_path / "cache"))
    return Path(shutil.copytree(phantoms, tmp_path / "data"))


def test_status_lists_everything_with_its_source(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "CHASEDB1" / "Image_01L.jpg").unlink()
    assert called(monkeypatch, "status", "--root", root, "--json") == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert set(rows) == {*TASKS, *EXTRAS, *LANDMARKS, *POOLS}
    assert rows["hrf_vessel"]["complete"]
    vessels = rows["chasedb1_vessel"]
    assert not vessels["complete"]
    assert vessels["missing"] == ["CHASEDB1/Image_01L.jpg"]
    assert vessels["found"] == vessels["wanted"] - 1
    assert vessels["page"].startswith("https://")
    assert vessels["terms"] == "CC BY 4.0"
    assert called(monkeypatch, "status", "--root", root) == 0
    assert f"{len(TASKS) - 1} of {len(TASKS)} tasks are complete, 1" in capsys.readouterr().out


def test_status_of_the_real_images(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if not SHARED.is_dir():
        pytest.skip("there is no folder called shared beside the repository")
    assert called(monkeypatch, "status", "--root", SHARED, "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    whole = {row["name"] for row in rows if row["complete"] and row["use"] == "task"}
    assert whole == {"idrid_optic_disc", "idrid_hard_exudates", "chasedb1_vessel", "hrf_vessel"}


def test_prepare_then_verify_then_a_change(
    root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ("prepare", "--root", root, "--size", "64", "--task", "hrf_vessel")
    assert called(monkeypatch, *arguments) == 0
    arrays = list((tmp_path / "cache").glob("*.npy"))
    assert [path.name.rsplit("-", 1)[0] for path in arrays] == ["hrf_vessel-64"]
    assert called(monkeypatch, "verify", "--root", root) == 0
    assert "0 problems" in capsys.readouterr().out
    assert called(monkeypatch, "verify", "--root", root, "--task", "hrf_vessel") == 0
    assert "checked: hrf_vessel\n" in capsys.readouterr().out
    changed = root / "HRF" / "manual1" / "07_g.tif"
    with Image.open(changed) as image:
        image.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(changed)
    (root / "CHASEDB1" / "Image_01L_1stHO.png").write_bytes(b"")
    assert called(monkeypatch, "verify", "--root", root) == 1
    out = " ".join(capsys.readouterr().out.split())
    assert "HRF/manual1/07_g.tif has changed since it was prepared" in out
    assert "Image_01L_1stHO.png cannot be read" in out
    assert called(monkeypatch, *arguments) == 0
    renewed = list((tmp_path / "cache").glob("*.npy"))
    assert len(renewed) == 1
    assert renewed != arrays


def test_verify_finds_a_picture_that_trains_and_tests(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = root / "CHASEDB1"
    for suffix in (".jpg", "_1stHO.png"):
        shutil.copy(folder / f"Image_01L{suffix}", folder / f"Image_11L{suffix}")
    assert called(monkeypatch, "verify", "--root", root) == 1
    out = " ".join(capsys.readouterr().out.split())
    assert "Image_01L trains and Image_11L tests, and their files are identical" in out


def test_verify_finds_a_damaged_array(
    root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    called(monkeypatch, "prepare", "--root", root, "--size", "64", "--pool", "idrid_grading")
    (array,) = (tmp_path / "cache").glob("*.npy")
    content = bytearray(array.read_bytes())
    content[-1] ^= 1
    array.write_bytes(content)
    assert called(monkeypatch, "verify", "--root", root) == 1
    assert "bytes have changed" in " ".join(capsys.readouterr().out.split())


def test_verify_names_what_is_missing_and_what_is_damaged(
    root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    called(monkeypatch, "prepare", "--root", root, "--size", "64", "--task", "hrf_vessel")
    (manifest,) = (tmp_path / "cache").glob("*.json")
    manifest.write_text("{", encoding="utf-8")
    (root / "CHASEDB1" / "Image_01L.jpg").unlink()
    shutil.rmtree(root / "STARE")
    (root / "SIIM-ACR" / "train-rle.csv").write_bytes(b"ImageId\n\xff")
    assert called(monkeypatch, "verify", "--root", root) == 1
    out = capsys.readouterr().out
    assert f"{manifest.stem}.npy: its manifest is damaged" in out
    assert "chasedb1_vessel: 1 files are missing: CHASEDB1/Image_01L.jpg" in out
    assert "siim_pneumothorax: 1 files are missing" in out
    assert "not there at all: stare_vessel" in out
    assert "3 problems" in out
    assert called(monkeypatch, "status", "--root", root, "--json") == 0


def test_leaks_need_no_masks_and_say_what_was_compared(
    root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (root / "CHASEDB1" / "Image_01L_1stHO.png").unlink()
    (tmp_path / "mine").mkdir()
    shutil.copy(root / "CHASEDB1" / "Image_11L.jpg", tmp_path / "mine" / "x.jpg")
    arguments = ("leaks", "--pool", tmp_path / "mine", "--root", root, "--json")
    assert called(monkeypatch, *arguments) == 0
    told = capsys.readouterr()
    assert [row["task"] for row in json.loads(told.out)] == ["chasedb1_vessel"]
    assert "fundus; test images compared: " in told.err
    assert "chasedb1_vessel 2" in told.err
    assert called(monkeypatch, *arguments, "--domain", "skin") == 2


def test_a_folder_of_radiographs_is_prepared_and_skipped_images_are_named(
    root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ("prepare", "--root", root, "--size", "64", "--pool")
    assert called(monkeypatch, *arguments, root / "CXR8" / "images") == 0
    (tmp_path / "mine").mkdir()
    Image.new("RGB", (90, 90)).save(tmp_path / "mine" / "black.png")
    for path in sorted((root / GRADING).iterdir()):
        shutil.copy(path, tmp_path / "mine")
    assert called(monkeypatch, *arguments, tmp_path / "mine") == 0
    assert "1 without a field of view: black.png" in capsys.readouterr().err


def test_show_writes_a_sheet(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "sheet.png"
    assert called(monkeypatch, "show", "hrf_vessel", "--root", root, "--out", out) == 0
    with Image.open(out) as sheet:
        colours = sheet.convert("RGB").getcolors(sheet.width * sheet.height)
    assert colours is not None
    assert any(colour == (0, 255, 160) for _, colour in colours)


def test_leaks_of_a_folder_are_listed_with_their_evidence(
    root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    test_images = root / "IDRiD" / "A. Segmentation" / "1. Original Images" / "b. Testing Set"
    first, second = sorted(test_images.iterdir())[:2]
    shutil.copy(first, folder / "copy.jpg")
    with Image.open(second) as image:
        image.resize((120, 80)).save(folder / "small.jpg", quality=60)
    for path in sorted((root / GRADING).iterdir())[:2]:
        shutil.copy(path, folder / f"other_{path.name}")
    arguments = ("leaks", "--pool", folder, "--root", root, "--json")
    assert called(monkeypatch, *arguments) == 0
    rows = json.loads(capsys.readouterr().out)
    found = {(row["task"], row["test_image"], row["pool_image"], row["evidence"]) for row in rows}
    for task in ("idrid_optic_disc", "idrid_hard_exudates"):
        pair = (first.relative_to(root).as_posix(), "copy.jpg", "identical file")
        assert (task, *pair) in found
    assert {row["pool_image"] for row in rows} <= {"copy.jpg", "small.jpg"}
    assert all(0 < row["similarity"] <= 1 for row in rows)


@pytest.mark.parametrize(("words", "most"), [((), None), (("--most", "6"), 6)])
def test_phantoms_are_limited_on_request(
    words: tuple[str, ...], most: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, object] = {}
    monkeypatch.setattr("tasks.phantoms.write_phantoms", lambda _, **given: asked.update(given))
    assert called(monkeypatch, "phantom", tmp_path / "new", *words) == 0
    assert asked == {"scale": 0.2, "most": most, "seed": 0, "size": 256}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("status", "--root", "nowhere"), "there is no data root nowhere"),
        (("prepare", "--root", ".", "--size", "7"), "size must lie in 32 to 512 px, not 7"),
        (("prepare", "--root", ".", "--task", "hrf_vesel"), "did you mean 'hrf_vessel'"),
        (("leaks", "--root", ".", "--pool", "eyepac"), "unknown pool 'eyepac'"),
        (("leaks", "--root", ".", "--pool", "eyepacs"), "no fundus test image is under"),
        (("prepare", "--root", "."), "no data set is complete"),
        (("show", "hrf_vessel", "--root", ".", "--out", "no/x.png"), "name a .png file in a"),
        (("show", "hrf_vessel", "--root", ".", "--out", "x.tiff"), "name a .png file in a"),
        (("status", "--root", ".", "--cache", "/dev/null"), "cannot be kept in /dev/null"),
        (("phantom", "."), "exists"),
        (("phantom", "new", "--scale", "2"), "scale must lie in (0, 1], not 2"),
        (("phantom", "new", "--most", "3"), "most must be at least 4, not 3"),
    ],
)
def test_mistakes_are_one_line(
    arguments: tuple[str, ...],
    complaint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert called(monkeypatch, *arguments) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert complaint in lines[0]
    assert not list(tmp_path.iterdir())
