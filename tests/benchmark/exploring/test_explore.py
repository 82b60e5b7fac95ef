"""What an encoder sees in images: the picture, its numbers, and what is shown instead."""

import json
from collections.abc import Callable
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest
import torch
from PIL import Image

from methods.ld.shape_guided import shape_guided
from tasks.base import PHANTOM_MARK
from tests.benchmark.conftest import Call
from tests.benchmark.exploring.untrained import saved

Mistake = Callable[..., str]
SHARED = Path(__file__).parents[4] / "shared" / "data"


def test_a_picture_and_its_numbers(
    made: Path, tmp_path: Path, call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    out, eyes = tmp_path / "seen.png", made / "eyes"
    arguments = ("explore", made / "encoders" / "ld", eyes / "b.png", eyes, "--out", out)
    assert call(*arguments, "--json") == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    seen = json.loads(printed.out)
    assert (seen["method"], seen["grid"], seen["notes"]) == ("ld", 4, [])
    assert seen["image"] == str(eyes / "b.png")
    assert [Path(image).name for image in seen["regions"]] == ["b.png", "a.png", "c.png", "d.png"]
    for areas in seen["regions"].values():
        assert len(areas) == 3
        assert sum(areas) == pytest.approx(1.0)
    assert [patch["number"] for patch in seen["patches"]] == [1, 2, 3, 4]
    stayed = [
        max(abs(match["x"] - patch["x"]), abs(match["y"] - patch["y"])) < 0.3
        for patch in seen["patches"]
        for match in patch["nearest"]
    ]
    assert seen["stayed"] == sum(stayed)
    for patch in seen["patches"]:
        assert [Path(match["image"]).name for match in patch["nearest"]] == [
            "a.png", "c.png", "d.png"
        ]  # fmt: skip
        assert all(-1.0 <= match["similarity"] <= 1.0 + 1e-6 for match in patch["nearest"])
        assert {patch["x"], patch["y"]} <= {0.125, 0.375, 0.625, 0.875}


def test_patches_may_be_named_and_images_be_few(
    made: Path, tmp_path: Path, call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    eyes, out = made / "eyes", tmp_path / "seen.png"
    start = ("explore", made / "encoders" / "ld", eyes, "--out", out, "--json", "--limit", "2")
    assert call(*start, "--at", "0.1,0.9", "--at", "1,0") == 0
    seen = json.loads(capsys.readouterr().out)
    assert [(patch["x"], patch["y"]) for patch in seen["patches"]] == [
        (0.125, 0.875), (0.875, 0.125)
    ]  # fmt: skip
    means = {
        Path(matches[0]["image"]).name: np.mean([match["similarity"] for match in matches])
        for matches in zip(*(patch["nearest"] for patch in seen["patches"]), strict=True)
    }
    assert len(means) == 3  # all are searched
    best = max(means, key=lambda name: float(means[name]))
    assert [Path(image).name for image in seen["regions"]] == ["a.png", best]


def test_an_image_alone_is_searched_itself(
    made: Path, tmp_path: Path, call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    eye = made / "eyes" / "a.png"
    out = tmp_path / "seen.png"
    assert call("explore", made / "encoders" / "ld", eye, "--out", out, "--json") == 0
    seen = json.loads(capsys.readouterr().out)
    for patch in seen["patches"]:
        (match,) = patch["nearest"]
        assert match["image"] == str(eye)
        assert max(abs(match["x"] - patch["x"]), abs(match["y"] - patch["y"])) > 0.25


def test_a_figure_among_the_images_is_no_image(
    made: Path, tmp_path: Path, call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(copytree(made / "eyes", tmp_path / "eyes"))
    out = folder / "b.png"  # as an earlier call might have left it
    assert call("explore", made / "encoders" / "ld", folder, "--out", out, "--json") == 0
    seen = json.loads(capsys.readouterr().out)
    assert [Path(image).name for image in seen["regions"]] == ["a.png", "c.png", "d.png"]


def unchanged(folder: Path) -> None:
    pass


def without_model(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def renamed(folder: Path) -> None:
    path = folder / "card.json"
    path.write_text(path.read_text().replace('"name": "ld"', '"name": "mine"'))


def older(folder: Path) -> None:
    card = json.loads((folder / "card.json").read_bytes())
    (folder / "card.json").write_text(json.dumps(card | {"fingerprint": "older"}))


@pytest.mark.parametrize(
    ("change", "notes"),
    [
        (unchanged, "random has neither embeddings of pixels nor regions"),
        (without_model, "there is no model.safetensors beside the encoder"),
        (renamed, "mine is no method that is installed here"),
        (older, "The code of ld has changed since this encoder was trained."),
    ],
)
def test_what_is_shown_instead_is_said(
    made: Path,
    tmp_path: Path,
    call: Call,
    capsys: pytest.CaptureFixture[str],
    change: Callable[[Path], None],
    notes: str,
) -> None:
    which = "random" if change is unchanged else "ld"
    folder = Path(copytree(made / "encoders" / which, tmp_path / which))
    change(folder)
    out = tmp_path / "seen.png"
    assert call("explore", folder, made / "eyes", "--limit", "2", "--out", out, "--json") == 0
    printed = capsys.readouterr()
    lines = printed.err.splitlines()
    seen = json.loads(printed.out)
    assert lines == [f"note: {note}" for note in seen["notes"]]
    assert any(notes in line for line in lines)
    if change is not older:
        assert seen["regions"] == {}
        assert any("by the encoder's own features" in line for line in lines)
    assert out.is_file()


def test_a_shape_prior_is_no_reason_to_show_less(
    made: Path, tmp_path: Path, call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its row is no registered method, and its masks are nowhere any more."""
    row = shape_guided("octa", np.full((2, 32, 32), 255, dtype=np.uint8))
    config = row.Config(grid=4, clusters=3, dim_embedding=8, masks_sha256="0" * 64)
    folder = saved(tmp_path / "octa", row, config, code="methods.ld.shape_guided")
    out = tmp_path / "seen.png"
    assert call("explore", folder, made / "eyes", "--out", out, "--json") == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    seen = json.loads(printed.out)
    assert (seen["method"], seen["grid"], seen["notes"]) == ("octa", 4, [])
    assert {len(areas) for areas in seen["regions"].values()} == {3}
    older(folder)
    assert call("explore", folder, made / "eyes", "--out", out, "--json") == 0
    note = "The code of octa has changed since this encoder was trained."
    assert json.loads(capsys.readouterr().out)["notes"] == [note]


def test_one_encoder_of_a_results_folder_needs_no_name_and_draws_the_same_again(
    made: Path, tmp_path: Path, call: Call, capsys: pytest.CaptureFixture[str], mistake: Mistake
) -> None:
    written = list[bytes]()
    copytree(made / "encoders" / "ld", tmp_path / "out" / "encoders" / "ld")
    eye, out = made / "eyes" / "a.png", tmp_path / "seen.png"
    for _ in range(2):
        assert call("explore", tmp_path / "out", eye, "--out", out) == 0
        assert capsys.readouterr().out == f"{out}\n"
        written.append(out.read_bytes())
    assert written[0] == written[1]
    line = mistake("explore", made, eye, "--out", out)
    assert "2 encoders, name one of them: ld (ld, fundus, seed 3), random (random," in line


def test_phantoms_are_called_so(made: Path, tmp_path: Path) -> None:
    from benchmark.looking import looker  # noqa: PLC0415
    from benchmark.report.explored import title  # noqa: PLC0415

    eyes = Path(copytree(made / "eyes", tmp_path / "data" / "eyes"))
    one = looker(made / "encoders" / "ld", torch.device("cpu"))
    assert title(one, [eyes / "a.png"]) == "ld: regions and nearest patches"
    (tmp_path / "data" / PHANTOM_MARK).write_text("{}")
    assert title(one, [eyes / "a.png"]).endswith(", phantom images")


def test_real_photographs_are_looked_at(
    made: Path, tmp_path: Path, call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    photographs = sorted(SHARED.glob("CHASEDB1/*.jpg"))[:2]
    if not photographs:
        pytest.skip("there are no photographs in ../shared/data/CHASEDB1")
    out = tmp_path / "seen.png"
    assert call("explore", made / "encoders" / "ld", *photographs, "--out", out) == 0
    with Image.open(out) as image:
        assert image.size[0] > 500
