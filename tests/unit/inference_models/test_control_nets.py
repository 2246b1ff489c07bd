"""Control nets against diffusers' own modules, and files that are none."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.models.adapter import T2IAdapter
from torch import Tensor, nn

from app.inference.conditioning.control import ControlDoesNotFit, ControlNet
from app.inference.hooks.network import NO_NETWORK_HOOKS
from app.inference.models import errors
from app.inference.models.control.load_controlnet import load_controlnet
from app.inference.models.unet.residuals import Residuals
from app.inference.models.unet.shape import UNetShape
from tests.unit.inference_models.control_files import (
    CPU,
    SD1,
    SDXL,
    SMALL_SDXL,
    control_net,
    picture,
    question,
    randomised,
    saved,
    unet,
)

TOLERANCE = 2e-5


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "net.safetensors"


def residuals(net: ControlNet, asked: Any, image: Tensor) -> Residuals:
    with torch.inference_mode():
        return net.residuals(net.prepared(image, asked), asked)


def assert_close(ours: Tensor | None, theirs: Tensor) -> None:
    assert ours is not None
    torch.testing.assert_close(ours, theirs, rtol=0, atol=TOLERANCE * theirs.abs().max().item())


@pytest.mark.parametrize(
    ("shape", "attention"),
    [(SD1, True), (SDXL, True), (SMALL_SDXL, False)],
    ids=["sd1", "sdxl", "small sdxl"],
)
def test_residuals_are_those_of_diffusers(file: Path, shape: UNetShape, attention: bool) -> None:
    theirs: Any = control_net(shape, attention=attention)
    asked = question(unet(shape))
    image = picture()
    net = load_controlnet(saved(theirs, file), CPU)

    ours = residuals(net, asked, image)

    skips, middle = _diffusers_residuals(theirs, asked, image)
    for mine, other in zip(ours.skips, skips, strict=True):
        assert_close(mine, other)
    assert_close(ours.middle, middle)


def _diffusers_residuals(network: Any, asked: Any, image: Tensor) -> tuple[list[Tensor], Tensor]:
    with torch.no_grad():
        return network(
            asked.x,
            asked.timestep,
            encoder_hidden_states=asked.tokens,
            controlnet_cond=image.movedim(-1, 1).expand(len(asked.x), -1, -1, -1),
            return_dict=False,
            **_label_given_to(network, asked),
        )


class _Embedded(nn.Module):
    """Stands for the embedding of sizes, which the label has in it already."""

    def __init__(self, numbers: Tensor) -> None:
        super().__init__()
        self._numbers = numbers

    def forward(self, _: Tensor) -> Tensor:
        return self._numbers.reshape(-1, 256)


def _label_given_to(network: Any, asked: Any) -> dict[str, Any]:
    if asked.label is None:
        return {}
    pooled, numbers = asked.label[:, :20], asked.label[:, 20:]
    network.add_time_proj = _Embedded(numbers)
    return {"added_cond_kwargs": {"text_embeds": pooled, "time_ids": torch.zeros(len(pooled), 6)}}


@pytest.mark.parametrize(("shape", "fold", "kind"), [(SD1, 8, "full_adapter"), (SDXL, 16, "full_adapter_xl")])
def test_adapter_changes_the_unet_as_in_diffusers(file: Path, shape: UNetShape, fold: int, kind: str) -> None:
    widths = [level.channels for level in shape.levels]
    widths = widths if fold == 8 else [*widths, widths[-1]]
    theirs: Any = randomised(T2IAdapter(3, widths, 2, fold, kind))
    network = unet(shape)
    asked = question(network)
    image = picture()
    net = load_controlnet(saved(theirs, file), CPU)

    ours = residuals(net, asked, image)

    with torch.no_grad():
        steered = network(
            asked.x, asked.timestep, asked.tokens, asked.label, asked.call, NO_NETWORK_HOOKS, ours
        )
        features = theirs(image.movedim(-1, 1).expand(len(asked.x), -1, -1, -1))
        given = {"down_intrablock_additional_residuals": list(features)}
        assert_close(steered, _diffusers_unet(network.network, asked, given))
        assert (steered - _diffusers_unet(network.network, asked, {})).abs().max() > 0.01


def _diffusers_unet(network: Any, asked: Any, given: dict[str, Any]) -> Tensor:
    given = {**given, **_label_given_to(network, asked)}
    return network(asked.x, asked.timestep, encoder_hidden_states=asked.tokens, return_dict=False, **given)[0]


def test_adapter_for_sketches_takes_one_channel(file: Path) -> None:
    widths = [level.channels for level in SD1.levels]
    theirs: Any = randomised(T2IAdapter(1, widths, 2, 8, "full_adapter"))
    image = picture()
    net = load_controlnet(saved(theirs, file), CPU)

    ours = residuals(net, question(unet(SD1)), image)

    with torch.no_grad():
        features = theirs(image.movedim(-1, 1).mean(dim=1, keepdim=True))
    for place, feature in zip((2, 5, 8, 11), features, strict=True):
        assert_close(ours.input_blocks[place], feature.expand(2, -1, -1, -1))


@pytest.mark.parametrize("size", [(96, 128), (300, 200)])
def test_every_picture_of_a_batch_steers_its_own(file: Path, size: tuple[int, int]) -> None:
    net = load_controlnet(saved(control_net(SD1), file), CPU)
    network = unet(SD1)
    images = picture(batch=2, height=size[0], width=size[1])
    both = question(network, batch=2)

    ours = residuals(net, both, images)

    for number in (0, 1):
        alone = residuals(net, both, images[number : number + 1])
        assert alone.middle is not None
        assert ours.middle is not None
        for chunk in (0, 2):
            assert_close(ours.middle[chunk + number], alone.middle[chunk + number])


@pytest.mark.parametrize("name", ["x_shuffle", "x_shuffle_fp16"])
def test_residuals_of_shuffle_files_are_their_means(tmp_path: Path, name: str) -> None:
    network = control_net(SD1)
    plain = load_controlnet(saved(network, tmp_path / "x.safetensors"), CPU)
    shuffle = load_controlnet(saved(network, tmp_path / f"{name}.safetensors"), CPU)
    asked, image = question(unet(SD1)), picture()

    usual, means = residuals(plain, asked, image).middle, residuals(shuffle, asked, image).middle

    assert usual is not None
    assert_close(means, usual.mean(dim=(2, 3), keepdim=True).expand_as(usual))


@pytest.mark.parametrize(
    ("made", "used"), [(SD1, SDXL), (SDXL, SD1)], ids=["sd1 net on sdxl", "sdxl net on sd1"]
)
def test_a_net_of_another_family_is_refused(file: Path, made: UNetShape, used: UNetShape) -> None:
    net = load_controlnet(saved(control_net(made), file), CPU)

    with pytest.raises(ControlDoesNotFit, match="family"):
        net.prepared(picture(), question(unet(used)))


def test_an_adapter_of_another_family_is_refused(file: Path) -> None:
    theirs = randomised(T2IAdapter(3, [32, 64, 64, 64], 2, 8, "full_adapter"))
    net = load_controlnet(saved(theirs, file), CPU)

    with pytest.raises(ControlDoesNotFit, match="family"):
        net.prepared(picture(), question(unet(SD1)))


def _refused(file: Path, tensors: dict[str, Tensor]) -> errors.ModelFileError:
    with pytest.raises(errors.ModelFileError) as caught:
        load_controlnet(saved(tensors, file), CPU)
    assert str(file) in str(caught.value)
    return caught.value


def test_a_difference_alone_is_no_net(file: Path) -> None:
    tensors = {**control_net(SD1).state_dict(), "difference": torch.zeros(0)}

    assert "Load ControlNet Model (diff)" in _refused(file, tensors).remedy


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("task_embedding", "union"),
        ("control_add_embedding.linear_1.weight", "union"),
        ("controlnet_blocks.0.weight", "Stable Diffusion 3 or Flux"),
        ("adapter.body.0.resnets.0.block1.weight", "light T2I-Adapter"),
    ],
)
def test_nets_that_cannot_be_run_yet_are_named(file: Path, name: str, words: str) -> None:
    error = _refused(file, {name: torch.zeros(2, 2), "adapter.body.0.in_conv.weight": torch.zeros(1)})

    assert isinstance(error, errors.FamilyNotSupported)
    assert words in str(error)


def test_a_file_of_another_kind_is_refused(file: Path) -> None:
    error = _refused(file, {"lora_unet_x.lora_down.weight": torch.zeros(2, 2)})

    assert isinstance(error, errors.WrongModelKind)
    assert "LoRA" in str(error)


def _without_layer(tensors: dict[str, Tensor]) -> None:
    del tensors["controlnet_mid_block.weight"]


def _with_uneven_blocks(tensors: dict[str, Tensor]) -> None:
    for name in [each for each in tensors if each.startswith("down_blocks.1.resnets.1.")]:
        del tensors[name]


def _without_input(tensors: dict[str, Tensor]) -> None:
    del tensors["conv_in.weight"]


@pytest.mark.parametrize("damage", [_without_layer, _with_uneven_blocks, _without_input])
def test_an_incomplete_net_is_refused(file: Path, damage: Callable[[dict[str, Tensor]], None]) -> None:
    tensors = dict(control_net(SD1).state_dict())
    damage(tensors)

    assert isinstance(_refused(file, tensors), errors.WeightsDoNotFit)
