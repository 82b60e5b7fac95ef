"""What an encoder sees in images: the picture, its numbers, and what cannot be drawn."""

import json
from collections.abc import Callable
from pathlib import Path
from shutil import copytree
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.transforms import Bbox
from PIL import Image
from safetensors.torch import load_file, save_file

from benchmark import encoders
from benchmark.cells import Cell, CellKey, PretrainKey, canonical
from benchmark.durable import seal
from benchmark.fingerprint import fingerprint
from benchmark.report.figures.explored import Scene, explored_figure
from methods.base import History, Method, Pretrained
from methods.ld import LocalDiscrimination
from methods.ld.shape_guided import shape_guided
from methods.pretrain import build
from methods.random import RandomInitialisation
from tasks.base import PHANTOM_MARK
from tasks.pools import POOLS, Pool
from tests.benchmark.figures.looking import is_clipped, overlaps, words

Call = Callable[..., int]
Mistake = Callable[..., str]
SHARED = Path(__file__).parents[3] / "shared" / "data"


def saved(
    folder: Path,
    cls: type[Method[Any]],
    config: object,
    pool: str = "idrid_grading",
    code: str = "",
) -> Path:
    """An encoder's folder as a bench writes it, of a method that was not trained."""
    channels = 1 if pool == "chestxray14" else 3
    method = build(cls, config, "tiny", channels, seed=3)
    with torch.no_grad():
        method.train().encoder(
            torch.randn(2, channels, 32, 32, generator=torch.Generator().manual_seed(0))
        )
    method.eval()
    key = PretrainKey(cls.name, canonical(config), "tiny", 32, {}, pool, "abc", (), 3, 1)
    cell_key = CellKey(cls.name, key.hash, "hrf_vessel", "m", "p", ("direct",), {}, 3, 1)
    cell = Cell(cell_key, key, "a", "e", fingerprint(code or f"methods.{cls.name}"))
    pixels = np.zeros((2, channels, 32, 32), dtype=np.uint8)
    images = Pool(POOLS[pool], ("b", "c"), pixels, np.arange(2), "abc", {}, 0)
    encoders.save(
        folder, Pretrained(method.encoder, method, History(), 64, 2, "l"), cell, images, {}
    )
    return folder


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Encoders of ld, of random and of ld on X-rays, and four photographs and one radiograph."""
    root = tmp_path_factory.mktemp("explore")
    ld = LocalDiscrimination.Config(grid=4, clusters=3, dim_embedding=8)
    saved(root / "encoders" / "ld", LocalDiscrimination, ld)
    saved(root / "encoders" / "random", RandomInitialisation, RandomInitialisation.Config())
    saved(root / "chest", LocalDiscrimination, ld, "chestxray14")
    (root / "eyes").mkdir()
    rng = np.random.default_rng(0)
    for name in "abcd":
        levels = rng.integers(60, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(levels).resize((80, 80), Image.Resampling.BICUBIC).save(
            root / "eyes" / f"{name}.png"
        )
    Image.fromarray(rng.integers(0, 256, (64, 64), dtype=np.uint8)).save(root / "lung.png")
    Image.new("RGB", (64, 64)).save(root / "dark.png")
    (root / "note.txt").write_text("no image")
    (root / "torn.png").write_bytes((root / "lung.png").read_bytes()[:90])
    (root / "empty").mkdir()
    return root


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


def scenes(count: int, regions: int, queries: int) -> list[Scene]:
    rng = np.random.default_rng(0)
    found = [(number + 1, int(rng.integers(0, 4)), 0.5) for number in range(queries)]
    asked = [(number, patch, None) for number, patch, _ in found]
    shares = rng.dirichlet(np.ones(regions), (32, 32)).transpose(2, 0, 1) if regions else None
    picture = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    name = "a name of an image that is rather long.png"
    return [Scene(name, picture, found if place else asked, shares) for place in range(count)]


@pytest.mark.parametrize(
    ("count", "regions", "queries"), [(1, 20, 8), (2, 3, 4), (2, 0, 3), (1, 0, 1)]
)
def test_whatever_is_drawn_can_be_read(count: int, regions: int, queries: int) -> None:
    told = ["What is drawn, in a sentence that is long enough to be wrapped."] * 3
    figure = explored_figure(scenes(count, regions, queries), 8, "ld: regions and patches", told)
    drawn = len(figure.axes) / count
    assert drawn == 1 + bool(regions) + regions + queries
    assert not is_clipped(figure)
    numbers = {str(number) for number in range(1, queries + 1)}
    crowded = [pair for pair in overlaps(figure) if not numbers.issuperset(pair)]
    assert crowded == []
    said = words(figure)
    assert ("Shares are drawn from 0." in said) == bool(regions)
    assert ("1: 0.50" in said) == (count > 1)


def test_frames_lie_on_the_pixels_of_their_patches() -> None:
    """Of a grid of 4 over 64 px, patch 0 is the first 16 of both axes: the axes' upper left."""
    scene = Scene("a.png", np.zeros((64, 64, 3), dtype=np.uint8), [(1, 0, None), (2, 15, None)])
    photograph, *enlarged = explored_figure([scene], 4, "ld", []).axes
    left, right = photograph.get_xlim()
    lower, upper = photograph.get_ylim()
    first, last = framed(photograph)
    assert (first.x0, first.y0) == (left, upper)
    assert (last.x1, last.y1) == (right, lower)
    assert first.width / (right - left) == 0.25
    for axes in enlarged:
        (image,), (box,) = axes.images, framed(axes)
        assert list(image.get_extent()) == [left, right, lower, upper]
        middle = [sum(ends) / 2 for ends in (axes.get_xlim(), axes.get_ylim())]
        assert [(box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2] == middle


def framed(axes: Axes) -> list[Bbox]:
    """Where patches are framed."""
    return [each.get_bbox() for each in axes.patches if isinstance(each, Rectangle)]


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
