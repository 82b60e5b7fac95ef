"""The encoder and the decoders against published counts, torchvision and PyTorch's own modules."""

import math
from typing import get_args

import pytest
import torch
import torchvision
from torch import Tensor, nn

from methods.networks import (
    DEPTHS,
    ConvNet,
    Encoder,
    PixelDecoder,
    SegmentationDecoder,
    Width,
    joined,
    pooled,
    set_precision,
)

#: The specification's spelling of the three networks; the last pooling's output is unused.
LAYERS: dict[Width, str] = {
    "tiny": "16,16,M,32,32,M,64,64,64,M,128,128,128,M,128,128,128,M",
    "small": "32,32,M,64,64,M,128,128,128,M,256,256,256,M,256,256,256,M",
    "full": "64,64,M,128,128,M,256,256,256,M,512,512,512,M,512,512,512,M",
}


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def conv_bn(dim_in: int, dim_out: int) -> int:
    """Weights and biases of a 3x3 convolution, and of its batch normalisation."""
    return 9 * dim_in * dim_out + dim_out + 2 * dim_out


def conv(dim_in: int, dim_out: int) -> int:
    return 9 * dim_in * dim_out + dim_out


def encoder_count(width: Width, channels: int) -> int:
    total, last = 0, channels
    for layer in LAYERS[width].split(","):
        if layer != "M":
            total += conv_bn(last, int(layer))
            last = int(layer)
    return total


def trunk_count(c: tuple[int, ...]) -> int:
    """The three levels of the specification, for finest-to-coarsest channels ``c``."""
    levels = [(c[4] + c[3], c[3], c[2]), (2 * c[2], c[2], c[1]), (2 * c[1], c[1], c[0])]
    return sum(conv_bn(a, b) + conv_bn(b, d) for a, b, d in levels)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    torch.manual_seed(0)
    return Encoder("tiny", 3).eval()


@pytest.fixture(scope="module")
def images() -> Tensor:
    return torch.randn(2, 3, 48, 48, generator=torch.Generator().manual_seed(1))


def test_published_parameter_counts() -> None:
    channels = Encoder("tiny", 3).channels
    assert parameters(Encoder("tiny", 3)) == 922_896
    assert parameters(PixelDecoder(channels, {"embedding": 32, "clusters": 16})) == 510_384
    assert parameters(SegmentationDecoder(channels)) == 492_001


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("width", get_args(Width))
def test_parameter_counts_of_every_width(width: Width, channels: int) -> None:
    encoder = Encoder(width, channels)
    c = encoder.channels
    assert parameters(encoder) == encoder_count(width, channels)
    assert parameters(SegmentationDecoder(c)) == (
        trunk_count(c) + conv_bn(2 * c[0], c[0]) + conv_bn(c[0], c[0]) + conv(c[0], 1)
    )
    # LD's branches are 32 and 16 wide, and never narrower than the finest map.
    hidden = {"embedding": (max(32, c[0]), 32), "clusters": (max(16, c[0]), 16)}
    assert parameters(PixelDecoder(c, {"embedding": 32, "clusters": 16})) == trunk_count(c) + sum(
        conv_bn(2 * c[0], h) + conv(h, out) for h, out in hidden.values()
    )


def test_full_width_is_torchvisions_vgg16_bn() -> None:
    torch.manual_seed(0)
    reference = torchvision.models.vgg16_bn(weights=None).features
    encoder = Encoder("full", 3)
    assert parameters(encoder) == parameters(reference)
    keys = list(encoder.state_dict())
    encoder.load_state_dict(dict(zip(keys, reference.state_dict().values(), strict=True)))
    image = torch.randn(1, 3, 48, 48)
    expected = []
    with torch.no_grad():
        out = image
        for layer in reference.eval():
            if isinstance(layer, nn.MaxPool2d):
                expected.append(out)
            out = layer(out)
        maps = encoder.eval()(image)
    assert len(maps) == len(expected) == 5
    for ours, theirs in zip(maps, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_strides_and_channels(encoder: Encoder, images: Tensor) -> None:
    maps = encoder(images)
    assert encoder.strides == (1, 2, 4, 8, 16)
    assert encoder.channels == (16, 32, 64, 128, 128)
    for features, dim, stride in zip(maps, encoder.channels, encoder.strides, strict=True):
        assert features.shape == (2, dim, 48 // stride, 48 // stride)


@pytest.mark.parametrize("module", ["encoder", "segmentation decoder"])
def test_kaiming_fan_out(module: str) -> None:
    torch.manual_seed(3)
    encoder = Encoder("small", 3)
    made = encoder if module == "encoder" else SegmentationDecoder(encoder.channels)
    convolutions = [part for part in made.modules() if isinstance(part, nn.Conv2d)]
    assert len(convolutions) == (sum(DEPTHS) if module == "encoder" else 9)
    for part in convolutions:
        assert part.bias is not None
        assert not part.bias.any()
        weight, count = part.weight.detach(), part.weight.numel()
        expected = math.sqrt(2.0 / (9 * part.out_channels))
        # The standard error of a normal sample's standard deviation is sigma / sqrt(2 n).
        assert float(weight.std()) == pytest.approx(expected, rel=4.5 / math.sqrt(2 * count))
        assert abs(float(weight.mean())) < 4.5 * expected / math.sqrt(count)
        # Normal, not uniform: some weights lie beyond a uniform's sqrt(3) standard deviations.
        assert float(weight.abs().max()) > 1.8 * expected


def test_pretraining_decoder_keeps_pytorchs_initialisation() -> None:
    torch.manual_seed(4)
    decoder = PixelDecoder((16, 32, 64, 128, 128), {"embedding": 32, "clusters": 16})
    for part in decoder.modules():
        if isinstance(part, nn.Conv2d):
            bound = 1.0 / math.sqrt(9 * part.in_channels)  # uniform by fan-in
            assert 0.95 * bound < float(part.weight.detach().abs().max()) <= bound
            assert part.bias is not None
            assert 0.0 < float(part.bias.detach().abs().max()) <= bound


@pytest.mark.parametrize("side", [16, 17, 31, 33, 45])
def test_odd_sizes(encoder: Encoder, side: int) -> None:
    images = torch.zeros(2, 3, side, side + 2)
    maps = encoder(images)
    for features, stride in zip(maps, encoder.strides, strict=True):
        assert features.shape[-2:] == (side // stride, (side + 2) // stride)
    decoder = PixelDecoder(encoder.channels, {"embedding": 8}).eval()
    assert decoder(maps, ("embedding",))["embedding"].shape == (2, 8, side, side + 2)
    assert SegmentationDecoder(encoder.channels).eval()(maps).shape == (2, 1, side, side + 2)


def test_joined_doubles_by_nearest_neighbour_and_keeps_the_order() -> None:
    coarse, skip = torch.randn(2, 3, 4, 4), torch.randn(2, 5, 8, 8)
    out = joined(coarse, skip)
    assert torch.equal(out[:, :3], coarse.repeat_interleave(2, 2).repeat_interleave(2, 3))
    assert torch.equal(out[:, 3:], skip)


def test_every_map_reaches_the_decoders(encoder: Encoder, images: Tensor) -> None:
    decoder = PixelDecoder(encoder.channels, {"embedding": 8})
    maps = [features.detach().requires_grad_() for features in encoder(images)]
    for out in (
        decoder(maps, ("embedding",))["embedding"],
        SegmentationDecoder((16, 32, 64, 128, 128))(maps),
    ):
        gradients = torch.autograd.grad(out.square().sum(), maps)
        assert all(bool(gradient.any()) for gradient in gradients)


def test_segmentation_decoder_gives_probabilities(encoder: Encoder, images: Tensor) -> None:
    decoder = SegmentationDecoder(encoder.channels).eval()
    shares = decoder(encoder(images)).detach()
    assert 0.0 <= float(shares.min()) < float(shares.max()) <= 1.0
    logits = decoder.head(decoder.trunk(encoder(images)))
    torch.testing.assert_close(torch.log(shares / (1.0 - shares)), logits, rtol=1e-3, atol=1e-3)


def test_only_wanted_branches_run(encoder: Encoder, images: Tensor) -> None:
    decoder = PixelDecoder(encoder.channels, {"embedding": 8, "clusters": 4}).train()
    before = {
        key: value.clone() for key, value in decoder.branches["clusters"].state_dict().items()
    }
    assert set(decoder(encoder(images), ("embedding",))) == {"embedding"}
    after = decoder.branches["clusters"].state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert set(decoder(encoder(images), ("embedding", "clusters"))) == {"embedding", "clusters"}
    assert int(decoder.branches["clusters"].state_dict()["0.1.num_batches_tracked"]) == 1


def test_pooled_is_the_mean_of_the_coarsest_map(encoder: Encoder, images: Tensor) -> None:
    maps = encoder(images)
    torch.testing.assert_close(pooled(maps), maps[4].flatten(2).sum(2) / 9)


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_wrong_channels_are_refused(encoder: Encoder, channels: int) -> None:
    with pytest.raises(ValueError, match=f"takes 3 channels, not {channels}"):
        encoder(torch.zeros(1, channels, 32, 32))


def test_small_images_are_refused(encoder: Encoder) -> None:
    with pytest.raises(ValueError, match="at least 16 px"):
        encoder(torch.zeros(1, 3, 32, 15))


def test_other_inputs_are_refused() -> None:
    with pytest.raises(ValueError, match="1 or 3 channels, not 2"):
        Encoder("tiny", 2)


def test_bfloat16_is_close_to_float32() -> None:
    torch.manual_seed(5)
    encoder = Encoder("tiny", 3)
    parts = nn.ModuleDict(
        {
            "encoder": encoder,
            "pixel": PixelDecoder(encoder.channels, {"embedding": 8}),
            "segmentation": SegmentationDecoder(encoder.channels),
        }
    )
    images = torch.randn(4, 3, 48, 48)
    outputs: dict[str, list[Tensor]] = {}
    for precision in ("float32", "bfloat16"):
        set_precision(parts, precision)
        assert all(
            part.precision == precision for part in parts.modules() if isinstance(part, ConvNet)
        )
        maps = parts["encoder"](images)
        assert all(features.dtype == getattr(torch, precision) for features in maps)
        outputs[precision] = [
            pooled(maps),
            parts["pixel"](maps, ("embedding",))["embedding"],
            parts["segmentation"](maps),
        ]
    for exact, rounded in zip(outputs["float32"], outputs["bfloat16"], strict=True):
        assert rounded.dtype == torch.float32
        # Eight bits of mantissa through up to 20 normalised layers: several per cent.
        error = float((exact - rounded).detach().norm() / exact.detach().norm())
        assert 0.0 < error < 0.12


def test_unknown_precision_is_refused(encoder: Encoder) -> None:
    # While the tests run, the annotation refuses it before the function does.
    with pytest.raises((ValueError, TypeError), match="float16"):
        set_precision(encoder, "float16")  # type: ignore[arg-type]
