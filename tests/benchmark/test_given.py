"""A row from weights that somebody else has trained: right, refused when wrong, cost unknown."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torchvision.models.vgg import cfgs, make_layers

from benchmark.plan import Plan, read_plan
from benchmark.rows import config_of_given, method_of
from benchmark.status import standings
from benchmark.store import Store
from methods.errors import ConfigError, InputError
from methods.given import given
from methods.networks import Encoder, Width
from methods.pretrain import build

Call = Callable[..., int]
State = dict[str, Tensor]
PLAN = """
title = "Given"
methods = ["random", "mine"]
tasks = ["chasedb1_vessel"]
seeds = [0]
size = 32
width = "{width}"
precision = "float32"
threads = 1
[pools]
fundus = "idrid_grading"
"chest X-ray" = "chestxray14"
[budget]
images = 16
[downstream]
steps = 2
batch_size = 2
checks = 1
direct = []
[encoders.mine]
file = "mine{suffix}"
{more}
[phantom]
scale = 0.02
size = 64
"""


def written(folder: Path, *, width: Width = "tiny", suffix: str = ".pth", more: str = "") -> Path:
    """A plan with a row of weights from a file beside it."""
    path = folder / "plan.toml"
    path.write_text(PLAN.format(width=width, suffix=suffix, more=more), encoding="utf-8")
    return path


def plan(folder: Path, **changes: str) -> Plan:
    return read_plan(written(folder, **changes))  # type: ignore[arg-type]


def encoder_of(plan: Plan, channels: int = 3) -> Encoder:
    """The row's encoder as a bench builds it."""
    task = "chasedb1_vessel" if channels == 3 else "scr_lung"
    config = config_of_given(plan.model_copy(update={"tasks": [task]}), "mine")
    cls = method_of(plan, "mine")
    return build(cls, config, plan.width, channels, seed=0).encoder.eval()


def trained(channels: int = 3, width: Width = "tiny") -> Encoder:
    """An encoder with norms of its own."""
    torch.manual_seed(1)
    encoder = Encoder(width, channels)
    with torch.no_grad():
        encoder(torch.randn(2, channels, 32, 32))
    return encoder.eval()


def same_maps(one: Encoder, other: Encoder) -> bool:
    images = torch.randn(2, one.channels_in, 32, 32)
    with torch.no_grad():
        return all(torch.equal(a, b) for a, b in zip(one(images), other(images), strict=True))


def test_torchvisions_network_gives_the_same_maps(tmp_path: Path) -> None:
    torch.manual_seed(2)
    features = make_layers(cfgs["D"], batch_norm=True)
    with torch.no_grad():
        features(torch.randn(2, 3, 32, 32))  # norms of its own
    state = {f"features.{name}": value for name, value in features.state_dict().items()}
    # Files of old versions of torch do not count batches.
    old = {name: value for name, value in state.items() if not name.endswith("_tracked")}
    torch.save({**old, "classifier.0.weight": torch.zeros(2, 2)}, tmp_path / "mine.pth")
    encoder = encoder_of(plan(tmp_path, width="full"))
    images, expected = torch.randn(1, 3, 32, 32), []
    with torch.no_grad():
        out = images
        for layer in features.eval():
            if isinstance(layer, torch.nn.MaxPool2d):
                expected.append(out)
            out = layer(out)
        maps = encoder(images)
    assert len(expected) == 5
    for ours, theirs in zip(maps, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("suffix", [".safetensors", ".pth", ".pt"])
@pytest.mark.parametrize("whole", [False, True])
def test_our_own_encoders_come_back(tmp_path: Path, suffix: str, whole: bool) -> None:
    encoder = trained()
    state: State = dict(encoder.state_dict())
    if whole:  # a method's file: the encoder and what else it had
        momentum = {f"momentum.{name}": torch.zeros(1) for name in state}
        state = {f"encoder.{name}": value for name, value in state.items()} | momentum
    path = tmp_path / f"mine{suffix}"
    if suffix == ".safetensors":
        save_file(state, path)
    else:
        torch.save(state, path)
    assert same_maps(encoder_of(plan(tmp_path, suffix=suffix)), encoder)


def test_colour_kernels_are_averaged_for_grey_images_if_asked(tmp_path: Path) -> None:
    state = trained().state_dict()
    torch.save(state, tmp_path / "mine.pth")
    with pytest.raises(ConfigError, match=r'some of 1: leave out .* or write channels = "mean"'):
        encoder_of(plan(tmp_path), channels=1)
    grey = encoder_of(plan(tmp_path, more='channels = "mean"'), channels=1)
    kernels = grey.blocks[0][0][0].weight  # type: ignore[index]
    assert torch.equal(kernels, state["blocks.0.0.0.weight"].mean(dim=1, keepdim=True))


def without(name: str) -> Callable[[State], object]:
    return lambda state: {key: value for key, value in state.items() if key != name}


def with_entry(name: str, value: object) -> Callable[[State], object]:
    return lambda state: {**state, name: value}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without("blocks.4.2.1.running_var"), r"lacks blocks.4.2.1.running_var: it is another"),
        (without("blocks.0.0.0.weight"), r"neither an encoder of ldbench"),
        (with_entry("head.weight", torch.zeros(1)), r"holds, beside a vgg16_bn, head.weight"),
        (with_entry("blocks.1.0.0.weight", torch.zeros(1)), r"has shape \(1,\), not \(32, 16, 3"),
        (with_entry("blocks.0.0.0.weight", torch.zeros(16)), r"is no kernel of a convolution"),
        (with_entry("blocks.0.0.0.bias", torch.full((16,), torch.nan)), r"are not finite"),
        (with_entry("epoch", 3), r"holds no plain table of tensors: save its state_dict\(\)"),
        (lambda state: {"state_dict": state}, r"holds no plain table of tensors"),
        (lambda _: {"layer1.0.conv1.weight": torch.zeros(1)}, r"holds 'layer1.0.conv1.weight'"),
        (lambda _: {"features.0.weight": torch.zeros(64, 3, 3, 3)}, r"lacks blocks"),
        (lambda _: {}, r"holds 'nothing' and so on"),
        (lambda _: trained(width="small").state_dict(), r'write width = "small" in the plan'),
        (lambda _: trained(channels=1).state_dict(), r"images of 1 channels, .* some of 3"),
        (lambda _: Path("x"), r"something else than tensors, which is not run"),
    ],
)
def test_other_networks_are_refused_in_one_line(
    tmp_path: Path, change: Callable[[State], object], message: str
) -> None:
    torch.save(change(dict(trained().state_dict())), tmp_path / "mine.pth")
    with pytest.raises(ConfigError, match=message) as caught:
        encoder_of(plan(tmp_path))
    assert "\n" not in str(caught.value)
    assert "mine.pth" in str(caught.value)


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
@pytest.mark.parametrize("data", [b"", b"x" * 100, b"PK\x03\x04cut", b"\x80\x02cos\nsystem\n."])
def test_what_is_no_file_of_tensors_is_refused(tmp_path: Path, suffix: str, data: bytes) -> None:
    path = tmp_path / f"mine{suffix}"
    path.write_bytes(data)
    with pytest.raises(ConfigError, match="holds something else than tensors"):
        given("mine", path)


def test_a_file_must_be_there_and_of_a_known_kind(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"encoder mine: .*mine.pth cannot be read \(No such"):
        method_of(plan(tmp_path), "mine")
    (tmp_path / "mine.ckpt").write_bytes(b"")
    with pytest.raises(ConfigError, match=r"is called .safetensors, .pth or .pt"):
        method_of(plan(tmp_path, suffix=".ckpt"), "mine")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"mine"]', '"ld"]', r"\[encoders.mine\] is no row: add \"mine\" to methods"),
        ("[encoders.mine]", "[encoders.ld]", r"unknown method 'mine'"),
        ("[encoders.mine]", '[encoders.mine]\nfile = "a"\n[encoders.ld]', r"ld is a method: give"),
        ("[encoders.mine]", '[encoders.mine]\nfile = "a"\n[encoders."a b"]', r"call the row by a"),
        ('file = "mine.pth"', "", r"encoders.mine.file: Field required"),
        ('file = "mine.pth"', 'file = "a"\nsize = 1', r"unknown plan key .encoders.mine.size."),
        ("[encoders.mine]", "[config.mine]\na = 1\n[encoders.mine]", r"unknown method with sett"),
    ],
)
def test_mistakes_in_a_plan_are_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = written(tmp_path)
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_plan(path)


@pytest.mark.usefixtures("undrawn")
def test_a_given_row_stands_in_the_table_at_unknown_cost(
    tmp_path: Path, call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save(trained().state_dict(), tmp_path / "mine.pth")
    path, out = written(tmp_path), tmp_path / "out"
    assert call("run", path, "--data", "phantom", "--out", out, "--device", "cpu") == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "2 cells computed, 0 kept, 0 not done" in printed
    assert "Weights from a file: mine. On which images and at what cost" in printed
    assert "not installed" not in printed
    assert {(row.cell.method, str(row.state)) for row in standings(Store(out))} == {
        ("random", "done"), ("mine", "done")
    }  # fmt: skip
    (name,) = (row.folder for row in standings(Store(out)) if row.cell.method == "mine")
    record = Store(out).record(name)
    assert record["cost"]["pretraining"]["images_drawn"] is None
    config = record["pretrain"]["config"]
    assert config["file_sha256"] == hashlib.sha256((tmp_path / "mine.pth").read_bytes()).hexdigest()
    assert config["layout"] == "ldbench"
    assert str(tmp_path) not in json.dumps([record["key"], record["pretrain"]])
    # A copy elsewhere is the same row; another file is another one.
    other = tmp_path / "elsewhere"
    other.mkdir()
    (tmp_path / "mine.pth").rename(other / "mine.pth")
    assert call("run", written(other), "--data", "phantom", "--out", out, "--device", "cpu") == 0
    assert "0 cells computed, 2 kept" in capsys.readouterr().out
    # It travels with its name, and is known where it arrives.
    assert call("export", out, tmp_path / "x.zip", "--method", "mine", "--encoders") == 0
    assert call("import", tmp_path / "x.zip", "--out", tmp_path / "theirs") == 0
    assert [str(row.state) for row in standings(Store(tmp_path / "theirs"))] == ["done"]
