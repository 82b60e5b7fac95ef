"""An encoder leaves the benchmark as tensors and a card, and is the same elsewhere."""

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from benchmark import encoders
from benchmark.cells import Cell, CellKey, PretrainKey
from methods.base import History, Pretrained
from methods.cards import load_encoder, read_card
from methods.errors import ConfigError
from methods.networks import set_precision
from methods.precision import Precision
from methods.pretrain import build
from methods.random import RandomInitialisation
from tasks.pools import POOLS, Pool

KEY = PretrainKey(
    "random", {"batch_size": 32}, "tiny", 32, {"statistics": "recalibrated"}, "idrid_grading",
    "abc", ("a.jpg",), 3, 1,
)  # fmt: skip


def saved(folder: Path, precision: Precision = "float32") -> Pretrained:
    """An encoder with statistics of its own, written as a bench does."""
    method = build(RandomInitialisation, RandomInitialisation.Config(), "tiny", 3, seed=3)
    set_precision(method, precision)
    with torch.no_grad():
        method.train().encoder(torch.randn(2, 3, 32, 32))
    method.eval()
    trained = Pretrained(method.encoder, method, History(), 0, 2, "last")
    key = CellKey("random", KEY.hash, "hrf_vessel", "m", "p", ("direct",), {}, 3, 1)
    cell = Cell(key, KEY, "a", "e", {"methods.random": "1"})
    pixels = np.zeros((2, 3, 32, 32), dtype=np.uint8)
    pool = Pool(POOLS["idrid_grading"], ("b", "c"), pixels, np.arange(2), "abc", {}, 0)
    encoders.save(folder, trained, cell, pool, {})
    return trained


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_loaded_encoder_gives_the_trained_ones_maps(tmp_path: Path, precision: Precision) -> None:
    trained = saved(tmp_path / "e", precision)
    state = torch.get_rng_state()
    encoder, card = load_encoder(tmp_path / "e"), read_card(str(tmp_path / "e"))
    assert torch.equal(torch.get_rng_state(), state)
    assert not encoder.training
    images = torch.rand(2, 3, 32, 32)
    given = card.normalised(images)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    torch.testing.assert_close(given, (images - mean[:, None, None]) / std[:, None, None])
    with torch.no_grad():
        for ours, theirs in zip(encoder(given), trained.encoder(given), strict=True):
            assert torch.equal(ours, theirs)


def test_a_card_says_what_the_encoder_is_and_what_made_it(tmp_path: Path) -> None:
    saved(tmp_path / "e")
    card = read_card(tmp_path / "e").record
    assert card["architecture"] == {
        "name": "vgg16_bn",
        "width": "tiny",
        "channels_in": 3,
        "channels": [16, 32, 64, 128, 128],
        "strides": [1, 2, 4, 8, 16],
    }
    assert (card["input"]["values"], card["input"]["size"]) == ([0.0, 1.0], 32)
    assert card["method"]["paper"] == "https://arxiv.org/abs/1502.01852"
    assert card["method"]["config"] == {"batch_size": 32}
    assert (card["pool"]["terms"], card["pool"]["manifest"]) == ("CC BY 4.0", "abc")
    assert card["pool"]["excluded"] == 1
    assert card["training"]["seed"] == 3
    assert card["training"]["torch"] == torch.__version__
    assert set(json.loads((tmp_path / "e" / "SHA256.json").read_bytes())) == {
        "pretrain.json", "model.safetensors", "encoder.safetensors", "card.json"
    }  # fmt: skip


def change(**changes: object) -> Callable[[Path], None]:
    def changed(folder: Path) -> None:
        path = folder / "card.json"
        path.write_text(json.dumps({**json.loads(path.read_bytes()), **changes}))

    return changed


def other_tensors(folder: Path) -> None:
    state = load_file(folder / "encoder.safetensors")
    state.pop("blocks.0.0.0.weight")
    save_file(state, folder / "encoder.safetensors")
    renewed(folder)


def renewed(folder: Path) -> None:
    digest = sha256((folder / "encoder.safetensors").read_bytes()).hexdigest()
    change(weights={"sha256": digest})(folder)


def pickled(folder: Path) -> None:
    torch.save({"a": torch.zeros(1)}, folder / "encoder.safetensors")
    renewed(folder)


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda folder: (folder / "card.json").unlink(), r"card.json cannot be read .*OUT/enc"),
        (lambda folder: (folder / "card.json").write_text("["), r"is no encoder's card"),
        (lambda folder: (folder / "card.json").write_text("[]"), r"is no encoder's card"),
        (change(format=2), r"is of format 2 or of another network"),
        (change(architecture={"name": "resnet"}), r"of another network than vgg16_bn"),
        (change(architecture={"name": "vgg16_bn"}), r"no encoder as its card says: 'width'"),
        (
            change(architecture={"name": "vgg16_bn", "width": "small", "channels_in": 3}),
            r"no encoder as its card says: Error\(s\) in loading state_dict",
        ),
        (
            change(architecture={"name": "vgg16_bn", "width": "huge", "channels_in": 3}),
            r"holds no encoder as its card says",
        ),
        (change(weights={"sha256": "0"}), r"encoder.safetensors was changed"),
        (lambda folder: (folder / "encoder.safetensors").unlink(), r"encoder.safetensors cannot"),
        (other_tensors, r"Missing key\(s\) in state_dict"),
        (pickled, r"holds no encoder as its card says"),
    ],
)
def test_what_is_no_encoder_is_refused_in_one_line(
    tmp_path: Path, break_it: Callable[[Path], object], message: str
) -> None:
    saved(tmp_path / "e")
    break_it(tmp_path / "e")
    with pytest.raises(ConfigError, match=message) as caught:
        load_encoder(tmp_path / "e")
    assert "\n" not in str(caught.value)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no/card.json cannot be read \(No such file"):
        load_encoder(tmp_path / "no")
