"""What cannot be looked through or at, and pictures that cannot be written."""

from collections.abc import Callable
from pathlib import Path
from shutil import copytree

import pytest
import torch
from safetensors.torch import load_file, save_file

from benchmark.durable import seal

Mistake = Callable[..., str]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (("eyes", ["eyes"], []), "card.json cannot be read"),
        (("encoders/ld", ["none.png"], []), "there is no"),
        (("encoders/ld", ["empty"], []), "no folder with images"),
        (("encoders/ld", ["note.txt"], []), "is no image"),
        (("encoders/ld", ["torn.png"], []), "torn.png cannot be read as an image"),
        (("encoders/ld", ["dark.png"], []), "dark.png is dark, or its field of view"),
        (
            ("encoders/ld", ["eyes", "lung.png"], []),
            "has 1 channels, not 3; ld was trained on fundus",
        ),
        (
            ("chest", ["eyes"], []),
            "has 3 channels, not 1; ld was trained on chest X-ray images of 1",
        ),
        (("encoders/ld", ["eyes"], ["--at", "1.2,0.5"]), "--at 1.2,0.5: write X,Y as shares"),
        (("encoders/ld", ["eyes"], ["--at", "0.5"]), "--at 0.5: write X,Y as shares"),
        (("encoders/ld", ["eyes"], ["--at", "nan,0.5"]), "--at nan,0.5: write X,Y as shares"),
        (("encoders/ld", ["eyes"], ["--at", "0,0"] * 9), "--at is given 9 times"),
        (("encoders/ld", ["eyes"], ["--device", "gpu"]), "device 'gpu' cannot be used"),
    ],
)
def test_mistakes_are_one_line_and_nothing_is_written(
    made: Path,
    tmp_path: Path,
    mistake: Mistake,
    wrong: tuple[str, list[str], list[str]],
    message: str,
) -> None:
    encoder, images, more = wrong
    places = [made / image for image in images]
    out = tmp_path / "seen.png"
    assert message in mistake("explore", made / encoder, *places, "--out", out, *more)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("out", ["seen.jpg", "no/seen.png", "folder.png", "a.png"])
def test_a_picture_that_cannot_be_written_is_found_first(
    made: Path, tmp_path: Path, mistake: Mistake, out: str
) -> None:
    (tmp_path / "folder.png").mkdir()
    image = tmp_path / "a.png"
    image.write_bytes((made / "eyes" / "a.png").read_bytes())
    line = mistake("explore", made / "encoders" / "ld", image, "--out", tmp_path / out)
    assert f"--out {tmp_path / out}" in line
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "folder.png"]
    assert image.read_bytes() == (made / "eyes" / "a.png").read_bytes()


def fewer_clusters(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    tensors["decoder.branches.clusters.1.weight"] = torch.zeros(2, 16, 3, 3)
    save_file(tensors, folder / "model.safetensors")
    seal(folder)


def older_settings(folder: Path) -> None:
    path = folder / "card.json"
    path.write_text(path.read_text().replace('"clusters"', '"blobs"'))


@pytest.mark.parametrize("change", [fewer_clusters, older_settings])
def test_a_method_of_other_code_is_refused(
    made: Path, tmp_path: Path, mistake: Mistake, change: Callable[[Path], None]
) -> None:
    folder = Path(copytree(made / "encoders" / "ld", tmp_path / "ld"))
    change(folder)
    line = mistake("explore", folder, made / "eyes", "--out", tmp_path / "seen.png")
    assert "does not fit today's ld (" in line


def test_a_changed_file_is_refused(made: Path, tmp_path: Path, mistake: Mistake) -> None:
    folder = Path(copytree(made / "encoders" / "ld", tmp_path / "ld"))
    with (folder / "model.safetensors").open("ab") as file:
        file.write(b"more")
    line = mistake("explore", folder, made / "eyes", "--out", tmp_path / "seen.png")
    assert "model.safetensors was changed after it was written" in line
